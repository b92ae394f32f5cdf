# SPDX-License-Identifier: Apache-2.0
# A model of Vivado: the commands that the board flow uses keep objects, and fail on what Vivado fails on. It is written
# from AMD's documentation (UG835, UG994, PG201) and from memory; nothing of it was compared with Vivado itself.
#
# Set before it is sourced, or as environment: MV_REPORTS (folder of reports to hand out), MV_LOG (file that takes the
# commands), MV_SLACK (list of pairs of setup and hold slack, one for every implementation), MV_FORM (met, cut,
# localized: which reports), MV_PARTS (board parts that are installed), MV_HANG (a run that never ends).
namespace eval mv {
  variable state
  variable logged 1
  variable depth 0
  # Pins of the package that boards of this project use.
  variable package_pins {
    xczu9eg-ffvb1156-2-e {AG14 AF13 AE13 AJ14 AJ15 AH13 AH14 AL12}
    xck26-sfvc784-2LV-c {}
  }
  variable strategies {
    "Vivado Implementation Defaults" Performance_Explore Performance_ExplorePostRoutePhysOpt Performance_ExtraTimingOpt
  }
  variable ips {
    xilinx.com:ip:zynq_ultra_ps_e:3.4 xilinx.com:ip:zynq_ultra_ps_e:3.5 xilinx.com:ip:smartconnect:1.0
    xilinx.com:ip:proc_sys_reset:5.0 xilinx.com:ip:clk_wiz:6.0
  }
  # Pins: name, direction, kind (clk, rst: active high, rstn: active low, intr, other), whether it must be connected.
  variable reset_pins {
    {slowest_sync_clk I clk 1} {ext_reset_in I rstn 1} {aux_reset_in I rstn 0} {mb_debug_sys_rst I rst 0}
    {dcm_locked I other 0} {mb_reset O rst 0} {bus_struct_reset O rst 0} {peripheral_reset O rst 0}
    {interconnect_aresetn O rstn 0} {peripheral_aresetn O rstn 0}
  }
  variable source_mhz 1499.985
}

proc mv::setting {name default} {
  if {[info exists ::$name]} { return [set ::$name] }
  if {[info exists ::env($name)]} { return $::env($name) }
  return $default
}

proc mv::bad {id text} { return -code error "ERROR: \[$id\] $text" }

# State: everything is a string in one array, so that the project file can keep it.
proc mv::fresh {} {
  variable state
  array unset state
  array set state {project {} dir {} files {} cells {} pins {} intfs {} rates {} nets {} buses {} ports {} spaces {} segments {}
    assigned {} excluded {} design {} valid 0 saved 0 generated 0 open_design {} runs {} tried 0}
}
proc mv::keep {} {
  variable state
  if {$state(project) eq ""} { return }
  set open $state(open_design)
  set state(open_design) {}
  set channel [open [file join $state(dir) $state(project).xpr] w]
  puts $channel [array get state]
  close $channel
  set state(open_design) $open
}
proc mv::has {table key} { variable state; return [dict exists $state($table) $key] }
proc mv::val {table args} { variable state; return [dict get $state($table) {*}$args] }
proc mv::put {table args} { variable state; dict set state($table) {*}$args }

# Splits arguments into options and the rest; an unknown option is an error.
proc mv::options {command given flags valued} {
  set found {}
  set rest {}
  for {set i 0} {$i < [llength $given]} {incr i} {
    set word [lindex $given $i]
    if {[regexp {^-[a-z_]+$} $word]} {
      if {$word in $flags} { dict set found $word 1 } elseif {$word in $valued} {
        incr i
        if {$i >= [llength $given]} { bad {Common 17-157} "Missing value for option '$word' of '$command'." }
        dict set found $word [lindex $given $i]
      } else { bad {Common 17-170} "Unknown option '$word', please type '$command -help' for usage info." }
    } else { lappend rest $word }
  }
  return [list $found $rest]
}
proc mv::option {found name default} { expr {[dict exists $found $name] ? [dict get $found $name] : $default} }

# Defines a command: its options are in `o`, the other arguments in `rest`.
proc mv::command {name flags valued body} {
  proc ::$name {args} [string map [list @NAME $name @FLAGS $flags @VALUED $valued @BODY $body] {
    mv::note @NAME $args
    lassign [mv::options @NAME $args {@FLAGS} {@VALUED}] o rest
    incr ::mv::depth
    set code [catch { @BODY } result given]
    incr ::mv::depth -1
    if {$code == 0 || $code == 2} { if {[string match {get_*} @NAME] == 0} { mv::keep }; return $result }
    return -code error -errorcode [dict get $given -errorcode] $result
  }]
}
proc mv::note {name arguments} {
  variable depth
  set file [setting MV_LOG ""]
  if {$depth > 0 || $file eq "" || [string match get_* $name]} { return }
  set channel [open $file a]
  set root [setting MV_ROOT /nowhere]
  puts $channel [string map [list $root . [file dirname $root] ..] [string trim "$name $arguments"]]
  close $channel
}

# ---- projects and files
mv::command create_project {-force} {-part} {
  lassign $rest name dir
  set part [mv::option $o -part ""]
  if {![dict exists $mv::package_pins $part]} { mv::bad {Coretcl 2-106} "Specified part could not be found: $part" }
  if {[file exists [file join $dir $name.xpr]] && ![dict exists $o -force]} { mv::bad {Common 17-53} "$name exists" }
  file delete -force $dir
  file mkdir $dir
  mv::fresh
  array set mv::state [list project $name dir $dir part $part board_part {} top {} target_language Verilog]
  mv::put runs synth_1 [dict create STATUS {Not started} PROGRESS 0% strategy {} STEPS.SYNTH_DESIGN.TCL.PRE {}]
  mv::put runs impl_1 [dict create STATUS {Not started} PROGRESS 0% strategy {Vivado Implementation Defaults}]
  return $name
}
mv::command open_project {} {} {
  if {![file isfile [lindex $rest 0]]} { mv::bad {Project 1-100} "Project file [lindex $rest 0] does not exist." }
  set channel [open [lindex $rest 0] r]
  array set mv::state [read $channel]
  close $channel
}
mv::command close_project {} {} {
  if {$mv::state(project) eq ""} { mv::bad {Common 17-53} "No open project." }
  mv::keep
  mv::fresh
}
mv::command current_project {-quiet} {} {
  if {$mv::state(project) eq "" && ![dict exists $o -quiet]} { mv::bad {Common 17-53} "No open project." }
  set mv::state(project)
}
mv::command get_board_parts {-quiet -latest_file_version} {} {
  set all [mv::setting MV_PARTS {xilinx.com:zcu102:part0:3.3 xilinx.com:zcu102:part0:3.4 xilinx.com:kv260_som:part0:1.4}]
  lsearch -all -inline $all [lindex $rest 0]
}
mv::command version {-short} {} { mv::setting MV_VERSION 2023.2 }
mv::command get_filesets {} {} {
  if {[lindex $rest 0] ni {sources_1 constrs_1 sim_1}} { mv::bad {Vivado 12-180} "No fileset [lindex $rest 0]." }
  return @fileset:[lindex $rest 0]
}
mv::command add_files {-norecurse} {-fileset} {
  foreach f [lindex $rest 0] {
    if {![file isfile $f]} { mv::bad {Vivado 12-172} "File or Directory '$f' does not exist" }
    if {[mv::has files $f]} { mv::bad {Vivado 12-1500} "'$f' is already in the project" }
    mv::put files $f [dict create fileset [mv::option $o -fileset sources_1] file_type {}]
  }
}
mv::command remove_files {} {} {
  foreach f [lindex $rest 0] { dict unset mv::state(files) [string range $f 6 end] }
}
mv::command get_files {-quiet} {} {
  set found {}
  foreach f [dict keys $mv::state(files)] {
    foreach p [lindex $rest 0] {
      if {[string match $p $f] || [string match $p [file tail $f]]} { lappend found @file:$f }
    }
  }
  if {[llength $found] == 0 && ![dict exists $o -quiet]} { mv::bad {Vivado 12-818} "No files matched '$rest'" }
  return $found
}
mv::command update_compile_order {} {-fileset} { get_filesets [dict get $o -fileset] }

# ---- properties
proc mv::check_ps {key value} {
  set name [string range $key 7 end]
  set rules {
    {^PSU__USE__M_AXI_GP[0-2]$} {0 1} {^PSU__USE__S_AXI_GP[0-6]$} {0 1} {^PSU__USE__IRQ[01]$} {0 1}
    {^PSU__[MS]AXIGP[0-6]__DATA_WIDTH$} {32 64 128}
    {^PSU__CRL_APB__PL[0-3]_REF_CTRL__FREQMHZ$} {}
  }
  foreach {pattern values} $rules {
    if {[regexp $pattern $name]} {
      if {[llength $values] && $value ni $values} { bad {IP_Flow 19-3461} "Value '$value' is out of the range of $key" }
      return
    }
  }
  bad {BD 41-1684} "Parameter $key does not exist on the IP"
}
proc mv::set_one {key value object} {
  variable state
  variable strategies
  set name [lindex [split $object :] end]
  switch -glob -- $object {
    @file:* {
      if {$key ni {file_type synth_checkpoint_mode}} { bad {Common 17-54} "Property '$key' is not one of a file" }
      put files [string range $object 6 end] $key $value
    }
    @fileset:* {
      if {$key ne "top"} { bad {Common 17-54} "Property '$key' is not one of a fileset" }
      set state(top) $value
    }
    @run:* {
      if {![dict exists [val runs $name] $key]} { bad {Common 17-54} "Property '$key' is not one of $name" }
      if {$key eq "strategy" && $value ni $strategies} { bad {Project 1-1} "Strategy '$value' does not exist" }
      put runs $name $key $value
    }
    @cell:* {
      if {![string match CONFIG.* $key]} { bad {Common 17-54} "Property '$key' is not one of a cell" }
      if {[val cells $name ip] eq "zynq_ultra_ps_e"} { check_ps $key $value } \
      elseif {![dict exists [val cells $name config] $key]} { bad {BD 41-1684} "$key does not exist on $name" }
      put cells $name config $key $value
      make_pins $name
      set state(valid) 0
    }
    default {
      if {$key eq "CONFIG.FREQ_HZ" && ([has pins $object] || [has intfs $object])} {
        put rates $object $value
        return
      }
      if {$object ne $state(project) || $key ni {board_part target_language}} {
        bad {Common 17-54} "Property '$key' is not one of '$object'"
      }
      set state($key) $value
    }
  }
}
mv::command set_property {} {-dict} {
  if {[dict exists $o -dict]} { set pairs [dict get $o -dict]; set objects [lindex $rest 0] } else {
    set pairs [lrange $rest 0 1]
    set objects [lindex $rest 2]
  }
  if {[llength $pairs] % 2 || [llength $objects] == 0} { mv::bad {Common 17-55} "'set_property' expects an object." }
  # The name of a project or a file may hold blanks; of the others there is a list.
  foreach object $objects { foreach {key value} $pairs { mv::set_one $key $value $object } }
}
mv::command get_property {} {} {
  lassign $rest key object
  set name [lindex [split $object :] end]
  if {[string match @run:* $object]} {
    if {$key eq "DIRECTORY"} { return [mv::run_dir $name] }
    if {[dict exists [mv::val runs $name] $key]} { return [mv::val runs $name $key] }
    if {$key in {STATS.WNS STATS.WHS}} { return {} }
  }
  if {$key eq "CONFIG.FREQ_HZ" && [mv::has pins $object]} { return [mv::rate $object] }
  if {[string match @cell:* $object]} {
    if {[regexp {^CONFIG.PSU__CRL_APB__(PL[0-3])_REF_CTRL__ACT_FREQMHZ$} $key -> pl]} {
      set asked [mv::val cells $name config CONFIG.PSU__CRL_APB__${pl}_REF_CTRL__FREQMHZ]
      return [format %.6f [expr {$mv::source_mhz / ceil($mv::source_mhz / $asked - 1e-9)}]]
    }
    if {[dict exists [mv::val cells $name config] $key]} { return [mv::val cells $name config $key] }
  }
  mv::bad {Common 17-54} "The object '$object' does not have a property '$key'."
}

mv::fresh
source [file join [file dirname [file normalize [info script]]] mock_vivado_design.tcl]
source [file join [file dirname [file normalize [info script]]] mock_vivado_runs.tcl]
