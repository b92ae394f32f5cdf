# SPDX-License-Identifier: Apache-2.0
"""Lowers operators to cells, one module a family of operators."""
