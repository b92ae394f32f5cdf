# SPDX-License-Identifier: Apache-2.0
"""The SystemVerilog cells, as package resources."""
