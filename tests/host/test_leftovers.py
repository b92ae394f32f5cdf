# SPDX-License-Identifier: Apache-2.0
"""What killed runs of older versions left is cleared once they are gone; a project that stands nowhere else stays."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rtl4ml.host import leftovers
from rtl4ml.host.folders import MARKER, PENDING, project_folder


def made(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def siblings(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def run(out: Path) -> None:
    with project_folder(out) as folder:
        made(folder, "new")


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of TensorFlow, so that other processes of this machine count for nothing."""
    path = tmp_path_factory.mktemp("lib") / "library-of-this-test.so"
    path.write_bytes(bytes(4096))
    monkeypatch.setattr(leftovers, "_LIBRARY", str(path).encode())
    monkeypatch.setattr(leftovers, "_QUIET", 0)
    return path


@contextmanager
def process(library: Path) -> Iterator[None]:
    """A process that has the library in its memory."""
    code = "import mmap, sys; f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(library)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield
        finally:
            child.kill()


def test_they_are_cleared_once_their_process_no_longer_lives(library: Path, tmp_path: Path) -> None:
    run(tmp_path / "b")
    with process(library):
        made(tmp_path / ".b.00000000.part", "rtl/top.sv", "mem/w.mem", "hls/build_prj.tcl")
        made(tmp_path / ".b.11111111.old", MARKER, "rtl/top.sv")
        made(tmp_path / ".s.22222222.part", f"interval-9/{MARKER}", ".default.33333333.part/rtl/top.sv")
        run(tmp_path / "b")
        assert siblings(tmp_path) == [
            ".b.00000000.part", ".b.11111111.old", ".s.22222222.part", "b"
        ]  # fmt: skip
    time.sleep(3 * leftovers._EXACT)
    with process(library):  # a later one, which cannot have made them
        run(tmp_path / "b")
    assert siblings(tmp_path) == ["b"]
    assert siblings(tmp_path / "b") == [MARKER, "new"]


def test_what_stands_nowhere_else_is_put_back(library: Path, tmp_path: Path) -> None:
    """A run of two renames was killed between them: nothing was left under the name itself."""
    made(tmp_path / ".b.00000000.part", MARKER, "rtl/top.sv")
    made(tmp_path / ".b.00000000.old", MARKER, "rtl/first.sv")
    made(tmp_path / ".c.11111111.old", MARKER, "rtl/other.sv")
    with pytest.raises(ZeroDivisionError), project_folder(tmp_path / "b"):
        raise ZeroDivisionError
    assert siblings(tmp_path) == [".c.11111111.old", "b"]
    assert siblings(tmp_path / "b" / "rtl") == ["first.sv"]


def test_nothing_else_is_touched(library: Path, tmp_path: Path) -> None:
    made(tmp_path / ".b.00000000.part", "rtl/top.sv", "thesis.tex")
    made(tmp_path / ".b.11111111.part", PENDING, "b/rtl/top.sv")
    made(tmp_path / ".b.2222.old", MARKER)
    made(tmp_path / ".b.33333333.old", "report.txt")
    (tmp_path / ".b.44444444.part").symlink_to(made(tmp_path / "elsewhere", MARKER), target_is_directory=True)
    leftovers.clear(tmp_path, MARKER)
    leftovers.repair(tmp_path / "b", MARKER)
    assert len(siblings(tmp_path)) == 6 and siblings(tmp_path / "elsewhere") == [MARKER]


def test_what_has_just_changed_is_left(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be another machine's, whose processes are not seen."""
    made(tmp_path / ".b.00000000.part", "rtl/top.sv")
    monkeypatch.setattr(leftovers, "_QUIET", 5)
    leftovers.clear(tmp_path, MARKER)
    assert siblings(tmp_path) == [".b.00000000.part"]
    monkeypatch.setattr(leftovers, "_QUIET", 0)
    leftovers.clear(tmp_path, MARKER)
    assert siblings(tmp_path) == []
