# SPDX-License-Identifier: Apache-2.0
"""A design knows its folder: another's project, a changed file or none is refused, by every method that needs it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from keras_layers import Q, act, linear, sequential

import rtl4ml
from rtl4ml.cli.main import main
from rtl4ml.design import Design
from rtl4ml.errors import StaleProject
from rtl4ml.frontends.qkeras.untouched import OFF_GRID, UNEXPLAINED, Untouched
from rtl4ml.host import identity
from rtl4ml.ir.fingerprint import fingerprint
from rtl4ml.measurements import FrameTally, Run, Tally

USES: dict[str, Callable[[Design, Any], Any]] = {
    "csim": lambda d, x: d.csim(x),
    "simulate": lambda d, x: d.simulate(x),
    "synthesize": lambda d, _: d.synthesize(),
    "report": lambda d, _: d.report(),
}
ANOTHER = (
    "the folder must hold the project of this design, not another; "
    "convert again, and each model into a folder of its own"
)
GONE = "the project must be where it was converted to, not be gone; put it back or convert again"


def model(seed: int) -> Any:
    return sequential((6, 1), [Q.QConv1D(2, 3, **linear()), act()], np.random.default_rng(seed))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """A design with its report; tests work on copies of it."""
    design = rtl4ml.convert(model(1), out=tmp_path_factory.mktemp("whole") / "p")
    design.emulate(np.zeros((3, 6, 1)))
    design.report()
    return design


@pytest.fixture
def design(whole: Design, tmp_path: Path) -> Design:
    shutil.copytree(whole.folder, tmp_path / "p")
    assert not isinstance(whole.hls_project, Exception)
    return replace(
        whole, folder=tmp_path / "p", hls_project=whole.hls_project.moved(tmp_path / "p/hls"), _compiled={}
    )


def refused(design: Design, text: str) -> None:
    x = np.zeros((3, 6, 1))
    there = sorted(design.folder.rglob("*")) if design.folder.exists() else []
    for name, use in USES.items():
        with pytest.raises(StaleProject) as error:
            use(design, x)
        assert str(error.value) == f"{design.folder}: {text}", name
    assert (sorted(design.folder.rglob("*")) if design.folder.exists() else []) == there
    design.emulate(x)  # needs no folder


def test_a_design_is_one_line(whole: Design) -> None:
    assert re.fullmatch(r"<Design \w+: interval 6, latency \d+, /\S+/p>", repr(whole))
    name = whole.graph.name
    x, *_, y = (s.shape for s in (*whole.graph.inputs, *whole.graph.outputs))
    graph = f"<Graph {name}: {len(whole.graph.ops)} operators, {x} to {y}>"
    assert repr(whole.graph) == graph
    assert (
        repr(whole.parsed) == f"<Parsed {name}: input {whole.parsed.quantizer.name}, output logits, {graph}>"
    )
    assert repr(whole.netlist) == f"<Netlist {name}: {len(whole.netlist.cells)} cells>"
    assert re.fullmatch(rf"<HlsProject {name}_hls: \d layers, /\S+/hls>", repr(whole.hls))
    assert (
        repr(whole.identity) == f"<Identity {whole.identity.design[:8]}: {len(whole.identity.files)} files>"
    )


def test_what_was_compared_is_one_line() -> None:
    assert repr(Tally()) == repr(Untouched()) == "<nothing compared>"
    tally = Tally()
    tally.add([np.zeros((3, 1000))], [np.eye(3, 1000)])
    assert repr({"rtl": tally}) == "{'rtl': <3 of 3,000 values differ, 3 samples>}"
    assert repr(FrameTally()) == "<no frames compared>"
    frames = FrameTally()
    frames.add(np.array([4, 8]), np.array([4, 9]))
    assert repr(frames) == "<1 of 2 frames ended in the predicted cycle>"
    run = Run(np.zeros((1200, 6)), 34, Fraction(37, 3), 14_800)
    assert repr(run) == "<Run of 1,200 samples: interval 37/3, latency 34, 14,800 cycles>"
    two = Run([np.zeros((12, 6)), np.zeros((12, 2))], 34, 20, 254, (34, 9))
    assert repr(two) == "<Run of 12 samples: interval 20, latency 34, 254 cycles>"
    plain = Untouched(samples=2, values=2000)
    plain._seen.add(b"\0" * 16)
    plain.causes["d", OFF_GRID] += 5
    assert repr(plain) == "<5 of 2,000 values of model.predict differ, 2 samples>"
    plain.causes["d", UNEXPLAINED] += 1
    assert repr(plain) == "<6 of 2,000 values of model.predict differ, 1 of them unexplained, 2 samples>"


def test_a_folder_that_another_design_took_is_refused(design: Design) -> None:
    other = rtl4ml.convert(model(2), out=design.folder)
    refused(design, ANOTHER)
    assert not (design.folder / "report.json").exists()
    assert other.report()["identity"]["design"] == other.identity.design != design.identity.design


def test_a_folder_that_the_same_model_took_with_another_folding_is_refused(design: Design) -> None:
    rtl4ml.convert(design.parsed.model, out=design.folder, target_interval=60)
    refused(design, ANOTHER)


def test_the_same_design_again_is_the_same(design: Design) -> None:
    again = rtl4ml.convert(design.parsed.model, out=design.folder)
    assert again.identity == design.identity
    design.report()


@pytest.mark.parametrize("then", ["fails", "ends"])
def test_a_folder_that_another_design_takes_meanwhile_gives_no_result(
    then: str, design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "another").mkdir()
    (tmp_path / "another/design.json").write_text("{}")

    def run(*_: Any, **__: Any) -> Any:
        design.folder.rename(tmp_path / "earlier")
        (tmp_path / "another").rename(design.folder)
        if then == "fails":
            raise FileNotFoundError(2, "No such file or directory", "verilator/build.log")
        return SimpleNamespace(
            interval=None, ys=[np.zeros(24)], latency=1, latencies=(), cycles=1, ends=[], fifos={}
        )

    monkeypatch.setitem(design.__dict__, "simulator", SimpleNamespace(run_all=run))
    with pytest.raises(StaleProject, match=r"not one without a sound design\.json") as error:
        design.simulate(np.zeros((3, 6, 1)))
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert design.exactness["rtl"].samples == 0


def test_a_folder_that_is_gone_is_refused_and_comes_back_whole(design: Design) -> None:
    design.folder.rename(design.folder.with_name("elsewhere"))
    refused(design, GONE)
    design.folder.with_name("elsewhere").rename(design.folder)
    design.report()


@pytest.mark.parametrize("name", ["rtl/r4_top.sv", "hls/firmware/parameters.h", "hls/project.tcl"])
@pytest.mark.parametrize("how", ["byte", "gone", "link"])
def test_a_changed_file_is_refused(
    name: str, how: str, design: Design, capsys: pytest.CaptureFixture[str]
) -> None:
    path = design.folder / name
    content = path.read_bytes()
    path.unlink()
    if how == "byte":
        path.write_bytes(content[:-2] + b" \n")
    elif how == "link":
        path.with_suffix(".x").write_bytes(content)
        path.symlink_to(path.with_suffix(".x"))
    refused(design, f"the files must be those that were written, not changed as {name}; convert again")
    assert report(design.folder, capsys) == (
        2,
        f"rtl4ml: {design.folder}: the report must be of the files that lie there, not of others than {name}, "
        "changed since; run rtl4ml verify again\n",
    )


def test_many_changed_files_are_counted(design: Design) -> None:
    shutil.rmtree(design.folder / "rtl")
    with pytest.raises(StaleProject, match=r"changed as rtl/\w+\.sv, rtl/\w+\.sv, rtl/\w+\.sv and \d+ more;"):
        design.report()


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", '{"schema": 1, "plan": "", "files": {"../x": "0"}}'])
def test_a_damaged_identity_is_refused(text: str, design: Design, capsys: pytest.CaptureFixture[str]) -> None:
    (design.folder / identity.FILE).write_text(text)
    refused(design, ANOTHER.replace("not another", "not one without a sound design.json"))
    assert report(design.folder, capsys)[0] == 2


def test_a_file_outside_is_not_read(design: Design) -> None:
    files = {**design.identity.files, "../secret": "0" * 64}
    other = identity.Identity(plan=design.identity.plan, files=files)
    content = {"schema": 1, "design": other.design, "plan": other.plan, "files": files}
    (design.folder / identity.FILE).write_text(json.dumps(content))
    assert identity.read(design.folder) is None


def report(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main(["report", str(folder)])
    assert isinstance(done.value.code, int)
    captured = capsys.readouterr()
    assert (captured.out == "") == (done.value.code != 0)
    return done.value.code, captured.err


def test_a_report_of_another_design_is_refused(
    design: Design, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is put beside other files, and the other way round; the same project elsewhere stays what it is."""
    assert report(design.folder, capsys) == (0, "")
    moved = design.folder.rename(tmp_path / "moved")
    assert report(moved, capsys) == (0, "")
    proof = (moved / "report.json").read_text()
    rtl4ml.convert(model(2), out=moved)
    (moved / "report.json").write_text(proof)
    text = (
        f"rtl4ml: {moved}: the report must be of the design that lies there, not of another or of none; "
        "run rtl4ml verify again\n"
    )
    assert report(moved, capsys) == (2, text)
    named = json.loads(proof)
    named["identity"] = None
    (moved / "report.json").write_text(json.dumps(named))
    assert report(moved, capsys) == (2, text)


@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_a_report_that_was_changed_by_hand_is_refused(
    name: str, design: Design, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one that claims a proof that was not run."""
    path = design.folder / name
    proof = path.read_text()
    path.write_text(
        proof.replace('"rtl": null', '"rtl": {"samples": 1, "values": 8, "mismatches": 0}', 1) + "\n"
    )
    text = (
        f"rtl4ml: {design.folder}: the report must be as it was written, not changed as {name}; "
        "run rtl4ml verify again\n"
    )
    assert report(design.folder, capsys) == (2, text)
    path.write_text(proof)
    assert report(design.folder, capsys) == (0, "")


def test_report_and_page_name_the_design(design: Design) -> None:
    found = design.report()
    known = json.loads((design.folder / identity.FILE).read_text())
    assert found["identity"] == {"design": known["design"], "files": len(known["files"])}
    assert known["files"].keys() >= {"rtl/r4_top.sv", "hls/firmware/parameters.h"}
    page = " ".join(
        re.sub("<[^>]+>", "", (design.folder / "report.html").read_text().split("<footer>")[1]).split()
    )
    assert f"They are those of design {known['design']}, the SHA-256 of its graph" in page


@pytest.mark.slow
def test_changed_programs_are_refused(design: Design) -> None:
    """The compiled simulators too: what they compute is filed as the design's."""
    x = np.random.default_rng(0).uniform(-1, 1, (8, 6, 1))
    design.simulate(x)
    design.csim(x)
    for name in ("verilator/Vdut", "hls/csim"):
        path = design.folder / name
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(b"#!/bin/sh\n")
        path.chmod(0o755)
        refused(design, f"the files must be those that were written, not changed as {name}; convert again")
        path.unlink()
        path.write_bytes(content)
        path.chmod(0o755)
    design.simulate(x)
    assert design.report()["exactness"]["rtl"]["mismatches"] == 0


def test_files_that_were_added_are_not_compiled(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    (design.folder / "rtl/a_more.sv").write_text("module a_more; endmodule\n")
    given: list[Path] = []

    def build(_project: Path, _top: str, sources: list[Path], **_: Any) -> Any:
        given.extend(sources)
        raise KeyboardInterrupt

    monkeypatch.setattr("rtl4ml.loaded.build", build)
    with pytest.raises(KeyboardInterrupt):
        design.simulate(np.zeros((1, 6, 1)))
    assert given[-1].name == "r4_top.sv" and "a_more.sv" not in {p.name for p in given}


def test_a_fingerprint_tells_values_and_their_types_apart() -> None:
    a = np.arange(6, dtype=np.int32)
    values = [
        a, a.astype(np.int64), a.reshape(2, 3), a + 1, 1, 1.0, True, "1", None, (1,), [(1,)], (1, 1), ("1", "1"),
        ("11",), {"a": 1}, {"a": 2}, ("a", 1), np.int8(1),
    ]  # fmt: skip
    assert len({fingerprint(v) for v in values}) == len(values)
    big = [np.array([2**80 + k], object) for k in (0, 0, 1)]
    assert fingerprint(big[0]) == fingerprint(big[1]) != fingerprint(big[2])
    assert fingerprint(a, {"b": (1.5, "c")}) == fingerprint(a.copy(), {"b": (1.5, "c")})
    one, other = _Remembers(1), _Remembers(1)
    one.cache[1] = 2
    assert fingerprint(one) == fingerprint(other) != fingerprint(_Remembers(2))
    with pytest.raises(TypeError, match=r"^fingerprint: a value must be data, not function$"):
        fingerprint(fingerprint)


@dataclass(frozen=True)
class _Remembers:
    value: int
    cache: dict[int, int] = field(default_factory=dict, init=False)
