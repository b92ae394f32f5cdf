# SPDX-License-Identifier: Apache-2.0
"""Images wider than the hardware's on a board: the driver cuts them as emulation does, and joins what comes of them."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import board_drivers
import board_model
import board_nets
import numpy as np
import pytest
from board_benches import bench
from contract import randomize
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import rtl4ml
from rtl4ml.board.accelerator import Board
from rtl4ml.errors import BadInput
from rtl4ml.host import frameworks
from rtl4ml.ir.strips import Strips

COUNTS = {"dtype": "uint8", "scale_log2": 8}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module r4_strips of the driver."""
    folder = tmp_path_factory.mktemp("host")
    board_drivers.copy(folder)
    with board_drivers.modules(folder):
        return importlib.import_module("r4_strips")


@given(
    columns=st.integers(1, 40), align=st.integers(1, 5), up=st.integers(1, 3), down=st.integers(1, 3),
    before=st.integers(0, 9), after=st.integers(0, 9), more=st.integers(0, 60),
)  # fmt: skip
def test_the_drivers_plan_is_that_of_emulation(
    host: ModuleType, columns: int, align: int, up: int, down: int, before: int, after: int, more: int
) -> None:
    align *= down
    ours = Strips(1, columns, columns * up // down, align, up, down, before, after)
    theirs = host.Strips(columns, ours.out, align=align, up=up, down=down, before=before, after=after)
    size = columns + more * align
    if not ours.takes(size):
        return
    theirs.check(size)
    assert theirs.plan(size) == [(s.start, s.first, s.last) for s in ours.plan(size)]


# -- a model of the board -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Neighbours(board_model.Design):
    """A network in which a pixel is the sum of three neighbours of a row, zeros beside the frame; `raw` of one channel
    halves the columns.
    """

    def results(self, counts: NDArray[Any]) -> NDArray[Any]:
        return self.whole(counts, self.frame[1])

    def whole(self, counts: NDArray[Any], width: int) -> NDArray[Any]:
        """Of images of any width."""
        rows, columns, bands = counts.shape
        images = counts.reshape(rows // self.frame[0], self.frame[0], width, bands)
        x = np.pad(images.astype(np.int64) @ np.arange(1, 1 + bands), ((0, 0), (0, 0), (1, 1)))
        sums = x[..., :-2] + 2 * x[..., 1:-1] + 5 * x[..., 2:]
        if self.kind == "map":
            return (sums % 251).astype(np.uint8).reshape(rows, columns)
        if self.kind == "mask":
            return (sums // 8 % 2).astype(bool).reshape(rows, columns)
        return sums[:, :, ::2, None].astype(self.dtype)

    def write(self, folder: Path, rng: np.random.Generator) -> None:
        super().write(folder, rng)
        content = json.loads((folder / "interface.json").read_text())
        halves = self.kind == "raw"
        content["input"]["strips"] = {
            "columns": 14, "out_columns": 7 if halves else 14, "align": 2, "up": 1, "down": 2 if halves else 1,
            "before": 1, "after": 0 if halves else 1,
        }  # fmt: skip
        (folder / "interface.json").write_text(json.dumps(content))


def opened(
    design: board_model.Design, tmp_path: Path, alter: board_drivers.Alter | None = None
) -> tuple[Any, board_model.Model]:
    """The Python driver on a model of a board that holds a design."""
    driver, folder = tmp_path / "driver", tmp_path / "design"
    driver.mkdir()
    folder.mkdir()
    design.write(folder, np.random.default_rng(0))
    model = board_model.Model(design)
    made = board_drivers.build("python", driver, alter)(folder, model)
    made.open()
    return made, model


KINDS = {
    "map": Neighbours(bands=3, count_bytes=1, frame=(2, 14)),
    "mask": Neighbours(bands=3, count_bytes=2, frame=(2, 14), kind="mask"),
    "raw": Neighbours(bands=1, count_bytes=2, frame=(2, 14), kind="raw", shape=(2, 7, 1), dtype="int32"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["bip", "bil", "bsq"])
def test_a_wide_image_is_one_job(kind: str, layout: str, tmp_path: Path) -> None:
    design = KINDS[kind]
    driver, model = opened(design, tmp_path)
    rng = np.random.default_rng(1)
    for images, width in ((1, 16), (3, 30), (2, 88), (1, 14), (2, 26)):
        cube = rng.integers(0, 256**design.count_bytes, (images * 2, width, design.bands))
        cube = cube.astype(design.count_dtype)
        before = model.jobs
        found = driver.run(cube, layout)
        assert model.jobs == before + 1
        want = design.whole(cube, width)
        assert found.dtype == want.dtype
        np.testing.assert_array_equal(found, want)
    driver.accelerator.run_async(cube, "bip")
    driver.accelerator.run_async(cube[:, :16], "bip")
    np.testing.assert_array_equal(driver.accelerator.wait(), want)
    np.testing.assert_array_equal(driver.accelerator.wait(), design.whole(cube[:, :16], 16))


MUTANTS: dict[str, board_drivers.Alter] = {
    "no halo": ("r4_strips.py", "(done - self.before)", "done"),
    "kept from the first column": ("r4_strips.py", "slice(first, last)", "slice(0, last - first)"),
    "strips of all from the left": ("r4_strips.py", "slice(start, start + ", "slice(0, "),
    "joined along rows": ("r4_interface.py", "found.ndim - 2)", "found.ndim - 3)"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_driver_that_cuts_otherwise_is_found(name: str, tmp_path: Path) -> None:
    design = KINDS["raw"]
    driver, _ = opened(design, tmp_path, MUTANTS[name])
    cube = np.random.default_rng(1).integers(0, 256**2, (4, 30, 1)).astype(np.uint16)
    found, want = driver.run(cube), design.whole(cube, 30)
    assert found.shape != want.shape or (found != want).any()


def test_refusals_of_the_driver(tmp_path: Path) -> None:
    driver, _ = opened(KINDS["map"], tmp_path)
    for shape, text in (
        ((2, 17, 3), "images must be 14 columns wide and a multiple of 2 more, not 17; cut or fill them to 16 or 18"),
        (
            (3, 16, 3),
            "images must be 14 columns wide, in rows a multiple of 2, not 3 rows of 16 columns; cut the scene into "
            "tiles",
        ),
        (
            (2, 12, 3),
            "images must be 14 columns wide, in rows a multiple of 2, not 2 rows of 12 columns; cut the scene into "
            "tiles",
        ),
    ):  # fmt: skip
        with pytest.raises(board_drivers.Refused) as error:
            driver.run(np.zeros(shape, np.uint8))
        assert (error.value.reason, str(error.value)) == ("cube", text)


def test_the_strips_of_a_job_count_against_its_limit(tmp_path: Path) -> None:
    """Two strips of 14 columns in place of 26 columns: what hardware gets is more than what was given."""
    driver, _ = opened(KINDS["map"], tmp_path)
    cube = np.broadcast_to(np.zeros(1, np.uint8), (52_000_000, 26, 3))
    assert cube.nbytes < 2**32
    with pytest.raises(board_drivers.Refused, match="less than 4 GiB, not 4368000000 bytes"):
        driver.run(cube)


def test_without_strips_images_have_the_hardwares_width(tmp_path: Path) -> None:
    plain = board_model.Design(bands=3, count_bytes=1, frame=(2, 14))
    driver, _ = opened(plain, tmp_path)
    with pytest.raises(board_drivers.Refused, match=r"must be 14 columns wide, .* not 2 rows of 16 columns"):
        driver.run(np.zeros((2, 16, 3), np.uint8))


# -- a whole design ------------------------------------------------------------------------------------------------


def halving() -> Any:
    """A network of images of 6 x 16 pixels that halves rows and columns."""
    q, layers = frameworks.qkeras(), frameworks.keras().layers
    w = {"kernel_quantizer": "quantized_bits(4,0,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}
    return frameworks.keras().Sequential(
        [
            layers.Input((6, 16, 3)),
            q.QActivation("quantized_relu(8,0)"),
            q.QConv2D(2, 3, strides=2, padding="same", **w),
            q.QActivation("quantized_relu(4,1)"),
            q.QConv2D(2, 3, padding="same", **w),
        ]
    )


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> tuple[rtl4ml.Design, Board]:
    model = randomize(halving(), np.random.default_rng(4))
    design = rtl4ml.convert(model, out=tmp_path_factory.mktemp("halving") / "p")
    return design, design.board(COUNTS)


def test_a_boards_folder_says_how_images_are_cut(raw: tuple[rtl4ml.Design, Board]) -> None:
    design, board = raw
    found = json.loads((board.folder / "host" / "interface.json").read_text())["input"]["strips"]
    assert found == {
        "columns": 16, "out_columns": 8, "align": 2, "up": 1, "down": 2, "before": 1, "after": 2
    }  # fmt: skip
    assert (board.folder / "host" / "r4_strips.py").exists()
    flat = rtl4ml.convert(
        randomize(board_nets.pixels(), np.random.default_rng(3)), out=design.folder.parent / "flat"
    )
    path = flat.board({"dtype": "uint16", "scale_log2": 10}).folder / "interface.json"
    assert json.loads(path.read_text())["input"]["strips"] is None, "single pixels have no columns"


def test_wrong_cubes_are_refused(raw: tuple[rtl4ml.Design, Board]) -> None:
    _, board = raw
    with pytest.raises(BadInput) as error:
        board.meaning.check(np.zeros((6, 31, 3), np.uint8))
    assert str(error.value) == (
        "cube: columns must be 16 and a multiple of 2 more, not 31; cut or fill the frames to 30 or 32"
    )


@pytest.mark.gate
def test_the_simulated_board(raw: tuple[rtl4ml.Design, Board]) -> None:
    """Strips as the driver lays them out, through the shell and the network: the whole image, as emulation has it."""
    design, board = raw
    rng = np.random.default_rng(2)
    cube = rng.integers(0, 256, (12, 60, 3)).astype(np.uint8)
    want = design.emulate((cube / 256).astype(np.float32).reshape(2, 6, 60, 3))
    for layout, stalls in (("bip", False), ("bil", True)):
        run = board.simulate(cube, layout, stalls=stalls)  # type: ignore[arg-type]  # a layout by its name
        assert run.result.shape == (2, 3, 30, 2)
        np.testing.assert_array_equal(run.result * design.graph.outputs[0].type.step, want)
        assert run.mismatches == 0
    assert design.exactness["emulate"].mismatches == 0, "and as QKeras has it"
    assert board.runs.frames == 2 * 2 * len(board.meaning.strips.plan(60))  # type: ignore[union-attr]  # a wide design has strips


@pytest.mark.gate
def test_the_driver_on_the_shell(raw: tuple[rtl4ml.Design, Board], tmp_path: Path) -> None:
    """r4.py, unchanged, from the folder as it is written."""
    design, board = raw
    rng = np.random.default_rng(3)
    jobs = []
    for layout, images, width in (("bip", 1, 16), ("bil", 2, 44), ("bsq", 1, 30)):
        cube = rng.integers(0, 256, (images * 6, width, 3)).astype(np.uint8)
        jobs.append((layout, cube, board.meaning.result(cube)))
    sources = sorted((board.folder / "rtl").glob("*.sv"))
    found = bench(
        tmp_path / "build", board.folder / "host", sources, board.folder / "mem", jobs,
        tests=["jobs", "jobs_under_pauses"], limit=2000,
    )  # fmt: skip
    assert found.failures == dict.fromkeys(["jobs", "jobs_under_pauses"])
    assert design.exactness["emulate"].mismatches == 0
