# SPDX-License-Identifier: Apache-2.0
"""Files of samples: what np.save and np.savez write is read, what claims or hides something is one line."""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from rtl4ml.data import samples
from rtl4ml.data.samples import read_samples
from rtl4ml.errors import BadData


def header(shape: str, descr: str = "'<f4'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return npy.magic(1, 0) + len(text.encode()).to_bytes(2, "little") + text.encode()


def longer(version: int, of_1: bytes) -> bytes:
    """A header in the form of a later version, whose length has four bytes."""
    text = of_1[10:]
    return npy.magic(version, 0) + len(text).to_bytes(4, "little") + text


def npz(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, content)
    return path


@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2", "u1", "?", "f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_first_samples_of_an_array(dtype: str, order: str, tmp_path: Path) -> None:
    x = np.asarray(np.arange(60).reshape(5, 4, 3) % 7, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "b.npz", y=0, X=x)
    np.savez_compressed(tmp_path / "c.npz", x=x, X=np.zeros(3))
    for name in ("a.npy", "b.npz", "c.npz"):
        for most in (1, 4, 5, 10**12):
            got = read_samples(tmp_path / name, most)
            assert got.dtype == x.dtype
            np.testing.assert_array_equal(got, x[:most])


@pytest.mark.parametrize("version", [2, 3])
def test_the_newer_header(version: int, tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        npy.write_array(file, np.arange(6.0).reshape(2, 3), version=(version, 0))
    np.testing.assert_array_equal(read_samples(tmp_path / "a.npy", 9), [[0, 1, 2], [3, 4, 5]])


def saved(x: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, x, **options)
    return file.getvalue()


WRONG: dict[str, tuple[bytes, str]] = {
    "58 TiB": (
        header("(4000000, 4000000)") + bytes(64),
        "the data must be a .npy or .npz file, not one of 64 bytes whose header says (4000000, 4000000) of float32, "
        "64,000,000,000,000 bytes; check the file",
    ),
    "cut short": (
        saved(np.zeros((4, 4)))[:-8],
        "the data must be a .npy or .npz file, not one of 120 bytes whose header says (4, 4) of float64, 128 bytes; "
        "check the file",
    ),
    "negative": (
        header("(-1, 4)") + bytes(64),
        "the data must be a .npy or .npz file, not one of 64 bytes whose header says (-1, 4) of float32, -16 bytes; "
        "check the file",
    ),
    "no axis": (
        saved(np.array(3.0)),
        "the array must be a batch (N, ...), not one number without an axis; save x[None]",
    ),
    "objects": (
        saved(np.array([None]), allow_pickle=True),
        "the data must be a .npy or .npz file, not an array of dtype object; check the file",
    ),
    "texts": (
        saved(np.array(["a"])),
        "the data must be a .npy or .npz file, not an array of dtype <U1; check the file",
    ),
    "fields": (
        header("(2,)", "[('a', '<f4'), ('b', '<f4')]") + bytes(16),
        "the data must be a .npy or .npz file, not an array of dtype [('a', '<f4'), ('b', '<f4')]; check the file",
    ),
    "of nothing": (
        header("(10,)", "'|V0'"),
        "the data must be a .npy or .npz file, not an array of dtype |V0; check the file",
    ),
    "version 4": (
        npy.magic(4, 0) + header("(2,)")[8:],
        "the data must be a .npy or .npz file, not one of version (4, 0); check the file",
    ),
    "fields in version 3": (
        longer(3, header("(2,)", "[('a', '<f4'), ('b', '<f4')]")) + bytes(16),
        "the data must be a .npy or .npz file, not an array of dtype [('a', '<f4'), ('b', '<f4')]; check the file",
    ),
    "a header of 4 GB": (
        npy.magic(2, 0) + b"\xff" * 4 + b" " * 20000,
        "the data must be a .npy or .npz file, not one with a header of 4,294,967,295 bytes; check the file",
    ),
    "a header that is cut": (
        npy.magic(3, 0) + (9000).to_bytes(4, "little") + b" " * 20,
        "the data must be a .npy or .npz file, not EOF: reading array header",
    ),
    "58 TiB in version 3": (
        longer(3, header("(4000000, 4000000)")) + bytes(64),
        "the data must be a .npy or .npz file, not one of 64 bytes whose header says (4000000, 4000000) of float32, "
        "64,000,000,000,000 bytes; check the file",
    ),
    "junk": (b"junk" * 40, "the data must be a .npy or .npz file, not of another format"),
    "nothing": (b"", "the data must be a .npy or .npz file, not empty; check the file"),
    "table": (b"1,2\n3,4\n", "the data must be a .npy or .npz file, not of another format; check the file"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("member", [False, True])
def test_a_wrong_array_is_one_line(case: str, member: bool, tmp_path: Path) -> None:
    """Alone and within an archive, before any memory of the claimed size is asked for."""
    content, text = WRONG[case]
    path = tmp_path / "x.npz"
    if member:
        npz(path, "x.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(BadData, match=f"^{re.escape(f'{path}: {text}')}") as caught:
        read_samples(path, 256)
    error = caught.value
    assert "\n" not in str(error) and (error.__suppress_context__ or error.__context__ is None)


def test_an_archive_that_swells_is_read_no_further_than_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = npz(tmp_path / "x.npz", "x.npy", saved(np.zeros((64, 2**14))))
    assert path.stat().st_size < 2**16
    monkeypatch.setattr(samples, "MOST_BYTES", 2**19)
    assert read_samples(path, 4).shape == (4, 2**14)
    text = f"{path}: the samples must fit 524,288 bytes, not take 655,360; give fewer with --samples"
    with pytest.raises(BadData, match=f"^{re.escape(text)}$"):
        read_samples(path, 5)


def test_a_damaged_archive_is_one_line(tmp_path: Path) -> None:
    path = npz(tmp_path / "x.npz", "x.npy", saved(np.random.default_rng(0).random((40, 40))))
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 97):
        damaged = tmp_path / "y.npz"
        damaged.write_bytes(bytes([*content[:at], content[at] ^ 0x55, *content[at + 1 :]]))
        try:
            assert read_samples(damaged, 256).shape == (40, 40)
        except BadData as error:
            assert str(error).startswith(f"{damaged}: the ")
            assert "\n" not in str(error)


def test_no_file_is_one_line_and_no_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in (
        (tmp_path / "none", "missing"),
        (tmp_path, "a folder or device"),
        (tmp_path / "pipe", "a folder or device"),
        (Path("a\0b"), "embedded null byte"),
    ):
        text = rf"the data must be a \.npy or \.npz file, not {what}; check the file$"
        with pytest.raises(BadData, match=text):
            read_samples(path, 1)


@pytest.mark.timeout(20)
def test_a_file_that_becomes_a_pipe_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "x.npy")
    monkeypatch.setattr(Path, "is_file", lambda _: True)  # as it was a moment ago
    text = (
        f"{tmp_path / 'x.npy'}: the data must be a .npy or .npz file, not a folder or device; check the file"
    )
    with pytest.raises(BadData, match=f"^{re.escape(text)}$"):
        read_samples(tmp_path / "x.npy", 1)
