# SPDX-License-Identifier: Apache-2.0
"""A grid for each cell, one file a family; importing this registers them all."""

from calibration.grids import activations, joins, pools, products, streams, windows

__all__ = ["activations", "joins", "pools", "products", "streams", "windows"]
