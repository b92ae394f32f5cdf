# SPDX-License-Identifier: Apache-2.0
"""What rtl4ml's HLS projects add to hls4ml's, as package resources."""
