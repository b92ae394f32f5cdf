# SPDX-License-Identifier: Apache-2.0
"""The hls4ml backend: hls4ml's script, rtl4ml's hardware."""
