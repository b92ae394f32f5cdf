# SPDX-License-Identifier: Apache-2.0
"""Output folders: whole or not there, whatever ends a run; what killed runs leave is put right by the next one."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from rtl4ml.errors import BadInput, EnvironmentProblem, HlsCannot, SimulationFailed, named
from rtl4ml.host import folders
from rtl4ml.host.folders import MARKER, PENDING, project_folder


def siblings(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_project_appears_whole_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with project_folder(out) as folder:
        (folder / "x").write_text("1")
        assert not out.exists()
    assert siblings(out) == [MARKER, "x"]
    assert siblings(out.parent) == ["b"]


def test_an_earlier_project_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "b"
    with project_folder(out) as folder:
        (folder / "old").touch()
    with project_folder(str(out)) as folder:
        (folder / "new").touch()
        assert (out / "old").exists()
    assert siblings(out) == [MARKER, "new"]
    assert siblings(tmp_path) == ["b"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_run_leaves_the_earlier_project_untouched(
    error: type[BaseException], tmp_path: Path
) -> None:
    out = tmp_path / "b"
    with project_folder(out) as folder:
        (folder / "old").touch()
    with pytest.raises(error), project_folder(out) as folder:
        (folder / "new").touch()
        raise error
    assert siblings(out) == [MARKER, "old"]
    assert siblings(tmp_path) == ["b"]


@pytest.fixture(params=["one step", "two renames"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to swap folders: a system that has the exchange, and one that has not."""
    if request.param == "two renames":
        monkeypatch.setattr(folders, "_renameat2", lambda: None)
    return str(request.param)


def test_both_ways_to_swap(swap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename, renamed = Path.rename, []

    def counting(self: Path, target: Path) -> Path:
        renamed.append(self)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", counting)
    for name in ("first", "second", "third"):
        with project_folder(tmp_path / "b") as folder:
            (folder / name).touch()
        assert siblings(tmp_path / "b") == [MARKER, name]
        assert siblings(tmp_path) == ["b"]
    assert len(renamed) == (1 if swap == "one step" else 5)


def test_a_failed_swap_puts_the_earlier_project_back(
    swap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "b"
    with project_folder(out) as folder:
        (folder / "old").touch()
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == out.name and target == out:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    def refused(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    if swap == "one step":
        monkeypatch.setattr(folders, "_renameat2", lambda: refused)
    else:
        monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(EnvironmentProblem), project_folder(out):
        pass
    assert siblings(out) == [MARKER, "old"]
    assert siblings(tmp_path) == ["b"]


SWAPS = """
import sys
from pathlib import Path
from rtl4ml.host import folders
if sys.argv[2] == "two renames":
    folders._renameat2 = lambda: None
n = 0
while True:
    n += 1
    with folders.project_folder(sys.argv[1]) as folder:
        for name in ("a", "b"):
            (folder / name).write_text(str(n))
    print(n, flush=True)
"""


@contextmanager
def swapping(out: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SWAPS, str(out), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_kill_at_any_moment_leaves_a_whole_project(swap: str, tmp_path: Path) -> None:
    """Old or new whole, at once where folders are exchanged, else after the repair at the next start."""
    out = tmp_path / "b"
    lines = np.random.default_rng(0).integers(1, 60, 12)
    for count in lines:
        with swapping(out, swap) as process:
            assert process.stdout is not None
            for _ in range(count):
                process.stdout.readline()
        if swap == "two renames":
            folders.repair(out)
        assert siblings(out) == [MARKER, "a", "b"]
        assert (out / "a").read_text() == (out / "b").read_text()
    with project_folder(out):
        pass
    assert siblings(tmp_path) == ["b"]


@pytest.mark.parametrize("new", [False, True])
def test_an_earlier_project_that_was_taken_away_comes_back(new: bool, tmp_path: Path) -> None:
    """What a kill between two renames leaves, and between the second one and the tidying up."""
    out, work = tmp_path / "b", tmp_path / ".b.0123abcd.part"
    for folder in (work / "old", *([out] if new else [])):
        folder.mkdir(parents=True)
        (folder / MARKER).touch()
        (folder / folder.name).touch()
    (work / PENDING).touch()
    with project_folder(tmp_path / "other"):
        pass
    assert (work / "old").is_dir()  # it is only for the one that it was taken from
    folders.repair(out)
    assert siblings(out) == [MARKER, "b" if new else "old"]
    with project_folder(out):
        pass
    assert siblings(tmp_path) == ["b", "other"]


def test_only_workplaces_of_killed_runs_are_cleared(tmp_path: Path) -> None:
    names = (".b.00000000.part", ".c.11111111.part", ".b.22222222.part", ".foreign.33333333.part")
    orphan, others, empty, foreign = (tmp_path / name for name in names)
    for folder in (orphan, others, empty, foreign):
        folder.mkdir()
    for folder in (orphan, others):
        (folder / PENDING).touch()
        (folder / "b").mkdir()
    (foreign / "thesis.tex").touch()
    with project_folder(tmp_path / "b") as first, project_folder(tmp_path / "b") as second:
        for folder in (first, second):
            (folder / "x").touch()  # neither has cleared the other away
    assert siblings(tmp_path) == [".foreign.33333333.part", "b"]
    orphan.mkdir()
    (orphan / PENDING).touch()
    lock = os.open(orphan, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with project_folder(tmp_path / "b"):
            pass
        assert orphan.is_dir()
    finally:
        os.close(lock)
    with project_folder(tmp_path / "c"):
        pass
    assert siblings(tmp_path) == [".foreign.33333333.part", "b", "c"]


def test_what_a_block_was_to_find_out_comes_with_its_files(tmp_path: Path) -> None:
    out = tmp_path / "b"
    with pytest.raises(SimulationFailed) as caught, project_folder(out, keep=(SimulationFailed,)) as folder:
        (folder / "log").touch()
        raise SimulationFailed(f"top: see {folder / 'log'}")
    assert str(caught.value) == f"top: see {out / 'log'}"
    assert siblings(out) == [MARKER, "log"]
    with pytest.raises(BadInput) as refused, project_folder(out) as folder:
        raise BadInput(f"{folder}/x: must be y")
    assert str(refused.value) == f"{out}/x: must be y"
    assert siblings(out) == [MARKER, "log"]
    with pytest.raises(HlsCannot) as several, project_folder(out) as folder:
        raise HlsCannot(f"{folder}/x: {named('fit')}", f"{folder}/y: no")
    assert several.value.worded(lambda argument, value: "--fit") == f"{out}/x: --fit"
    assert several.value.texts == (f"{out}/x: fit", f"{out}/y: no")


def test_an_interrupted_block_says_what_became_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(out: Path) -> list[str]:
        with (
            pytest.raises(KeyboardInterrupt) as caught,
            project_folder(out) as folder,
            project_folder(folder / "inner"),
        ):
            raise KeyboardInterrupt
        return caught.value.__notes__

    out = tmp_path / "b"
    assert interrupted(out) == [f"{out}: nothing was written"]
    with project_folder(out):
        pass
    assert interrupted(out) == [f"{out}: the earlier project is untouched"]
    remove = folders._remove

    def late(work: Path) -> None:
        remove(work)
        raise KeyboardInterrupt

    monkeypatch.setattr(folders, "_remove", late)
    with pytest.raises(KeyboardInterrupt) as caught, project_folder(out) as folder:
        (folder / "new").touch()
    assert caught.value.__notes__ == [f"{out}: the new project is there, whole"]
    assert siblings(out) == [MARKER, "new"]


def test_an_empty_folder_and_a_link_to_a_project_are_taken(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with project_folder(tmp_path / "b"):
        pass
    (tmp_path / "link").symlink_to("b")
    with project_folder(tmp_path / "link") as folder:
        (folder / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert siblings(tmp_path / "b") == [MARKER, "new"]


def test_a_foreign_folder_is_refused_before_and_after(tmp_path: Path) -> None:
    out = tmp_path / "b"
    out.mkdir()
    (out / "thesis.tex").touch()
    text = (
        f"{out}: an output folder must be new, empty or an earlier rtl4ml project, not a folder with other files; "
        "choose another folder"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"), project_folder(out):
        pytest.fail("the block must not be entered")
    assert siblings(out) == ["thesis.tex"]

    other = tmp_path / "c"
    with pytest.raises(BadInput, match="not a folder with other files"), project_folder(other):
        other.mkdir()
        (other / "thesis.tex").touch()  # arrived meanwhile
    assert siblings(other) == ["thesis.tex"]
    assert siblings(tmp_path) == ["b", "c"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "b"
    out.touch()
    text = f"{out}: an output folder must be a folder, not a file; choose another folder"
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"), project_folder(out):
        pytest.fail("the block must not be entered")
    text = f"{out / 'c'}: must be a folder that can be written, not 'file exists'; choose another folder"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"), project_folder(out / "c"):
        pytest.fail("the block must not be entered")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line_and_leaves_nothing(number: int, tmp_path: Path) -> None:
    out = tmp_path / "b"
    text = f"{out}: the disk must have room for it, not be full; free some space or choose another folder"
    with pytest.raises(EnvironmentProblem, match=f"^{re.escape(text)}$"), project_folder(out) as folder:
        (folder / "half").touch()
        raise OSError(number, os.strerror(number))
    assert siblings(tmp_path) == []
