# SPDX-License-Identifier: Apache-2.0
"""Operators to cells, a family a module."""
