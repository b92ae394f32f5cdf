# SPDX-License-Identifier: Apache-2.0
"""The handlers of Keras's and QKeras's layers, a family a module."""
