# SPDX-License-Identifier: Apache-2.0
"""Writes the files of the hardware: the top module, its memory images, the library's modules."""
