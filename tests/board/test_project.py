# SPDX-License-Identifier: Apache-2.0
"""The folder of a board: whole, checked, of the design's own numbers; what does not fit together is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import board_nets
import jsonschema
import numpy as np
import pytest
from contract import randomize

import rtl4ml
from rtl4ml.board import accelerator, boards, project, record, vivado
from rtl4ml.board.accelerator import Board
from rtl4ml.board.counts import Counts
from rtl4ml.board.vivado_reports import Instance, Power, Results, Timing, Utilization
from rtl4ml.cli.options import option_of
from rtl4ml.device import Resources
from rtl4ml.errors import BadInput, OverBudget, SimulationFailed
from rtl4ml.host import identity
from rtl4ml.report import page

BANDS = board_nets.BANDS


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A design of a file, with a training's result beside it."""
    folder = tmp_path_factory.mktemp("classes")
    model = randomize(board_nets.pixels(), np.random.default_rng(3))
    model.save(folder / "m.keras")
    (folder / "m.json").write_text('{"input": {"counts": {"dtype": "uint16", "scale_log2": 10}}}')
    return rtl4ml.convert(folder / "m.keras", out=folder / "p", output="argmax")


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    model = randomize(board_nets.images(), np.random.default_rng(4))
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("masks") / "p", output="mask", threshold=0.1)


@pytest.fixture(scope="module")
def plain(classes: Any) -> Board:
    made: Board = classes.board()
    return made


def test_a_saved_design_gives_the_same_board(plain: Board, classes: Any, tmp_path: Path) -> None:
    """Every file of it, and the driver's result; only what counts mean is not in the design's folder."""
    shutil.copytree(classes.folder, tmp_path / "p", ignore=shutil.ignore_patterns("board*"))
    saved = rtl4ml.load(tmp_path / "p")
    with pytest.raises(
        BadInput,
        match=r"^the model: the normalization of its counts must lie beside it, as rtl4ml train writes it, or be given,"
        r" not lack; give scale_log2=13 or counts='FILE\.json'$",
    ):
        saved.board()
    made: Board = saved.board(scale_log2=10)
    there = {p.relative_to(plain.folder): p.read_bytes() for p in plain.folder.rglob("*") if p.is_file()}
    assert there == {
        p.relative_to(made.folder): p.read_bytes() for p in made.folder.rglob("*") if p.is_file()
    }
    assert saved.report()["board"] == classes.report()["board"]


def test_a_model_of_a_training_needs_no_options(plain: Board, classes: Any) -> None:
    assert plain.folder == classes.folder / "board"
    assert repr(plain) == f"<Board zcu102: map, {plain.folder}>"
    assert (plain.meaning.counts.entry(), plain.integers.module) == (
        {"dtype": "uint16", "scale_log2": 10},
        "r4_requant",
    )
    for name in (
        "README.md",
        "interface.json",
        "vivado/build.tcl",
        "vivado/project.conf",
        "vivado/zcu102.xdc",
    ):
        assert (plain.folder / name).is_file(), name
    for name in (
        "r4.py",
        "r4.c",
        "r4.h",
        "r4_uio.c",
        "r4_uio.h",
        "r4_main.c",
        "Makefile",
        "r4_regs.h",
        "r4_design.h",
        "interface.json",
        "overlay.dts",
        "load.sh",
    ):
        assert (plain.folder / "host" / name).is_file(), name
    assert not list(plain.folder.rglob("*.j2"))
    for text in (
        p.read_text() for p in plain.folder.rglob("*") if p.suffix in {".md", ".dts", ".h", ".conf"}
    ):
        assert "{{" not in text and str(classes.folder) not in text


def test_the_design_s_own_files_are_in_it(plain: Board, classes: Any) -> None:
    for name, sha in classes.identity.files.items():
        if name.startswith(("rtl/", "mem/")):
            assert hashlib.sha256((plain.folder / name).read_bytes()).hexdigest() == sha
    classes._check_folder()  # the board is beside the design, not of it


def test_vivado_is_told_of_every_file(plain: Board) -> None:
    conf = vivado.read_conf(plain.folder / "vivado/project.conf")
    for key, place in (("source", "rtl"), ("image", "mem")):
        assert {Path(p).name for p in conf.get(key, [])} == {p.name for p in (plain.folder / place).iterdir()}
        assert all((plain.folder / "vivado" / p).is_file() for p in conf.get(key, []))
    assert conf["module"] == ["r4_board_bd"]


def test_the_interface_says_what_the_driver_asks(
    plain: Board, classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(plain.folder / "host"))
    import r4_interface

    found = r4_interface.Interface.read(plain.folder / "host")
    assert (found.bands, found.count_dtype, found.kind, found.frame_bytes) == (BANDS, np.uint16, "map", 1)
    assert (found.frame_rows, found.frame_columns, found.banded, found.data_bytes) == (1, 1, True, 16)
    assert found.clock_mhz == pytest.approx(249.9975)
    words = b"".join(w.to_bytes(4, "little") for w in found.signature)
    assert words.hex() == classes.identity.design[:32] == plain.shell.signature
    content = json.loads((plain.folder / "interface.json").read_text())
    assert content == json.loads((plain.folder / "host/interface.json").read_text()) == plain.interface
    assert content["s_axis"]["type"] == {
        "name": "s6.4",
        "signed": True,
        "bits": 6,
        "integer_bits": 1,
        "fraction_bits": 4,
        "step": 0.0625,
        "lo": -32,
        "hi": 31,
    }
    streams = json.loads((classes.folder / "interface.json").read_text())
    assert streams["s_axis"] == content["s_axis"] and streams["m_axis"] == content["m_axis"]
    assert streams["m_axis"]["dtype"] == "uint8"


def test_the_header_holds_the_same_values(plain: Board) -> None:
    text = (plain.folder / "host/r4_design.h").read_text()
    values = dict(re.findall(r"\.(\w+) = (\w+),", text))
    assert values == {
        "bands": "12",
        "count_bytes": "2",
        "frame_rows": "1",
        "frame_columns": "1",
        "frame_bytes": "1",
        "kind": "R4_MAP",
        "banded": "1",
        "data_bytes": "16",
        "clock_khz": "249998",
        "spill_bytes": "0",
    }
    signature = bytes.fromhex(plain.shell.signature)
    assert f"0x{int.from_bytes(signature[:4], 'little'):08X}u" in text


def test_the_self_test_is_the_emulation_of_the_training_s_float32(plain: Board, classes: Any) -> None:
    folder = plain.folder / "selftest"
    counts, result = np.load(folder / "counts.npy"), np.load(folder / "result.npy")
    assert counts.shape == (7, 37, BANDS) and counts.dtype == np.uint16 and result.shape == (7, 37)
    x = (counts / 2**10).astype(np.float32).reshape(-1, BANDS, 1)
    np.testing.assert_array_equal(result.reshape(-1), classes.emulate(x).reshape(-1))
    assert len(np.unique(result)) > 1
    np.testing.assert_array_equal(np.load(plain.folder / "host/selftest_counts.npy"), counts)
    np.testing.assert_array_equal(np.load(plain.folder / "host/selftest_result.npy"), result)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["files"]) == {p.name for p in folder.iterdir()} - {"manifest.json"}
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    raw = {n: np.fromfile(folder / f"counts_{n}.bin", "<u2") for n in ("bip", "bil", "bsq")}
    np.testing.assert_array_equal(raw["bil"].reshape(7, BANDS, 37).transpose(0, 2, 1), counts)
    np.testing.assert_array_equal(raw["bsq"].reshape(BANDS, 7, 37).transpose(1, 2, 0), counts)
    assert (folder / "result.bin").read_bytes() == result.tobytes()


def test_the_page_says_what_to_do_and_that_nothing_ran(plain: Board) -> None:
    text = (plain.folder / "README.md").read_text()
    assert "Nothing here was run through Vivado or on a board." in text
    assert "cd vivado && vivado -mode batch -source build.tcl" in text
    assert "12 bands, laid out as BIP, BIL, BSQ" in text and "a pixel every 12 cycles" in text


def test_a_mean_and_a_deviation_a_band_have_a_memory(classes: Any, plain: Board) -> None:
    rng = np.random.default_rng(2)
    entry = {
        "dtype": "uint16",
        "mean": list(rng.uniform(900, 5000, BANDS)),
        "std": list(rng.uniform(200, 900, BANDS)),
    }
    made = classes.board(entry, layout="bip")
    assert made.integers.module == "r4_counts" and not made.shell.banded
    image = (made.folder / "mem/r4_board_init_file.mem").read_text().split()
    assert [int(w, 16) for w in image] == list(made.integers.image(1).words)
    assert "r4_turn.sv" not in {p.name for p in (made.folder / "rtl").iterdir()}
    assert made.interface["input"]["layouts"] == ["bip"]
    assert not (made.folder / "selftest/counts_bil.bin").exists()
    classes.board()  # the folder of the other tests


def test_the_kv260_is_only_another_folder(classes: Any, plain: Board, tmp_path: Path) -> None:
    made = classes.board(board="kv260")
    conf = vivado.read_conf(made.folder / "vivado/project.conf")
    assert conf["part"] == [boards.board("kv260").device.part]
    assert (made.folder / "vivado/kv260.xdc").is_file()
    classes.board()


def test_a_device_may_be_given_to_convert(tmp_path: Path) -> None:
    device = boards.board("kv260").device
    model = randomize(board_nets.pixels(), np.random.default_rng(3))
    design = rtl4ml.convert(model, out=tmp_path / "p", device=device)
    target = design.report()
    assert target["target"]["part"] == device.part and target["target"]["board"] == ""
    assert target["resources"]["available"]["lut"] == device.lut


def test_images_become_a_mask(masks: Any) -> None:
    made = masks.board({"dtype": "uint8", "scale_log2": 8})
    assert (made.shell.result, made.shell.frame_bytes, made.shell.bands) == ("mask", 10, 3)
    counts, result = (np.load(made.folder / f"selftest/{n}.npy") for n in ("counts", "result"))
    assert counts.shape == (10, 12, 3) and result.dtype == bool and 0 < result.mean() < 1
    x = (counts / 256).astype(np.float32).reshape(2, 5, 12, 3)
    np.testing.assert_array_equal(result, masks.emulate(x).reshape(10, 12))
    packed = np.fromfile(made.folder / "selftest/result.bin", np.uint8).reshape(10, 2)
    np.testing.assert_array_equal(np.unpackbits(packed, axis=1, count=12, bitorder="little"), result)
    assert made.interface["output"]["threshold"] == 0.1
    assert "12 columns; rows a multiple of 5" in (made.folder / "README.md").read_text()


def test_the_report_and_its_page_say_what_goes_in_and_out(plain: Board, classes: Any) -> None:
    found = classes.report()
    schema = json.loads((Path(page.__file__).parents[1] / "templates/report.schema.json").read_text())
    jsonschema.validate(json.loads((classes.folder / "report.json").read_text()), schema)
    assert found["board"]["counts"] == {
        "dtype": "uint16",
        "bands": BANDS,
        "layouts": ["bip", "bil", "bsq"],
        "frame": [1, 1],
        "bytes": 2 * BANDS,
    }
    assert found["board"]["clock_mhz"] == {"asked": 250, "actual": 249.9975}
    text = (classes.folder / "report.html").read_text()
    drawn = text.count("<svg")
    assert "On the board" in text and "Neither Vivado nor the board has run." in text and "r4_requant" in text
    used = Utilization(lut=9000, lutram=100, ff=8000, dsp=6, bram36=10.5)
    results = Results(
        version="2023.2",
        board_part="xilinx.com:zcu102:part0:3.4",
        clock_mhz=249.9975,
        seconds={"synth": 700},
        tries=(),
        timing=Timing(0.1, 0.0, 0, 0.02, 0.0, 0, 0.5, 9000, 0),
        utilization=used,
        instances=(Instance(("u", "u_top"), "r4_top", replace(used, lut=4000)),),
        power=Power(4.5, 3.5, 1.0, 2.5, "Low"),
        unrouted=0,
        critical_warnings=("[A 1-2] b",),
        artefacts={"bit": "0" * 64},
    )
    noted = record.record(classes.folder, results)
    jsonschema.validate(json.loads((classes.folder / "report.json").read_text()), schema)
    assert noted["resources"]["vivado"] == {"lut": 4000, "ff": 8000, "dsp": 6, "bram36": 10.5}
    assert noted["board"]["vivado"]["timing"]["met"] is True
    identity.check_report(classes.folder, noted)
    text = (classes.folder / "report.html").read_text()
    assert "met, 0.1 ns of slack" in text and "4.5 W" in text
    assert text.count("<svg") == drawn > 0  # the pipeline is still there
    with pytest.raises(
        BadInput, match=r"report\.json: must be the report of a project with a board, not another"
    ):
        record.record(classes.folder / "rtl", results)


@pytest.mark.early
def test_the_driver_on_the_simulated_board_gives_the_emulation(classes: Any, plain: Board) -> None:
    counts = np.load(plain.folder / "selftest/counts.npy")
    for layout in ("bip", "bil", "bsq"):
        run = plain.simulate(counts, layout)
        assert run.mismatches == 0
        np.testing.assert_array_equal(run.result, np.load(plain.folder / "selftest/result.npy"))
        assert run.outcome.cycles > counts.size


# ---------------------------------------------------------------------------------------------------------- the checks


def test_a_folder_that_is_not_whole_is_found(plain: Board, masks: Any, tmp_path: Path) -> None:
    made = masks.board({"dtype": "uint8", "mean": [99.3, 98.1, 97.7], "std": [51.3, 52.9, 53.1]})
    rtl, mem = shutil.copytree(made.folder / "rtl", tmp_path / "rtl"), tmp_path / "mem"
    shutil.copytree(made.folder / "mem", mem)
    sources = sorted(rtl.iterdir())
    project.check(sources, mem)
    some = sorted(mem.iterdir())[0]
    some.rename(tmp_path / some.name)
    with pytest.raises(SimulationFailed, match=rf"^r4_board: image {some.name} must be there, not missing; "):
        project.check(sources, mem)
    (tmp_path / some.name).rename(some)
    (mem / "z.mem").touch()
    with pytest.raises(
        SimulationFailed, match=r"^r4_board: image z\.mem must be read by the Verilog, not missing"
    ):
        project.check(sources, mem)
    (mem / "z.mem").unlink()
    without = [p for p in sources if p.name != "r4_pack.sv"]
    with pytest.raises(
        SimulationFailed, match=r"^r4_board: Verilator must elaborate it, not stop with .*r4_pack"
    ):
        project.check(without, mem)


def test_an_earlier_board_stays_where_a_new_one_fails(
    plain: Board, classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.stat().st_mtime_ns for p in plain.folder.rglob("*")}

    def fails(*_: Any) -> None:
        raise SimulationFailed("r4_board: no")

    monkeypatch.setattr(project, "check", fails)
    with pytest.raises(SimulationFailed):
        classes.board()
    assert {p: p.stat().st_mtime_ns for p in (classes.folder / "board").rglob("*")} == before


# ------------------------------------------------------------------------------------------------------------ refusals


def refuses(text: str) -> Any:
    return pytest.raises(BadInput, match=f"^{re.escape(text)}$")


def test_what_does_not_fit_together_is_refused(classes: Any, masks: Any) -> None:
    with refuses(
        "result: must be map, as the design's output is argmax, not mask; convert with output='mask'"
    ):
        classes.board(result="mask")
    with refuses("result: must be one of raw, map, mask, not 'png'"):
        classes.board(result="png")
    with refuses("layout: must be one of any, bip, not 'bil'; any takes all three"):
        classes.board(layout="bil")
    with refuses("scale_log2: must not go with counts; leave one out"):
        classes.board(Counts(dtype="uint8", scale=1.0), scale_log2=3)
    with refuses("counts: must be a Counts, a table or a JSON file, not int; give counts='FILE.json'"):
        classes.board(13)
    with refuses("counts: must be for the network's 12 bands, not for 2; mend them"):
        classes.board({"dtype": "uint16", "mean": [1, 2], "std": [1, 1]})
    with refuses(
        "the model: the normalization of its counts must lie beside it, as rtl4ml train writes it, or be given, "
        "not lack; give scale_log2=13 or counts='FILE.json'"
    ):
        masks.board()
    with pytest.raises(BadInput, match=r"^board: must be one of kv260, ulx3s, zcu102, not 'zcu1'; "):
        classes.board(board="zcu1")


def test_a_clock_that_the_board_does_not_have_is_refused(classes: Any) -> None:
    with pytest.raises(BadInput, match=r"^clock: must be 1499\.985 MHz divided by a whole number"):
        accelerator.make(replace(classes, clock_mhz=230.0))


def test_a_network_that_the_device_cannot_hold_is_refused(classes: Any) -> None:
    class Large:
        def __getattr__(self, name: str) -> Any:
            return [Resources(lut=200_000)] if name == "predicted" else getattr(classes, name)

    with pytest.raises(
        OverBudget,
        match=r"^board: the design must fit XCK26 of the kv260, which has 117,120 lut, not take 200,000; "
        r"give a greater target_interval or a smaller budget$",
    ):
        accelerator.make(Large(), board="kv260")  # type: ignore[arg-type]  # as a design


@pytest.mark.parametrize(
    ("cube", "text"),
    [
        (np.zeros((2, 3, 12), np.int32), "cube: must be an array of uint16, as the counts are, not int32; "
         "give the raw counts"),
        (np.zeros((2, 3, 4), np.uint16), "cube: must be (rows, columns, 12 bands), however it is to lie in memory, "
            "not (2, 3, 4); transpose or cut it"),
        ([1], "cube: must be an array of uint16, as the counts are, not list; give the raw counts"),
    ],
)  # fmt: skip
def test_a_cube_of_something_else_is_refused(plain: Board, cube: Any, text: str) -> None:
    with refuses(text):
        plain.simulate(cube)


def test_a_cube_of_the_command_line_is_called_data(plain: Board) -> None:
    with pytest.raises(BadInput) as error:
        plain.meaning.check(np.zeros((2, 3, 4), np.uint16))
    assert error.value.worded(option_of) == (
        "--data: must be (rows, columns, 12 bands), however it is to lie in memory, not (2, 3, 4); "
        "transpose or cut it"
    )


def test_images_that_do_not_fill_frames_and_layouts_that_are_left_out_are_refused(masks: Any) -> None:
    made = masks.board({"dtype": "uint8", "scale_log2": 8}, layout="bip")
    with refuses(
        "cube: images must be 12 columns wide, in rows a multiple of 5, not 6 rows of 12 columns; "
        "cut the scene into tiles and lay them one below the other"
    ):
        made.simulate(np.zeros((6, 12, 3), np.uint8))
    with refuses("layout: must be bip, for which the board was made, not 'bil'; transpose the cube"):
        made.simulate(np.zeros((5, 12, 3), np.uint8), "bil")


def test_a_build_without_vivado_is_refused(plain: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vivado, "find", lambda *_: None)
    with refuses(
        "vivado: must be in PATH to build, not missing; give its path, or copy the folder to a machine with it"
    ):
        plain.build()
