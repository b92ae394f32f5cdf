# SPDX-License-Identifier: Apache-2.0
"""A training that can be interrupted: its checkpoints, its history, its logs for TensorBoard.

While it runs, all of it lies in `<out>.run`, beside the folder that the result will have. The next run with resume=True
goes on from there; the folder goes away once the result stands.

    with runs.begin(out, identity, resume=resume) as run, project_folder(out) as folder:
        state = run.restored                      # None at the beginning
        ...
            run.record("float", epoch, loss=loss, validation_oa=oa)
            run.save({"model": model.get_weights()}, {"epoch": epoch, "rng": rng.bit_generator.state})
        run.keep(folder)                          # the logs and the history, into the result

A resumed training ends in the same weights, bit for bit, where all that it draws comes from NumPy generators whose
state is saved, and where TensorFlow's op determinism is on.
"""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtl4ml._version import __version__
from rtl4ml.data.checks import DAMAGE, line
from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks
from rtl4ml.host.tools import disk_errors

SUFFIX = ".run"
CHECKPOINT = "checkpoint.npz"
LOGS = "logs"
HISTORY = "history.csv"
# Of a training's time, what checkpoints may take: after one, none is written until so much time has gone by.
SHARE = 0.05


_FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The content of a checkpoint. arrays: lists of arrays by name, as of `get_weights`; values: of JSON's types."""

    arrays: Mapping[str, list[NDArray[Any]]]
    values: Mapping[str, Any]


def write_checkpoint(path: Path, checkpoint: Checkpoint, **head: Any) -> None:
    """Writes a checkpoint, whole or not at all. head: of JSON's types, beside its values."""
    counts = {name: len(some) for name, some in checkpoint.arrays.items()}
    head = {"format": _FORMAT, **head, "values": checkpoint.values, "counts": counts}
    content = {f"{name}.{i}": a for name, some in checkpoint.arrays.items() for i, a in enumerate(some)}
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.part")
        with fresh.open("wb") as file:
            text = np.frombuffer(json.dumps(head).encode(), np.uint8)
            np.savez(file, allow_pickle=False, head=text, **content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def read_checkpoint(path: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """A checkpoint, and its head. Raises what `data.checks.DAMAGE` lists where it is damaged."""
    with np.load(path, allow_pickle=False) as file:
        head = json.loads(file["head"].tobytes().decode())
        arrays = {name: [file[f"{name}.{i}"] for i in range(count)] for name, count in head["counts"].items()}
    return Checkpoint(arrays=arrays, values=head["values"]), head


class Run:
    """A training in progress; made by `begin`.

    folder:   where its checkpoint and logs lie; made with the first of them
    restored: the state to go on from, None at the beginning
    history:  one row an epoch, {"stage", "epoch", scalars...}
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], *, resume: bool) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        self.restored: Checkpoint | None = None
        self.history: list[dict[str, Any]] = []
        self._writers: dict[str, Any] = {}
        self._saved, self._took = -np.inf, 0.0
        path = folder / CHECKPOINT
        if not path.is_file():
            return
        if not resume:
            raise BadInput(
                f"{folder}: an interrupted training must be resumed or removed, not overwritten; "
                "give --resume or remove the folder"
            )
        self.restored, self.history = self._read(path)
        shutil.rmtree(folder / LOGS, ignore_errors=True)  # they may be ahead of the checkpoint
        for row in self.history:
            self._log(row)

    def record(self, stage: str, epoch: int, **scalars: float) -> None:
        """Adds an epoch of a stage to the history and to TensorBoard's logs, a run a stage."""
        row = {"stage": stage, "epoch": epoch} | {name: float(value) for name, value in scalars.items()}
        self.history.append(row)
        with disk_errors(self.folder):
            self._log(row)

    def save(
        self,
        arrays: Mapping[str, Sequence[NDArray[Any]]],
        values: Mapping[str, Any],
        *,
        always: bool = False,
    ) -> None:
        """Writes a checkpoint of the state and the history, whole or not at all, in place of the one before.

        Not where the last one was so long in writing, and so short a time ago, that checkpoints would take more than
        SHARE of the time, unless `always`.
        """
        started = time.monotonic()
        if not always and (started - self._saved) * SHARE < self._took:
            return
        checkpoint = Checkpoint(arrays={name: list(some) for name, some in arrays.items()}, values=values)
        write_checkpoint(self.folder / CHECKPOINT, checkpoint, identity=self.identity, history=self.history)
        self._saved = time.monotonic()
        self._took = self._saved - started

    def keep(self, folder: Path) -> None:
        """Copies the logs into `folder`/logs and writes the history into `folder`/history.csv."""
        self.close()
        if (self.folder / LOGS).is_dir():
            shutil.copytree(self.folder / LOGS, folder / LOGS)
        write_history(self.history, folder / HISTORY)

    def _read(self, path: Path) -> tuple[Checkpoint, list[dict[str, Any]]]:
        try:
            found, head = read_checkpoint(path)
            identity, history, known = head["identity"], head["history"], head["format"]
        except DAMAGE as error:
            raise BadInput(
                f"{path}: the checkpoint must be whole, not damaged ({line(error)}); "
                f"remove {path.parent.name} and start anew"
            ) from None
        self._same(path, {"format": _FORMAT, **self.identity}, {"format": known, **identity})
        return found, history

    @staticmethod
    def _same(path: Path, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
        for key in {**ours, **theirs}:
            if ours.get(key) != theirs.get(key):
                raise BadInput(
                    f"{path}: the checkpoint must be of this training, not of another {key} "
                    f"({_short(theirs.get(key), ours.get(key))}, here {_short(ours.get(key), theirs.get(key))}); "
                    f"bring that back, or remove {path.parent.name} and start anew"
                )

    def _log(self, row: Mapping[str, Any]) -> None:
        tf, stage = frameworks.tf(), row["stage"]
        if stage not in self._writers:
            self._writers[stage] = tf.summary.create_file_writer(str(self.folder / LOGS / stage))
        with self._writers[stage].as_default():
            for name, value in row.items():
                if name not in ("stage", "epoch"):
                    tf.summary.scalar(name, value, step=row["epoch"])
        self._writers[stage].flush()

    def close(self) -> None:
        """Ends the logs; another row opens them again."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()


def _short(value: Any, other: Any) -> str:
    """A value for one line: of a table what differs, of a hash its beginning."""
    if isinstance(value, dict) and isinstance(other, dict):
        return ", ".join(f"{k} {_short(v, None)}" for k, v in value.items() if other.get(k) != v) or "none"
    text = str(value)
    return text[:8] if len(text) == 64 else text


@contextmanager
def begin(out: str | Path, identity: Mapping[str, Any], *, resume: bool = False) -> Iterator[Run]:
    """A run towards the folder `out`, in `<out>.run`, which is removed where the block ends without an exception.

    identity: all that the result depends on, such as recipe and data hashes, seed and versions, as JSON's types; a
    checkpoint is only resumed where it has the same. resume: go on from the checkpoint, or from the beginning where
    there is none. An interrupted block leaves the last checkpoint.

    Raises BadInput where there is a checkpoint and resume is False, where it is damaged or of another identity.
    """
    target = Path(out).expanduser().resolve()
    run = Run(target.with_name(target.name + SUFFIX), identity, resume=resume)
    try:
        yield run
    except BaseException as error:
        run.close()
        if not (run.folder / CHECKPOINT).is_file():  # logs alone are no use to anyone
            shutil.rmtree(run.folder, ignore_errors=True)
        elif isinstance(error, KeyboardInterrupt):
            error.add_note(f"{run.folder}: the training is there up to its last checkpoint; --resume goes on")
        raise
    run.close()
    shutil.rmtree(run.folder, ignore_errors=True)


def write_history(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes the rows of a run's history as CSV, its columns those of all rows; numbers are read back as they were."""
    columns = list(dict.fromkeys(key for row in history for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(history)


def read_history(path: Path) -> list[dict[str, Any]]:
    """The rows that `write_history` wrote; cells that a row lacks are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        {k: v if k == "stage" else int(v) if k == "epoch" else float(v) for k, v in row.items() if v != ""}
        for row in rows
    ]


def versions() -> dict[str, str]:
    """The versions that a training depends on: of rtl4ml and of the packages below it."""
    names = ("tensorflow", "tf-keras", "qkeras", "numpy")
    return {"rtl4ml": __version__} | {name: importlib.metadata.version(name) for name in names}
