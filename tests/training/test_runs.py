# SPDX-License-Identifier: Apache-2.0
"""Checkpoints, histories and logs of trainings, apart from any network."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks
from rtl4ml.training import runs

IDENTITY = {"recipe": "ab" * 32, "seed": 1, "versions": {"numpy": "2.4.6", "qkeras": "0.9.0"}}


def interrupted(folder: Path, epochs: int, saved: int) -> None:
    """A run of so many epochs, the last `saved` without a checkpoint."""
    with pytest.raises(KeyboardInterrupt), runs.begin(folder / "x", IDENTITY, resume=True) as run:
        for epoch in range(1, epochs + 1):
            run.record("float", epoch, loss=1 / epoch, validation_oa=0.1 * epoch)
            if epoch <= epochs - saved:
                run.save({"w": [np.full(3, epoch)]}, {"epoch": epoch}, always=True)
        raise KeyboardInterrupt


def logged(folder: Path) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """What TensorBoard would show: (stage, name) to (step, value)."""
    found = defaultdict(list)
    for path in sorted(folder.glob("*/events*")):
        for event in frameworks.tf().compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                number = float(frameworks.tf().make_ndarray(value.tensor))
                found[path.parent.name, value.tag].append((event.step, number))
    return dict(found)


def test_state_comes_back_as_it_was(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = {
        "model": [rng.standard_normal((3, 2)).astype(np.float32), np.float32(0.1), np.zeros((0, 4), np.int8)],
        "optimizer": [],
    }
    values = {"best": [0.1, -1e-300], "rng": rng.bit_generator.state, "stage": "float"}
    with pytest.raises(KeyboardInterrupt) as caught, runs.begin(tmp_path / "x", IDENTITY) as run:
        assert run.restored is None
        run.save(arrays, values)
        raise KeyboardInterrupt
    assert caught.value.__notes__ == [
        f"{tmp_path / 'x.run'}: the training is there up to its last checkpoint; --resume goes on"
    ]
    expected = rng.uniform(size=5)
    state = runs.Run(tmp_path / "x.run", IDENTITY, resume=True).restored
    assert state is not None
    assert state.values == values
    assert list(state.arrays) == ["model", "optimizer"]
    for one, two in zip(arrays["model"], state.arrays["model"], strict=True):
        np.testing.assert_array_equal(one, two)
        assert (one.dtype, one.shape) == (two.dtype, two.shape)
    again = np.random.default_rng()
    again.bit_generator.state = state.values["rng"]
    np.testing.assert_array_equal(again.uniform(size=5), expected)


def test_a_run_leaves_nothing_where_it_ends_or_fails_before_its_first_checkpoint(tmp_path: Path) -> None:
    with runs.begin(tmp_path / "x", IDENTITY) as run:
        run.record("float", 1, loss=1.0)
        run.save({}, {})
        assert (tmp_path / "x.run" / "checkpoint.npz").is_file()
    with pytest.raises(ValueError, match="bad"), runs.begin(tmp_path / "x", IDENTITY) as run:
        run.record("float", 1, loss=1.0)
        raise ValueError("bad")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_fails_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, epochs=2, saved=0)

    def half(file: Any, **arrays: Any) -> None:
        file.write(b"PK")
        raise MemoryError

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(MemoryError), runs.begin(tmp_path / "x", IDENTITY, resume=True) as run:
        run.save({}, {"epoch": 3}, always=True)
    state = runs.Run(tmp_path / "x.run", IDENTITY, resume=True).restored
    assert state is not None
    assert state.values == {"epoch": 2}


def test_checkpoints_take_no_more_than_their_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(runs.time, "monotonic", lambda: clock[0])
    original, written = np.savez, []

    def slow(*args: Any, **arrays: Any) -> None:
        original(*args, **arrays)
        written.append(clock[0])
        clock[0] += 1.0  # a second each

    monkeypatch.setattr(np, "savez", slow)
    with runs.begin(tmp_path / "x", IDENTITY) as run:
        for _ in range(100):
            run.save({}, {})
            clock[0] += 1.0
        run.save({}, {}, always=True)
    # A second of writing, then at least 1 / SHARE of training; the last one was asked for.
    assert written == [0, 21, 42, 63, 84, 105]


def test_logs_and_history_have_every_epoch_once_though_interrupted(tmp_path: Path) -> None:
    interrupted(tmp_path, epochs=5, saved=2)
    with runs.begin(tmp_path / "x", IDENTITY, resume=True) as run:
        assert run.restored is not None
        assert run.restored.values == {"epoch": 3}
        for epoch in (4, 5):
            run.record("float", epoch, loss=1 / epoch, validation_oa=0.1 * epoch)
        run.record("quantized", 1, loss=0.5)
        (tmp_path / "kept").mkdir()
        run.keep(tmp_path / "kept")
    found = logged(tmp_path / "kept" / "logs")
    assert found["float", "loss"] == [(e, pytest.approx(1 / e)) for e in range(1, 6)]
    assert found["float", "validation_oa"] == [(e, pytest.approx(0.1 * e)) for e in range(1, 6)]
    assert found["quantized", "loss"] == [(1, 0.5)]
    rows = [{"stage": "float", "epoch": e, "loss": 1 / e, "validation_oa": 0.1 * e} for e in range(1, 6)]
    assert runs.read_history(tmp_path / "kept" / "history.csv") == [
        *rows,
        {"stage": "quantized", "epoch": 1, "loss": 0.5},
    ]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"recipe": "cd" * 32}, "recipe (abababab, here cdcdcdcd)"),
        ({"seed": 2}, "seed (1, here 2)"),
        ({"versions": {"numpy": "2.4.7", "qkeras": "0.9.0"}}, "versions (numpy 2.4.6, here numpy 2.4.7)"),
        ({"teacher": "x"}, "teacher (None, here x)"),
    ],
)
def test_checkpoint_of_another_training(tmp_path: Path, changed: dict[str, Any], text: str) -> None:
    interrupted(tmp_path, epochs=1, saved=0)
    with pytest.raises(
        BadInput,
        match=f"^{re.escape(str(tmp_path / 'x.run' / 'checkpoint.npz'))}: the checkpoint must be of this training, "
        f"not of another {re.escape(text)}; bring that back, or remove x.run and start anew$",
    ):
        runs.Run(tmp_path / "x.run", {**IDENTITY, **changed}, resume=True)


def test_checkpoint_that_is_damaged_or_not_to_be_resumed(tmp_path: Path) -> None:
    interrupted(tmp_path, epochs=1, saved=0)
    path = tmp_path / "x.run" / "checkpoint.npz"
    whole = path.read_bytes()
    with pytest.raises(
        BadInput,
        match=f"^{re.escape(str(path.parent))}: an interrupted training must be resumed or removed, "
        "not overwritten; give --resume or remove the folder$",
    ):
        runs.Run(path.parent, IDENTITY, resume=False)
    for damaged in (b"", whole[:-30], b"no zip", whole.replace(b'"identity"', b'"identita"')):
        path.write_bytes(damaged)
        with pytest.raises(
            BadInput,
            match=f"^{re.escape(str(path))}: the checkpoint must be whole, not damaged \\(.+\\); "
            "remove x.run and start anew$",
        ):
            runs.Run(path.parent, IDENTITY, resume=True)
    assert path.read_bytes() == damaged


def test_versions_are_texts() -> None:
    found = runs.versions()
    assert list(found) == ["rtl4ml", "tensorflow", "tf-keras", "qkeras", "numpy"]
    assert json.loads(json.dumps(found)) == found
