# SPDX-License-Identifier: Apache-2.0
# Runs within the synthesis run, before it: puts the memory images where $readmemh looks for them, the run's folder.
set r4_steps [file dirname [file normalize [info script]]]
set r4_channel [open [file join $r4_steps .. project.conf] r]
fconfigure $r4_channel -encoding utf-8
foreach r4_line [split [read $r4_channel] \n] {
  if {[regexp {^\s*image\s+(\S.*?)\s*$} $r4_line -> r4_path]} {
    file copy -force [file normalize [file join $r4_steps .. $r4_path]] [pwd]
  }
}
close $r4_channel
