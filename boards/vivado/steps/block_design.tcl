# SPDX-License-Identifier: Apache-2.0
# The block design: processing system from the board's preset, registers on its control port, the movers straight on a
# memory port, one clock (or a second one of twice its rate, for DSP slices), one reset, one interrupt.
foreach file {double_clock spills} { source [r4::at steps/$file.tcl] }
set name board
if {[llength [get_files -quiet $name.bd]] > 0} {
  remove_files [get_files $name.bd]
  file delete -force [r4::at work/[r4::one name].srcs/sources_1/bd/$name]
}
create_bd_design $name

set ps [create_bd_cell -type ip -vlnv [r4::newest [r4::one ps_ip]] ps]
apply_bd_automation -rule [r4::one ps_rule] -config {apply_board_preset "1"} $ps
set settings {}
foreach pair [r4::all ps_set] { lappend settings [lindex $pair 0] [lindex $pair 1] }
set_property -dict $settings $ps
set actual [get_property [r4::one clock_actual] $ps]
r4::tell clock_mhz $actual
if {abs($actual - [r4::one clock_mhz]) > 0.001 * [r4::one clock_mhz]} {
  r4::fail 2 "clock: must be [r4::one clock_mhz] MHz, not the $actual MHz that the processing system gives;\
    ask for that"
}

set r4 [create_bd_cell -type module -reference [r4::one module] r4]
# Nothing is propagated into a module reference (UG1387): it counts as one of 100 MHz until it is told. Versions differ
# in which of the three takes it.
set clock ps/[r4::one clock_pin]
set hz [get_property CONFIG.FREQ_HZ [get_bd_pins $clock]]
foreach object [list [get_bd_pins r4/aclk] [get_bd_intf_pins r4/s_axil] [get_bd_intf_pins r4/m_axi]] {
  catch { set_property CONFIG.FREQ_HZ $hz $object }
}
set control [create_bd_cell -type ip -vlnv [r4::newest smartconnect] control]
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] $control
set reset [create_bd_cell -type ip -vlnv [r4::newest proc_sys_reset] reset]

proc r4::wires {from args} { foreach to $args { connect_bd_net [get_bd_pins $from] [get_bd_pins $to] } }
proc r4::bus {from to} { connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to] }
r4::bus ps/[r4::one control_port] control/S00_AXI
r4::bus control/M00_AXI r4/s_axil
r4::bus r4/m_axi ps/[r4::one data_port]
if {[r4::one double_clock]} { set clock [r4::double_clock $clock $actual $hz] }
r4::wires $clock reset/slowest_sync_clk control/aclk r4/aclk \
  ps/[r4::one control_clock] ps/[r4::one data_clock]
r4::spill_ports $clock $hz
r4::wires ps/[r4::one reset_pin] reset/ext_reset_in
r4::wires reset/interconnect_aresetn control/aresetn
r4::wires reset/peripheral_aresetn r4/aresetn
r4::wires r4/irq_o ps/[r4::one irq_pin]
if {[r4::one leds] > 0} {
  create_bd_port -dir O -from [expr {[r4::one leds] - 1}] -to 0 led_o
  connect_bd_net [get_bd_pins r4/led_o] [get_bd_ports led_o]
}

# Every address is given; what the movers may not reach is excluded, so that nothing is assigned by chance.
lassign [r4::one registers] space offset range
assign_bd_address -offset $offset -range $range -target_address_space [get_bd_addr_spaces ps/$space] \
  [get_bd_addr_segs r4/s_axil/reg0]
set kept {}
foreach part [r4::all memory] {
  lassign $part segment offset range
  lappend kept /ps/$segment
  assign_bd_address -offset $offset -range $range -target_address_space [get_bd_addr_spaces r4/m_axi] \
    [get_bd_addr_segs ps/$segment]
}
foreach segment [get_bd_addr_segs ps/[r4::one segments]] {
  if {"/[string trimleft $segment /]" ni $kept} {
    exclude_bd_addr_seg -target_address_space [get_bd_addr_spaces r4/m_axi] [get_bd_addr_segs $segment]
  }
}
r4::spill_addresses
validate_bd_design
save_bd_design

# One synthesis of all: a module's own run would look for its memory images in another folder.
set_property synth_checkpoint_mode None [get_files $name.bd]
generate_target all [get_files $name.bd]
make_wrapper -files [get_files $name.bd] -top -import
set_property top ${name}_wrapper [get_filesets sources_1]
update_compile_order -fileset sources_1
