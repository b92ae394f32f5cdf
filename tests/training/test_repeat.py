# SPDX-License-Identifier: Apache-2.0
"""Recipes over several seeds: the summary by hand-made metrics, one short run, interruptions and refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rtl4ml.errors import BadInput
from rtl4ml.training.classification import recipe as classification_recipe
from rtl4ml.training.classification import repeat, train
from rtl4ml.training.classification.result import summary
from rtl4ml.training.result import Progress, Trained


def metrics(
    seed: int, oa: float, *, float_oa: float = 0.9, split: str = "S, blocks", source: str = "a"
) -> Any:
    def test(value: float) -> dict[str, Any]:
        per_class = [value, value - 0.1, None, value - 0.2]
        return {"oa": value, "aa": value - 0.1, "kappa": value - 0.2, "per_class": per_class}

    print_of = {
        "parameters": 10,
        "bits": 4.0,
        "megabytes": 0.01,
        "uplink_minutes": 0.1,
        "downlink_minutes": 0.1,
    }
    return {
        "recipe": {"seed": seed},
        "quick": False,
        "data": {"source": source, "synthetic": False},
        "split": {"name": split, "disjoint": "random" not in split},
        "float": {"test": test(float_oa), "footprint": print_of},
        "quantized": {"test": test(oa), "footprint": print_of},
        "versions": {"numpy": "2"},
    }


def test_summary_of_hand_made_runs() -> None:
    found = {
        "four": [metrics(1, 0.9), metrics(2, 0.8)],
        "two": [metrics(1, 0.5), metrics(2, 0.7)],
        "other": [metrics(1, 0.5, float_oa=0.95), metrics(2, 0.7)],
    }
    summary = repeat.summarize(found, (1, 2))
    assert list(summary["models"]) == ["float", "other float", "four", "two", "other"]
    four = summary["models"]["four"]
    assert four["oa"]["mean"] == pytest.approx(0.85, abs=1e-12)
    assert four["oa"]["std"] == pytest.approx(0.05 * 2**0.5, abs=1e-12)
    assert (four["oa"]["least"], four["oa"]["greatest"], four["oa"]["runs"]) == (0.8, 0.9, 2)
    assert four["runs"]["oa"] == [0.9, 0.8]
    assert four["per_class"] == [pytest.approx(0.85), pytest.approx(0.75), None, pytest.approx(0.65)]
    tests = summary["tests"]
    assert list(tests["dunn_oa"]) == list(tests["wilcoxon_per_class"])
    assert len(tests["dunn_oa"]) == 10
    assert tests["wilcoxon_per_class"]["two | other"] == 1.0
    assert tests["wilcoxon_per_class"]["four | two"] == 0.25  # three classes, all one way: 2 / 2**3
    text = str(repeat.Repeated(out=Path("o"), summary=summary))
    assert "test pixels of S, blocks, 2 runs:" in text
    assert "four         OA 85.00 ± 7.07 %, AA 75.00 ± 7.07 %, kappa 0.6500 ± 0.0707, 0.01 MB" in text
    assert "four | two: Wilcoxon over classes p 0.2500, Dunn over OA p " in text
    assert "leaks" not in text


def test_a_split_that_is_dealt_again_and_leaks_is_said() -> None:
    found = {
        "x": [metrics(s, 0.9, split=f"S, 300 random pixels, seed {s} (neighbours leak)") for s in (3, 4)]
    }
    summary = repeat.summarize(found, (3, 4))
    assert summary["split"]["name"] == "S, 300 random pixels, a seed a run (neighbours leak)"
    assert summary["split"]["redealt"]
    text = str(repeat.Repeated(out=Path("o"), summary=summary))
    assert (
        "leaks   a random split of one scene tests on its training pixels' neighbours: higher than on new"
        in text
    )
    alone = repeat.summarize({"x": [metrics(3, 0.9)]}, (3,))
    assert alone["tests"]["kruskal_oa"] is None
    assert alone["tests"]["dunn_oa"] is None
    assert "Wilcoxon" in str(repeat.Repeated(out=Path("o"), summary=alone))


def test_runs_that_must_not_be_compared() -> None:
    for changed, what in (({"source": "b"}, "data"), ({"split": "T"}, "split of seed 1")):
        with pytest.raises(
            BadInput, match=f"^train: compared runs must have the same {what}, not several; train them apart$"
        ):
            repeat.summarize({"x": [metrics(1, 0.9)], "y": [metrics(1, 0.9, **changed)]}, (1,))


def test_seeds() -> None:
    assert repeat.seeds_of("1-5") == (1, 2, 3, 4, 5)
    assert repeat.seeds_of("7, 1-2") == (7, 1, 2)
    for text in ("", "a", "1,1", "2-1", "1-", "-1"):
        with pytest.raises(
            BadInput, match=r"^train: --seeds must be different whole numbers such as 1-5 or 1,2,7, "
        ):
            repeat.seeds_of(text)


@pytest.fixture
def quick_train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, int]]:
    """Stands in for train.train: writes what it would, trains nothing; the third call is interrupted."""
    calls: list[tuple[str, int]] = []

    def stand_in(recipe: Any, *, out: Path, seed: int, known: dict[str, Any], **options: Any) -> Trained:
        plan = classification_recipe.read_recipe(recipe)
        calls.append((plan.name, seed))
        if len(calls) == 3:
            raise KeyboardInterrupt
        known[plan.name] = True
        numbers = {"loss": 0.5, "validation_oa": 0.9, "validation_loss": 0.4}
        options["progress"](Progress(stage="float", epoch=1, epochs=2, **numbers))
        found = metrics(seed, 0.9)
        found["recipe"] = {"sha256": plan.sha256, "network_sha256": plan.network_sha256}
        found["versions"] = repeat.runs.versions()
        out.mkdir(parents=True)
        (out / ".rtl4ml").write_text("")
        (out / "metrics.json").write_text(json.dumps(found))
        return Trained(out=out, model=out / "x.keras", metrics=found, summary=summary)

    monkeypatch.setattr(train, "train", stand_in)
    return calls


def test_interrupted_runs_are_not_done_again(tmp_path: Path, quick_train: list[tuple[str, int]]) -> None:
    out, names = tmp_path / "o", ["salinas_1dcnn", "synthetic_1dcnn"]
    with pytest.raises(KeyboardInterrupt):
        repeat.repeat(names, seeds=(1, 2), out=out)
    assert not out.exists()
    parts = tmp_path / "o.parts"
    with pytest.raises(
        BadInput,
        match=f"^{re.escape(str(parts))}: interrupted runs must be resumed or removed, not overwritten; "
        "give --resume or remove the folder$",
    ):
        repeat.repeat(names, seeds=(1, 2), out=out)
    with pytest.raises(
        BadInput,
        match=f"^{re.escape(str(parts / 'salinas_1dcnn-1'))}: a finished run must be of this training, not of another "
        "schedule; bring that back, or remove o.parts and start anew$",
    ):
        repeat.repeat(names, seeds=(1, 2), out=out, quick=True, resume=True)
    done = repeat.repeat(names, seeds=(1, 2), out=out, resume=True)
    assert quick_train == [
        ("salinas_1dcnn", 1),
        ("synthetic_1dcnn", 1),
        ("salinas_1dcnn", 2),
        ("salinas_1dcnn", 2),
        ("synthetic_1dcnn", 2),
    ]
    assert not parts.exists()
    assert sorted(p.name for p in out.iterdir()) == [
        *(".rtl4ml", "montecarlo.json", "salinas_1dcnn-1", "salinas_1dcnn-2"),
        *("synthetic_1dcnn-1", "synthetic_1dcnn-2"),
    ]
    assert json.loads((out / "montecarlo.json").read_text()) == done.summary


def test_progress_names_the_run(tmp_path: Path, quick_train: list[tuple[str, int]]) -> None:
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        names = ["salinas_1dcnn", "synthetic_1dcnn"]
        repeat.repeat(names, seeds=(1, 2), out=tmp_path / "o", progress=lambda p: told.append(p.stage))
    assert told == ["salinas_1dcnn, seed 1, float", "synthetic_1dcnn, seed 1, float"]


def test_refused_runs_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        BadInput, match=r"^train: every recipe must be named once, not salinas_1dcnn, salinas_1dcnn; leave"
    ):
        repeat.repeat(["salinas_1dcnn"] * 2, seeds=(1,), out=tmp_path / "o")

    def refuse(*args: Any, out: Path, **options: Any) -> None:
        out.parent.mkdir()
        raise BadInput("no")

    monkeypatch.setattr(train, "train", refuse)
    with pytest.raises(BadInput, match=r"^no$"):
        repeat.repeat(["salinas_1dcnn"], seeds=(1,), out=tmp_path / "o")
    assert list(tmp_path.iterdir()) == []
