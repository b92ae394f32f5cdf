# SPDX-License-Identifier: Apache-2.0
# The reports of the routed design. Timing that is not met, or nets that are not routed, end the build here: no
# bitstream is made of it.
if {[current_design -quiet] eq ""} { open_run impl_1 }
report_timing_summary -file [r4::at reports/timing.rpt]
report_utilization -file [r4::at reports/utilization.rpt]
report_utilization -hierarchical -file [r4::at reports/utilization_hierarchical.rpt]
report_power -file [r4::at reports/power.rpt]
report_methodology -file [r4::at reports/methodology.rpt]
report_cdc -details -file [r4::at reports/cdc.rpt]
report_route_status -file [r4::at reports/route.rpt]
report_drc -file [r4::at reports/drc.rpt]
set log [file join [get_property DIRECTORY [get_runs impl_1]] runme.log]
if {[file isfile $log]} { file copy -force $log [r4::at reports/impl.log] }

set setup [get_property STATS.WNS [get_runs impl_1]]
set hold [get_property STATS.WHS [get_runs impl_1]]
if {$setup eq "" || $hold eq ""} {
  r4::fail 1 "timing: the run must tell its slack, not nothing; see reports/timing.rpt"
}
if {$setup < 0 || $hold < 0} {
  r4::fail 3 "timing: slack must be at least 0 ns, not $setup ns (setup) and $hold ns (hold) at\
    [r4::one clock_mhz] MHz; ask for a slower clock or a smaller design, see reports/timing.rpt"
}
