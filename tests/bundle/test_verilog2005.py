# SPDX-License-Identifier: Apache-2.0
"""A design in Verilog-2005: read as nothing newer, the same vectors in the same cycles, by Verilator and Icarus."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from contract import randomize
from designs import DESIGNS
from keras_layers import Q, act, linear, sequential

import rtl4ml
from rtl4ml.cli.main import run as command
from rtl4ml.errors import EnvironmentProblem
from rtl4ml.host.tools import verilator_env
from rtl4ml.synthesis import verilog2005


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> rtl4ml.Design:
    build, _ = DESIGNS["skip"]
    model = randomize(build(), np.random.default_rng(5))
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("v2005") / "p", target_interval=512, name="net")


def benched(design: rtl4ml.Design, folder: Path) -> str:
    """What the bench says of the translation under Verilator, which reads it as Verilog-2005."""
    verilator, env = verilator_env()
    top = design.top
    flags = [
        "--binary",
        "--timing",
        "--language",
        "1800-2017",
        "+1364-2005ext+v",
        "-DVERILOG2005",
        "-CFLAGS",
        "-O0",
        "-Wno-WIDTHEXPAND",
        "-Wno-WIDTHTRUNC",  # `! phase_q` of several bits
    ]
    flags += ["--top-module", f"{top}_tb", "-Mdir", str(folder / "obj")]
    files = [f"verilog/{top}.v", f"tb/{top}_tb.sv"]
    for program in ([str(verilator), *flags, *files], [str(folder / f"obj/V{top}_tb")]):
        done = subprocess.run(
            program, cwd=design.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_same_vectors_in_the_same_cycles(design: rtl4ml.Design, tmp_path: Path) -> None:
    assert command(["verilog", str(design.folder)]) == 0
    text = (design.folder / "verilog/net_r4_top.v").read_text()
    assert "$paramod" not in text and "$readmemh" not in text
    names = re.findall(r"^module (\S+?)\(", text, re.MULTILINE)
    assert len(set(names)) == len(names) and all(n.startswith("net_r4_") for n in names)
    said = benched(design, tmp_path)
    assert "PASS net_r4_top: 8 frames" in said and f"latency  {design.cycles.latency} cycles" in said
    rtl4ml.load(design.folder)  # nothing of the project has changed


@pytest.mark.gate
@pytest.mark.parametrize("name", ["cnn_4bit", "mlp", "ternary", "deep", "separable"])
def test_other_designs(name: str, tmp_path: Path, rng: np.random.Generator) -> None:
    build, target = DESIGNS[name]
    design = rtl4ml.convert(randomize(build(), rng), out=tmp_path / "p", target_interval=target)
    design.write_verilog()
    assert "PASS r4_top" in benched(design, tmp_path)


def test_icarus_verilog(design: rtl4ml.Design) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("no Icarus Verilog in PATH (Debian: apt install iverilog)")
    design.write_verilog()
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    done = subprocess.run(
        ["make", "icarus", f"PYTHON={sys.executable}"], cwd=design.folder, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "PASS net_r4_top: 8 frames" in done.stdout, done.stdout + done.stderr


def test_what_yosys_says_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "wrong.sv").write_text("module wrong (input logic a); nothing; endmodule\n")
    with pytest.raises(
        EnvironmentProblem,
        match=r"^wrong: Yosys must translate it, not stop with .*ERROR: syntax.*; report it",
    ):
        verilog2005.translate([tmp_path / "wrong.sv"], "wrong", tmp_path)


def test_without_it_make_says_what_to_run(tmp_path: Path, rng: np.random.Generator) -> None:
    net = sequential((6,), [Q.QDense(3, **linear()), act()], rng)
    folder = rtl4ml.convert(net, out=tmp_path / "p").folder
    done = subprocess.run(["make", "icarus"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode and done.stderr.startswith(
        "verilog/r4_top.v: must be there, not missing; run rtl4ml verilog ."
    )
