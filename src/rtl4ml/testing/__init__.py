# SPDX-License-Identifier: Apache-2.0
"""For tests of your own: a saved design in simulation, frames in, frames out, every value compared. No TensorFlow.

    import rtl4ml
    from rtl4ml.testing import assert_exact

    def test_my_top():
        design = rtl4ml.load("build/x")
        assert_exact(design, top="my_top", sources=[*rtl_of(design), "hdl/my_top.sv"])

docs/ci/README.md has it step by step. `pip install rtl4ml pytest` also gives pytest the fixture `rtl4ml_design`
(`rtl4ml.pytest_plugin`) and the ready tests `pytest --pyargs rtl4ml.testing.checks --rtl4ml-design build/x`.
"""

from __future__ import annotations

from rtl4ml.testing.exact import Exact, assert_exact, random_frames, rtl_of, simulator
from rtl4ml.testing.streams import from_beats, to_beats, verilator, verilator_environment

__all__ = [
    "Exact",
    "assert_exact",
    "from_beats",
    "random_frames",
    "rtl_of",
    "simulator",
    "to_beats",
    "verilator",
    "verilator_environment",
]
