# SPDX-License-Identifier: Apache-2.0
"""`rtl4ml.testing` as a user has it: exact designs pass, wrong ones are named, TensorFlow is not there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_layers import Q, act, linear, sequential

import rtl4ml
from rtl4ml.errors import BadInput, StaleProject
from rtl4ml.testing import Exact, assert_exact, from_beats, random_frames, rtl_of, to_beats, verilator
from rtl4ml.testing import verilator_environment as environment

ROOT = Path(__file__).resolve().parents[2]

# A module of one's own around the design: here with a register behind the output, or a wrong bit.
MINE = """
module mine (
  input logic aclk, input logic aresetn,
  input logic s_axis_tvalid, output logic s_axis_tready, input logic [IN-1:0] s_axis_tdata, input logic s_axis_tlast,
  output logic m_axis_tvalid, input logic m_axis_tready, output logic [OUT-1:0] m_axis_tdata,
  output logic m_axis_tlast, output logic m_axis_tuser, output logic [31:0] frame_errors_o
);
  logic [OUT-1:0] data;
  logic valid, ready, last, user;
  r4_top u_net (.*, .m_axis_tvalid(valid), .m_axis_tready(ready), .m_axis_tdata(data), .m_axis_tlast(last),
                .m_axis_tuser(user));
  assign ready = m_axis_tready || !m_axis_tvalid;
  always_ff @(posedge aclk) begin
    if (!aresetn) m_axis_tvalid <= 0;
    else if (ready) m_axis_tvalid <= valid;
    if (ready) {m_axis_tdata, m_axis_tlast, m_axis_tuser} <= {data ^ WRONG, last, user};
  end
endmodule
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = sequential((6, 1), [Q.QConv1D(2, 3, **linear()), act()], np.random.default_rng(1))
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("testing") / "net").folder


def mine(design: rtl4ml.SavedDesign, to: Path, *, wrong: str = "'0") -> dict[str, Any]:
    text = MINE.replace("WRONG", wrong)
    for name, port in (("IN", "input"), ("OUT", "output")):
        wire = getattr(design.netlist, port)
        text = re.sub(rf"\b{name}\b", str(wire.lanes * 8), text)
    (to / "mine.sv").write_text(text)
    return {"top": "mine", "sources": [*rtl_of(design), to / "mine.sv"], "build_dir": to / "build"}


def test_the_designs_own_rtl(folder: Path) -> None:
    design = rtl4ml.load(folder)
    found = assert_exact(design, frames=10, patterns=2, seed=3)
    assert found == Exact(10, 80, 2, design.cycles.latency, design.cycles.interval)
    assert assert_exact(design, np.zeros((2, 6, 1)), patterns=0) == Exact(
        2, 16, 0, design.cycles.latency, None
    )


def test_a_module_around_it(folder: Path, tmp_path: Path) -> None:
    design = rtl4ml.load(folder)
    module = mine(design, tmp_path)
    found = assert_exact(design, **module)
    assert found.latency == design.cycles.latency + 1 and found.interval == design.cycles.interval
    text = rf"^mine: frame 0 must end in cycle {design.cycles.latency}, as predicted, not in {found.latency}$"
    with pytest.raises(AssertionError, match=text):
        assert_exact(design, **module, cycles=True)


def test_a_wrong_bit_is_named(folder: Path, tmp_path: Path) -> None:
    design = rtl4ml.load(folder)
    step = design.graph.outputs[0].type.step
    want = design.emulate(x := random_frames(design, 3))
    with pytest.raises(AssertionError) as error:
        assert_exact(design, x, **mine(design, tmp_path, wrong="OUT'(last)"))
    place = np.argwhere(want[0] == want[0])[-design.netlist.output.lanes]
    value = want[0][tuple(place)]
    other = value + step if round(value / step) % 2 == 0 else value - step
    at = tuple(int(i) for i in place)
    assert str(error.value) == (
        f"mine: frame 0, element {at} must be {value:g}, not {other:g}; 3 of {want.size} values differ"
    )


def test_beats_there_and_back(folder: Path) -> None:
    design = rtl4ml.load(folder)
    x = random_frames(design, 8)
    told = (folder / "vectors/input.hex").read_text()
    own = design.graph.inputs[0].real(np.array([[int(w, 16) for w in told.split()]]).astype(np.int8))
    frames = own.reshape(-1, 6, 1)
    assert "".join(f"{w:02x}\n" for frame in to_beats(design, frames) for w in frame) == told
    expected = [int(w, 16) for w in (folder / "vectors/expected.hex").read_text().split()]
    beats = design.netlist.output.beats
    made = [expected[i : i + beats] for i in range(0, len(expected), beats)]
    np.testing.assert_array_equal(from_beats(design, made), design.emulate(frames))
    assert len(to_beats(design, x)) == 8
    with pytest.raises(BadInput) as error:
        from_beats(design, [made[0], made[1][1:]])
    assert str(error.value) == (
        f"beats: every frame must have {beats} beats, not {beats - 1} as frame 1; collect beats up to TLAST"
    )


def test_verilator_of_ones_own(folder: Path, tmp_path: Path) -> None:
    program, env = environment()
    command = [program, "--lint-only", *verilator(rtl4ml.load(folder)), "--top-module", "r4_top"]
    subprocess.run(command, cwd=tmp_path, env=env, check=True)


def test_refused(folder: Path, tmp_path: Path) -> None:
    design = rtl4ml.load(folder)
    with pytest.raises(BadInput) as error:
        assert_exact(design, top="mine")
    assert str(error.value) == (
        "sources: must be given together with top, not alone; "
        "name a module of yours and all its files, or neither for the design's own"
    )
    with pytest.raises(BadInput) as error:
        assert_exact(design, top="mine", sources=[tmp_path / "no.sv"])
    assert (
        str(error.value)
        == f"sources: must be files, not {tmp_path / 'no.sv'}, which is missing; check the path"
    )
    copy = shutil.copytree(folder, tmp_path / "copy")
    changed = rtl4ml.load(copy)
    (copy / "rtl/r4_top.sv").write_text("")
    with pytest.raises(StaleProject, match=r"changed as rtl/r4_top\.sv"):
        assert_exact(changed)


# -- pytest's plugin --------------------------------------------------------------------------------------------


REFUSE = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tf_keras", "keras", "qkeras", "hls4ml", "da4ml"):
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Refused())
"""


def run_pytest(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (where / "conftest.py").write_text(REFUSE)
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "rtl4ml.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "-q",
        *arguments,
    ]
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, check=False)


def test_the_ready_checks_run_without_tensorflow(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "other")
    designs = [f"--rtl4ml-design={f}" for f in (folder, copy)]
    done = run_pytest(
        tmp_path, "--pyargs", "rtl4ml.testing.checks", "-c", "/dev/null", f"--confcutdir={tmp_path}", *designs
    )
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_test_of_ones_own_takes_designs_of_the_configuration(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nrtl4ml_designs = {folder}\n")
    (tmp_path / "test_mine.py").write_text(
        "import sys\n"
        "def test_net(rtl4ml_design):\n"
        "    assert rtl4ml_design.graph.inputs[0].shape == (6, 1)\n"
        "    assert 'tensorflow' not in sys.modules\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = run_pytest(tmp_path)
    assert done.returncode and (
        "rtl4ml_design: the folder of a saved design must be given, not none; write --rtl4ml-design FOLDER, or "
        "rtl4ml_designs in pytest's configuration" in done.stdout + done.stderr
    )


def test_pytest_finds_the_plugin() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points["pytest11"] == {"rtl4ml": "rtl4ml.pytest_plugin"}
    code = "import sys, rtl4ml.pytest_plugin; assert not {'numpy', 'tensorflow', 'rtl4ml.loaded'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
