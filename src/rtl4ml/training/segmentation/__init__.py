# SPDX-License-Identifier: Apache-2.0
"""Networks that give a mask for every image."""
