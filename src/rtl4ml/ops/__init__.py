# SPDX-License-Identifier: Apache-2.0
"""Operators, one module a family: legality, range and integer truth of each."""
