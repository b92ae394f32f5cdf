# SPDX-License-Identifier: Apache-2.0
"""QKeras students, one a file with build(), with recipe and trained weights beside it."""
