# SPDX-License-Identifier: Apache-2.0
"""Cells joined by wires, and what cells are made of: memories, packed products, graphs of adders."""
