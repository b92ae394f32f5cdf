# SPDX-License-Identifier: Apache-2.0
"""Paths that the system refuses to look at, and shapes that are no numbers: one line, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

import rtl4ml
from rtl4ml.data.samples import read_samples
from rtl4ml.errors import BadData, BadInput, BadModel
from rtl4ml.host.tools import absolute


def test_a_model_whose_name_is_too_long_does_not_exist() -> None:
    with pytest.raises(BadModel, match=r"not a path that does not exist; check the name$"):
        rtl4ml.convert("m" * 300 + ".keras")


def test_an_output_folder_with_half_a_character_is_refused() -> None:
    with pytest.raises(
        BadInput, match=r"must be a path that leads to a folder, not .*; choose another$"
    ) as error:
        absolute("\ud800")
    str(error.value).encode()  # can be printed


def test_a_shape_of_truth_values_is_refused(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, True)}".ljust(117) + b"\n"
    path = tmp_path / "x.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64))
    with pytest.raises(BadData, match=r"whose header says \(2, True\) of float32, 8 bytes; check the file$"):
        read_samples(path, 10)
