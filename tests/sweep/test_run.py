# SPDX-License-Identifier: Apache-2.0
"""Points, workers and what they found."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sweep_nets import Inline, given, graph

import rtl4ml.sweep.tasks as tasks_module
from rtl4ml.errors import BadInput, EnvironmentProblem, OverBudget
from rtl4ml.folding.by_hand import wanted_interval
from rtl4ml.folding.homes import Wanted, fold_with_skips
from rtl4ml.folding.placement import analysed, resources
from rtl4ml.ops.conv import Conv
from rtl4ml.reuse import Reuse
from rtl4ml.sweep import pools, study
from rtl4ml.sweep.front import Aim, prices
from rtl4ml.sweep.points import Outcome, taken
from rtl4ml.sweep.run import run
from rtl4ml.sweep.search import Search
from rtl4ml.sweep.space import Params, space
from rtl4ml.sweep.study import Settings
from rtl4ml.sweep.tasks import Base, Network, hardware


def search(path: Path, axes: list[tuple[str, Any]], **options: Any) -> Search:
    settings: dict[str, Any] = {
        "price": prices({}),
        "identity": {},
        "aims": (Aim("fps", True), Aim("lut", False)),
    }
    return Search(space(axes), f"sqlite:///{path}", **(settings | options))


def figures(points: Any) -> list[Any]:
    return [
        (p.params, p.outcome.interval, p.outcome.latency, p.outcome.resources, p.outcome.refused)
        for p in points
    ]


def test_a_point_is_the_design_that_convert_makes(tmp_path: Path) -> None:
    points = run(search(tmp_path / "a.db", [("interval", "24..96/4")]), given(), Base(), Inline())
    for p in points:
        plan = fold_with_skips(graph(), "bram", Wanted(int(p.params["interval"])))
        netlist, cycles = analysed(plan)
        assert p.outcome is not None
        assert (p.outcome.interval, p.outcome.latency) == (cycles.interval, cycles.latency)
        assert p.outcome.resources == taken(resources(netlist))
        assert p.outcome.fps == pytest.approx(250e6 / cycles.interval)


def test_reuse_factors_are_foldings_by_hand(tmp_path: Path) -> None:
    """Of all layers, and of one; without an interval that of the slowest layer is taken."""
    layer = next(op.layer for op in graph().ops if isinstance(op, Conv))
    axes = [("reuse_factor", "1,4"), (f"reuse_factor.{layer}", "2")]
    points = run(search(tmp_path / "a.db", axes), given(), Base(), Inline())
    for p, every in zip(points, (1, 4), strict=True):
        layers = {"*": Reuse(every), layer: Reuse(2)}
        interval = wanted_interval(graph(), layers)
        plan = fold_with_skips(graph(), "bram", Wanted(interval, layers=layers))
        assert p.outcome is not None and p.outcome.resources == taken(resources(analysed(plan)[0]))
    assert points[0].outcome and points[1].outcome
    assert points[0].outcome.interval < points[1].outcome.interval


def test_a_plan_that_is_known_is_not_analysed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def counted(plan: Any) -> Any:
        made.append(plan)
        return analysed(plan)

    monkeypatch.setattr(tasks_module, "analysed", counted)
    points = run(search(tmp_path / "a.db", [("interval", "100..107")]), given(), Base(), Inline())
    keys = {p.outcome.key for p in points if p.outcome is not None}
    assert len(made) == len(keys) + 1 < len(points)  # two points are on their way before the first answer
    assert len({(p.outcome.interval, p.outcome.latency) for p in points if p.outcome is not None}) == len(
        keys
    )
    again = run(search(tmp_path / "a.db", [("interval", "100..109")]), given(), Base(), Inline())
    assert len(again) == 10
    assert len(made) == len(keys) + 1  # of earlier runs, too


def test_a_refused_point_says_why(tmp_path: Path) -> None:
    points = run(search(tmp_path / "a.db", [("interval", "1,96")]), given(), Base(), Inline())
    assert points[0].outcome is not None and points[1].outcome is not None
    assert "interval must be at least" in points[0].outcome.refused
    assert "target_interval" not in points[0].outcome.refused
    assert not points[1].outcome.refused


def test_a_space_whose_every_point_is_refused() -> None:
    with pytest.raises(OverBudget) as error:
        study.sweep(
            given(),
            space([("interval", "1..3")]),
            model="small",
            identity={},
            settings=Settings(),
        )
    assert str(error.value).startswith(
        "sweep: a space must have a point with a design, not 3 that are refused: 1 x "
    )


class Slow:
    """Networks that workers make: two, by the bits of weights. made: how often each was."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def key(self, params: Params) -> tuple[Any, ...]:
        return (params["weight_bits"],)

    def task(self, params: Params) -> Any:
        self.made.append(int(params["weight_bits"]))
        return network, (int(params["weight_bits"]),)


def network(bits: int) -> Network:
    found = given(bits).network({})
    return Network(found.content, {"oa": bits / 10}, "no such width" if bits == 9 else "")


class Later(Inline):
    """Workers that answer when they are waited for, the last call first."""

    def __init__(self) -> None:
        super().__init__(2)
        self.open: list[tuple[Future[Any], Any, Any]] = []

    def submit(self, task: Any, *values: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        self.open.append((answer, task, values))
        return answer

    def answer(self) -> None:
        answer, task, values = self.open.pop()
        answer.set_result(task(*values))


def test_every_network_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers, source = Later(), Slow()

    def wait(futures: list[Any], return_when: str) -> Any:
        workers.answer()
        return {f for f in futures if f.done()}, set()

    monkeypatch.setattr("rtl4ml.sweep.run.wait", wait)
    axes = [("weight_bits", "3,4,9"), ("interval", "48,96,192")]
    points = run(search(tmp_path / "a.db", axes), source, Base(), workers)
    assert sorted(source.made) == [3, 4, 9]
    for p in points:
        assert p.outcome is not None
        if p.params["weight_bits"] == 9:
            assert p.outcome == Outcome(refused="no such width")
        else:
            assert p.outcome.accuracy == {"oa": int(p.params["weight_bits"]) / 10}
            alone = hardware(given(int(p.params["weight_bits"])).network({}), Base(), p.params, {})
            assert (alone.interval, alone.resources) == (p.outcome.interval, p.outcome.resources)


@pytest.mark.gate
def test_processes_find_what_this_one_does_and_survive_a_worker_that_is_killed(tmp_path: Path) -> None:
    axes = [("interval", "24..200/12")]
    alone = run(search(tmp_path / "a.db", axes), given(), Base(), Inline())
    killed: list[int] = []
    with pools.pool(2, None) as workers:

        def told(_search: Search, _point: Any) -> None:
            if not killed:
                killed.extend(list(workers._made._processes)[:1])
                os.kill(killed[0], signal.SIGKILL)

        points = run(search(tmp_path / "b.db", axes), given(), Base(), workers, told=told)
    assert killed
    assert figures(points) == figures(alone)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.gate
def test_a_point_that_kills_its_workers_ends_the_sweep() -> None:
    with pools.pool(1, None) as workers, pytest.raises(EnvironmentProblem, match="not die 4 times over it"):
        workers.submit(die).result(timeout=120)


@pytest.mark.gate
def test_workers_end_with_the_block_whatever_they_do() -> None:
    with pytest.raises(KeyboardInterrupt), pools.pool(2, None) as workers:
        answers = [workers.submit(time.sleep, 600) for _ in range(5)]
        assert workers.submit(abs, -3).cancelled() is False
        raise KeyboardInterrupt
    assert not multiprocessing.active_children()
    assert all(a.cancelled() or a.done() for a in answers)


@pytest.mark.gate
def test_workers_of_dask_find_what_this_process_does(tmp_path: Path) -> None:
    """Two workers, of which one is killed in the middle of a point."""
    distributed = pytest.importorskip("distributed")
    axes = [("interval", "24..200/12")]
    alone = run(search(tmp_path / "a.db", axes), given(), Base(), Inline())
    killed: list[Any] = []
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        pools.pool(1, cluster.scheduler_address) as workers,
    ):
        assert workers.size == 2

        def told(_search: Search, _point: Any) -> None:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).process.process.pid)
                os.kill(killed[0], signal.SIGKILL)

        points = run(search(tmp_path / "b.db", axes), given(), Base(), workers, told=told)
    assert killed
    assert figures(points) == figures(alone)


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT", 0.2)
    with (
        pytest.raises(
            BadInput, match="--scheduler must be the address of a running dask scheduler, not 'tcp://127"
        ),
        pools.pool(1, "tcp://127.0.0.1:9"),
    ):
        pass


def test_prices_and_searches_that_are_none() -> None:
    def begun(**settings: Any) -> None:
        study.sweep(
            given(),
            space([("interval", "96")]),
            model="small",
            identity={},
            settings=Settings(**settings),
        )

    with pytest.raises(
        BadInput, match="--search must be one of grid, random, tpe, nsga2, not 'best'; choose one"
    ):
        begun(method="best")
    with pytest.raises(
        BadInput, match=r"prices: must be numbers from 0 up of lut, ff, dsp, bram36, not uram=1.0; write"
    ):
        begun(price={"uram": 1.0})
    begun()
