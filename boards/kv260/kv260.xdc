# SPDX-License-Identifier: Apache-2.0
# The KV260 needs no pins: all ports lead to the processing system, whose IP brings the clock's constraint.
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]
