# SPDX-License-Identifier: Apache-2.0
# Builds the board project step by step:   vivado -mode batch -source build.tcl ?-tclargs LAST_STEP?
# All values come from project.conf beside this file: lines "key value", "#" begins a comment, paths as seen from here.
# A finished step leaves stamps/STEP with the digest of its inputs and the seconds that it took. It runs again when the
# digest is another one, when a file that it reads is newer than its stamp, or when a step before it ran.
# Tcl 8.5 is enough.
# Exit: 0 done, 1 Vivado failed, 2 the set-up does not fit, 3 timing not met, 4 a memory image was not found.
namespace eval r4 {
  variable here [file dirname [file normalize [info script]]]
  variable steps {create block_design synth impl report bitstream}
}

source [file join $r4::here steps common.tcl]

proc r4::inputs {step} {
  set files [list [at build.tcl] [at steps/common.tcl] [at steps/$step.tcl]]
  if {$step eq "block_design"} { lappend files [at steps/double_clock.tcl] [at steps/spills.tcl] }
  if {$step eq "synth"} { lappend files [at steps/images.tcl] }
  if {$step eq "bitstream"} { lappend files [at steps/fpga_manager.tcl] }
  if {$step eq "create"} {
    foreach key {source image constraints} { foreach f [all $key] { lappend files [at $f] } }
  }
  return $files
}

proc r4::finished {step} {
  set stamp [at stamps/$step]
  if {![file isfile $stamp]} { return 0 }
  set channel [open $stamp r]
  gets $channel digest
  close $channel
  if {$digest ne [one digest.$step]} { return 0 }
  foreach f [inputs $step] {
    if {![file isfile $f] || [file mtime $f] > [file mtime $stamp]} { return 0 }
  }
  return 1
}

proc r4::run {last} {
  variable steps
  if {$last ni $steps} { fail 2 "build.tcl: last step must be one of $steps, not '$last'" }
  file mkdir [at stamps] [at reports] [at output]
  foreach step [lrange $steps 0 [lsearch $steps $last]] {
    if {[finished $step]} { puts "r4: $step is done already"; continue }
    foreach later [lrange $steps [lsearch $steps $step] end] { file delete [at stamps/$later] }
    puts "r4: $step begins"
    if {$step ne "create" && [current_project -quiet] eq ""} { open_project [project] }
    set begun [clock seconds]
    uplevel #0 [list source [at steps/$step.tcl]]
    set channel [open [at stamps/$step] w]
    puts $channel "[one digest.$step]\n[expr {[clock seconds] - $begun}]"
    close $channel
    puts "r4: $step took [expr {[clock seconds] - $begun}] s"
  }
}

if {[catch { r4::read_conf; r4::run [expr {[llength $argv] ? [lindex $argv 0] : "bitstream"}] } text options]} {
  set code [dict get $options -errorcode]
  puts stderr "r4: [string map {\n { }} $text]"
  exit [expr {[lindex $code 0] eq "R4" ? [lindex $code 1] : 1}]
}
exit 0
