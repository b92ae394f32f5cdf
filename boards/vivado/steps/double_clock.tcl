# SPDX-License-Identifier: Apache-2.0
# The clocks of a design whose DSP slices make two products a cycle: both come out of one MMCM, so that every edge of the
# slower one is one of the faster one, too.

# Puts the MMCM behind a clock of the processing system, of `mhz` or `hz`; gives the pin of the clock of the same rate.
proc r4::double_clock {clock mhz hz} {
  set clocks [create_bd_cell -type ip -vlnv [r4::newest clk_wiz] clocks]
  set_property -dict [list CONFIG.PRIM_SOURCE Global_buffer CONFIG.PRIM_IN_FREQ $mhz \
    CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $mhz CONFIG.CLKOUT2_USED true \
    CONFIG.CLKOUT2_REQUESTED_OUT_FREQ [expr {2 * $mhz}] CONFIG.USE_LOCKED true CONFIG.RESET_TYPE ACTIVE_LOW] $clocks
  r4::wires $clock clocks/clk_in1
  r4::wires ps/[r4::one reset_pin] clocks/resetn
  r4::wires clocks/locked reset/dcm_locked
  catch { set_property CONFIG.FREQ_HZ [expr {2 * $hz}] [get_bd_pins r4/aclk2x] }
  r4::wires clocks/clk_out2 r4/aclk2x
  return clocks/clk_out1
}
