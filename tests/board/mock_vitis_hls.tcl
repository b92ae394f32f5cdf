# SPDX-License-Identifier: Apache-2.0
# A model of Vitis HLS: the commands that the second road uses keep a project, and fail on what Vitis HLS fails on. It is
# written from UG1399 and from hls4ml's scripts; nothing of it was compared with Vitis HLS itself.
#
# Set in the environment: MH_LOG (file that takes the commands), MH_CSIM (status of the C simulation), MH_SILENT (export
# leaves nothing).
namespace eval mh {
  variable project {}
  variable solution {}
  variable state {top {} part {} clock {} sources {} tests {} done {}}
  variable parts {xczu9eg-ffvb1156-2-e xck26-sfvc784-2LV-c}
}
proc mh::setting {name} { return [expr {[info exists ::env($name)] ? $::env($name) : {}}] }
proc mh::bad {id text} { return -code error "ERROR: \[HLS $id\] $text" }
proc mh::get {key} { variable state; return [dict get $state $key] }
proc mh::put {key value} { variable state; dict set state $key $value }

# Defines a command: flags stand alone, valued take a word; these are in `o`, other arguments in `rest`, of which there
# are `number`.
proc mh::command {name flags valued number body} {
  proc ::$name {args} [string map [list @NAME $name @FLAGS $flags @VALUED $valued @NUMBER $number @BODY $body] {
    mh::note @NAME $args
    set o {}
    set rest {}
    for {set i 0} {$i < [llength $args]} {incr i} {
      set word [lindex $args $i]
      if {$word in {@FLAGS}} { dict set o $word 1 } elseif {$word in {@VALUED}} {
        if {[incr i] >= [llength $args]} { mh::bad 200-101 "'@NAME': option '$word' needs a value" }
        dict set o $word [lindex $args $i]
      } elseif {[string match -* $word]} { mh::bad 200-101 "'@NAME': Unknown option '$word'." } else { lappend rest $word }
    }
    if {[llength $rest] != @NUMBER} { mh::bad 200-101 "'@NAME' takes @NUMBER arguments, not [llength $rest]" }
    @BODY
  }]
}
proc mh::note {name arguments} {
  if {[setting MH_LOG] eq ""} { return }
  set channel [open [setting MH_LOG] a]
  puts $channel [string trim "$name $arguments"]
  close $channel
}
proc mh::opened {} {
  variable project
  variable solution
  if {$project eq "" || $solution eq ""} { bad 200-642 "The project or solution is not open" }
}

mh::command open_project {-reset} {} 1 {
  set mh::project [file normalize [lindex $rest 0]]
  if {[dict exists $o -reset]} { file delete -force $mh::project }
  file mkdir $mh::project
}
mh::command set_top {} {} 1 { mh::put top [lindex $rest 0] }
mh::command add_files {-tb} {-cflags} 1 {
  if {$mh::project eq ""} { mh::bad 200-642 "No project is open" }
  set f [lindex $rest 0]
  if {![file exists $f]} { mh::bad 200-10 "Cannot find source file '$f'" }
  set key [expr {[dict exists $o -tb] ? "tests" : "sources"}]
  mh::put $key [concat [mh::get $key] [list $f]]
}
mh::command open_solution {-reset} {-flow_target} 1 {
  if {$mh::project eq ""} { mh::bad 200-642 "No project is open" }
  set mh::solution [file join $mh::project [lindex $rest 0]]
  file mkdir $mh::solution
}
mh::command set_part {} {} 1 {
  mh::opened
  if {[lindex $rest 0] ni $mh::parts} { mh::bad 200-1023 "Part '[lindex $rest 0]' is not installed." }
  mh::put part [lindex $rest 0]
}
mh::command create_clock {} {-period -name} 0 {
  mh::opened
  if {![string is double -strict [dict get $o -period]]} { mh::bad 200-101 "period '[dict get $o -period]'" }
  mh::put clock [dict get $o -period]
}
mh::command config_compile {} {-name_max_length} 0 { mh::opened }

proc mh::text {files} {
  set all {}
  foreach f $files {
    if {[file isdirectory $f]} { continue }
    set channel [open $f r]
    append all [regsub -all {//[^\n]*} [read $channel] {}] \n
    close $channel
  }
  return $all
}
# The C simulation finds the files of the test bench, folders among them, in its own folder.
mh::command csim_design {} {-argv} 0 {
  mh::opened
  if {![regexp {\mmain\M} [mh::text [lsearch -all -inline [mh::get tests] *.cpp]]]} { mh::bad 200-70 "no main" }
  set build [file join $mh::solution csim build]
  file mkdir $build
  foreach f [mh::get tests] { file copy -force $f [file join $build [file tail $f]] }
  foreach name {weights result.bin counts_bip.bin} {
    if {![file exists [file join $build $name]]} { mh::bad 211-100 "CSim failed: $name is not there" }
  }
  if {[mh::setting MH_CSIM] ni {{} 0}} { mh::bad 211-100 "CSim failed with status [mh::setting MH_CSIM]" }
}
# The top function is found, and its interfaces are those of its arguments.
mh::command csynth_design {} {} 0 {
  mh::opened
  foreach key {part clock top} { if {[mh::get $key] eq ""} { mh::bad 200-70 "There is no $key" } }
  set text [mh::text [mh::get sources]]
  set top [mh::get top]
  if {![regexp "\\n\[a-z_ \]+\\s$top\\((\[^)\]*)\\)\\s*\\u007b(.*)" $text -> arguments body]} {
    mh::bad 200-70 "Cannot find the top function '$top'"
  }
  set free {return}
  foreach argument [split $arguments ,] { lappend free [regsub {.*\W} [string trim $argument] {}] }
  set given {}
  foreach line [split [string range $body 0 [string first "\n\u007d" $body]] \n] {
    if {![regexp {#pragma HLS INTERFACE (\w+) port=(\w+)(.*)} $line -> kind port more]} { continue }
    if {$port ni $free} { mh::bad 207-5301 "'$port' is no argument of $top" }
    if {$kind ni {m_axi s_axilite} || "$kind $port" in $given} { mh::bad 207-5301 "'$kind' of '$port'" }
    if {$kind eq "m_axi" && ![string match {* offset=slave *} "$more "]} { mh::bad 214-1 "'$port' has no offset" }
    lappend given "$kind $port"
  }
  foreach port $free { if {"s_axilite $port" ni $given} { mh::bad 214-2 "'$port' is not in s_axi_control" } }
  mh::put done csynth
}
mh::command export_design {} {-format -vendor -library -version -output} 0 {
  mh::opened
  if {[mh::get done] ne "csynth"} { mh::bad 200-70 "The design must be synthesized before its export" }
  if {[dict get $o -format] ni {ip_catalog xo}} { mh::bad 200-101 "format [dict get $o -format]" }
  if {[mh::setting MH_SILENT] ne ""} { return }
  file mkdir [file join $mh::solution impl ip]
  close [open [file join $mh::solution impl ip component.xml] w]
}
