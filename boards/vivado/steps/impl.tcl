# SPDX-License-Identifier: Apache-2.0
# Placement and routing, by one strategy after the other until timing is met. Every try leaves its timing summary and a
# line in reports/tries.txt: strategy, worst slack of setup and of hold in ns.
set tries [open [r4::at reports/tries.txt] w]
set number 0
foreach strategy [r4::all strategy] {
  incr number
  if {[current_design -quiet] ne ""} { close_design }
  reset_run impl_1
  set_property strategy $strategy [get_runs impl_1]
  launch_runs impl_1 -jobs [r4::one jobs]
  r4::await impl_1
  set setup [get_property STATS.WNS [get_runs impl_1]]
  set hold [get_property STATS.WHS [get_runs impl_1]]
  puts $tries "$strategy: $setup $hold"
  flush $tries
  puts "r4: $strategy gives a slack of $setup ns (setup) and $hold ns (hold)"
  open_run impl_1
  report_timing_summary -file [r4::at reports/timing_$number.rpt]
  if {$setup ne "" && $hold ne "" && $setup >= 0 && $hold >= 0} { break }
}
close $tries
