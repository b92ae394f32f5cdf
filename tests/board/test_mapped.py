# SPDX-License-Identifier: Apache-2.0
"""The netlist after synthesis: simulated it is exact and keeps the RTL's cycles; a wrong one is seen."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import board_nets
import numpy as np
import pytest
import rtl_runner
from contract import randomize, samples
from designs import DESIGNS
from numpy.typing import NDArray

import rtl4ml
from rtl4ml.board.ecp5 import mapped, spec
from rtl4ml.cells.window import Window
from rtl4ml.cli import prove
from rtl4ml.data import catalog
from rtl4ml.errors import EnvironmentProblem, SimulationFailed
from rtl4ml.simulation.bulk import Simulator, build
from rtl4ml.training.classification import recipe, students

TOP = "passing_top"
IO: dict[str, Any] = {"in_dtype": "u1", "out_beats": 6, "out_lanes": 2, "out_dtype": "i2"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a small top, with its netlist."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "rtl").mkdir()
    (folder / "mem").mkdir()
    cells = [rtl_runner.RTL / f"r4_{x}.sv" for x in ("fifo", "axis_in", "axis_out")]
    for source in (*cells, rtl_runner.ROOT / "tests" / "rtl" / f"{TOP}.sv"):
        shutil.copy(source, folder / "rtl")
    mapped.synthesize(folder, TOP)
    return folder


@pytest.fixture(scope="module")
def rtl(project: Path) -> Simulator:
    sources = sorted((project / "rtl").glob("*.sv"), key=lambda p: p.stem == TOP)
    return build(project, TOP, sources)


def beats(rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.integers(0, 256, (60, 6, 2))


def wrong(simulator: Simulator, rtl: Simulator, x: NDArray[np.int64]) -> int:
    """Values and frames of a netlist that are not the RTL's, of runs with stalls and without."""
    found = 0
    for stalls in ("none", "random"):
        a, b = (s.run(x, **IO, stalls=stalls, seed=5, patience=5_000) for s in (simulator, rtl))  # type: ignore[arg-type]  # one of both
        found += int((a.y != b.y).sum()) + int((a.stamps != b.stamps).any(axis=1).sum())
    return found


def test_a_netlist_does_what_the_rtl_does(project: Path, rtl: Simulator, rng: np.random.Generator) -> None:
    found = mapped.compiled(project / "netlist" / f"{TOP}.v")
    assert found.cells["TRELLIS_FF"] > 50 and found.cells["LUT4"] > 20 and "$scopeinfo" not in found.cells
    x = beats(rng)
    assert wrong(found.simulator, rtl, x) == 0
    for seed in (None, 5, 6):
        stalls: Any = "none" if seed is None else "random"
        a, b = (s.run(x, **IO, stalls=stalls, seed=seed or 0) for s in (found.simulator, rtl))
        found.add(a.y.astype(float), b.y.astype(float), a, b, seed=seed)
    entry = found.entry()
    assert (entry["samples"], entry["values"], entry["mismatches"]) == (60, 720, 0)
    assert entry["stalls"] == {"patterns": 2, "frames": 120, "mismatches": 0}
    assert entry["cycles"] == {"compared": 180, "as_rtl": 180}


def instances(text: str, kind: str) -> Iterator[str]:
    """The text of every instance of a primitive."""
    yield from re.findall(rf"^  {kind} #\(.*?^  \);$", text, re.MULTILINE | re.DOTALL)


def lut(text: str) -> str:
    """The netlist with one LUT that gives the opposite."""
    whole = next(i for i in instances(text, "LUT4") if "m_axis_tdata" in i or "y_data" in i)
    init = re.search(r"\.INIT\(16'h(\w+)\)", whole)
    assert init is not None
    return text.replace(whole, whole.replace(init[1], f"{int(init[1], 16) ^ 0xFFFF:04x}"))


def flip_flop(text: str) -> str:
    """The netlist with one flip-flop that is set by reset, not cleared."""
    whole = next(
        i
        for i in instances(text, "TRELLIS_FF")
        if '.REGSET("RESET")' in i and "LSR(aresetn" in i and "valid" in i
    )
    return text.replace(whole, whole.replace('.REGSET("RESET")', '.REGSET("SET")'))


@pytest.mark.gate
@pytest.mark.parametrize("broken", [lut, flip_flop])
def test_a_wrong_netlist_is_seen(
    broken: Any, project: Path, rtl: Simulator, rng: np.random.Generator, tmp_path: Path
) -> None:
    """A value differs, or the harness says that the protocol is broken."""
    netlist = project / "netlist" / f"{TOP}.v"
    text = broken(netlist.read_text())
    assert text != netlist.read_text()
    (tmp_path / netlist.name).write_text(text)
    shutil.copy(project / "netlist" / f"{TOP}_stat.json", tmp_path)
    found = mapped.compiled(tmp_path / netlist.name)
    try:
        assert wrong(found.simulator, rtl, beats(rng)) > 0
    except SimulationFailed as error:
        assert str(error).startswith(f"netlist of {TOP}: ")


def test_without_yosys_there_are_no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentProblem) as error:
        mapped.models()
    assert str(error.value) == (
        "pyosys: the wheel must be installed beside rtl4ml, not missing; run pip install pyosys==0.70"
    )


@pytest.mark.gate
def test_the_netlist_of_a_small_network_is_exact(tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(board_nets.pixels(), out=tmp_path / "design", output="argmax")
    x = rng.uniform(-2, 2, (256, board_nets.BANDS, 1))
    run = design.simulate_netlist(x)
    assert (run.latency, run.interval) == (design.cycles.latency, design.cycles.interval)
    np.testing.assert_array_equal(run.y, design.emulate(x))
    for seed in (1, 2):
        assert design.simulate_netlist(x, stalls="random", seed=seed).latency is None
    entry = design.report()["netlist"]
    assert (entry["samples"], entry["mismatches"]) == (256, 0)
    assert entry["stalls"] == {"patterns": 2, "frames": 512, "mismatches": 0}
    assert entry["cycles"] == {"compared": 768, "as_rtl": 768}
    assert "Netlist after synthesis" in (tmp_path / "design" / "report.html").read_text()


@pytest.mark.gate  # a minute; the netlist of every cell is compared with its RTL among the quick tests
def test_padded_windows_are_read_as_they_are_meant(tmp_path: Path, rng: np.random.Generator) -> None:
    """Yosys 0.70 leaves int'(N) of an unsigned N unsigned: modulo and comparisons with less than zero went wrong."""
    build, _ = DESIGNS["skip"]
    design = rtl4ml.convert(randomize(build(), rng), out=tmp_path / "design", target_interval=512)
    (window,) = (c for c in design.netlist.cells if isinstance(c, Window))
    assert window.geo.padding[1] == (1, 1) and window.depth & (window.depth - 1)
    x = samples(design, 3, rng)
    np.testing.assert_array_equal(design.simulate_netlist(x).y, design.reference(x))


@pytest.mark.slow
def test_the_netlist_of_the_student_is_exact_on_the_crop(tmp_path: Path, data: Path) -> None:
    """As the board's flow has it, on 256 pixels without stalls and under three patterns of them."""
    scene = catalog.load("salinas_crop", data=data)
    name = students.student_for(scene)
    chosen = np.linspace(0, len(scene.labels) - 1, 256).astype(int)
    x = recipe.read_recipe(name).inputs(scene.spectra[chosen])
    design = rtl4ml.convert(
        students.student_path(name),
        out=tmp_path / "design",
        output="argmax",
        target_interval=scene.bands,
        device=spec.board("ulx3s").device,
    )
    run = design.simulate_netlist(x)
    np.testing.assert_array_equal(run.y, design.emulate(x))
    assert (run.latency, run.interval) == (design.cycles.latency, design.cycles.interval)
    for seed in (1, 2, 3):
        design.simulate_netlist(x, stalls="random", seed=seed)
    entry = design.report()["netlist"]
    assert entry["cells"]["DP16KD"] > 0 and entry["cells"]["MULT18X18D"] > 0
    assert (entry["samples"], entry["mismatches"]) == (256, 0)
    assert entry["stalls"] == {"patterns": 3, "frames": 768, "mismatches": 0}
    assert entry["cycles"] == {"compared": 1024, "as_rtl": 1024}


def test_what_a_netlist_does_wrong_is_judged() -> None:
    entry = {
        "mismatches": 3,
        "stalls": {"patterns": 1, "frames": 5, "mismatches": 2},
        "cycles": {"compared": 10, "as_rtl": 9},
    }
    report = {"exactness": {}, "netlist": entry}
    assert prove.mismatches(report) == {
        "the netlist": 3,
        "the netlist under stalls": 2,
        "cycles of the netlist's frames": 1,
    }
