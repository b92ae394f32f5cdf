# SPDX-License-Identifier: Apache-2.0
"""A graph's integers of whole data sets, in blocks of samples on all cores."""
