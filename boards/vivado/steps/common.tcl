# SPDX-License-Identifier: Apache-2.0
# What all steps use: the values of project.conf, refusals with an exit code, and the wait for a run.
# The error code that fail leaves tells a refusal of ours from an error of Vivado.
proc r4::fail {code text} { return -code error -errorcode [list R4 $code] $text }

proc r4::read_conf {} {
  variable here
  variable conf {}
  set path [file join $here project.conf]
  if {![file isfile $path]} { fail 2 "project.conf: must be beside build.tcl, not missing; copy the whole folder" }
  set channel [open $path r]
  fconfigure $channel -encoding utf-8
  foreach line [split [read $channel] \n] {
    set line [string trim $line]
    if {$line eq "" || [string index $line 0] eq "#"} { continue }
    if {![regexp {^(\S+)\s+(.+)$} $line -> key value]} {
      fail 2 "project.conf: lines must be a key and a value, not '$line'; make it anew"
    }
    dict lappend conf $key $value
  }
  close $channel
}

# All values of a key in their order; none where it does not stand there.
proc r4::all {key} {
  variable conf
  if {[dict exists $conf $key]} { return [dict get $conf $key] }
  return {}
}

proc r4::one {key} {
  set found [all $key]
  if {[llength $found] != 1} { fail 2 "project.conf: must give '$key' once, not [llength $found] times; make it anew" }
  return [lindex $found 0]
}

# A path of project.conf as an absolute one.
proc r4::at {path} { return [file normalize [file join $r4::here $path]] }
proc r4::project {} { return [at work/[one name].xpr] }

# Leaves a value in reports/NAME.txt, for whoever reads the reports.
proc r4::tell {name value} {
  set channel [open [at reports/$name.txt] w]
  puts $channel $value
  close $channel
}

# The first error in the log of a run, for a message; a licence that is missing shows itself there.
proc r4::why {run} {
  set log [file join [get_property DIRECTORY [get_runs $run]] runme.log]
  if {![file isfile $log]} { return "no log" }
  set channel [open $log r]
  set text [read $channel]
  close $channel
  if {[regexp -line {^ERROR: .*$} $text found]} { return $found }
  return "see $log"
}

# Waits for a run; its status says whether it came to its end.
proc r4::await {run} {
  set failed [catch { wait_on_run $run }]
  set status [get_property STATUS [get_runs $run]]
  if {$failed || [get_property PROGRESS [get_runs $run]] ne "100%" || ![string match *Complete* $status]} {
    fail 1 "$run: must be complete, not '$status': [why $run]"
  }
}

# The newest version of an IP in Vivado's catalogue.
proc r4::newest {name} {
  set found [lsort -dictionary [get_ipdefs xilinx.com:ip:$name:*]]
  if {[llength $found] == 0} { fail 2 "IP $name: must be in Vivado's catalogue, not missing; install the part" }
  return [lindex $found end]
}
