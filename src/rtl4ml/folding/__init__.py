# SPDX-License-Identifier: Apache-2.0
"""Chooses the folding of every operator, for a target interval or a budget."""
