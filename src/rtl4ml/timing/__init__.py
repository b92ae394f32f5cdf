# SPDX-License-Identifier: Apache-2.0
"""The cycles of a netlist and the depths of its FIFOs, found without data."""
