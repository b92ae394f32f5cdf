# SPDX-License-Identifier: Apache-2.0
"""The emitted SystemVerilog under Verilator: whole data sets, and the protocol with cocotb."""
