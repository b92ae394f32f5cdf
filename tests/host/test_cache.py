# SPDX-License-Identifier: Apache-2.0
"""The cache: entries as they were written or not at all, and nothing that somebody else could have put there."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rtl4ml.device import Resources
from rtl4ml.host import cache
from rtl4ml.host.stamps import seal, sealed
from rtl4ml.synthesis import yosys
from rtl4ml.timing import stepper


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RTL4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_told", set())
    return tmp_path / "cache"


def test_the_folder_is_told_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for own, want in (("~/c", "c"), ("c/d", "c/d"), ("", ".cache/rtl4ml")):
        monkeypatch.setenv("RTL4ML_CACHE", own)
        assert cache.cache_folder() == tmp_path / want
    monkeypatch.setenv("XDG_CACHE_HOME", "~/x")
    assert cache.cache_folder() == tmp_path / "x" / "rtl4ml"


def test_an_entry_comes_back_as_it_was_written(folder: Path) -> None:
    assert cache.read("a/b") is None
    cache.write("a/b", b"1")
    cache.write("a/b", b"\0" * 1000)
    assert cache.read("a/b") == b"\0" * 1000
    cache.write_files("c", {"x.o": b"", "y.o": b"\n"})
    assert cache.read_files("c") == {"x.o": b"", "y.o": b"\n"}
    assert sorted(p.name for p in folder.rglob("*")) == ["a", "b", "c"]
    for path in (folder, folder / "a", folder / "c"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:-1], lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" + b[1:], lambda b: b[:-1] + b"x",
        lambda b: b + b"x", lambda b: b"\0" * len(b),
    ],
)  # fmt: skip
def test_a_damaged_entry_is_none_and_made_again(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    cache.write("a", b"content")
    (folder / "a").write_bytes(damage((folder / "a").read_bytes()))
    assert cache.read("a") is None
    cache.write("a", b"content")
    assert cache.read("a") == b"content"


def test_an_entry_under_another_name_is_none(folder: Path) -> None:
    cache.write("a", b"content")
    (folder / "a").rename(folder / "b")
    assert cache.read("b") is None


@pytest.mark.parametrize("what", ["cache", "cache/a", "cache/a/b"])
@pytest.mark.parametrize("right", [stat.S_IWGRP, stat.S_IWOTH])
def test_what_others_can_write_is_not_trusted(
    what: str, right: int, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write("a/b", b"content")
    path = folder.parent / what
    path.chmod(path.stat().st_mode | right)
    assert cache.read("a/b") is None
    assert cache.read("a/b") is None
    name = str(path) if what == "cache" else path.name
    assert [r.getMessage() for r in caplog.records] == [
        f"{str(folder)!r}: going on without this cache, which takes longer: others can write {name!r} "
        "(chmod go-w ends that; first delete what is in it); set RTL4ML_CACHE to another"
    ]


@pytest.mark.parametrize("what", [0, 1])
def test_what_belongs_to_another_user_is_not_trusted(
    what: int, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write("a", b"content")
    real, met = os.fstat, []

    def foreign(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        met.append(descriptor)
        if len(met) == what + 1:
            found[stat.ST_UID] = 4_000_000
        return os.stat_result(found)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", foreign)
        assert cache.read("a") is None
    assert "belongs to another user" in caplog.text
    assert cache.read("a") == b"content"


def test_links_and_pipes_are_no_entries(folder: Path, tmp_path: Path) -> None:
    cache.write("a", b"content")
    (folder / "a").rename(tmp_path / "elsewhere")
    (folder / "a").symlink_to(tmp_path / "elsewhere")
    assert cache.read("a") is None
    os.mkfifo(folder / "pipe")
    assert cache.read("pipe") is None
    cache.write("a", b"mine")
    assert cache.read("a") == b"mine"
    assert (tmp_path / "elsewhere").read_bytes().endswith(b"content")


@pytest.mark.parametrize("place", ["/proc/x", "/dev/null", "~nobody-of-that-name/x", "file/below"])
def test_a_cache_that_cannot_be_used_costs_one_line(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTL4ML_CACHE", place)
    monkeypatch.setattr(cache, "_told", set())
    for _ in range(2):
        cache.write("a/b", b"1")
        assert cache.read("a/b") is None
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "\n" not in caplog.records[0].getMessage()
    assert re.match(
        r"^'.+': going on without this cache, which takes longer: .+; set RTL4ML_CACHE to another$",
        caplog.messages[0],
    )


def test_an_entry_is_synced_before_it_gets_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real, **k: (done.append(_n), _r(*a, **k))[1])
    cache.write("a", b"1")
    assert done == ["fsync", "replace", "fsync"]


def test_a_write_that_fails_leaves_the_earlier_entry(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("a", b"1")

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        cache.write("a", b"2")
    assert [p.name for p in folder.iterdir()] == ["a"]
    assert cache.read("a") == b"1"


def test_half_written_files_of_killed_runs_are_cleared(folder: Path) -> None:
    cache.write("a", b"1")
    old, new = folder / ".0.part", folder / ".1.part"
    old.touch(), new.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    cache.write("a", b"2")
    assert sorted(p.name for p in folder.iterdir()) == [".1.part", "a"]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 3], lambda b: b[:-5000] + b"\xff" * 5000])
def test_a_damaged_stepper_is_compiled_again(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    plain = stepper._compiled.__wrapped__
    plain()
    (entry,) = folder.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    assert isinstance(plain(), ctypes.CDLL)
    assert cache.read(entry.name) is not None


def test_the_stepper_is_compiled_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = stepper._compiled.__wrapped__
    plain()
    monkeypatch.setattr(stepper.processes, "run", lambda *a, **k: pytest.fail("compiled again"))
    plain()


UNIT = yosys.Unit("u_fifo", "", "r4_fifo", {"Width": 8, "Depth": 4})


@pytest.mark.parametrize(
    "kept",
    [
        b"{}", b"-5", b"NaN", b'"abc"', b"", b"[1, 2, 3, 4]", b"\xff",
        b'{"lut": NaN, "ff": 1, "dsp": 0, "bram36": 0}', b'{"lut": -5, "ff": 1, "dsp": 0, "bram36": 0}',
        b'{"lut": "abc", "ff": 1, "dsp": 0, "bram36": 0}', b'{"lut": true, "ff": 1, "dsp": 0, "bram36": 0}',
        b'{"lut": 1, "ff": 1, "dsp": 0}', b'{"lut": 1, "ff": 1, "dsp": 0, "bram36": 0, "x": 0}',
        b'{"lut": 1.5, "ff": 1, "dsp": 0, "bram36": 0}', b'{"lut": 1, "ff": 1, "dsp": 0, "bram36": 0.25}',
        b'{"lut": 1e999, "ff": 1, "dsp": 0, "bram36": 0}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("written", [True, False])
def test_counts_that_are_none_are_made_again(
    kept: bytes, written: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a run of ours wrote them or they were put there."""
    found = Resources(7, 8, 0, 0.5)
    name = f"yosys/{UNIT.key}"
    cache.write(name, kept)
    if not written:
        (folder / name).write_bytes(kept)
    monkeypatch.setattr(yosys, "count", lambda unit: found)
    assert yosys.synthesize([UNIT]) == [found]
    monkeypatch.setattr(yosys, "count", lambda unit: pytest.fail("counted again"))
    assert yosys.synthesize([UNIT]) == [found]


def test_a_build_is_sealed_with_its_products(tmp_path: Path) -> None:
    stamp, product = tmp_path / "built.key", tmp_path / "program"
    assert not sealed(stamp, "k", [product])
    product.write_bytes(b"program")
    seal(stamp, "k", [product])
    assert sealed(stamp, "k", [product])
    assert not sealed(stamp, "other", [product])
    for damaged in (b"prog", b"progrAm", b""):
        product.write_bytes(damaged)
        assert not sealed(stamp, "k", [product])
    product.unlink()
    assert not sealed(stamp, "k", [product])
