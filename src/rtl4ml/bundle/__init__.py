# SPDX-License-Identifier: Apache-2.0
"""The emitted folder as a package for any tools: file lists, interface, vectors, benches that pass by one command."""
