# SPDX-License-Identifier: Apache-2.0
"""The page of a segmentation student: what it says of several runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtl4ml.training.segmentation import plots

SCRIPT = Path(__file__).parents[2] / "scripts" / "segmentation_page.py"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("segmentation_page", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(network: str, seed: int, f2: float, *, stage: str = "float", opening: int = 2) -> dict[str, Any]:
    scores = {"test_f2": f2, "test_iou": f2 / 2, "test_scenes_f2": 0.25, "test_scenes_iou": 0.5}
    return {"network": network, "seed": seed, "stage": stage, "opening": opening, "threshold": 0.5, **scores}


ROWS = [
    row("teacher", 1, 0.9),
    row("sen2ships_unet_scratch", 1, 0.5),
    row("sen2ships_unet_scratch", 2, 0.7),
    row("sen2ships_unet_scratch", 1, 0.1, opening=0),
    row("sen2ships_unet", 1, 0.6),
    row("sen2ships_unet", 2, 0.6),
    row("sen2ships_unet", 1, 0.2, stage="quantized"),
    row("sen2ships_unet_scratch", 1, 0.3, stage="quantized"),
]


def test_scores_are_means_and_spreads_over_runs(script: Any) -> None:
    lines = script.table(ROWS, 2)[2:]
    assert lines == [
        "| teacher | 1 | 0.900 | 0.450 | 0.250 | 0.500 |",
        "| student from scratch | 2 | 0.600 ± 0.141 | 0.300 ± 0.071 | 0.250 ± 0.000 | 0.500 ± 0.000 |",
        "| student distilled | 2 | 0.600 ± 0.000 | 0.300 ± 0.000 | 0.250 ± 0.000 | 0.500 ± 0.000 |",
        "| student from scratch, quantized | 1 | 0.300 | 0.150 | 0.250 | 0.500 |",
        "| student distilled, quantized | 1 | 0.200 | 0.100 | 0.250 | 0.500 |",
    ]
    assert script.table(ROWS, 0)[2:] == ["| student from scratch | 1 | 0.100 | 0.050 | 0.250 | 0.500 |"]


def test_a_picture_in_few_colours_keeps_the_marks(script: Any, tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    marks = (plots.HIT, plots.MISSED, plots.FALSE)
    pixels[0, :3] = marks
    Image.fromarray(pixels).save(tmp_path / "a.png")
    script.shrink(tmp_path / "a.png", tmp_path / "b.png")
    found = np.array(Image.open(tmp_path / "b.png").convert("RGB"))
    assert [tuple(colour) for colour in found[0, :3].tolist()] == list(marks)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= 64
    assert (tmp_path / "b.png").stat().st_size < (tmp_path / "a.png").stat().st_size / 2


def test_the_verdict_is_by_seed_and_hides_no_loss(script: Any) -> None:
    assert script.verdict(ROWS, 2, "float") == (
        "Distilled against scratch, float, at equal steps: F2 on tiles by +0.000, better in 1 of 2 seeds; "
        "IoU on tiles by +0.000, better in 1 of 2 seeds; F2 on scenes by +0.000, better in 0 of 2 seeds; "
        "IoU on scenes by +0.000, better in 0 of 2 seeds."
    )
    assert script.verdict(ROWS, 0, "float") == "There are no runs of both students to compare."


def test_the_student_is_the_best_in_validation(script: Any) -> None:
    def run(seed: int, f2: float, *, chosen: bool = True, test: float = 0.0) -> dict[str, Any]:
        scores = {"validation_scenes_f2": f2, "chosen": chosen, "test_scenes_f2": test}
        return row("sen2ships_unet", seed, test, stage="quantized") | scores

    rows = [run(1, 0.2, test=0.9), run(2, 0.3), run(3, 0.4, chosen=False), run(3, 0.1)]
    assert script.best_seed(rows, "sen2ships_unet") == 2


def test_distilled_beats_scratch_only_in_every_score(script: Any) -> None:
    def told(some: float, other: float) -> str:
        scores = {"test_f2": some, "test_iou": 1.0, "test_scenes_f2": 1.0, "test_scenes_iou": 1.0}
        last = {"test_scenes_iou": other}
        ours = {"float": scores, "quantized": {**scores, **last}}
        rows = [{**r, **ours[r["stage"]]} if r["network"] == "sen2ships_unet" else r for r in ROWS]
        found: str = script.headline(rows, 2)
        return found

    assert told(1.0, 1.0) == (
        "**Distilled beats scratch**: opened by a disk of radius 2, it has the better mean in 4 of 4 scores in float "
        "and in 4 quantized. All runs are below."
    )
    for some, other, counts in ((0.6, 1.0, (3, 4)), (1.0, 0.5, (4, 3))):
        said = told(some, other)
        assert said.startswith("**Distilled does not plainly beat scratch**: ")
        assert f"mean in {counts[0]} of 4 scores in float and in {counts[1]} quantized" in said
    assert script.headline(ROWS, 0).startswith(
        "**Distilled does not plainly beat scratch**: without an opening, "
    )


@pytest.mark.parametrize("proved", [False, True])
def test_the_hardware_says_what_was_not_run(script: Any, proved: bool) -> None:
    counts = {"lut": 1000.0, "ff": 2000.0, "dsp": 5.0, "bram36": 2.5}
    report = {
        "resources": {
            "available": {"lut": 10000, "ff": 20000, "dsp": 50, "bram36": 100},
            "model": counts,
            "yosys": {**counts, "lut": 1050.0} if proved else None,
        },
        "target": {"clock_mhz": 250.0, "part": "xczu9eg"},
        "cycles": {
            "interval": {"model": 16900, "rtl": 16900 if proved else None},
            "latency": {"model": 22232, "rtl": 22230 if proved else None},
        },
        "exactness": {
            "emulate": {"mismatches": 0, "values": 16384},
            "rtl": {"mismatches": 3, "values": 16384} if proved else None,
        },
        "stalls": {"mismatches": 1, "frames": 2} if proved else {"mismatches": 0, "frames": 0},
        "model": {"macs": 123456},
    }
    lines = script.hardware_table(report)[4:]
    assert lines[0] == "| multiply-accumulates a tile | 123,456 |"
    assert lines[1:3] == [
        f"| interval, cycles: estimated, simulated | 16,900, {'16,900' if proved else 'not run'} |",
        f"| latency, cycles: estimated, simulated | 22,232, {'22,230' if proved else 'not run'} |",
    ]
    assert lines[5:] == [
        "| the same, counted by Yosys | "
        + (
            "1,050 LUT (10.5 %), 2,000 FF (10.0 %), 5 DSP48E2 (10.0 %), 2.5 RAMB36 (2.5 %)"
            if proved
            else "not run"
        )
        + " |",
        "| masks of test tiles, emulation against QKeras | 0 of 16,384 pixels differ |",
        "| masks of some of them, RTL simulation against QKeras | "
        + ("3 of 16,384 pixels differ |" if proved else "not run |"),
        f"| tiles under random stalls | {'1 of 2 tiles differ' if proved else 'not run'} |",
    ]
