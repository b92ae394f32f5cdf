# SPDX-License-Identifier: Apache-2.0
"""The command line: exit status, one line an error, instant help. The design behind it is a stand-in here."""

from __future__ import annotations

import inspect
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import rtl4ml
from rtl4ml.cli import group, main, options, prove, show
from rtl4ml.errors import BadModel, HlsCannot, OverBudget, SimulationFailed, UnsupportedLayer, named
from rtl4ml.host import identity, interruption, progress
from rtl4ml.host.folders import project_folder
from rtl4ml.ir.types import Fixed, Stream
from rtl4ml.training.classification import train as classification_train
from rtl4ml.training.result import Progress

COMMANDS = [
    "train",
    "convert",
    "verify",
    "synth",
    "report",
    "sweep",
    "compare",
    "vectors",
    "verilog",
    "board",
    "demo",
]


class StandIn:
    """A design that records what it is asked for and reports fixed numbers."""

    def __init__(self, model: Path, out: Path, **options: Any) -> None:
        self.calls: list[str] = []
        self.options = options
        self.mismatches = 0
        self.interval = options["target_interval"] or 204
        self.out = Path(out)
        self.graph = SimpleNamespace(inputs=(Stream("x", (204, 1), Fixed(False, 0, 6), 0, 63),))
        self.parsed = SimpleNamespace(
            output=options.get("output", "logits"), cut=("",), notice=self.notice, shapes=((204, 1),)
        )
        self.x: list[np.ndarray[Any, Any]] = []
        with project_folder(out) as folder:
            self.identity = identity.write(folder, plan=f"{self.interval:064x}")

    def notice(self, option: str) -> str:
        precision = self.options["input_precision"]
        return f"own: {option} {precision} is said" if precision else ""

    def emulate(self, x: Any) -> None:
        self.calls.append("emulate")
        self.x.append(x)

    def csim(self, x: Any, progress: Any = None) -> None:
        self.calls.append("csim")

    def simulate(self, x: Any, stalls: str = "none", seed: int = 0, progress: Any = None) -> Any:
        self.calls.append(f"simulate {stalls} {len(x)} {seed}")
        return SimpleNamespace(y=np.zeros((len(x), 5)))

    def simulate_netlist(self, x: Any, stalls: str = "none", seed: int = 0, progress: Any = None) -> None:
        self.calls.append(f"netlist {stalls} {len(x)} {seed}")

    def synthesize(self, progress: Any = None) -> None:
        progress(1, 2)
        self.calls.append("synthesize")

    def estimate_timing(self, progress: Any = None) -> None:
        progress(1, 2)
        self.calls.append("estimate_timing")

    def report(self) -> dict[str, Any]:
        self.calls.append("report")
        found: dict[str, Any] = {
            "schema": 1,
            "identity": {"design": self.identity.design, "files": 0},
            "target": {"board": "zcu102", "part": "xczu9eg-ffvb1156-2-e", "clock_mhz": 250},
            "exactness": {
                "emulate": {"samples": 5, "values": 40, "mismatches": self.mismatches},
                "csim": None,
                "rtl": {"samples": 5, "values": 40, "mismatches": 0},
            },
            "stalls": None,
            "cycles": {
                "latency": {"model": 1234, "rtl": None},
                "interval": {"model": self.interval, "rtl": None},
            },
            "resources": {
                "model": {"lut": 27408, "ff": 2, "dsp": 3, "bram36": 0.5},
                "yosys": None,
                "vitis": None,
                "vivado": None,
                "available": {"lut": 274080, "ff": 548160, "dsp": 2520, "bram36": 912},
            },
            "efficiency": {"multipliers": 7, "macs_per_cycle": 6.5, "mac_efficiency": 0.93},
        }
        (self.out / "report.json").write_text(json.dumps(found))
        return found


@pytest.fixture
def designs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[StandIn]:
    """Stand-ins for every design that a command makes; a model file m.h5 lies in the current folder."""
    made: list[StandIn] = []

    def convert(model: Path, **options: Any) -> StandIn:
        made.append(StandIn(model, **options))
        return made[-1]

    monkeypatch.setattr(rtl4ml, "convert", convert, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("m.h5").touch()
    return made


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main.run(list(argv))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("argv", [[], *([command] for command in COMMANDS)])
def test_help_is_instant(argv: list[str]) -> None:
    command = [sys.executable, "-m", "rtl4ml.cli.main", *argv, "--help"]
    subprocess.run(command, check=True, capture_output=True)  # fills the byte code cache
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.stderr == ""
        assert done.stdout.startswith("Usage: ")
    assert min(seconds) < 0.3  # of processor time: what others do to the clock on the wall is not ours


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rtl4ml.cli import main; main.run(['demo', '--help']);"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & "
        "{'numpy', 'tensorflow', 'tf_keras', 'qkeras', 'hls4ml', 'rich', 'matplotlib', 'pyosys', 'scipy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_of_the_design_is_there() -> None:
    assert sorted(group.cli.commands) == sorted(COMMANDS)


@pytest.mark.parametrize("command", group.COMMANDS, ids=lambda command: command.name)
def test_every_command_has_a_function_that_takes_its_arguments(command: group.LazyCommand) -> None:
    module, _, name = command.function.partition(":")
    function = getattr(import_module(f"rtl4ml.cli.{module}"), name)
    inspect.signature(function).bind(**{str(p.name): None for p in command.params})


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"rtl4ml {rtl4ml.__version__}\n", "")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["convert"], "Missing argument 'MODEL'; see rtl4ml convert --help"),
        (["nonsense"], "No such command 'nonsense'; see rtl4ml --help"),
        (["convert", "n.h5"], "n.h5: the model must be a .keras or .h5 file, not missing; check the path"),
        (
            ["report", "n.h5"],
            "n.h5: must be a model's file or a project's folder, not missing; check the path",
        ),
        (["convert", "empty"], "empty: the model must be a .keras or .h5 file, not a folder; check the path"),
        (
            ["report", "empty", "--data", "x.npy", "--no-fit", "--seed", "0"],
            "empty: a project's report must be shown without options, not with --fit, --data, --seed; "
            "give the model to make another",
        ),
        (
            ["convert", "m.h5", "--budget", "dsp=2"],
            "Invalid value for '--budget': 'dsp=2' must be a resource (lut, ff, dsp, bram36, dram) and a share above "
            "0, up to 1, as in lut=0.5; see rtl4ml convert --help",
        ),
        (
            ["convert", "m.h5", "--output", "softmax"],
            "Invalid value for '--output': 'softmax' is not one of 'logits', 'argmax', 'mask'; "
            "see rtl4ml convert --help",
        ),
        (
            ["convert", "m.h5", "--output", "mask"],
            "--threshold: must be given with --output mask; write --threshold 0.5",
        ),
        (
            ["verify", "m.h5", "--threshold", "0.5"],
            "--threshold: must go with --output mask, not logits; leave it out",
        ),
        (
            ["sweep", "m.h5", "--output", "argmax", "--opening", "2"],
            "--opening: must go with --output mask, not argmax; leave it out",
        ),
        (
            ["convert", "m.h5", "--output", "mask", "--threshold", "0.5", "--opening", "8"],
            "Invalid value for '--opening': 8 is not in the range 1<=x<=7; see rtl4ml convert --help",
        ),
        (
            ["sweep", "m.h5", "--intervals", "4,x"],
            "sweep: interval must be whole numbers of cycles from 1 up, as in 204,408 or 1..128/8, not '4,x'; "
            "write it so",
        ),
        (
            ["sweep", "m.h5", "--target-interval", "4"],
            "sweep: targets must be in --intervals, not in --target-interval; write --intervals 204,408",
        ),
        (
            ["report", "empty"],
            "empty: the folder must be a project with a report.json, not without; run rtl4ml convert first",
        ),
        (
            ["report", "foreign"],
            "foreign/report.json: the report must be of schema 1, not of another program; run rtl4ml convert again",
        ),
        (
            ["verify", "m.h5", "--data", "no-x.npz"],
            "no-x.npz: the file must hold an array x or X, not a; name it so",
        ),
        (
            ["board", "m.h5"],
            "m.h5: the normalization of its counts must lie beside it, as rtl4ml train writes it, or be given, "
            "not lack; give --scale-log2 13 or --counts FILE.json",
        ),
    ],
)
def test_bad_input_is_status_2_and_one_line(
    argv: list[str], text: str, designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("empty", "foreign"):
        Path(folder).mkdir()
    Path("foreign/report.json").write_text("{}")
    np.savez("no-x.npz", a=np.zeros(3))
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == f"rtl4ml: {text}"
    assert [line for line in err.splitlines() if not line.startswith("done ")] == err.splitlines()[-1:]


@pytest.mark.parametrize("command", ["verify", "report"])
def test_bad_data_is_said_before_anything_is_converted(
    command: str, designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder.npy").mkdir()
    Path("table.csv").write_text("1,2\n")
    found = {"none.npy": "missing", "folder.npy": "a folder or device", "table.csv": "of another format"}
    for name, what in found.items():
        text = f"rtl4ml: {name}: the data must be a .npy or .npz file, not {what}; check the file\n"
        assert run(capsys, command, "m.h5", "--data", name) == (2, "", text)
    assert designs == []


def test_help_is_whole_and_names_only_what_a_command_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert "..." not in run(capsys, "--help")[1].partition("Commands:")[2]
    sweep, verify = (" ".join(run(capsys, command, "--help")[1].split()) for command in ("sweep", "verify"))
    assert "--target-interval" not in sweep and "build/MODEL's name and -sweep." in sweep
    assert "--target-interval" in verify and "build/MODEL's name." in verify
    assert "Of random samples and stalls. [default: 0; " in verify


def test_samples_are_bounded(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.array(1.0))
    for argv, text in (
        (
            ["--data", "x.npy"],
            "x.npy: the array must be a batch (N, ...), not one number without an axis; save x[None]",
        ),
        (
            ["--samples", "1000000000000"],
            "--samples: the samples must fit 4,294,967,296 bytes, not take 1,632,000,000,000,000; give fewer",
        ),
        (
            ["--seed", "-1"],
            "Invalid value for '--seed': -1 is not in the range 0<=x<=9223372036854775807; see rtl4ml verify --help",
        ),
    ):
        status, _, err = run(capsys, "verify", "m.h5", *argv)
        assert (status, err.splitlines()[-1]) == (2, f"rtl4ml: {text}")


@pytest.mark.parametrize("command", ["verify", "report"])
@pytest.mark.parametrize("shape", [(0, 204, 1), (3, 0, 1)])
@pytest.mark.parametrize("name", ["x.npy", "x.npz", "X.npz", "fortran.npy"])
def test_nothing_compared_is_no_success(
    command: str,
    shape: tuple[int, ...],
    name: str,
    designs: list[StandIn],
    capsys: pytest.CaptureFixture[str],
) -> None:
    x = np.zeros(shape)
    if name.endswith(".npz"):
        np.savez(name, **{name[0]: x})
    else:
        np.save(name, np.asfortranarray(x) if name == "fortran.npy" else x)
    with project_folder("p") as folder:
        (folder / "earlier").touch()
    status, out, err = run(capsys, command, "m.h5", "--data", name, "--out", "p")
    text = f"rtl4ml: {name}: the array must hold samples to compare, not none of shape {shape}; give some"
    assert (status, out, err.splitlines()[-1]) == (2, "", text)
    assert Path("p/earlier").is_file()


@pytest.mark.parametrize("command", ["verify", "report"])
@pytest.mark.parametrize("how", ["emulate", "rtl"])
@pytest.mark.parametrize("entry", [None, {"samples": 0, "values": 0, "mismatches": 0}])
def test_a_proof_without_comparisons_has_failed(
    command: str, how: str, entry: Any, designs: list[StandIn], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    plain = StandIn.report

    def report(self: StandIn) -> dict[str, Any]:
        found = plain(self)
        found["exactness"][how] = entry
        return found

    monkeypatch.setattr(StandIn, "report", report)
    status, _, err = run(capsys, command, "m.h5", "--out", "p")
    text = "rtl4ml: p: values must be compared with the model's in emulation and RTL, not none; give samples"
    assert (status, err.splitlines()[-1]) == (1, text)
    assert run(capsys, "convert", "m.h5", "--out", "p")[0] == 0  # of which no proof was asked


def test_nothing_that_a_terminal_obeys_is_printed(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "m\x1b]0;title\x07\u202e.h5"
    Path(name).touch()
    status, out, err = run(capsys, "convert", name)
    assert status == 0 and r"m\x1b]0;title\x07\u202e" in out and r"m\x1b]0;title\x07\u202e" in err
    status, _, missing = run(capsys, "convert", f"no{name}")
    assert status == 2 and r"nom\x1b]0;title\x07\u202e.h5: the model must be" in missing
    status, _, usage = run(capsys, "convert", "m.h5", "--output", "\x1b[2J")
    assert status == 2 and r"\x1b[2J" in usage
    for text in (out, err, missing, usage):
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_a_pickle_is_not_run(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path("ran").touch, ()

    np.save("bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    status, _, err = run(capsys, "verify", "m.h5", "--data", "bomb.npy")
    assert status == 2
    assert err.splitlines()[-1].startswith("rtl4ml: bomb.npy: the data must be a .npy or .npz file, not ")
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x93NUMPY\x01\x00", b"x" * 100])
def test_a_damaged_data_file_is_one_line(
    content: bytes, designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.npz").write_bytes(content)
    status, _, err = run(capsys, "verify", "m.h5", "--data", "x.npz")
    assert status == 2
    assert err.splitlines()[-1].startswith("rtl4ml: x.npz: the data must be a .npy or .npz file, not ")


def test_an_error_of_the_design_is_status_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def convert(model: Path, **options: Any) -> None:
        raise UnsupportedLayer("lstm: layer must be one of Conv1D, Dense,\nnot LSTM; leave it out")

    monkeypatch.setattr(rtl4ml, "convert", convert, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("m.h5").touch()
    text = "rtl4ml: lstm: layer must be one of Conv1D, Dense, not LSTM; leave it out\n"
    assert run(capsys, "convert", "m.h5") == (2, "", text)


def test_a_bug_is_status_1_and_one_line(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    def emulate(self: StandIn, x: Any) -> None:
        raise ZeroDivisionError("1 / 0")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StandIn, "emulate", emulate)
        status, _, err = run(capsys, "verify", "m.h5")
        assert status == 1
        assert err.splitlines()[-1] == (
            "rtl4ml: internal error: ZeroDivisionError: 1 / 0; run again with RTL4ML_DEBUG=1 and report the traceback"
        )
        assert "Traceback" not in err
        patch.setenv("RTL4ML_DEBUG", "1")
        with pytest.raises(ZeroDivisionError):
            main.run(["verify", "m.h5"])


@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("convert", signal.SIGHUP),
        ("verify", signal.SIGTERM),
        ("synth", signal.SIGINT),
        ("report", signal.SIGTERM),
    ],
)
def test_an_interruption_leaves_the_earlier_project_and_says_so(
    command: str, number: int, tmp_path: Path
) -> None:
    """In the command's last step; a second signal does not disturb the tidying up, nor do threads that still work."""
    with project_folder(tmp_path / "p") as folder:
        (folder / "report.json").write_text("earlier")
    (tmp_path / "m.h5").touch()
    code = f"""
import time, threading, rtl4ml
from pathlib import Path
from test_cli import StandIn
from rtl4ml.cli import main
rtl4ml.convert = StandIn
def report(self, **options):
    threading.Thread(target=time.sleep, args=[600]).start()
    Path("begun").touch()
    for _ in range(600):  # a signal just before one long sleep would wait for its end
        time.sleep(0.1)
StandIn.report = report
main.main(["{command}", "m.h5", "--out", "p"])
"""
    env = {
        **os.environ,
        "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{Path(__file__).parents[1] / 'support'}",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.splitlines()[-1] == "rtl4ml: interrupted; p: the earlier project is untouched"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["begun", "m.h5", "p"]
    assert (tmp_path / "p/report.json").read_text() == "earlier"


@pytest.mark.parametrize("error", [BadModel("m.h5: must be a model"), TypeError("no")])
def test_an_interruption_of_which_a_library_makes_an_error(
    error: Exception,
    designs: list[StandIn],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Keras does while it loads a model."""
    assert run(capsys, "convert", "m.h5", "--out", "p")[0] == 0
    (Path("p") / "report.json").write_text("earlier")

    def convert(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(interruption._state, "raised", True)
        raise error

    monkeypatch.setattr(rtl4ml, "convert", convert)
    status, _, err = run(capsys, "convert", "m.h5", "--out", "p")
    assert (status, err.splitlines()[-1]) == (2, "rtl4ml: interrupted; p: the earlier project is untouched")
    assert (Path("p") / "report.json").read_text() == "earlier"


def test_an_interruption_after_the_swap_says_that_the_new_project_is_there(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(show, "report", interrupt)
    assert run(capsys, "convert", "m.h5", "--out", "p")[2].splitlines()[-1] == (
        "rtl4ml: interrupted; p: the new project is there, whole"
    )
    assert Path("p/report.json").is_file()
    assert run(capsys, "report", "p")[2] == "rtl4ml: interrupted\n"


def test_a_simulation_that_fails_leaves_its_files(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(self: StandIn, x: Any, stalls: str = "none", seed: int = 0, progress: Any = None) -> Any:
        raise SimulationFailed(f"r4_top: Verilator must compile it; see {self.out}/verilator/build.log")

    monkeypatch.setattr(StandIn, "simulate", simulate)
    status, _, err = run(capsys, "verify", "m.h5", "--out", "p")
    text = "rtl4ml: r4_top: Verilator must compile it; see p/verilator/build.log"
    assert (status, err.splitlines()[-1]) == (1, text)
    assert Path("p/report.json").is_file()


def test_a_reader_that_goes_away_is_no_error_text(designs: list[StandIn], tmp_path: Path) -> None:
    with project_folder("p"):
        pass
    StandIn(Path("m.h5"), Path("p"), target_interval=None).report()
    command = [sys.executable, "-m", "rtl4ml.cli.main", "report", "p"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (1, b"")


def test_convert_passes_its_arguments_and_prints_the_report(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(
        capsys,
        *("convert", "m.h5", "--target-interval", "300", "--budget", "dsp=0.2", "--budget", "lut=1"),
        *(
            "--clock-mhz",
            "200",
            "--input-precision",
            "ap_fixed<8,3>",
            "--output",
            "mask",
            "--threshold",
            "0.5",
            "--columns",
            "64",
        ),
    )
    assert status == 0
    assert designs[0].options == {
        "target_interval": 300,
        "budget": {"dsp": 0.2, "lut": 1.0},
        "clock_mhz": 200.0,
        "input_precision": "ap_fixed<8,3>",
        "output": "mask",
        "threshold": 0.5,
        "columns": 64,
        "name": None,
        "fit": True,
        "pumped": False,
    }
    assert designs[0].out.name == "m" and Path("build/m/report.json").is_file()
    for text in ("1,234", "300", "27,408", "274,080", "10.0 %", "build/m/report.html"):
        assert text in out


def test_homes_of_skips(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    for given, want in (
        (["--skips", "late"], "late"),
        (["--skips", "auto"], "auto"),
        (
            ["--skips", "up1_concat=late", "--skips", "up2_concat=bram"],
            {"up1_concat": "late", "up2_concat": "bram"},
        ),
    ):
        assert run(capsys, "convert", "m.h5", "--out", "p", *given)[0] == 0
        assert designs[-1].options["skips"] == want
    assert run(capsys, "convert", "m.h5", "--skips", "up1_concat=uram")[0] == 2


def test_defaults_are_those_of_the_python_interface(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "convert", "m.h5", "--out", "p")[0] == 0
    assert designs[0].options == {
        "target_interval": None,
        "budget": None,
        "clock_mhz": 250.0,
        "input_precision": None,
        "output": "logits",
        "columns": None,
        "name": None,
        "fit": True,
        "pumped": False,
    }
    assert designs[0].out.name == "p" and Path("p/report.json").is_file()


@pytest.mark.parametrize("command", ["convert", "verify", "synth", "report"])
def test_every_command_that_converts_knows_opened_masks(
    command: str, designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    mask = ("--output", "mask", "--threshold", "0.4", "--opening", "2")
    assert run(capsys, command, "m.h5", *mask)[0] == 0
    for design in designs:
        found = {k: design.options[k] for k in ("output", "threshold", "opening")}
        assert found == {"output": "mask", "threshold": 0.4, "opening": 2}
    text = run(capsys, command, "--help")[1]
    for option in ("--output [logits|argmax|mask]", "--threshold FLOAT", "--opening INTEGER RANGE"):
        assert option in text
    assert "[1<=x<=7]" in text


def test_bounds_are_those_of_the_modules_that_check_them() -> None:
    from rtl4ml.arguments import MOST_SEED
    from rtl4ml.ops.opening import MOST

    assert (options.MOST_OPENING, options.MOST_SEED) == (MOST, MOST_SEED)


@pytest.mark.parametrize("command", ["verify", "report"])
def test_frames_of_the_data_are_shown_under_their_masks(
    command: str, designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    plain = StandIn.report

    def report(self: StandIn, extras: Any = None) -> dict[str, Any]:
        shown.append(None if extras is None else extras.frames)
        return plain(self)

    def simulate(self: StandIn, x: Any, stalls: str = "none", seed: int = 0, progress: Any = None) -> Any:
        return SimpleNamespace(y=x[..., :1] > 1)

    monkeypatch.setattr(StandIn, "report", report)
    monkeypatch.setattr(StandIn, "simulate", simulate)
    stream = Stream("x", (2, 3, 1), Fixed(True, 1, 6), -128, 127)  # from -2 to 2
    init = StandIn.__init__

    def masks(self: StandIn, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        self.graph = SimpleNamespace(inputs=(stream,))
        self.parsed.graph = self.graph

    monkeypatch.setattr(StandIn, "__init__", masks)
    x = np.linspace(-2, 127 / 64, 30).reshape(5, 2, 3, 1)
    np.save("x.npy", x)
    mask = ("--output", "mask", "--threshold", "0.4")
    assert run(capsys, command, "m.h5", "--data", "x.npy", *mask)[0] == 0
    np.testing.assert_allclose(shown[0].images, np.repeat((x + 2) / (2 + 127 / 64), 3, -1))
    np.testing.assert_array_equal(shown[0].masks, x[..., 0] > 1)
    assert run(capsys, command, "m.h5", *mask)[0] == 0  # noise
    assert run(capsys, command, "m.h5", "--data", "x.npy")[0] == 0  # no masks
    assert shown[1:] == [None, None]


def test_brackets_in_a_path_are_shown(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    Path("[red]m.h5").touch()
    status, out, err = run(capsys, "convert", "[red]m.h5")
    assert status == 0
    assert "project  build/[red]m\n" in out
    assert "convert [red]m.h5 " in err


def test_verify_runs_every_proof(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    np.save("x.npy", np.zeros((100, 204, 1)))
    assert run(capsys, "verify", "m.h5", "--data", "x.npy", "--samples", "90", "--seed", "3")[0] == 0
    stalled = f"simulate random {prove.STALLED_SAMPLES} 3"
    assert designs[0].calls == ["emulate", "csim", "simulate none 90 0", stalled, "report"]


def test_verify_proves_the_netlist_where_it_is_asked_to(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "verify", "m.h5", "--samples", "90", "--seed", "3", "--netlist")[0] == 0
    assert designs[0].calls[-3:] == ["netlist none 90 0", "netlist random 90 3", "report"]


def test_verify_without_data_reaches_beyond_the_range(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "verify", "m.h5", "--samples", "50")[0] == 0
    x = designs[0].x[0]
    assert x.shape == (50, 204, 1)
    assert -2 / 64 <= x.min() < 0
    assert 63 / 64 < x.max() <= 65 / 64


def test_a_precision_beside_a_quantizer_is_said(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    said = "own: --input-precision ap_fixed<8,2> is said\n"
    assert said in run(capsys, "convert", "m.h5", "--input-precision", "ap_fixed<8,2>")[2]
    assert "is said" not in run(capsys, "convert", "m.h5")[2]


def test_verify_goes_on_without_csim(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: StandIn, x: Any, progress: Any = None) -> None:
        raise HlsCannot("c1: too dilated", "c2: too odd")

    monkeypatch.setattr(StandIn, "csim", refuse)
    status, _, err = run(capsys, "verify", "m.h5")
    assert status == 0
    assert "no C simulation: c1: too dilated\nno C simulation: c2: too odd\n" in err
    assert designs[0].calls[-1] == "report"


def test_train_passes_its_arguments_and_shows_progress(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def train(recipe: str, *, progress: Any, **options: Any) -> str:
        asked.update(options, recipe=recipe)
        numbers = {"loss": 0.5, "validation_oa": 0.925, "validation_loss": 0.4}
        progress(Progress(stage="float", epoch=3, epochs=3, **numbers))
        return "OA 92.50 %"

    monkeypatch.setattr(classification_train, "train", train)
    status, out, err = run(capsys, "train", "--data", "d", "--out", "o", "--seed", "3", "--quick", "--resume")
    assert (status, out) == (0, "OA 92.50 %\n")
    assert "loss 0.5000  validation 92.50 %" in err
    given = {"data": Path("d"), "out": Path("o"), "seed": 3, "quick": True, "resume": True}
    given |= {"per_class": None}
    assert asked == {"recipe": "salinas_1dcnn", **given}


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--data", "none"], "none: --data must be a folder, not missing; check the path"),
        (["a", "b"], "train: several recipes must come with --seeds, not a, b alone; write --seeds 1-5"),
        (
            ["--seed", "1", "--seeds", "1-5"],
            "train: seeds must be in one option, not in --seed and --seeds; leave out --seed",
        ),
        (
            ["--seeds", "5-1"],
            "train: --seeds must be different whole numbers such as 1-5 or 1,2,7, not '5-1'; write them so",
        ),
        (
            ["salinas_1dcnn", "salinas_1dcnn", "--seeds", "1,2"],
            "train: every recipe must be named once, not ",
        ),
        (["x.toml"], "x.toml: a recipe must be a .toml file or one of "),
    ],
)
def test_train_refuses_in_one_line(argv: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "train", *argv)
    assert (status, out) == (2, "")
    assert err.startswith(f"rtl4ml: {text}")
    assert len(err.splitlines()) == 1


def test_a_simulation_that_stands_still_is_status_1(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(self: StandIn, x: Any, stalls: str = "none", seed: int = 0, progress: Any = None) -> None:
        raise SimulationFailed("r4_top: frames must come out, not none")

    monkeypatch.setattr(StandIn, "simulate", stuck)
    status, _, err = run(capsys, "verify", "m.h5")
    assert (status, err.splitlines()[-1]) == (1, "rtl4ml: r4_top: frames must come out, not none")


@pytest.mark.parametrize("command", ["verify", "report"])
def test_a_mismatch_is_status_1(
    command: str, designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    init = StandIn.__init__

    def wrong(self: StandIn, *args: Any, **options: Any) -> None:
        init(self, *args, **options)
        self.mismatches = 2

    monkeypatch.setattr(StandIn, "__init__", wrong)
    status, _, err = run(capsys, command, "m.h5", "--samples", "4")
    assert status == 1
    text = "build/m: every value must equal the model's, not differ in 2 values in emulate; see report.html there"
    assert err.splitlines()[-1] == f"rtl4ml: {text}"
    assert run(capsys, "report", "build/m")[0] == 1  # the project keeps the verdict


def test_synth_and_report_run_their_steps(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "synth", "m.h5")[0] == 0
    assert designs[0].calls == ["synthesize", "estimate_timing", "report"]
    assert run(capsys, "report", "m.h5")[0] == 0
    assert designs[1].calls[-2:] == ["synthesize", "report"]
    assert run(capsys, "report", "build/m")[0] == 0
    assert len(designs) == 2  # a project's report is read, not made again


def test_stderr_of_a_full_disk(designs: list[StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    def emulate(self: StandIn, x: Any) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StandIn, "emulate", emulate)
        status, _, err = run(capsys, "verify", "m.h5")
    assert status == 2
    assert err.splitlines()[-1] == (
        "rtl4ml: build/m: the disk must have room for it, not be full; free some space or choose another folder"
    )


def test_without_a_terminal_a_long_step_says_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_A_LINE", 0.02)
    err = ""

    def until(text: str) -> None:
        nonlocal err
        deadline = time.monotonic() + 20
        while text not in err and time.monotonic() < deadline:
            time.sleep(0.01)
            err += capsys.readouterr().err
        assert text in err

    with show.step("synthesis") as tell:
        until("synthesis (0 s so far)\n")
        tell(3, 1200)
        until("synthesis: 3 of 1,200 (")
        before = len(err.splitlines())
        for n in range(1000):  # not a line each
            tell(n, 1200)
        tell(1200, 1200)
    err += capsys.readouterr().err
    assert re.fullmatch(r"done synthesis: 1,200 of 1,200 \(\d+\.\d s\)", err.splitlines()[-1])
    assert len(err.splitlines()) - before < 500
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_short_step_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with show.step("emulate"):
        pass
    assert re.fullmatch(r"done emulate \(\d+\.\d s\)\n", capsys.readouterr().err)


def test_a_training_without_a_terminal_says_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_A_LINE", 0.02)

    def train(recipe: str, *, progress: Any, **options: Any) -> str:
        time.sleep(0.1)  # a first epoch
        numbers = {"loss": 0.5, "validation_oa": 0.925, "validation_loss": 0.4}
        for epoch in range(1, 1001):  # not a line each
            progress(Progress(stage="float", epoch=epoch, epochs=1000, **numbers))
        time.sleep(0.1)
        return "OA 92.50 %"

    monkeypatch.setattr(classification_train, "train", train)
    status, _, err = run(capsys, "train", "--quick")
    lines = err.splitlines()
    assert status == 0
    assert lines[0] == "train salinas_1dcnn (0 s so far)"
    told = "train salinas_1dcnn: 1,000 of 1,000, float: loss 0.5000  validation 92.50 %"
    assert f"{told} (0 s so far)" in lines
    assert re.fullmatch(rf"done {re.escape(told)} \(\d+\.\d s\)", lines[-1])
    assert 3 <= len(lines) < 100


def test_simulations_say_how_far_they_are(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(self: StandIn, x: Any, stalls: str = "none", seed: int = 0, progress: Any = None) -> Any:
        progress(len(x), len(x))
        return SimpleNamespace(y=None)

    def csim(self: StandIn, x: Any, progress: Any = None) -> None:
        progress(len(x), len(x))

    monkeypatch.setattr(StandIn, "simulate", simulate)
    monkeypatch.setattr(StandIn, "csim", csim)
    err = run(capsys, "verify", "m.h5", "--samples", "70")[2]
    assert "C simulation of the HLS project, 70 samples: 70 of 70" in err
    assert "RTL simulation, 70 samples: 70 of 70" in err
    assert "random stalls, 64 samples: 64 of 64" in err


def test_what_was_not_run_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: dict[str, Any] = {
        "target": {"part": "p", "clock_mhz": 250},
        "exactness": {"emulate": None, "csim": None, "rtl": None},
        "stalls": None,
        "cycles": {"latency": {"model": 12, "rtl": None}, "interval": {"model": 3, "rtl": None}},
        "resources": {
            "model": {"lut": 1, "ff": 2, "dsp": 3, "bram36": 4},
            "yosys": None,
            "vitis": None,
            "vivado": None,
            "available": {"lut": 10, "ff": 10, "dsp": 10, "bram36": 10},
        },
    }
    show.report(nothing, Path("p"))
    out = capsys.readouterr().out
    for text in ("Against", "emulation", "C simulation", "stalls", "simulated", "\u2013"):
        assert text not in out
    some = {"samples": 5, "values": 40, "mismatches": 0}
    nothing["exactness"]["emulate"] = some
    nothing["stalls"] = {"patterns": 1, "frames": 6, "mismatches": 0}
    nothing["cycles"]["latency"]["rtl"] = 13
    show.report(nothing, Path("p"))
    out = capsys.readouterr().out
    for text in ("Against", "emulation", "RTL, random stalls", "simulated"):
        assert text in out
    assert "C simulation" not in out


def test_a_target_that_is_missed_is_one_line(
    designs: list[StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a project of an earlier version, which says nothing of its target, is shown."""
    assert "interval:" not in run(capsys, "convert", "m.h5", "--target-interval", "100")[1]
    old = StandIn.report

    def report(self: StandIn) -> dict[str, Any]:
        found = old(self)
        found["cycles"] |= {"target": 100, "excess": "conv2 folded by hand needs 1,024"}
        return found

    monkeypatch.setattr(StandIn, "report", report)
    status, out, _ = run(capsys, "convert", "m.h5", "--target-interval", "100")
    assert status == 0
    assert out.splitlines().count("interval: asked for 100; conv2 folded by hand needs 1,024") == 1


def test_arguments_are_named_as_options_here_and_as_arguments_in_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = OverBudget(
        f"c: {named('target_interval')} must be more, not {named('output', 'mask')}; give {named('threshold', 0.5)}, "
        f"{named('input_precision')} or {named('fit', False)}"
    )
    assert str(error) == (
        "c: target_interval must be more, not output='mask'; give threshold=0.5, input_precision or fit=False"
    )

    def convert(model: Path, **options: Any) -> None:
        raise error

    monkeypatch.setattr(rtl4ml, "convert", convert, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("m.h5").touch()
    assert run(capsys, "convert", "m.h5")[2] == (
        "rtl4ml: c: --target-interval must be more, not --output mask; give --threshold 0.5, --input-precision "
        "or --no-fit\n"
    )


@pytest.mark.parametrize(
    "argument",
    ["target_interval", "clock_mhz", "input_precision", "output", "threshold", "opening", "budget", "out"],
)
def test_every_argument_that_a_message_names_is_an_option(argument: str) -> None:
    assert options.option_of(argument, "") in {
        o for p in group.cli.commands["convert"].params for o in p.opts
    }
    for flag in ("fit", "pumped"):
        assert {options.option_of(flag, v) for v in ("True", "False")} == {f"--{flag}", f"--no-{flag}"}
