# SPDX-License-Identifier: Apache-2.0
"""Boards with a Lattice ECP5: from a design to a bitstream by Yosys, nextpnr and ecppack, and over a serial line."""
