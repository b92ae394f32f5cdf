# SPDX-License-Identifier: Apache-2.0
"""The writers of operators as layers of hls4ml, a family a module."""
