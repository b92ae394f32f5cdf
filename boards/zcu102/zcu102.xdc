# SPDX-License-Identifier: Apache-2.0
# Pins of the ZCU102. The clock needs no line: the processing system's IP brings its own constraint.
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]

# LEDs: busy, done, error. They are looked at by eye, so no timing holds for them.
set_property PACKAGE_PIN AG14 [get_ports {led_o[0]}]
set_property PACKAGE_PIN AF13 [get_ports {led_o[1]}]
set_property PACKAGE_PIN AE13 [get_ports {led_o[2]}]
set_property IOSTANDARD LVCMOS33 [get_ports {led_o[*]}]
set_false_path -to [get_ports {led_o[*]}]
