# SPDX-License-Identifier: Apache-2.0
"""QKeras's quantizers and Keras's activation functions, read from the live objects."""
