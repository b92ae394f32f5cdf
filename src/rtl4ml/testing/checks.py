# SPDX-License-Identifier: Apache-2.0
"""Ready tests of saved designs: pytest --pyargs rtl4ml.testing.checks --rtl4ml-design FOLDER"""

from __future__ import annotations

import pytest

from rtl4ml.loaded import SavedDesign
from rtl4ml.testing.exact import assert_exact


def test_rtl_computes_the_saved_design(rtl4ml_design: SavedDesign, pytestconfig: pytest.Config) -> None:
    """Every value is the saved design's, without pauses and under random ones, every frame in the predicted cycle."""
    frames, patterns = (int(pytestconfig.getoption(f"rtl4ml_{name}")) for name in ("frames", "patterns"))
    assert_exact(rtl4ml_design, frames=frames, patterns=patterns)
