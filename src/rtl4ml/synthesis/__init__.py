# SPDX-License-Identifier: Apache-2.0
"""Resources counted by synthesis tools."""
