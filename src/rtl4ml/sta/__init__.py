# SPDX-License-Identifier: Apache-2.0
"""Static timing analysis of what Yosys makes of a design: estimated, as no router has seen it."""
