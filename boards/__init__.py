# SPDX-License-Identifier: Apache-2.0
"""Board projects, as package resources."""
