# SPDX-License-Identifier: Apache-2.0
"""Which point comes next, and what an interruption leaves of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from rtl4ml.cli import sweep_options
from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput
from rtl4ml.sweep.front import Aim, prices
from rtl4ml.sweep.points import Outcome, Point
from rtl4ml.sweep.search import BATCH, METHODS, Search
from rtl4ml.sweep.space import Space, space

SPACE = space([("interval", "1..8"), ("lut", "10%,20%,30%")])
FPS, LUT = Aim("fps", True), Aim("lut", False)


def search(path: Path, among: Space = SPACE, **options: Any) -> Search:
    settings: dict[str, Any] = {"price": prices({}), "identity": {"network": "a"}, "aims": (FPS, LUT)}
    return Search(among, f"sqlite:///{path}", **(settings | options))


def outcome(point: Point) -> Outcome:
    """As of hardware: the faster, the larger, but for a point that is refused."""
    interval, share = int(point.params["interval"]), float(point.params["lut"])
    if interval == 1:
        return Outcome(refused="too fast")
    lut = min(share * 274_080, 50_000 / interval)
    resources = {"lut": lut, "ff": 0.0, "dsp": 0.0, "bram36": 0.0}
    return Outcome(interval, 9, 250e6 / interval, resources, ZCU102.capacity, None, f"{interval} {lut}")


def finish(found: Search, most: int = 1000, size: int = 3) -> list[dict[str, Any]]:
    """Asks and tells until nothing is left, or so many points have ended; the points, in their order."""
    while most > 0 and (asked := found.ask(min(most, BATCH if found.whole_batches else size))):
        for point in asked:
            found.tell(point, outcome(point))
        most -= len(asked)
    return [dict(p.params) for p in found.points]


def test_the_grid_goes_through_the_space_in_its_order(tmp_path: Path) -> None:
    assert finish(search(tmp_path / "a.db")) == [SPACE.at(k) for k in range(SPACE.size)]


@pytest.mark.parametrize(
    "method", ["grid", *(pytest.param(m, marks=pytest.mark.gate) for m in METHODS if m != "grid")]
)
def test_the_same_seed_gives_the_same_points_however_often_it_is_interrupted(
    method: str, tmp_path: Path
) -> None:
    whole = finish(search(tmp_path / "whole.db", method=method, trials=20, seed=5))
    assert len(whole) == 20
    for _ in range(20):  # some points at a time; of some only half are told, as when the sweep is killed
        part = search(tmp_path / "parts.db", method=method, trials=20, seed=5)
        asked = part.ask(BATCH if part.whole_batches else 4)
        for point in asked[: max(1, len(asked) // 2)]:
            part.tell(point, outcome(point))
        if not asked:
            break
    last = search(tmp_path / "parts.db", method=method, trials=20, seed=5)
    assert [dict(p.params) for p in last.points] == whole
    assert last.done == 20
    other = finish(search(tmp_path / "other.db", method=method, trials=20, seed=6))
    assert method == "grid" or other != whole


def test_random_points_are_all_different(tmp_path: Path) -> None:
    found = finish(search(tmp_path / "a.db", method="random", trials=100))
    assert len(found) == SPACE.size == len({tuple(p.values()) for p in found})


@pytest.mark.gate
@pytest.mark.parametrize("method", ["tpe", "nsga2"])
def test_samplers_of_optuna_look_at_outcomes(method: str, tmp_path: Path) -> None:
    """They ask for what is good in both aims more often than chance would."""
    wide = space([("interval", "1..100"), ("lut", "1%..90%/90")])

    def late(k: int) -> float:
        found = search(tmp_path / f"{k}.db", wide, method=method, trials=96, seed=k, aims=(LUT,))
        points = finish(found)[48:]
        return sum(int(p["interval"]) > 50 or float(p["lut"]) < 0.01 for p in points) / len(points)

    assert sum(map(late, range(2))) / 2 > 0.6  # of points at random half


def test_what_had_ended_is_there_after_a_kill(tmp_path: Path) -> None:
    first = search(tmp_path / "a.db")
    asked = first.ask(3)
    first.tell(asked[1], outcome(asked[1]))
    second = search(tmp_path / "a.db")
    assert second.done == 1
    assert second.points[1].outcome == outcome(asked[1])
    assert [p.number for p in second.ask(2)] == [0, 2]  # on their way then
    assert [p.number for p in second.ask(2)] == [3, 4]


def test_a_trial_that_was_killed_while_it_was_asked_for_is_no_point(tmp_path: Path) -> None:
    first = search(tmp_path / "a.db")
    first.ask(1)
    study = optuna.load_study(study_name="rtl4ml", storage=f"sqlite:///{tmp_path / 'a.db'}")
    study.ask().suggest_int("interval", 0, 7)  # and not the other axis
    second = search(tmp_path / "a.db")
    assert len(second.points) == 1
    assert [p.params for p in second.ask(2)] == [SPACE.at(0), SPACE.at(1)]


def test_a_sweep_is_extended(tmp_path: Path) -> None:
    assert len(finish(search(tmp_path / "a.db", method="random", trials=4))) == 4
    longer = space([("interval", "1..12"), ("lut", "10%,20%,30%")])
    assert len(finish(search(tmp_path / "a.db", longer, method="random", trials=9))) == 9


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"identity": {"network": "b"}},
            "of this sweep, not of one with another network; give another --out or",
        ),
        ({"seed": 1}, "not of one with another search"),
        ({"aims": (FPS, Aim("dsp", False))}, "not of one with another search"),
        (
            {"aims": (FPS,)},
            "must be of a sweep with as many aims, not with 2; give another --out or --storage, or",
        ),
        ({"among": space([("interval", "1..4"), ("lut", "10%,20%,30%")])}, "not of one with another space"),
    ],
)
def test_the_storage_of_another_sweep_is_refused(change: dict[str, Any], told: str, tmp_path: Path) -> None:
    finish(search(tmp_path / "a.db"), 2)
    with pytest.raises(BadInput) as error:
        search(tmp_path / "a.db", **change)
    assert told in str(error.value)
    assert search(tmp_path / "a.db").done == 2  # nothing is lost


def test_what_is_no_storage(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database")
    with pytest.raises(
        BadInput, match=r"--storage must be a database that Optuna can open, not sqlite:///.*; give another"
    ):
        search(tmp_path / "a.db")
    optuna.create_study(
        storage=f"sqlite:///{tmp_path / 'b.db'}", study_name="rtl4ml", directions=["maximize"] * 2
    ).ask()
    with pytest.raises(BadInput, match="must be of a sweep"):
        search(tmp_path / "b.db", aims=(FPS, Aim("accuracy", True)))


def test_the_command_line_has_the_searches_that_there_are() -> None:
    assert sweep_options.METHODS == METHODS
