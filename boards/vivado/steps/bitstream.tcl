# SPDX-License-Identifier: Apache-2.0
# Bitstream, also for fpga_manager (.bit.bin), hardware description (.hwh) and platform (.xsa) into output/.
source [r4::at steps/fpga_manager.tcl]
if {[current_design -quiet] ne ""} { close_design }
# A killed build may have left this step half done.
catch { reset_run impl_1 -from_step write_bitstream }
launch_runs impl_1 -to_step write_bitstream -jobs [r4::one jobs]
r4::await impl_1

set name [r4::one name]
set bits [glob -nocomplain [file join [get_property DIRECTORY [get_runs impl_1]] *.bit]]
if {[llength $bits] != 1} { r4::fail 1 "bitstream: impl_1 must leave one .bit, not [llength $bits]; build again" }
file copy -force [lindex $bits 0] [r4::at output/$name.bit]
r4::fpga_manager [r4::at output/$name.bit] [r4::at output/$name.bit.bin]

# Before 2020.2 Vivado wrote what it generates to .srcs, since then to .gen.
set described {}
foreach kind {gen srcs} {
  lappend described {*}[glob -nocomplain [r4::at work/$name.$kind/sources_1/bd/board/hw_handoff/board.hwh]]
}
if {[llength $described] == 0} { r4::fail 1 "block design: must leave board.hwh, not none; build again" }
file copy -force [lindex $described 0] [r4::at output/$name.hwh]
write_hw_platform -fixed -include_bit -force -file [r4::at output/$name.xsa]
