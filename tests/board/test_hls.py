# SPDX-License-Identifier: Apache-2.0
"""The second road: its C simulation writes the RTL shell's bytes; its scripts run in a model of Vitis HLS."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vivado_model
from contract import randomize

import rtl4ml
from rtl4ml.board import hls
from rtl4ml.board.accelerator import Board
from rtl4ml.errors import BadInput, HlsCannot, SimulationFailed
from rtl4ml.host import frameworks

BANDS = 5
W = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}
COUNTS = {"dtype": "uint16", "scale_log2": 10}


def pixels() -> Any:
    """A network of single pixels of 5 bands, which are all of one beat; three classes."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    return frameworks.keras().Sequential(
        [layers.Input((BANDS,)), q.QActivation("quantized_bits(6,1,alpha=1)"), q.QDense(3, **W)]
    )


def images() -> Any:
    """A network of images of 3 x 11 pixels of 2 bands to a channel."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    return frameworks.keras().Sequential(
        [
            layers.Input((3, 11, 2)),
            q.QActivation("quantized_relu(8,0)"),
            q.QConv2D(1, 3, padding="same", **W),
        ]
    )


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """The design of a model with a head, in a folder of its own."""

    def make(model: Any, **options: Any) -> Any:
        live = randomize(model, np.random.default_rng(4))
        return rtl4ml.convert(live, out=tmp_path_factory.mktemp("d") / "p", **options)

    return make


@pytest.fixture(scope="module")
def classes(design: Callable[..., Any]) -> Any:
    return design(pixels(), output="argmax")


@pytest.fixture(scope="module")
def values(design: Callable[..., Any]) -> Any:
    return design(pixels())


@pytest.fixture(scope="module")
def made(classes: Any) -> Board:
    """With a folder that was checked when it was written: BIP, BIL and BSQ, a power of two."""
    found: Board = classes.board(COUNTS, hls=True)
    return found


def compares(board: Board, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    """Other cubes than the self-test's, wider than a tile of columns, in every layout."""
    dtype = np.dtype(board.meaning.counts.dtype)
    cube = rng.integers(0, 256**dtype.itemsize, shape).astype(dtype)
    for layout in ("bip", "bil", "bsq") if board.shell.banded else ("bip",):
        run = board.csim(cube, layout)
        assert run.mismatches == 0
        np.testing.assert_array_equal(run.result, board.meaning.result(cube))


# ------------------------------------------------------------------------------------------ the numbers
# A board that is made with `hls=True` has had the self-test, in every layout, and all counts of every band compared.


def test_classes_of_a_scale_of_a_power_of_two(made: Board, rng: np.random.Generator) -> None:
    assert (made.shell.result, made.integers.module) == ("map", "r4_requant")
    compares(made, rng, (2, 131, BANDS))


def test_values_of_a_mean_and_a_deviation_a_band(values: Any, rng: np.random.Generator) -> None:
    entry = {
        "dtype": "uint16",
        "mean": list(rng.uniform(9e3, 3e4, BANDS)),
        "std": list(rng.uniform(2e3, 2e4, BANDS)),
    }
    board = values.board(entry, layout="bip", hls=True)
    assert (board.shell.result, board.integers.module) == ("raw", "r4_counts")
    assert board.interface["output"]["dtype"] == "int16"


def test_thresholds_of_bands_that_rise_and_of_bands_that_fall(values: Any, rng: np.random.Generator) -> None:
    steps = np.sort(rng.uniform(-2, 2, (BANDS, 256)).astype(np.float32))
    steps[1::2] = steps[1::2, ::-1]
    board = values.board({"dtype": "uint8", "table": steps.tolist()}, hls=True)
    assert board.integers.module == "r4_threshold"
    assert board.integers.falls.tolist() == [False, True, False, True, False]


@pytest.fixture(scope="module")
def masks(design: Callable[..., Any]) -> Board:
    made = design(images(), output="mask", threshold=0.1).board({"dtype": "uint8", "scale_log2": 8}, hls=True)
    assert isinstance(made, Board)
    return made


def test_masks_of_images(masks: Board) -> None:
    assert (masks.shell.result, masks.shell.frame_bytes) == ("mask", 6)


@pytest.mark.gate
def test_other_images(masks: Board, rng: np.random.Generator) -> None:
    compares(masks, rng, (9, 11, 2))


@pytest.mark.gate
def test_other_values(values: Any, rng: np.random.Generator) -> None:
    board = values.board(COUNTS, hls=True)
    compares(board, rng, (2, 67, BANDS))
    assert board.csim(np.zeros((1, 1, BANDS), np.uint16)).result.shape == (1, 1, 3)


@pytest.mark.gate
def test_the_student_of_salinas(tmp_path: Path) -> None:
    student = Path(__file__).resolve().parents[2] / "models/salinas_1dcnn.keras"
    board = rtl4ml.convert(student, out=tmp_path / "p", output="argmax", target_interval=204).board(hls=True)
    rng = np.random.default_rng(0)
    counts = np.load(board.folder / "selftest/counts.npy")
    cube = rng.permutation(counts.reshape(-1, 204)).reshape(counts.shape[1], counts.shape[0], 204)
    assert board.csim(cube, "bil").mismatches == 0


# ------------------------------------------------------------------------------------------ its faults

BYTES = "r4_hls: the C simulation must write the bytes of the self-test, not end with 'r4_hls_test: {}: "
FAULTS = [
    ("halves rounded up", "+ ((r4_wide(1) << (R4_SHIFT - 1)) - 1) + odd", "+ (r4_wide(1) << (R4_SHIFT - 1))",
     "r4_hls: count 32 of band 0 must become 0 in the C simulation, not 1; report it with the model"),
    ("not clipped", "return v > r4_wide(R4_HI) ? r4_wide(R4_HI) : v;", "return v;", BYTES.format("bip")),
    ("rows of BIL too short", "bil ? r4_size(columns) * R4_BANDS", "bil ? r4_size(columns)", BYTES.format("bil")),
    ("bands of BSQ next to each other", ": r4_size(columns) * rows)", ": r4_size(columns))", BYTES.format("bsq")),
]  # fmt: skip


@pytest.mark.gate
@pytest.mark.parametrize(("old", "new", "found"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_wrong_byte_is_found(made: Board, tmp_path: Path, old: str, new: str, found: str) -> None:
    folder = shutil.copytree(made.folder / "hls", tmp_path / "hls")
    text = (folder / hls.WRAPPER).read_text()
    assert text.count(old) == 1
    (folder / hls.WRAPPER).write_text(text.replace(old, new))
    assert made.hls is not None
    with pytest.raises(SimulationFailed) as error:
        made.hls.check(folder, made.folder / "selftest")
    rest = str(error.value).removeprefix(found)
    assert not rest or re.fullmatch(r"[1-9]\d* of 259 bytes differ'; report it with the model", rest)


def test_lengths_that_are_not_refused_are_found(made: Board, tmp_path: Path) -> None:
    folder = shutil.copytree(made.folder / "hls", tmp_path / "hls")
    text = (folder / hls.WRAPPER).read_text()
    (folder / hls.WRAPPER).write_text(text.replace("rows == 0 || ", ""))
    assert made.hls is not None
    with pytest.raises(
        SimulationFailed, match=r"not end with 'r4_hls_test: 1 jobs that must be refused were not'"
    ):
        made.hls.check(folder, made.folder / "selftest")


# ------------------------------------------------------------------------------------------ the folder


def test_the_folder_is_whole_and_says_what_has_not_run(made: Board) -> None:
    folder = made.folder / "hls"
    text = (folder / "README.md").read_text()
    assert "No Vitis HLS and no Vivado has run this folder, and no board." in text
    assert "from counts in each of BIP, BIL, BSQ" in text
    assert "No block design with this IP, and so no bitstream of this road" in text
    for name in re.findall(r"^\| `(\S+?)`", text, re.MULTILINE):
        assert (folder / name).exists(), name
    assert "| `hls/` |" in (made.folder / "README.md").read_text()
    assert not [p for p in folder.rglob("*.h") if str(made.folder) in p.read_text(errors="replace")]
    conf = (folder / hls.CONF).read_text()
    assert "part xczu9eg-ffvb1156-2-e\nclock_ns 4.00004\n" in conf
    for path in re.findall(r"^(?:source|test) (.*)$", conf, re.MULTILINE):
        assert (folder / path).exists(), path


def test_an_earlier_board_stays_where_the_simulation_fails(
    made: Board, classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.stat().st_mtime_ns for p in made.folder.rglob("*")}

    def fails(*_: Any) -> None:
        raise SimulationFailed("r4_hls: no")

    monkeypatch.setattr(hls.HlsRoad, "check", fails)
    with pytest.raises(SimulationFailed, match=r"^r4_hls: no$"):
        classes.board(COUNTS, hls=True)
    assert {p: p.stat().st_mtime_ns for p in made.folder.rglob("*")} == before


def test_a_board_without_it_has_no_such_folder(values: Any) -> None:
    board = values.board(COUNTS)
    assert not (board.folder / "hls").exists() and "`hls/`" not in (board.folder / "README.md").read_text()
    with pytest.raises(BadInput) as error:
        board.csim(np.zeros((1, 1, BANDS), np.uint16))
    assert str(error.value) == "hls: must be asked for when the board is made, not left out; give hls=True"


def test_what_hls4ml_cannot_hold_is_refused_by_name(classes: Any, made: Board) -> None:
    refused = replace(classes, hls_project=HlsCannot("pool: hls4ml 1.3 cannot hold it"))
    before = sorted(made.folder.rglob("*"))
    with pytest.raises(HlsCannot) as error:
        refused.board(COUNTS, hls=True)
    assert str(error.value) == "pool: hls4ml 1.3 cannot hold it; leave hls out, the RTL road holds it"
    assert error.value.worded(lambda name, _: f"--{name}").endswith(
        "; leave --hls out, the RTL road holds it"
    )
    assert sorted(made.folder.rglob("*")) == before


# ------------------------------------------------------------------------------------------ the scripts of it


def vitis(folder: Path, *flags: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The model of Vitis HLS on build.tcl of a folder."""
    model = vivado_model.BOARD_TESTS / "mock_vivado.py"
    command = [sys.executable, "-I", "-S", str(model), *(flags or ("-f",)), str(folder / "build.tcl")]
    return subprocess.run(command, env=settings, capture_output=True, text=True, check=False)


@pytest.fixture
def scripts(made: Board, tmp_path: Path) -> Path:
    """A copy of the folder with what it needs beside it."""
    shutil.copytree(made.folder / "selftest", tmp_path / "selftest")
    return shutil.copytree(made.folder / "hls", tmp_path / "hls", symlinks=True)


@vivado_model.needs_tcl
@pytest.mark.parametrize("flags", [("-f",), ("--mode", "hls", "--tcl")], ids=["vitis_hls", "vitis-run"])
def test_the_scripts_make_the_ip(scripts: Path, flags: tuple[str, ...]) -> None:
    log = scripts.parent / "log"
    done = vitis(scripts, *flags, MH_LOG=str(log))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"r4: {step} begins" for step in hls.STEPS]
    assert (scripts / "work/solution1/impl/ip/component.xml").is_file()
    firmware = re.findall(r"source (firmware/\S+)", (scripts / hls.CONF).read_text())
    assert log.read_text().splitlines() == [
        "open_project -reset work",
        "set_top r4_hls",
        "add_files r4_hls.cpp -cflags -std=c++11",
        f"add_files {firmware[0]} -cflags -std=c++11",
        "add_files -tb r4_hls_test.cpp -cflags -std=c++11",
        "add_files -tb firmware/weights",
        *(f"add_files -tb ../selftest/{n}.bin" for n in ("counts_bip", "counts_bil", "counts_bsq", "result")),
        "open_solution -reset solution1",
        "set_part xczu9eg-ffvb1156-2-e",
        "create_clock -period 4.00004 -name default",
        "config_compile -name_max_length 80",
        "csim_design",
        "csynth_design",
        "export_design -format ip_catalog -vendor xilinx.com -library hls -version 1.0",
    ]


SCRIPT_FAULTS = [
    ("an unknown command", "build.tcl", "set_part [one part]", "set_device [one part]", 1, "invalid command name"),
    ("an unknown option", "build.tcl", "csynth_design }", "csynth_design -fast }", 1, "Unknown option '-fast'"),
    ("no part", "build.tcl", "  set_part [one part]\n", "", 1, "There is no part"),
    ("a part that is not installed", "hls.conf", "part xczu9eg", "part xczu8eg", 1, "is not installed"),
    ("no top", "hls.conf", "top r4_hls", "top r4_top", 1, "Cannot find the top function 'r4_top'"),
    ("export before synthesis", "hls.conf", "step csynth\n", "", 1, "must be synthesized before its export"),
    ("a step that there is not", "hls.conf", "step csim", "step cosim", 2,
     "r4: hls.conf: step must be csim, csynth or export, not cosim; mend it"),
    ("a file that is missing", "hls.conf", "source r4_hls.cpp", "source r4.cpp", 2,
     "r4: r4.cpp: must be there, not missing; copy the whole folder of the board"),
    ("a key twice", "hls.conf", "top r4_hls", "top r4_hls\ntop r4_hls", 2,
     "r4: hls.conf: must give 'top' once, not 2 times; make it anew"),
    ("a line without a value", "hls.conf", "top r4_hls", "top", 2,
     "r4: hls.conf: lines must be a key and a value, not 'top'; make it anew"),
    ("no weights for the C simulation", "hls.conf", "test firmware/weights\n", "", 1, "weights is not there"),
    ("an interface of no argument", "r4_hls.cpp", "m_axi port=counts", "m_axi port=count", 1, "is no argument"),
    ("an argument left out", "r4_hls.cpp", "    #pragma HLS INTERFACE s_axilite port=rows\n", "", 1,
     "'rows' is not in s_axi_control"),
    ("no address", "r4_hls.cpp", "bundle=result offset=slave", "bundle=result", 1, "'result' has no offset"),
]  # fmt: skip


@vivado_model.needs_tcl
@pytest.mark.parametrize(
    ("file", "old", "new", "status", "found"),
    [f[1:] for f in SCRIPT_FAULTS],
    ids=[f[0] for f in SCRIPT_FAULTS],
)
def test_faults_of_the_scripts_are_found(
    scripts: Path, file: str, old: str, new: str, status: int, found: str
) -> None:
    text = (scripts / file).read_text()
    assert text.count(old) == 1
    (scripts / file).write_text(text.replace(old, new))
    done = vitis(scripts)
    assert done.returncode == status and found in done.stderr and len(done.stderr.splitlines()) == 1
    if status == 2:
        assert done.stderr == f"{found}\n"


@vivado_model.needs_tcl
def test_a_wrong_byte_and_an_ip_that_is_not_there_end_the_scripts(scripts: Path) -> None:
    done = vitis(scripts, MH_CSIM="1")
    assert (done.returncode, done.stderr) == (1, "r4: ERROR: [HLS 211-100] CSim failed with status 1\n")
    done = vitis(scripts, MH_SILENT="1")
    assert done.returncode == 1 and done.stderr == (
        "r4: export: must leave work/solution1/impl/ip/component.xml, not nothing; see vitis_hls.log\n"
    )
    (scripts / hls.CONF).unlink()
    done = vitis(scripts)
    assert done.returncode == 2 and done.stderr == (
        "r4: hls.conf: must be beside build.tcl, not missing; copy the whole folder\n"
    )
