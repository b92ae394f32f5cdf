# SPDX-License-Identifier: Apache-2.0
"""The emitted folder as a package: what is in it, that its benches pass by one command, and that they can fail."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benches import make, passes_and_fails
from contract import randomize, samples
from designs import DESIGNS
from keras_layers import Q, act, linear, sequential
from skip_nets import model as skip_net

import rtl4ml
from rtl4ml.bundle import vectors
from rtl4ml.cli.main import run as command
from rtl4ml.errors import BadInput
from rtl4ml.host.tools import verilator_env


def small(seed: int, units: int = 2) -> Any:
    return sequential((6, 1), [Q.QConv1D(units, 3, **linear()), act()], np.random.default_rng(seed))


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    build, _ = DESIGNS["skip"]
    model = randomize(build(), np.random.default_rng(5))
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("bundle") / "p", target_interval=512)


# -- what is in it ----------------------------------------------------------------------------------------------


def test_the_file_list_is_whole_and_in_order(design: rtl4ml.Design) -> None:
    listed = (design.folder / "r4_top.f").read_text().split()
    assert listed[-1] == "rtl/r4_top.sv"
    assert sorted(listed) == sorted(
        p.relative_to(design.folder).as_posix() for p in (design.folder / "rtl").iterdir()
    )
    verilator, env = verilator_env()
    flags = ["--lint-only", "--top-module", "r4_top", "-F", str(design.folder / "r4_top.f")]
    subprocess.run([verilator, *flags], cwd=design.folder.parent, env=env, check=True)


def test_the_interface_says_what_the_ports_carry(design: rtl4ml.Design) -> None:
    told = json.loads((design.folder / "interface.json").read_text())
    assert told["schema"] == 1 and told["top"] == "r4_top" and told["name"] == ""
    assert told["cycles"] == {"latency": design.cycles.latency, "interval": float(design.cycles.interval)}
    assert told["clocks"] == {"aclk": {"assumed_mhz": 250}}
    assert told["output"] == {"head": "logits", "cut": "", "threshold": None, "opening": None}
    assert told["images"]["parameter"] == "ImageFolder"
    assert {Path(n).name for n in told["images"]["files"]} == {
        p.name for p in (design.folder / "mem").iterdir()
    }
    assert told["memories"] == []
    for port, stream, wire in (
        ("s_axis", design.graph.inputs[0], design.netlist.input),
        ("m_axis", design.graph.outputs[0], design.netlist.output),
    ):
        assert told[port]["shape"] == list(stream.shape)
        assert (told[port]["beats"], told[port]["lanes"]) == (wire.beats, wire.lanes)


def test_the_core_names_every_file(design: rtl4ml.Design) -> None:
    yaml = pytest.importorskip("yaml")
    core = (design.folder / "r4_top.core").read_text()
    assert core.startswith("CAPI=2:\n")
    content = yaml.safe_load(core)
    found = [
        f if isinstance(f, str) else next(iter(f)) for s in content["filesets"].values() for f in s["files"]
    ]
    for folder in ("rtl", "mem", "vectors"):
        own = {p.relative_to(design.folder).as_posix() for p in (design.folder / folder).iterdir()}
        assert own == {f for f in found if f.startswith(f"{folder}/")}, folder
    assert content["targets"]["sim"]["toplevel"] == "r4_top_tb"


def test_vectors_are_what_the_design_computes(design: rtl4ml.Design) -> None:
    x = vectors.elements((design.folder / "vectors/input.hex").read_text(), design.netlist.input)
    y = vectors.elements((design.folder / "vectors/expected.hex").read_text(), design.netlist.output)
    source, sink = design.graph.inputs[0], design.graph.outputs[0]
    frames = source.real(x.reshape(-1, *source.shape))
    assert len(frames) == 8 and x.min() == source.lo and x.max() == source.hi
    np.testing.assert_array_equal(sink.real(y.reshape(-1, *sink.shape)), design.reference(frames))


def test_large_frames_have_no_vectors_until_they_are_asked_for(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    net = sequential((4096, 32), [Q.QConv1D(64, 33, padding="same", **linear())], rng)
    design = rtl4ml.convert(net, out=tmp_path / "p")
    assert vectors.affordable(design.netlist) == 0 and not (design.folder / "vectors").exists()
    assert "There are no vectors" in (design.folder / "README.md").read_text()
    done = make(design.folder, "sim")
    assert done.returncode
    text = (
        "vectors/input.hex: vectors must be there, not missing; run rtl4ml vectors . --frames 1 --out vectors"
    )
    assert text in done.stderr


# -- benches ----------------------------------------------------------------------------------------------------


def test_both_benches_pass_by_one_command_and_can_fail(design: rtl4ml.Design, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(design.folder, tmp_path / "a folder"))
    folder = folder.rename(tmp_path / "folder")
    done = make(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS r4_top: 8 frames, each beat as expected, without pauses and with" in done.stdout
    assert f"latency  {design.cycles.latency} cycles" in done.stdout
    assert "TESTS=2 PASS=2 FAIL=0" in done.stdout
    assert make(folder, "lint").returncode == 0
    rtl4ml.load(folder)  # a build changes nothing of the project

    shutil.copytree(folder / "vectors", folder / "wrong")
    lines = (folder / "wrong/expected.hex").read_text().split()
    beats = design.netlist.output.beats
    lines[beats + 1] = f"{int(lines[beats + 1], 16) ^ 1:0{len(lines[0])}x}"
    (folder / "wrong/expected.hex").write_text("\n".join(lines) + "\n")
    done = make(folder, "sim", "VECTORS=wrong")
    assert done.returncode and "frame 1, beat 1: TDATA must be" in done.stdout + done.stderr
    done = make(folder, "cocotb", "VECTORS=wrong")
    assert done.returncode and f"beat {beats + 1}: TDATA must be" in done.stdout + done.stderr


@pytest.mark.gate
def test_the_bench_of_a_design_with_two_clocks(tmp_path: Path, rng: np.random.Generator) -> None:
    net = sequential((64,), [Q.QDense(32, **linear()), act(), Q.QDense(8, **linear())], rng)
    design = rtl4ml.convert(net, out=tmp_path / "p", pumped=True, target_interval=12)
    assert design.netlist.double_clock
    done = make(design.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS r4_top" in done.stdout and "TESTS=2 PASS=2 FAIL=0" in done.stdout


@pytest.mark.gate  # a minute and a half; the benches of a design without DRAM are in the quick tests
def test_the_benches_of_skips_in_dram(tmp_path: Path, rng: np.random.Generator) -> None:
    """Memory stands behind the ports."""
    design = rtl4ml.convert(randomize(skip_net(), rng), out=tmp_path / "p", skips="dram")
    assert "is an AXI4 master that needs" in (design.folder / "README.md").read_text()
    told = json.loads((design.folder / "interface.json").read_text())
    assert [m["port"] for m in told["memories"]] == ["s0", "s1"]
    said = passes_and_fails(design.folder, "expected.hex", "m_axis")
    found = re.search(rf"latency +(\d+) cycles, predicted {design.cycles.latency}, or sooner", said)
    assert found and 0.8 * design.cycles.latency < int(found[1]) <= design.cycles.latency
    assert f"interval {design.cycles.interval} cycles" in said


BOTH = """
module both;
  a_r4_top_tb #(.Vectors("a/vectors"), .Finish(0){a}) u_a ();
  b_r4_top_tb #(.Vectors("b/vectors"), .Finish(0){b}) u_b ();
  initial begin
    wait (u_a.done && u_b.done);
    $display("both");
    $finish;
  end
endmodule
"""


def test_two_designs_in_one_build(tmp_path: Path) -> None:
    """Their modules and images have names of their own; images are found in the folders that a parameter names."""
    designs = {
        n: rtl4ml.convert(small(k, 2 + k), out=tmp_path / n, name=n, target_interval=60)
        for k, n in enumerate("ab")
    }
    where = {
        n: f', .ImageFolder("{n}/mem/")' if any((tmp_path / n / "mem").iterdir()) else "" for n in designs
    }
    assert any(where.values())
    (tmp_path / "both.sv").write_text(BOTH.replace("{a}", where["a"]).replace("{b}", where["b"]))
    verilator, env = verilator_env()
    command = [
        str(verilator),
        "--binary",
        "--timing",
        "--top-module",
        "both",
        "-Mdir",
        "obj",
        "-CFLAGS",
        "-O0",
    ]
    command += [a for n in designs for a in ("-F", f"{n}/{n}_r4_top.f", f"{n}/tb/{n}_r4_top_tb.sv")]
    built = subprocess.run(
        [*command, "both.sv"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    ran = subprocess.run([tmp_path / "obj/Vboth"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "PASS a_r4_top" in ran.stdout and "PASS b_r4_top" in ran.stdout and "both" in ran.stdout
    names = [p.name for n in designs for f in ("rtl", "mem") for p in (tmp_path / n / f).iterdir()]
    assert len(names) == len(set(names)) and all(n.startswith(("a_", "b_")) for n in names)


# -- a name -----------------------------------------------------------------------------------------------------


def test_a_named_design_is_simulated_and_loaded(tmp_path: Path, rng: np.random.Generator) -> None:
    design = rtl4ml.convert(small(3), out=tmp_path / "p", name="jets")
    assert design.top == "jets_r4_top"
    x = samples(design, 6, rng)
    saved = rtl4ml.load(tmp_path / "p")
    np.testing.assert_array_equal(saved.simulate(x).y, design.reference(x))
    assert saved.report()["exactness"]["rtl"] == {"samples": 6, "values": 48, "mismatches": 0}
    with pytest.raises(BadInput) as error:
        design.board(scale_log2=8)
    assert str(error.value) == (
        "name: must be left out for a board, which reads one design and knows its modules by their own names, "
        "not be 'jets'; convert without it"
    )


@pytest.mark.parametrize("name", ["Jets", "3d", "a-b", "", "x" * 41, 7])
def test_names_that_are_none(name: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        rtl4ml.convert(small(3), out=tmp_path / "p", name=name)
    assert str(error.value) == (
        f"name: must be at most 40 small letters, digits and _ after a letter, not {name!r}; give such as name='jets'"
    )


# -- more vectors -----------------------------------------------------------------------------------------------


def test_more_vectors(design: rtl4ml.Design, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["vectors", str(design.folder), "--frames", "9", "--out", str(tmp_path / "more")]) == 0
    assert f"{tmp_path / 'more'}: 9 frames; run make -C {design.folder} VECTORS=" in capsys.readouterr().err
    for name in (vectors.INPUT, vectors.EXPECTED):
        first, more = ((f / name).read_text() for f in (design.folder / "vectors", tmp_path / "more"))
        assert more.startswith(first) and len(more) == len(first) // 8 * 9
    with pytest.raises(BadInput) as error:
        design.write_vectors(design.folder / "vectors")
    assert str(error.value) == (
        f"folder: must be another folder than the project's own vectors, not {design.folder / 'vectors'}; "
        f"give such as {design.folder / 'more'} and run make VECTORS=more"
    )
    with pytest.raises(BadInput, match=r"^frames: must be a whole number from 1 up, not 0; 16 is usual$"):
        design.write_vectors(tmp_path / "more", frames=0)
