# SPDX-License-Identifier: Apache-2.0
"""The points of a sweep, as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput
from rtl4ml.sweep.space import Axis, Space, axis, read, space


@pytest.mark.parametrize(
    ("name", "given", "values"),
    [
        ("interval", "204,408", (204, 408)),
        ("interval", "1..5", (1, 2, 3, 4, 5)),
        ("interval", "1..128/8", (1, 2, 4, 8, 16, 32, 64, 128)),
        ("interval", "3..3/1", (3,)),
        ("interval", "1..4/9", (1, 2, 3, 4)),  # equal ones are one
        ("interval", [7, "8..9"], (7, 8, 9)),
        ("lut", "5%..40%/8", (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)),
        ("dsp", "0.5, 1, 2", (0.5, 1.0, 2 / ZCU102.dsp)),  # up to 1 it is a share
        ("dsp", "100%", (1.0,)),
        ("bram36", "456", (0.5,)),
        ("clock_mhz", "100..300/5", (100.0, 150.0, 200.0, 250.0, 300.0)),
        ("weight_bits", "2..8", tuple(range(2, 9))),
        ("reuse_factor", "1..64/7", (1, 2, 4, 8, 16, 32, 64)),
        ("reuse_factor.conv", "3,5", (3, 5)),
        ("skips", "bram,auto", ("bram", "auto")),
    ],
)
def test_axes(name: str, given: Any, values: tuple[Any, ...]) -> None:
    assert axis(name, given) == Axis(name, values)


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        (
            "interval",
            "4,x",
            "sweep: interval must be whole numbers of cycles from 1 up, as in 204,408 or 1..128/8, not "
            "'4,x'; write it so",
        ),
        (
            "weight_bits",
            "1..4",
            "sweep: weight_bits must be whole numbers of bits from 2 to 16, as in 2..8 or 4,6, not '1..4'; write it so",
        ),
        (
            "lut",
            "5%..40%",
            "sweep: lut must be shares above 0 up to 100% or numbers of lut, as in 5%,20% or 5%..40%/8, not '5%..40%'; "
            "write it so",
        ),
        ("lut", "0", "sweep: lut must be shares above 0"),
        ("lut", "101%", "sweep: lut must be shares above 0"),
        ("interval", "8..4", "sweep: interval must be whole numbers"),
        ("interval", "0..4", "sweep: interval must be whole numbers"),
        ("interval", "1..8/0", "sweep: interval must be whole numbers"),
        ("interval", "1..99999999", "sweep: interval must be whole numbers"),
        (
            "clock_mhz",
            "-5",
            "sweep: clock_mhz must be clocks in MHz above 0, as in 100,250 or 100..300/5, not '-5'; write it so",
        ),
        (
            "reuse_factor",
            "0",
            "sweep: reuse_factor must be whole numbers from 1 up, as in 1,4,16 or 1..64/7, not '0'; write it so",
        ),
        (
            "skips",
            "sram",
            "sweep: skips must be of bram, late, dram, auto, with commas between, not 'sram'; write it so",
        ),
        ("width", "4", "sweep: an axis must be one of interval, "),
    ],
)
def test_what_is_no_axis(name: str, given: str, text: str) -> None:
    with pytest.raises(BadInput) as error:
        axis(name, given)
    assert str(error.value).startswith(text)


def test_a_space_is_every_choice_of_its_axes() -> None:
    found = space([("interval", "204,408"), ("weight_bits", "4,6,8")])
    assert found.size == 6
    assert [found.at(k) for k in range(6)] == [
        {"interval": i, "weight_bits": b} for i in (204, 408) for b in (4, 6, 8)
    ]


def test_spaces_that_are_none() -> None:
    with pytest.raises(BadInput, match="must have an axis"):
        space([])
    with pytest.raises(BadInput, match="the axis lut must be given once, not 2 times; join its values"):
        space([("lut", "5%"), ("lut", "6%")])
    with pytest.raises(BadInput, match="at most 1,000,000 points, not 1,002,001"):
        Space((Axis("interval", tuple(range(1, 1002))), Axis("clock_mhz", tuple(range(1, 1002)))))


def test_a_file_has_axes(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text('[axes]\ninterval = "1..4"\nlut = ["5%", "10%"]\n')
    assert space(list(read(path).items())).size == 8
    path.write_text("trials = 4\n[axes]\n")
    with pytest.raises(
        BadInput, match=r"a space must be a table \[axes\] alone, not axes, trials; the rest is options"
    ):
        read(path)
    path.write_text("[axes\n")
    with pytest.raises(BadInput, match="the space must be readable TOML"):
        read(path)
    with pytest.raises(BadInput, match="the space must be a TOML file, not missing; check the path"):
        read(tmp_path / "none.toml")
