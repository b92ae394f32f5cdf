# SPDX-License-Identifier: Apache-2.0
"""What scripts/calibrate_resources.py counts: a grid of parameters for each cell, and Yosys's runs."""
