# SPDX-License-Identifier: Apache-2.0
"""What trained networks are measured by."""
