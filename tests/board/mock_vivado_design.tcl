# SPDX-License-Identifier: Apache-2.0
# The model of Vivado, block designs: cells with pins, nets, interfaces, addresses, and their rules.

mv::command create_bd_design {} {} {
  set name [lindex $rest 0]
  if {$mv::state(project) eq ""} { mv::bad {Common 17-53} "No open project." }
  set path [file join $mv::state(dir) $mv::state(project).srcs sources_1 bd $name $name.bd]
  if {[file exists $path]} { mv::bad {BD 5-229} "Design $name exists already on disk" }
  array set mv::state {cells {} pins {} rates {} intfs {} nets {} buses {} ports {} spaces {} segments {} assigned {} excluded {}
    valid 0 saved 0 generated 0}
  set mv::state(design) $name
  file mkdir [file dirname $path]
  close [open $path w]
  mv::put files $path [dict create fileset sources_1 file_type {Block Designs} synth_checkpoint_mode Hierarchical]
}
mv::command get_ipdefs {} {} { lsearch -all -inline $mv::ips [lindex $rest 0] }

# Ports of a module as Vivado infers them: name, direction, bits, kind of interface, its name and signal; and what
# X_INTERFACE_PARAMETER says of each interface.
proc mv::module_ports {module} {
  variable state
  foreach f [dict keys $state(files)] {
    if {[file extension $f] ne ".v" && [file extension $f] ne ".sv"} { continue }
    set channel [open $f r]
    set text [read $channel]
    close $channel
    regsub -all {//[^\n]*} $text {} text
    if {![regexp "\\mmodule\\s+$module\\M\[^;\]*;" $text head]} { continue }
    if {[file extension $f] eq ".sv"} { bad {filemgmt 56-195} "$module is SystemVerilog; a reference must be Verilog" }
    set found {}
    set told {}
    set info {}
    foreach line [split $head \n] {
      regexp {X_INTERFACE_INFO = "([^"]*)"} $line -> info
      if {[regexp {X_INTERFACE_PARAMETER = "XIL_INTERFACENAME (\w+),? ?([^"]*)"} $line -> bus words]} {
        foreach pair [split $words ,] { dict set told $bus [lindex $pair 0] [lindex $pair 1] }
      }
      if {[regexp {^\s*(input|output)\s+(?:wire\s+)?(?:\[(\d+):0\]\s*)?(\w+)} $line -> way high name]} {
        if {[llength $info] ni {0 3}} { bad {IP_Flow 19-5107} "X_INTERFACE_INFO '$info' of $name" }
        set kind [lindex [split [lindex $info 0] :] 2]
        lappend found [list $name [expr {$way eq "input" ? "I" : "O"}] [expr {$high eq "" ? 1 : $high + 1}] $kind \
          [lindex $info 1] [lindex $info 2]]
        set info {}
      }
    }
    return [list $found $told]
  }
  bad {filemgmt 56-195} "The module reference $module could not be found; add its file to the project"
}
proc mv::told {told bus key default} { expr {[dict exists $told $bus $key] ? [dict get $told $bus $key] : $default} }
proc mv::make_module {cell module} {
  lassign [module_ports $module] found told
  set buses {}
  foreach p $found {
    lassign $p name way bits kind bus signal
    if {$kind eq "aximm"} {
      if {$signal eq "WDATA"} {
        if {[told $told $bus DATA_WIDTH $bits] != $bits} { bad {IP_Flow 19-3} "DATA_WIDTH of $bus is not $bits" }
        lappend buses $bus
        intf $cell $bus [expr {$way eq "I" ? "Slave" : "Master"}] [told $told $bus PROTOCOL AXI4] $bits aclk
      }
      if {$signal eq "AWADDR" && $way eq "O"} { put spaces $cell/$bus $bits }
      if {$signal eq "AWADDR" && $way eq "I"} {
        put segments $cell/$bus/reg0 [dict create intf $cell/$bus offset 0 range [expr {1 << $bits}]]
      }
      continue
    }
    switch $kind {
      clock { set kind clk }
      reset { set kind [expr {[told $told $bus POLARITY ACTIVE_LOW] eq "ACTIVE_LOW" ? "rstn" : "rst"}] }
      interrupt { set kind intr }
      default { set kind other }
    }
    pin $cell $name $way $kind [expr {$way eq "I"}]
  }
  set clocked [split [told $told aclk ASSOCIATED_BUSIF {}] :]
  foreach bus $buses { if {$bus ni $clocked} { bad {BD 41-967} "/$cell/$bus is not associated to any clock pin" } }
}
proc mv::pin {cell name way kind needed} {
  if {![has pins $cell/$name]} { put pins $cell/$name [dict create way $way kind $kind needed $needed net {}] }
}
proc mv::intf {cell name mode protocol bits clock} {
  set old [expr {[has intfs $cell/$name] ? [val intfs $cell/$name bus] : {}}]
  put intfs $cell/$name [dict create mode $mode protocol $protocol bits $bits clock $cell/$clock bus $old]
}
proc mv::make_pins {cell} {
  variable state
  variable reset_pins
  set c [val cells $cell config]
  switch [val cells $cell ip] {
    zynq_ultra_ps_e {
      pin $cell pl_clk0 O clk 0
      pin $cell pl_resetn0 O rstn 0
      foreach {gp port clock} {0 M_AXI_HPM0_FPD maxihpm0_fpd_aclk 1 M_AXI_HPM1_FPD maxihpm1_fpd_aclk
                               2 M_AXI_HPM0_LPD maxihpm0_lpd_aclk} {
        if {![dict get $c CONFIG.PSU__USE__M_AXI_GP$gp]} { forget $cell $port $clock; continue }
        pin $cell $clock I clk 1
        intf $cell $port Master AXI4 [dict get $c CONFIG.PSU__MAXIGP${gp}__DATA_WIDTH] $clock
      }
      put spaces $cell/Data 40
      foreach {gp name} {0 HPC0 1 HPC1 2 HP0 3 HP1 4 HP2 5 HP3 6 LPD} {
        set port [expr {$gp == 6 ? "S_AXI_LPD" : "S_AXI_${name}_FPD"}]
        set clock saxi[string tolower $name][expr {$gp == 6 ? "" : "_fpd"}]_aclk
        if {![dict get $c CONFIG.PSU__USE__S_AXI_GP$gp]} { forget $cell $port $clock; continue }
        pin $cell $clock I clk 1
        intf $cell $port Slave AXI4 [dict get $c CONFIG.PSU__SAXIGP${gp}__DATA_WIDTH] $clock
        foreach {part offset range} {DDR_LOW 0 0x80000000 DDR_HIGH 0x800000000 0x800000000 QSPI 0xC0000000 0x20000000
                                     LPS_OCM 0xFF000000 0x1000000} {
          put segments $cell/SAXIGP$gp/${name}_$part [dict create intf $cell/$port offset $offset range $range]
        }
      }
      if {[dict get $c CONFIG.PSU__USE__IRQ0]} { pin $cell pl_ps_irq0 I intr 0 }
    }
    smartconnect {
      pin $cell aclk I clk 1
      pin $cell aresetn I rstn 1
      foreach {key way mode} {CONFIG.NUM_SI S Slave CONFIG.NUM_MI M Master} {
        for {set i 0} {$i < 16} {incr i} {
          set name [format %s%02d_AXI $way $i]
          if {$i < [dict get $c $key]} { intf $cell $name $mode any 0 aclk } else { dict unset state(intfs) $cell/$name }
        }
      }
    }
    clk_wiz {
      pin $cell clk_in1 I clk 1
      pin $cell clk_out1 O clk 0
      if {[dict get $c CONFIG.CLKOUT2_USED]} { pin $cell clk_out2 O clk 0 }
      if {[dict get $c CONFIG.USE_LOCKED]} { pin $cell locked O other 0 }
      set low [expr {[dict get $c CONFIG.RESET_TYPE] eq "ACTIVE_LOW"}]
      dict unset state(pins) $cell/[lindex {resetn reset} $low]
      pin $cell [lindex {reset resetn} $low] I [lindex {rst rstn} $low] 1
    }
    proc_sys_reset { foreach p $reset_pins { pin $cell {*}$p } }
  }
}
proc mv::forget {cell port clock} {
  variable state
  dict unset state(intfs) $cell/$port
  dict unset state(pins) $cell/$clock
}
mv::command create_bd_cell {} {-type -vlnv -reference} {
  set name [lindex $rest 0]
  if {[mv::has cells $name]} { mv::bad {BD 5-216} "Cell '$name' exists already" }
  if {[dict get $o -type] eq "module"} {
    set module [dict get $o -reference]
    mv::put cells $name [dict create ip module config {}]
    mv::make_module $name $module
    return @cell:$name
  }
  set vlnv [dict get $o -vlnv]
  if {$vlnv ni $mv::ips} { mv::bad {BD 5-216} "VLNV <$vlnv> is not supported for the current part." }
  set ip [lindex [split $vlnv :] 2]
  set config {}
  if {$ip eq "zynq_ultra_ps_e"} {
    foreach gp {0 1 2 3 4 5 6} {
      dict set config CONFIG.PSU__USE__S_AXI_GP$gp 0
      dict set config CONFIG.PSU__SAXIGP${gp}__DATA_WIDTH 128
    }
    foreach {gp use} {0 0 1 0 2 1} {
      dict set config CONFIG.PSU__USE__M_AXI_GP$gp $use
      dict set config CONFIG.PSU__MAXIGP${gp}__DATA_WIDTH [expr {$gp == 2 ? 32 : 128}]
    }
    dict set config CONFIG.PSU__USE__IRQ0 0
    dict set config CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ 100
  }
  if {$ip eq "clk_wiz"} {
    set config {CONFIG.PRIM_SOURCE Single_ended_clock_capable_pin CONFIG.PRIM_IN_FREQ 100.000 CONFIG.CLKOUT2_USED false
      CONFIG.CLKOUT1_REQUESTED_OUT_FREQ 100.000 CONFIG.CLKOUT2_REQUESTED_OUT_FREQ 100.000 CONFIG.USE_LOCKED true
      CONFIG.RESET_TYPE ACTIVE_HIGH}
  }
  if {$ip eq "smartconnect"} { set config {CONFIG.NUM_SI 2 CONFIG.NUM_MI 1} }
  mv::put cells $name [dict create ip $ip config $config preset 0]
  mv::make_pins $name
  return @cell:$name
}
mv::command apply_bd_automation {} {-rule -config} {
  set name [lindex [split [lindex $rest 0] :] end]
  if {[dict get $o -rule] ne "xilinx.com:bd_rule:[mv::val cells $name ip]"} { mv::bad {BD 5-336} "No such rule" }
  if {$mv::state(board_part) eq ""} { mv::bad {BD 41-237} "There is no board part, so no preset." }
  if {[dict get $o -config] eq {apply_board_preset "1"}} {
    mv::put cells $name preset 1
    # The presets of the boards switch both ports to the full-power domain on.
    foreach gp {0 1} { mv::put cells $name config CONFIG.PSU__USE__M_AXI_GP$gp 1 }
    mv::put cells $name config CONFIG.PSU__USE__M_AXI_GP2 0
    mv::make_pins $name
    mv::forget $name M_AXI_HPM0_LPD maxihpm0_lpd_aclk
  }
}
proc mv::find {table what tag patterns} {
  variable state
  set found {}
  foreach p $patterns {
    foreach name [lsort [dict keys $state($table)]] { if {[string match [string trimleft $p /] $name]} { lappend found $tag$name } }
  }
  if {[llength $found] == 0} { bad {BD 5-235} "No $what matched '$patterns'" }
  return $found
}
mv::command get_bd_cells {} {} { mv::find cells cells @cell: $rest }
mv::command get_bd_pins {} {} { mv::find pins pins {} [lindex $rest 0] }
mv::command get_bd_intf_pins {} {} { mv::find intfs {interface pins} {} [lindex $rest 0] }
mv::command get_bd_ports {} {} { mv::find ports ports @port: [lindex $rest 0] }
mv::command get_bd_addr_spaces {} {} { mv::find spaces {address spaces} {} [lindex $rest 0] }
mv::command get_bd_addr_segs {} {} { mv::find segments {address segments} / [lindex $rest 0] }
mv::command create_bd_port {} {-dir -from -to -type} {
  set name [lindex $rest 0]
  if {[mv::has ports $name]} { mv::bad {BD 5-216} "Port '$name' exists already" }
  mv::put ports $name [dict create way [dict get $o -dir] from [mv::option $o -from 0] to [mv::option $o -to 0] net {}]
}

# ---- wires
mv::command connect_bd_net {} {} {
  set mv::state(valid) 0
  lassign $rest from to
  if {[llength $rest] != 2 || $from eq "" || $to eq ""} { mv::bad {BD 5-229} "connect_bd_net needs two pins" }
  if {[string match @port:* $to]} {
    set port [string range $to 6 end]
    if {[mv::val ports $port net] ne ""} { mv::bad {BD 41-1306} "Port $port has a net already" }
    mv::put ports $port net $from
    return
  }
  foreach {p way} [list $from O $to I] {
    if {[mv::val pins $p way] ne $way} { mv::bad {BD 41-1306} "$p cannot be the [expr {$way eq "O" ? "source" : "sink"}]" }
  }
  if {[mv::val pins $to net] ne ""} { mv::bad {BD 41-1306} "$to is connected already, to [mv::val pins $to net]" }
  set kinds [list [mv::val pins $from kind] [mv::val pins $to kind]]
  if {$kinds in {{rst rstn} {rstn rst}}} { mv::bad {BD 41-1348} "The polarity of $from and $to differs" }
  if {[lindex $kinds 0] ne [lindex $kinds 1]} { mv::bad {BD 41-1306} "$from is no source for $to ($kinds)" }
  mv::put pins $to net $from
}
mv::command connect_bd_intf_net {} {} {
  set mv::state(valid) 0
  lassign $rest from to
  foreach {i mode} [list $from Master $to Slave] {
    if {[mv::val intfs $i mode] ne $mode} { mv::bad {BD 5-3} "$i is no $mode" }
    if {[mv::val intfs $i bus] ne ""} { mv::bad {BD 41-1306} "$i is connected already, to [mv::val intfs $i bus]" }
  }
  mv::put intfs $from bus $to
  mv::put intfs $to bus $from
}

# The rate in Hz of a clock pin of the processing system, or out of an MMCM; that of another pin is its source's.
proc mv::rate {pin} {
  if {[val pins $pin net] ne ""} { return [rate [val pins $pin net]] }
  set cell [file dirname $pin]
  if {[val cells $cell ip] eq "clk_wiz"} {
    set c [val cells $cell config]
    if {abs([rate $cell/clk_in1] / 1e6 - [dict get $c CONFIG.PRIM_IN_FREQ]) > 1e-4} {
      bad {xilinx.com:ip:clk_wiz-1} "PRIM_IN_FREQ is not that of the clock at clk_in1"
    }
    if {[dict get $c CONFIG.PRIM_SOURCE] ni {Global_buffer No_buffer}} { bad {clk_wiz-2} "clk_in1 is no pin of the device" }
    regexp {clk_out(\d)$} $pin -> n
    return [expr {round([dict get $c CONFIG.CLKOUT${n}_REQUESTED_OUT_FREQ] * 1e6)}]
  }
  set mhz [get_property CONFIG.PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ @cell:[file dirname $pin]]
  return [expr {round($mhz * 1e6)}]
}

# ---- addresses
mv::command assign_bd_address {-force} {-offset -range -target_address_space} {
  set mv::state(valid) 0
  set space [dict get $o -target_address_space]
  set segment [string trimleft [lindex $rest 0] /]
  set offset [expr {[dict get $o -offset]}]
  set range [expr {[dict get $o -range]}]
  if {$range < 4096 || ($range & ($range - 1))} { mv::bad {BD 41-1377} "Range $range is no power of two" }
  if {$offset % $range} { mv::bad {BD 41-1075} "Offset [dict get $o -offset] is not aligned to the range" }
  if {$offset + $range > 1 << [mv::val spaces $space]} { mv::bad {BD 41-1075} "$segment ends beyond $space" }
  if {$range > [expr {[mv::val segments $segment range]}] && [string match *SAXI* $segment]} {
    mv::bad {BD 41-1377} "The range is greater than that of $segment"
  }
  foreach {name at} $mv::state(assigned) {
    lassign $at other from size
    if {$other eq $space && $offset < $from + $size && $from < $offset + $range} {
      mv::bad {BD 41-1075} "$segment overlaps $name in $space"
    }
  }
  mv::put assigned $segment [list $space $offset $range]
}
mv::command exclude_bd_addr_seg {} {-target_address_space} {
  set segment [string trimleft [lindex $rest 0] /]
  if {[mv::has assigned $segment]} { mv::bad {BD 41-1267} "$segment is assigned" }
  mv::put excluded $segment [dict get $o -target_address_space]
}
mv::command validate_bd_design {} {} {
  set open {}
  dict for {name p} $mv::state(pins) { if {[dict get $p needed] && [dict get $p net] eq ""} { lappend open $name } }
  if {[llength $open]} { mv::bad {BD 41-758} "The following clock and reset pins are not connected: [join $open {, }]" }
  dict for {name i} $mv::state(intfs) {
    set other [dict get $i bus]
    if {$other eq ""} { mv::bad {BD 41-759} "The following interface is not connected: $name" }
    set far [mv::val intfs $other]
    set protocols [list [dict get $i protocol] [dict get $far protocol]]
    if {"any" ni $protocols} {
      if {[lindex $protocols 0] ne [lindex $protocols 1]} { mv::bad {BD 41-237} "PROTOCOL differs: $name, $other" }
      if {[dict get $i bits] != [dict get $far bits]} { mv::bad {BD 41-237} "DATA_WIDTH differs: $name, $other" }
    }
    if {[mv::val pins [dict get $i clock] net] ne [mv::val pins [dict get $far clock] net]} {
      mv::bad {BD 41-237} "CLK_DOMAIN differs: $name, $other"
    }
  }
  # A module reference is one of 100 MHz until it is told.
  dict for {name i} $mv::state(intfs) {
    if {[mv::val cells [file dirname $name] ip] ne "module"} { continue }
    set told [expr {[mv::has rates $name] ? [mv::val rates $name] : 100000000}]
    set real [mv::rate [dict get $i clock]]
    if {$told != $real} { mv::bad {BD 41-237} "Bus Interface property FREQ_HZ does not match: $name ($told), $real" }
  }
  # The two clocks of a module must come of one MMCM, the second of twice the rate.
  dict for {name p} $mv::state(pins) {
    if {![string match */aclk2x $name]} { continue }
    set slow [string range $name 0 end-2]
    lassign [list [dict get $p net] [mv::val pins $slow net]] a b
    if {[file dirname $a] ne [file dirname $b] || [mv::val cells [file dirname $a] ip] ne "clk_wiz"} {
      mv::bad {BD 41-237} "$name and $slow come of different clocks"
    }
    if {[mv::rate $name] != 2 * [mv::rate $slow]} { mv::bad {BD 41-237} "$name has not twice the rate of $slow" }
  }
  dict for {name s} $mv::state(segments) {
    if {[mv::has intfs [dict get $s intf]] && ![mv::has assigned $name] && ![mv::has excluded $name]} {
      mv::bad {BD 41-1356} "Slave segment /$name is not assigned into any address space"
    }
  }
  dict for {name p} $mv::state(ports) { if {[dict get $p net] eq ""} { mv::bad {BD 41-1} "Port $name is open" } }
  dict for {name c} $mv::state(cells) {
    if {[dict get $c ip] eq "zynq_ultra_ps_e" && ![dict get $c preset]} { mv::bad {PSU-1} "DDR is not configured" }
  }
  set mv::state(valid) 1
}
mv::command save_bd_design {} {} {
  if {!$mv::state(valid)} { mv::bad {BD 41-1663} "The design must be validated" }
  set mv::state(saved) 1
}
mv::command generate_target {} {} {
  lassign $rest what files
  set file [lindex $files 0]
  if {$what ne "all" || ![string match @file:*.bd $file]} { mv::bad {Vivado 12-3563} "No such target" }
  if {!$mv::state(valid) || !$mv::state(saved)} { mv::bad {BD 41-1030} "The design is not validated and saved" }
  set folder [file join $mv::state(dir) $mv::state(project).gen sources_1 bd $mv::state(design) hw_handoff]
  file mkdir $folder
  close [open [file join $folder $mv::state(design).hwh] w]
  set mv::state(generated) [dict get [mv::val files [string range $file 6 end]] synth_checkpoint_mode]
}
mv::command make_wrapper {-top -import} {-files} {
  set name $mv::state(design)
  set path [file join $mv::state(dir) $mv::state(project).srcs sources_1 imports hdl ${name}_wrapper.v]
  file mkdir [file dirname $path]
  close [open $path w]
  if {[dict exists $o -import]} { mv::put files $path [dict create fileset sources_1 file_type Verilog] }
}
