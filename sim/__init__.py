# SPDX-License-Identifier: Apache-2.0
"""cocotb benches, stream drivers and the Verilator harness, as package resources."""
