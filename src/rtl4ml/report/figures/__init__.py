# SPDX-License-Identifier: Apache-2.0
"""Pictures of the page, drawn as SVG or PNG."""
