# SPDX-License-Identifier: Apache-2.0
"""QKeras models: files, layers, quantizers, and the reference that everything is held against."""
