# SPDX-License-Identifier: Apache-2.0
"""Boards: a folder each, and nothing of any of them in Python or Tcl."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest
import vivado_model
from xdc_lint import lint

from rtl4ml.board import boards, vivado, vivado_reports
from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput

NAMES = boards.names()


def test_the_device_of_the_zcu102_is_that_of_convert() -> None:
    assert boards.board("zcu102").device == ZCU102


def test_the_second_board_has_other_resources() -> None:
    spec = boards.board("kv260")
    assert (spec.device.part, spec.device.capacity, spec.uram) == (
        "xck26-sfvc784-2LV-c",
        {"lut": 117_120, "ff": 234_240, "dsp": 1_248, "bram36": 144},
        64,
    )
    assert spec.leds == ()


@pytest.mark.parametrize("name", NAMES)
def test_the_constraints_are_sound(name: str) -> None:
    spec = boards.board(name)
    ports = [f"led_o[{i}]" for i in range(len(spec.leds))]
    assert lint(spec.constraints.read_text(), spec, ports) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_says_that_it_was_tried(name: str) -> None:
    assert boards.board(name).tried == ()


def test_python_and_tcl_know_no_board() -> None:
    """Strings and names of the code, and the scripts; docstrings may give examples."""
    words = re.compile("|".join([*NAMES, "xczu9", "xck26", "kria"]), re.IGNORECASE)
    found = []
    for name in ("boards", "vivado", "vivado_reports"):
        tree = ast.parse((vivado_model.ROOT / f"src/rtl4ml/board/{name}.py").read_text())
        docs = {ast.get_docstring(n, clean=False) for n in ast.walk(tree) if isinstance(n, DOCUMENTED)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else getattr(node, "id", "")
            if isinstance(text, str) and text not in docs and words.search(text):
                found.append(f"{name}.py: {text}")
    for path in (vivado_model.ROOT / "boards/vivado").rglob("*.tcl"):
        found += [f"{path.name}: {line}" for line in path.read_text().splitlines() if words.search(line)]
    assert not found


DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


@vivado_model.needs_tcl
def test_a_third_board_is_a_folder_alone(tmp_path: Path) -> None:
    folder = shutil.copytree(boards.root() / "kv260", tmp_path / "third")
    (folder / "kv260.xdc").rename(folder / "third.xdc")
    text = (folder / "board.toml").read_text().replace('name = "kv260"', 'name = "third"')
    (folder / "board.toml").write_text(text.replace("*:kv260_som:*", "*:third_board:*"))
    built = vivado_model.project(tmp_path / "p", boards.read(folder), clock_mhz=187.5)
    tool = vivado.find(vivado_model.mock(tmp_path / "bin", MV_PARTS="acme:third_board:part0:1.0"))
    assert tool is not None
    vivado.run(tool, built)
    found = vivado_reports.results(built)
    assert found.board_part == "acme:third_board:part0:1.0"
    assert found.clock_mhz == pytest.approx(187.498, abs=0.001)


@pytest.mark.parametrize("asked", [99.999, 100, 150, 187.5, 214.3, 249.9975, 250, 300])
def test_rates_that_the_pll_gives(asked: float) -> None:
    clock = boards.board("zcu102").clock
    rate = clock.rate(asked)
    assert abs(rate - asked) <= 0.001 * asked and (clock.source_mhz / rate) % 1 in (
        pytest.approx(0, abs=1e-9),
        pytest.approx(1, abs=1e-9),
    )


@pytest.mark.parametrize(
    ("asked", "near"),
    [(200, "166.665, 187.4981 or 214.2836"), (1000, "249.9975, 299.997 or 374.9962")],
)
def test_other_rates_are_refused(asked: float, near: str) -> None:
    with pytest.raises(BadInput) as error:
        boards.board("zcu102").clock.rate(asked)
    assert str(error.value) == (
        f"clock: must be 1499.985 MHz divided by a whole number from 4 to 63, not {asked}; take {near}"
    )


def test_an_unknown_board() -> None:
    with pytest.raises(BadInput) as error:
        boards.board("zcu104")
    assert str(error.value) == (
        "board: must be one of kv260, ulx3s, zcu102, not 'zcu104'; take one of these or write boards/<name>/board.toml"
    )


BAD = [
    ("lut = 274080", 'lut = "many"', "zcu102/board.toml: device: lut must be of type int, not 'many'; mend the file"),
    ("dsp = 2520\n", "", "zcu102/board.toml: device: dsp must be of type int, not missing; mend the file"),
    (
        "uram = 0",
        "uram = 0\nhbm = 1",
        "zcu102/board.toml: device: must hold bram36, dram_gbps, dsp, ff, lut, name, part, uram alone, not hbm; "
        "take it out",
    ),
    (
        'name = "zcu102"',
        'name = "zcu103"',
        "zcu102/board.toml: name must be the folder's, zcu102, not zcu103; mend the file",
    ),
    ("[4, 63]", "[63, 4]", "zcu102/board.toml: divisors must rise from 1, not (63, 4); mend the file"),
    ('"AG14", ', "", "zcu102/board.toml: pins of LEDs must be three or none, not 2; mend the file"),
    (
        '"AF13"',
        '"AG14"',
        "zcu102/board.toml: pins of LEDs must differ, not ('AG14', 'AG14', 'AE13'); mend the file",
    ),
    ("bits = 128", "bits = 64", "zcu102/board.toml: bits of the data port must be 128, not 64; mend the file"),
    (
        "range = 0x1000\n",
        "range = 0x1800\n",
        "zcu102/board.toml: range of Data must be a power of two from 4096, not 0x1800; mend the file",
    ),
    (
        "offset = 0xA000_0000",
        "offset = 0xA000_0800",
        "zcu102/board.toml: offset of Data must be aligned, not 0xa0000800; mend the file",
    ),
    (
        "offset = 0x8_0000_0000",
        "offset = 0x0",
        "zcu102/board.toml: memory must not overlap SAXIGP2/HP0_DDR_LOW, not SAXIGP2/HP0_DDR_HIGH; mend the file",
    ),
    (
        "address_bits = 40",
        "address_bits = 32",
        "zcu102/board.toml: SAXIGP2/HP0_DDR_HIGH must end within the address, not 0x880000000; mend the file",
    ),
    (
        'tried = []',
        'tried = [2023.2]',
        "zcu102/board.toml: tried must hold values of type str, not 2023.2; mend the file",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "text"), BAD, ids=[b[1] or b[0] for b in BAD])
def test_a_board_that_contradicts_itself(tmp_path: Path, old: str, new: str, text: str) -> None:
    folder = shutil.copytree(boards.root() / "zcu102", tmp_path / "zcu102")
    path = folder / "board.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadInput) as error:
        boards.read(folder)
    assert str(error.value) == text


def test_a_damaged_board_file(tmp_path: Path) -> None:
    folder = shutil.copytree(boards.root() / "zcu102", tmp_path / "zcu102")
    (folder / "board.toml").write_text("name = \n")
    with pytest.raises(
        BadInput, match=r"^zcu102/board\.toml: must be a TOML file that can be read, not one with"
    ):
        boards.read(folder)


def test_constraints_that_are_missing(tmp_path: Path) -> None:
    folder = shutil.copytree(boards.root() / "zcu102", tmp_path / "zcu102")
    (folder / "zcu102.xdc").unlink()
    with pytest.raises(BadInput) as error:
        boards.read(folder)
    assert str(error.value) == "zcu102/board.toml: zcu102.xdc must lie beside it, not missing; mend the file"
