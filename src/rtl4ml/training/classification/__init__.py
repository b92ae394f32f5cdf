# SPDX-License-Identifier: Apache-2.0
"""Networks that give a class for every pixel's spectrum."""
