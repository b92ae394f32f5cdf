# SPDX-License-Identifier: Apache-2.0
# Makes the IP of r4_hls:   vitis_hls -f build.tcl   or, from 2023.2 on,   vitis-run --mode hls --tcl build.tcl
# All values come from hls.conf beside this file: lines "key value", "#" begins a comment, paths as seen from here.
# csim compares all bytes of the self-test, csynth makes Verilog, export packs it as work/solution1/impl/ip.
# Exit: 0 done, 1 Vitis HLS failed or a byte is wrong, 2 the folder is not whole.
namespace eval r4 {
  variable here [file dirname [file normalize [info script]]]
  variable conf {}
}

proc r4::fail {code text} { return -code error -errorcode [list R4 $code] $text }

proc r4::read_conf {} {
  variable here
  variable conf
  set path [file join $here hls.conf]
  if {![file isfile $path]} { fail 2 "hls.conf: must be beside build.tcl, not missing; copy the whole folder" }
  set channel [open $path r]
  foreach line [split [read $channel] \n] {
    if {[string trim $line] eq "" || [string index $line 0] eq "#"} { continue }
    if {![regexp {^(\S+)\s+(.+)$} [string trim $line] -> key value]} {
      fail 2 "hls.conf: lines must be a key and a value, not '$line'; make it anew"
    }
    dict lappend conf $key $value
  }
  close $channel
}
proc r4::all {key} {
  variable conf
  return [expr {[dict exists $conf $key] ? [dict get $conf $key] : {}}]
}
proc r4::one {key} {
  set found [all $key]
  if {[llength $found] != 1} { fail 2 "hls.conf: must give '$key' once, not [llength $found] times; make it anew" }
  return [lindex $found 0]
}

proc r4::run {} {
  variable here
  cd $here
  foreach key {source test} {
    foreach f [all $key] {
      if {![file exists $f]} { fail 2 "$f: must be there, not missing; copy the whole folder of the board" }
    }
  }
  open_project -reset work
  set_top [one top]
  foreach f [all source] { add_files $f -cflags "-std=c++11" }
  foreach f [all test] {
    if {[file extension $f] eq ".cpp"} { add_files -tb $f -cflags "-std=c++11" } else { add_files -tb $f }
  }
  open_solution -reset solution1
  set_part [one part]
  create_clock -period [one clock_ns] -name default
  config_compile -name_max_length 80
  foreach step [all step] {
    puts "r4: $step begins"
    switch $step {
      csim { csim_design }
      csynth { csynth_design }
      export { export_design -format ip_catalog -vendor xilinx.com -library hls -version [one version] }
      default { fail 2 "hls.conf: step must be csim, csynth or export, not $step; mend it" }
    }
  }
  if {"export" in [all step] && ![file isfile work/solution1/impl/ip/component.xml]} {
    fail 1 "export: must leave work/solution1/impl/ip/component.xml, not nothing; see vitis_hls.log"
  }
}

if {[catch { r4::read_conf; r4::run } text options]} {
  set code [dict get $options -errorcode]
  puts stderr "r4: [string map {\n { }} $text]"
  exit [expr {[lindex $code 0] eq "R4" ? [lindex $code 1] : 1}]
}
exit 0
