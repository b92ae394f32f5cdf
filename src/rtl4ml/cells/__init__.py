# SPDX-License-Identifier: Apache-2.0
"""The Python face of the cells in `rtl/`, a family a module: parameters, memory images, timing."""
