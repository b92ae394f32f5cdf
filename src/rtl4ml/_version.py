# SPDX-License-Identifier: Apache-2.0
"""The version, importable from everywhere."""

from __future__ import annotations

__version__ = "0.1.0"
