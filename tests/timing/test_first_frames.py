# SPDX-License-Identifier: Apache-2.0
"""The first frames of netlists too large to be analysed, and the depths of FIFOs that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
from contract import randomize
from students import SMALL, student

from rtl4ml.cells.streams import Fifo
from rtl4ml.errors import UnsupportedLayer
from rtl4ml.folding.explorer import fold
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.ir.late import with_homes
from rtl4ml.lowering.lower import lower
from rtl4ml.netlist.netlist import FirstFrames, Netlist
from rtl4ml.timing import first_frames, sizing
from rtl4ml.timing.cycles import predict
from rtl4ml.timing.stepper import Stepper

INTERVAL = 20_000


@pytest.fixture(params=["bram", "late"])
def large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Netlist]:
    """A U-Net that counts as too large to be analysed, so that it is extrapolated from narrower frames."""
    arguments = SMALL | {"size": (64, 96), "widths": (2, 4, 4), "blocks": 1}
    model = randomize(student("unet").build(**arguments), np.random.default_rng(1))
    graph = with_homes(parse(model).graph, request.param)
    sizing._narrower.cache_clear()
    sizing._example.cache_clear()
    monkeypatch.setattr(sizing, "ANALYSED", 1_000_000)
    yield sizing.sized(lower(fold(graph, target_interval=INTERVAL)))
    sizing._narrower.cache_clear()
    sizing._example.cache_clear()


def depths(netlist: Netlist) -> dict[str, int]:
    return {c.name: c.depth for c in netlist.cells if isinstance(c, Fifo)}


def with_depths(netlist: Netlist, others: Mapping[str, int]) -> Netlist:
    cells = (
        replace(c, depth=others.get(c.name, c.depth)) if isinstance(c, Fifo) else c for c in netlist.cells
    )
    return replace(netlist, cells=tuple(cells), started=None)


def test_a_large_netlist_keeps_its_interval(large: Netlist) -> None:
    found = predict(large)
    assert found.stepped > 1
    assert large.started == first_frames.first_frames(large)
    assert found.interval == Stepper(large).run(frames=40).interval <= INTERVAL
    assert found.latency == Stepper(large).run(frames=1).ends[0]


def test_a_large_netlist_says_what_its_own_frames_show(large: Netlist) -> None:
    """A FIFO that is too small slows its frames down. Those of narrower frames, which are as they should be, do not."""
    want = predict(large)
    slower = 0
    for name, depth in depths(large).items():
        short = with_depths(large, {name: max(2, depth // 2)})
        steps = Stepper(short).run(frames=40)
        if len(steps.ends) < 2:
            with pytest.raises(UnsupportedLayer, match="frames must come out one after the other"):
                predict(short)
            continue
        found = predict(short)
        if found.observed is None:
            assert found.interval == steps.interval, name
        else:  # of the few frames that were looked at the last gap: their mean in turn is not seen
            first, last = found.observed
            assert found.interval == np.diff(steps.until(last))[first - 1 :].max(), name
        assert (found.interval > want.interval) == (steps.interval > want.interval), name
        if steps.interval > want.interval:
            slower += 1
            assert found.narrower == ()
            assert found.stepped == 0
    assert slower > 0


def test_first_frames_mend_depths(large: Netlist) -> None:
    interval, like = predict(large).interval, sizing.example(large)
    wasteful = with_depths(large, {k: 3 * v for k, v in depths(large).items()})
    fewer = first_frames.fitted(wasteful, like, {}, ())
    assert sum(depths(fewer).values()) < sum(depths(wasteful).values()) / 2
    assert predict(fewer).interval == Stepper(fewer).run(frames=40).interval == interval
    assert depths(first_frames.fitted(wasteful, like, {}, depths(large))) == depths(wasteful)


def test_first_frames_show_which_depths_are_too_few(large: Netlist) -> None:
    interval, like = predict(large).interval, sizing.example(large)
    short = with_depths(large, {k: max(2, v // 2) for k, v in depths(large).items()})
    steps = Stepper(short).run(frames=40)
    assert len(steps.ends) < 2 or steps.interval > interval
    mended = first_frames.fitted(short, like, {}, ())
    assert predict(mended).interval == Stepper(mended).run(frames=40).interval == interval


@pytest.mark.parametrize(
    ("ends", "period", "meets"),
    [
        ((5, 105, 207, 307), 0, True),
        ((5, 105, 208, 308), 0, False),
        ((5, 105, 207), 0, False),
        ((5, 207, 307), 1, True),
        ((5, 105, 206), 1, False),
    ],
)
def test_frames_may_be_late_as_those_of_narrower_ones(
    ends: tuple[int, ...], period: int, meets: bool
) -> None:
    like = first_frames.Example(40, 40, (40, 42, 39))
    assert like.wider(100) == 100
    assert first_frames.Example(50, 40, ()).wider(100) == 125
    assert like.meets(FirstFrames(ends, (5,), period), 100) is meets
