# SPDX-License-Identifier: Apache-2.0
# Synthesis. A memory image that is not found leaves a ROM of zeros and a bitstream that computes nonsense, and Vivado
# goes on: here it is the end.
reset_run synth_1
set_property STEPS.SYNTH_DESIGN.TCL.PRE [r4::at steps/images.tcl] [get_runs synth_1]
launch_runs synth_1 -jobs [r4::one jobs]
r4::await synth_1

set log [file join [get_property DIRECTORY [get_runs synth_1]] runme.log]
if {![file isfile $log]} { r4::fail 1 "synth_1: must leave runme.log, not none; build again" }
file copy -force $log [r4::at reports/synth.log]
set channel [open $log r]
set missing {}
foreach line [split [read $channel] \n] {
  if {[string match {*Synth 8-4445*} $line] || [string match {*could not open $readmem data file*} $line]} {
    if {![regexp {'([^']*)'} $line -> image]} { set image $line }
    if {$image ni $missing} { lappend missing $image }
  }
}
close $channel
if {[llength $missing] > 0} {
  r4::fail 4 "memory images: must all be found by synthesis, not [llength $missing] missing ([lindex $missing 0]);\
    copy the whole folder and build again"
}
