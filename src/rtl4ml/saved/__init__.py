# SPDX-License-Identifier: Apache-2.0
"""A design in two documented files of its folder: written by `convert`, read without the model (docs/saved.md)."""
