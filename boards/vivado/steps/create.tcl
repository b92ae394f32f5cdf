# SPDX-License-Identifier: Apache-2.0
# Makes the Vivado project: part and board, sources, memory images, constraints.
foreach key {source image constraints} {
  foreach f [r4::all $key] {
    if {![file isfile [r4::at $f]]} { r4::fail 2 "$f: must be there, not missing; copy the whole folder" }
  }
}
catch { close_project }
create_project [r4::one name] [r4::at work] -part [r4::one part] -force

# The newest revision of the board that this Vivado knows. It fixes memory, pins and clocks of the processing system.
set found [lsort -dictionary [get_board_parts -quiet -latest_file_version [r4::one board_part]]]
if {[llength $found] == 0} {
  r4::fail 2 "board part: [r4::one board_part] must be installed, not missing; take it from Vivado's Tools >\
    Vivado Store > Boards (xhub), or set board.repoPaths"
}
set_property board_part [lindex $found end] [current_project]
r4::tell tool [version -short]
r4::tell board_part [lindex $found end]
set_property target_language Verilog [current_project]

foreach f [r4::all source] { add_files -fileset sources_1 -norecurse [list [r4::at $f]] }
foreach f [r4::all image] {
  add_files -fileset sources_1 -norecurse [list [r4::at $f]]
  set_property file_type {Memory File} [get_files [list [r4::at $f]]]
}
add_files -fileset constrs_1 -norecurse [list [r4::at [r4::one constraints]]]
update_compile_order -fileset sources_1
