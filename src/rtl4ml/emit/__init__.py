# SPDX-License-Identifier: Apache-2.0
"""What is written for hardware: the top module, its memory images, the library's modules."""
