# SPDX-License-Identifier: Apache-2.0
# A .bit as Linux's fpga_manager takes it: without its header, the bytes of every 32-bit word in reverse order.
# The header: a length and as many bytes, twice (the second time a length alone); then fields of a letter, a length of
# two bytes and a text; field "e" has a length of four bytes, and the data.
proc r4::fpga_manager {bit bin} {
  set channel [open $bit rb]
  set data [read $channel]
  close $channel
  set size 0
  if {[binary scan $data Su length] == 1} {
    set at [expr {$length + 4}]
    while {[binary scan $data @${at}aSu letter length] == 2} {
      if {$letter eq "e"} {
        if {[binary scan $data @[expr {$at + 1}]Iu size] == 1} { incr at 5 }
        break
      }
      if {$letter ni {a b c d}} break
      incr at [expr {$length + 3}]
    }
  }
  if {$size == 0 || $size % 4 || $at + $size > [string length $data]} {
    r4::fail 1 "bitstream: must be a whole .bit file, not one that is cut off or of another kind; build again"
  }
  set channel [open $bin wb]
  for {set end [expr {$at + $size}]} {$at < $end} {set at $next} {
    set next [expr {min($at + 65536, $end)}]
    binary scan [string range $data $at [expr {$next - 1}]] I* words
    puts -nonewline $channel [binary format i* $words]
  }
  close $channel
}
