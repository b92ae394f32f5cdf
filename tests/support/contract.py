# SPDX-License-Identifier: Apache-2.0
"""The contract of every operator: QKeras == emulate == C simulation == RTL, with and without stalls, cycles as
predicted. A subclass says how a model with the operator looks, the rest is inherited.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import rtl4ml
from rtl4ml.errors import HlsCannot
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.host import frameworks
from rtl4ml.ir.fingerprint import fingerprint
from rtl4ml.ir.several import of_each, one_or_all
from rtl4ml.lowering.registry import narrowest_plan
from rtl4ml.timing.sizing import sized_netlist

FRAMES = 12
STALLED = 8


def samples(design_or_parsed: Any, n: int, rng: np.random.Generator) -> Any:
    """Samples on and off the grid, some beyond its range; a list where there are several inputs."""
    made = []
    for s in design_or_parsed.graph.inputs:
        lo, hi = (s.lo - 2) * s.type.step, (s.hi + 2) * s.type.step
        made.append(rng.uniform(lo, hi, (n, *s.shape)).astype(np.float32))
    return one_or_all(made)


def assert_equal(got: Any, want: Any, how: str) -> None:
    """Every value of every output is the wanted one, in shape too; each an array, or a list of several outputs."""
    for k, (a, b) in enumerate(zip(of_each(got), of_each(want), strict=True)):
        assert a.shape == b.shape
        np.testing.assert_array_equal(a, b, err_msg=f"{how}, output {k}")


def randomize(model: Any, rng: np.random.Generator) -> Any:
    """The model with weights drawn over the range that quantizers use, biases too; slopes stay as they are."""
    model.set_weights(
        [
            w
            if "alpha" in v.name
            else np.abs(rng.normal(0.6, 0.3, w.shape)) + 0.05
            if "variance" in v.name
            else rng.normal(0, 0.6, w.shape)
            for w, v in zip(model.get_weights(), model.weights, strict=True)
        ]
    )
    return model


def assert_exact(
    model: Any,
    out: Path,
    rng: np.random.Generator,
    *,
    csim: bool | None,
    target_interval: int | None = None,
    foldings: dict[str, tuple[int, int]] | None = None,
    output: str = "logits",
    pumped: bool = False,
    skips: Any = "bram",
    input_precision: str | None = None,
) -> rtl4ml.Design:
    """All of the contract on one model; `csim` False: hls4ml must be refused by name, None: is left out."""
    design = rtl4ml.convert(
        model,
        out=out,
        target_interval=target_interval,
        foldings=foldings,
        output=output,
        pumped=pumped,
        skips=skips,
        input_precision=input_precision,
    )
    x = samples(design, FRAMES, rng)
    want = expected(design.parsed, x)
    assert_equal(design.emulate(x), want, "emulate")
    assert all(len(np.unique(y)) > 1 for y in want), "outputs that are all alike prove nothing"

    run = design.simulate(x)
    assert_equal(run.y, want, "RTL")
    assert run.latencies == design.cycles.outputs, "the first frame's latency at each of several outputs"
    assert run.interval == design.cycles.interval, "interval as predicted"
    assert run.latency is not None
    assert abs(run.latency - design.cycles.latency) <= max(2, 0.01 * run.latency), (
        f"latency {run.latency}, predicted {design.cycles.latency}"
    )
    for seed in range(2):
        few = one_or_all([a[:STALLED] for a in of_each(x)])
        stalled = design.simulate(few, stalls="random", seed=seed)
        assert_equal(stalled.y, [y[:STALLED] for y in want], f"RTL under stalls, seed {seed}")
    assert_saved(design, x, want)
    if csim is not None:
        assert_hls(design, x, want, exact=csim)
    return design


def assert_saved(design: rtl4ml.Design, x: Any, want: Any) -> rtl4ml.SavedDesign:
    """The design in the folder is the one that was converted: its numbers, its plan, its netlist."""
    saved = rtl4ml.load(design.folder)
    assert_equal(saved.emulate(x), want, "saved design")
    for mine, own in ((saved.plan, design.plan), (saved.netlist, design.netlist)):
        mine, own = ({k: v for k, v in vars(d).items() if k != "plan"} for d in (mine, own))
        assert fingerprint(mine) == fingerprint(own)
    return saved


def assert_hls(design: rtl4ml.Design, x: Any, want: Any, *, exact: bool) -> None:
    """The HLS project equals `want`, or is refused by name where it is not `exact`."""
    if exact:
        told: list[tuple[int, int]] = []
        y = design.csim(x, progress=lambda done, of: told.append((done, of)))
        assert_equal(y, want, "C simulation")
        assert told[-1] == (len(of_each(x)[0]), len(of_each(x)[0]))
    else:
        with pytest.raises(HlsCannot):
            design.csim(x)


# Cases of an operator whose hardware `make test` runs; the others wait for `make test-gate`.
QUICK = 2


class OpContract:
    """Subclass with `cases` (keyword arguments of `model`) and `strategy` (the same, drawn by hypothesis)."""

    cases: ClassVar[list[dict[str, Any]]]
    strategy: ClassVar[st.SearchStrategy[dict[str, Any]]]
    csim: ClassVar[bool] = True
    output: ClassVar[str] = "logits"
    # Whether the quick networks of test_bridge or test_unet have the operator: its C simulation alone can wait then.
    bridged: ClassVar[bool] = False

    def model(self, **case: Any) -> Any:
        """A small model around the operator; the first layer quantizes the input."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "case" in metafunc.fixturenames:
            first, others = self.cases[:QUICK], self.cases[QUICK:]
            cases = [*first, *(pytest.param(c, marks=pytest.mark.gate) for c in others)]
            metafunc.parametrize("case", cases, ids=[_label(c) for c in self.cases])
        if "hls_case" in metafunc.fixturenames:  # g++ takes up to 20 s for each
            quick = 0 if self.bridged else 1
            waits = [pytest.param(c, marks=pytest.mark.slow) for c in self.cases[quick:]]
            cases = [*self.cases[:quick], *waits]
            metafunc.parametrize("hls_case", cases, ids=[_label(c) for c in self.cases])

    def _case(self, case: dict[str, Any], rng: np.random.Generator) -> tuple[Any, int | None, bool]:
        """A case's model, its interval, and whether hls4ml can hold it."""
        case = dict(case)
        target, csim = case.pop("target_interval", None), case.pop("csim", self.csim)
        frameworks.keras().backend.clear_session()
        return randomize(self.model(**case), rng), target, csim

    @pytest.mark.usefixtures("hasty")
    def test_exact_in_hardware(self, case: dict[str, Any], tmp_path: Path, rng: np.random.Generator) -> None:
        model, target, _ = self._case(case, rng)
        assert_exact(model, tmp_path / "design", rng, csim=None, target_interval=target, output=self.output)

    @pytest.mark.gate
    def test_exact_in_hls(self, hls_case: dict[str, Any], tmp_path: Path, rng: np.random.Generator) -> None:
        model, target, csim = self._case(hls_case, rng)
        design = rtl4ml.convert(model, out=tmp_path, target_interval=target, output=self.output)
        x = samples(design, FRAMES, rng)
        assert_hls(design, x, expected(design.parsed, x), exact=csim)

    def test_exact_for_any_shape(self) -> None:
        @settings(max_examples=10, phases=[Phase.explicit, Phase.generate])  # shrinking costs minutes here
        @given(case=self.strategy, seed=st.integers(0, 2**16))
        def check(case: dict[str, Any], seed: int) -> None:
            rng = np.random.default_rng(seed)
            frameworks.keras().backend.clear_session()
            model = randomize(self.model(**case), rng)
            parsed = parse(model, output=self.output)
            x = samples(parsed, 5, rng)
            want = expected(parsed, x)[0]
            np.testing.assert_array_equal(parsed.emulate(x)[0], want)
            (golden,) = parsed.graph.emulate([parsed.quantize_input(x)])
            np.testing.assert_array_equal(parsed.graph.outputs[0].real(golden), want, err_msg="golden")
            sized_netlist(narrowest_plan(parsed.graph))  # every graph lowers

        check()


def _label(case: dict[str, Any]) -> str:
    return ",".join(f"{k}={v}" for k, v in case.items()).replace(" ", "") or "default"
