# SPDX-License-Identifier: Apache-2.0
"""A board: its parts, the shell around the network, the Vivado project and the driver."""
