# SPDX-License-Identifier: Apache-2.0
"""The exact intermediate representation: integers on fixed-point grids, no hardware."""
