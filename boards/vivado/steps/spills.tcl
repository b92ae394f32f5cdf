# SPDX-License-Identifier: Apache-2.0
# Skips that a network keeps in memory: each has an AXI4 master and a memory port of its own.
# A line of `spill` is: bus of the module, memory port, that port's clock, pattern of all that it can reach; one of
# `spill_memory`: bus, segment, offset and range of what it may.

proc r4::spill_ports {clock hz} {
  foreach spill [r4::all spill] {
    lassign $spill bus port port_clock
    catch { set_property CONFIG.FREQ_HZ $hz [get_bd_intf_pins r4/$bus] }
    r4::bus r4/$bus ps/$port
    r4::wires $clock ps/$port_clock
  }
}

# Every address is given, and what is out of reach is excluded, as for the movers.
proc r4::spill_addresses {} {
  foreach spill [r4::all spill] {
    lassign $spill bus port port_clock pattern
    set kept {}
    foreach part [r4::all spill_memory] {
      lassign $part of segment offset range
      if {$of ne $bus} { continue }
      lappend kept /ps/$segment
      assign_bd_address -offset $offset -range $range -target_address_space [get_bd_addr_spaces r4/$bus] \
        [get_bd_addr_segs ps/$segment]
    }
    foreach segment [get_bd_addr_segs ps/$pattern] {
      if {"/[string trimleft $segment /]" in $kept} { continue }
      exclude_bd_addr_seg -target_address_space [get_bd_addr_spaces r4/$bus] [get_bd_addr_segs $segment]
    }
  }
}
