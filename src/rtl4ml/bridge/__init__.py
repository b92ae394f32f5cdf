# SPDX-License-Identifier: Apache-2.0
"""The hls4ml project of a graph, and its C simulation."""
