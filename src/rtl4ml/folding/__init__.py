# SPDX-License-Identifier: Apache-2.0
"""Which folding every operator gets, for an interval or a budget."""
