# SPDX-License-Identifier: Apache-2.0
# The model of Vivado, runs: synthesis with memory images, implementation with constraints, reports, bitstream.

proc mv::run_dir {run} { variable state; return [file join $state(dir) $state(project).runs $run] }
mv::command get_runs {} {} {
  if {![mv::has runs [lindex $rest 0]]} { mv::bad {Vivado 12-1616} "No run [lindex $rest 0]" }
  return @run:[lindex $rest 0]
}
mv::command reset_run {} {-from_step} {
  set run [lindex $rest 0]
  get_runs $run
  if {[dict exists $o -from_step]} {
    if {![string match *write_bitstream* [mv::val runs $run STATUS]]} { mv::bad {Common 17-69} "Step was not started" }
    mv::put runs $run STATUS {route_design Complete!}
    return
  }
  file delete -force [mv::run_dir $run]
  mv::put runs $run STATUS {Not started}
  mv::put runs $run PROGRESS 0%
}
proc mv::finish {run status} {
  put runs $run STATUS $status
  put runs $run PROGRESS [expr {[string match *Complete* $status] ? "100%" : "0%"}]
}
proc mv::say {run args} {
  set channel [open [file join [run_dir $run] runme.log] a]
  foreach line $args { puts $channel $line }
  close $channel
}

# What the sources read with $readmemh: every text that ends in .mem.
proc mv::wanted_images {} {
  variable state
  set found {}
  foreach f [dict keys $state(files)] {
    if {[file extension $f] ni {.v .sv}} { continue }
    set channel [open $f r]
    foreach {all name} [regexp -all -inline {"([^"\s]+\.mem)"} [read $channel]] {
      if {$name ni $found} { lappend found $name }
    }
    close $channel
  }
  return $found
}
proc mv::synthesize {} {
  variable state
  set dir [run_dir synth_1]
  set top [expr {$state(top) eq "$state(design)_wrapper" && $state(design) ne ""}]
  if {!$top || $state(generated) eq "0"} { say synth_1 {ERROR: [Synth 8-439] module not found}; return {synth_design ERROR} }
  dict for {f p} $state(files) { if {![file isfile $f]} { say synth_1 "ERROR: $f is gone"; return {synth_design ERROR} } }
  set before [pwd]
  cd $dir
  set pre [val runs synth_1 STEPS.SYNTH_DESIGN.TCL.PRE]
  if {$pre ne "" && [catch { uplevel #0 [list source $pre] } text]} {
    cd $before
    say synth_1 "ERROR: $text"
    return {synth_design ERROR}
  }
  cd $before
  foreach image [wanted_images] {
    # A module that is synthesized out of context runs in a folder of its own.
    if {$state(generated) ne "None" || ![file isfile [file join $dir $image]]} {
      say synth_1 "CRITICAL WARNING: \[Synth 8-4445\] could not open \$readmem data file '$image'; please make sure the\
        file is added to project and has read permission, ignoring \[r4_rom.sv:34\]"
    } else { say synth_1 "INFO: \[Synth 8-3876\] \$readmem data file '$image' is read successfully" }
  }
  return {synth_design Complete!}
}

# Constraints are read by an interpreter that knows the commands of XDC alone.
proc mv::xdc_ports {pattern} {
  variable state
  set found {}
  dict for {name p} $state(ports) {
    for {set i [dict get $p to]} {$i <= [dict get $p from]} {incr i} {
      set bit [expr {[dict get $p from] == [dict get $p to] ? $name : "$name\[$i\]"}]
      if {[string match [string map {[ \\[ ] \\]} $pattern] $bit]} { lappend found $bit }
    }
  }
  if {[llength $found] == 0} { bad {Vivado 12-584} "No ports matched '$pattern'." }
  return $found
}
proc mv::xdc_property {key value objects} {
  variable state
  variable package_pins
  foreach object $objects {
    switch $key {
      PACKAGE_PIN {
        if {$value ni [dict get $package_pins $state(part)]} { bad {Common 17-69} "'$value' is not a valid site" }
        dict for {other p} $state(placed) {
          if {$other ne $object && [dict exists $p PACKAGE_PIN] && [dict get $p PACKAGE_PIN] eq $value} {
            bad {Vivado 12-1411} "Cannot set PACKAGE_PIN $value of $object, it is that of $other"
          }
        }
      }
      IOSTANDARD { if {$value ni {LVCMOS33 LVCMOS18 LVCMOS12}} { bad {Common 17-69} "No IOSTANDARD '$value'" } }
      BITSTREAM.GENERAL.COMPRESS { if {$value ni {TRUE FALSE}} { bad {Common 17-69} "TRUE or FALSE, not '$value'" } }
      default { bad {Common 17-54} "Property '$key' is unknown" }
    }
    dict set state(placed) $object $key $value
  }
}
proc mv::constrain {} {
  variable state
  set state(placed) {}
  dict for {f p} $state(files) {
    if {[file extension $f] ne ".xdc"} { continue }
    set reader [interp create -safe]
    foreach command [$reader eval {info commands}] { if {$command ni {rename expr}} { $reader hide $command } }
    $reader alias get_ports mv::xdc_ports
    $reader alias set_property mv::xdc_property
    $reader alias set_false_path mv::xdc_false_path
    $reader alias current_design mv::xdc_design
    set channel [open $f r]
    set text [read $channel]
    close $channel
    set code [catch { interp eval $reader $text } result]
    interp delete $reader
    if {$code} { return -code error "[file tail $f]: $result" }
  }
}
proc mv::xdc_design {} { return design }
proc mv::xdc_false_path {option objects} { if {$option ni {-from -to -through}} { bad {Common 17-170} "Unknown $option" } }

mv::command launch_runs {} {-jobs -to_step} {
  set run [lindex $rest 0]
  get_runs $run
  if {![string is integer -strict [mv::option $o -jobs 1]]} { mv::bad {Common 17-162} "-jobs takes a number" }
  file mkdir [mv::run_dir $run]
  set status [mv::val runs $run STATUS]
  if {[dict exists $o -to_step]} {
    if {![string match {route_design Complete*} $status]} { mv::bad {Common 17-69} "$run is not routed: $status" }
    dict for {name p} $mv::state(ports) {
      foreach bit [mv::xdc_ports $name*] {
        foreach key {PACKAGE_PIN IOSTANDARD} {
          if {![dict exists $mv::state(placed) $bit $key]} { mv::bad {DRC NSTD-1, UCIO-1} "$bit has no $key" }
        }
      }
    }
    set channel [open [file join [mv::run_dir $run] $mv::state(top).bit] wb]
    puts -nonewline $channel [binary format H* 00090ff00ff00ff00ff0000001]
    foreach {letter text} [list a "$mv::state(top);UserID=0XFFFFFFFF" b [string range $mv::state(part) 2 end] c 2026/01/01 d 00:00:00] {
      puts -nonewline $channel [binary format aSa*x $letter [expr {[string length $text] + 1}] $text]
    }
    puts -nonewline $channel [binary format aIH* e 8 ffffffffaa995566]
    close $channel
    mv::finish $run {write_bitstream Complete!}
    return
  }
  if {$status ne "Not started"} { mv::bad {Common 17-69} "$run needs to be reset before launching: $status" }
  if {[mv::setting MV_HANG ""] eq $run} { mv::finish $run Running; mv::keep; puts "r4: hangs"; flush stdout; after 600000 }
  if {$run eq "synth_1"} { mv::finish $run [mv::synthesize]; return }
  if {![string match *Complete* [mv::val runs synth_1 STATUS]]} { mv::bad {Common 17-70} "synth_1 is not complete" }
  if {[catch { mv::constrain } text]} { mv::say $run $text; mv::finish $run {place_design ERROR}; return }
  set slacks [mv::setting MV_SLACK {{0.104 0.011}}]
  set slack [lindex $slacks [expr {min($mv::state(tried), [llength $slacks] - 1)}]]
  incr mv::state(tried)
  lassign $slack setup hold
  mv::put runs $run STATS.WNS $setup
  mv::put runs $run STATS.WHS $hold
  set met [expr {$setup >= 0 && $hold >= 0}]
  mv::finish $run "route_design Complete[expr {$met ? {!} : {, Failed Timing!}}]"
  mv::say $run {INFO: [Common 17-206] Exiting Vivado}
}
mv::command wait_on_run {} {} {
  if {[string match *ERROR* [mv::val runs [lindex $rest 0] STATUS]]} { mv::bad {Common 17-69} "Run failed" }
}
mv::command open_run {} {} {
  if {![string match {*Complete*} [mv::val runs [lindex $rest 0] STATUS]]} { mv::bad {Common 17-69} "Run is not complete" }
  set mv::state(open_design) [lindex $rest 0]
}
mv::command current_design {-quiet} {} { set mv::state(open_design) }
mv::command close_design {} {} {
  if {$mv::state(open_design) eq ""} { mv::bad {Common 17-53} "No open design" }
  set mv::state(open_design) {}
}
foreach {name file} {report_timing_summary timing report_utilization utilization report_power power
    report_methodology methodology report_cdc cdc report_route_status route report_drc drc} {
  mv::command $name {-hierarchical -details} {-file} [string map [list @FILE $file] {
    if {$mv::state(open_design) eq ""} { mv::bad {Common 17-53} "No open design" }
    set kind @FILE
    if {[dict exists $o -hierarchical]} { append kind _hierarchical }
    set met [string match {route_design Complete!} [mv::val runs impl_1 STATUS]]
    foreach form [list _[mv::setting MV_FORM met] [expr {$met ? "" : "_not_met"}] {}] {
      set source [file join [mv::setting MV_REPORTS .] $kind$form.rpt]
      if {[file isfile $source]} { file copy -force $source [dict get $o -file]; return }
    }
    close [open [dict get $o -file] w]
  }]
}
mv::command write_hw_platform {-fixed -include_bit -force} {-file} {
  if {![string match {write_bitstream Complete!} [mv::val runs impl_1 STATUS]]} {
    mv::bad {Common 17-53} "Unable to get BIT file from implementation run."
  }
  close [open [dict get $o -file] w]
}
