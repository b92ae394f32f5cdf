# SPDX-License-Identifier: Apache-2.0
"""Every argument of `convert` and `simulate` against values that it must not have: one line, and no folder made."""

from __future__ import annotations

import ast
import inspect
import re
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rtl4ml
from rtl4ml import arguments
from rtl4ml.cli import main, options
from rtl4ml.design import Design
from rtl4ml.device import ZCU102
from rtl4ml.errors import BadInput, EnvironmentProblem, named
from rtl4ml.frontends.network import check_batch
from rtl4ml.frontends.qkeras.quantizers.precision import _checked, declared_quantizer, parse_precision
from rtl4ml.host import frameworks
from rtl4ml.ir.types import Fixed, Stream

K = frameworks.keras()
Q = frameworks.qkeras()

HUGE = 10**5000  # its digits are more than Python turns into a text


class Hostile:
    """An object whose own text fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


# What no argument takes, besides what is said of each below.
NEVER: list[Any] = [
    Hostile(), b"x", 1j, [1], (1, 2), {1: 2}, {"lut": "x"}, {"c": 1}, {"c": (1, 2, 3)}, {3: (1, 1)}, {"c": (1, True)},
    np.zeros(3), float("nan"), float("-inf"), -1, -0.5, "\0", "", object, HUGE,
]  # fmt: skip
ALSO: dict[str, list[Any]] = {
    "out": [None, 5, True, "a\0b", 2.5],
    "target_interval": ["204", 204.0, True, 0],
    "budget": [0.5, True, "lut=0.5", {"lut": True}, {"lut": 0}, {"lut": 1.5}, {"luts": 0.5}, {"dsp": float("nan")}],
    "prices": [0.5, True, "lut=0.5", {"lut": True}, {"lut": -1}, {"luts": 0.5}, {"dsp": float("inf")}],
    "clock_mhz": [True, "250", None, 0, 1000, np.bool_(True), HUGE, 1e400],
    "output": [None, 0, "Logits", np.array(["mask"])],
    "threshold": [0.5, True, "0.5"],
    "opening": [1, True, "1"],
    "columns": ["4", 4.0, True, 0, 2**31],
    "foldings": ["c", True, {"c": (0, 1)}, {"c": "12"}, {"c": (1.0, 1)}, {"c": None}],
    "fit": [None, "no", 0, 1, np.zeros(1)],
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Any:
    dense = Q.QDense(3, kernel_quantizer=Q.quantized_bits(4, 0, alpha=1), use_bias=False, name="c")
    return K.Sequential([K.Input((4,)), Q.QActivation("quantized_bits(8,0,alpha=1)"), dense], name="net")


@pytest.fixture(scope="module")
def design(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Design:
    return rtl4ml.convert(model, out=tmp_path_factory.mktemp("d") / "design")


def refused(call: Any, name: str) -> str:
    with pytest.raises(BadInput) as caught:
        call()
    text = str(caught.value)
    assert text.startswith(f"{name}: must ") and "\n" not in text and "\0" not in text and len(text) < 400
    assert ", not " in text
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return text


@pytest.mark.parametrize("name", ALSO)
def test_no_argument_of_convert_takes_nonsense(name: str, tmp_path: Path) -> None:
    allowed = {"budget": [{}], "prices": [{}], "foldings": [{"c": (1, 2)}], "target_interval": [HUGE]}
    for value in [*NEVER, *ALSO[name]]:
        if any(value is v for v in allowed.get(name, [])):
            continue
        options = {"out": tmp_path / "design", name: value}
        # no such model: arguments come before it
        refused(lambda options=options: rtl4ml.convert(tmp_path / "no.keras", **options), name)
    assert list(tmp_path.iterdir()) == []


def test_no_precision_is_nonsense(model: Any, tmp_path: Path) -> None:
    for value in [*NEVER, True, "ap_fixed<8>", f"ap_fixed<{10**9},1>", "ap_fixed<8,1000000000000>"]:
        options = {"out": tmp_path / "d", "input_precision": value}
        refused(lambda options=options: rtl4ml.convert(model, **options), "input_precision")


def test_no_seed_and_no_stalls_are_nonsense(design: Design) -> None:
    x = np.zeros((1, 4))
    for value in [*NEVER, None, "a", True, 1.0, 2**63]:
        for stalls in arguments.STALLS:
            refused(lambda stalls=stalls, value=value: design.simulate(x, stalls=stalls, seed=value), "seed")
        refused(lambda value=value: design.simulate(x, stalls=value), "stalls")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("out", None, "out: must be the path of a folder, not None; give such as out='build/design'"),
        ("out", "a\0b", r"out: must be the path of a folder, not 'a\x00b'; give such as out='build/design'"),
        (
            "budget",
            [1],
            'budget: must be shares by resource (lut, ff, dsp, bram36, dram), not [1]; write budget={"lut": 0.5}',
        ),
        (
            "budget",
            {"lut": "x"},
            "budget: must give shares (0 to 1] of lut, ff, dsp, bram36, dram, not lut='x'; write budget={\"lut\": 0.5}",
        ),
        (
            "prices",
            [1],
            'prices: must be numbers by resource (lut, ff, dsp, bram36), not [1]; write prices={"dsp": 2.0}',
        ),
        (
            "prices",
            {"dsp": -1},
            'prices: must be numbers from 0 up of lut, ff, dsp, bram36, not dsp=-1; write prices={"dsp": 2.0}',
        ),
        (
            "foldings",
            {"c": 1},
            "foldings: must be pairs (pe, simd) of whole numbers from 1 up by layer, not 'c': 1; "
            'write foldings={"conv": (4, 3)}',
        ),
        (
            "foldings",
            3,
            'foldings: must be pairs (pe, simd) by layer, not 3; write foldings={"conv": (4, 3)}',
        ),
        ("fit", "no", "fit: must be True or False, not 'no'"),
        ("clock_mhz", True, "clock_mhz: must be a clock between 0 and 1000 MHz, not True; 250 is usual"),
        (
            "clock_mhz",
            10**400,
            f"clock_mhz: must be a clock between 0 and 1000 MHz, not int 1{'0' * 79}…; 250 is usual",
        ),
        (
            "target_interval",
            2**41,
            "target_interval: must be at most 1099511627776 cycles, not 2199023255552; lower it",
        ),
    ],
)
def test_what_is_said(name: str, value: Any, text: str, tmp_path: Path) -> None:
    options = {"out": tmp_path / "d", name: value}
    assert refused(lambda: rtl4ml.convert("no.keras", **options), name) == text


def test_what_is_said_of_a_seed(design: Design) -> None:
    text = "seed: must be a whole number from 0 to 2^63 - 1, not 'a'; 0 is usual"
    assert refused(lambda: design.simulate(np.zeros((1, 4)), seed="a"), "seed") == text  # type: ignore[arg-type]


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    text = refused(lambda: rtl4ml.convert("no.keras", out=tmp_path / "d", output="q" * 9999), "output")
    assert text.count("q") == 79 and "…" in text


def test_numbers_of_numpy_are_numbers(model: Any, tmp_path: Path) -> None:
    made = rtl4ml.convert(
        model,
        out=tmp_path / "d",
        target_interval=np.int64(12),
        budget={"lut": np.float32(0.5)},
        clock_mhz=np.float64(100),
        fit=np.bool_(True),
    )
    assert made.cycles.interval <= 12 and made.clock_mhz == 100 and type(made.clock_mhz) is float


@pytest.mark.parametrize("out", ["/proc/x", "/dev/null/x", "/sys/x/y"])
def test_a_folder_that_cannot_be(out: str, model: Any) -> None:
    if not Path(out).parent.exists() and not Path(out).parent.parent.exists():
        pytest.skip("no such system folder")
    pattern = rf"^{out}: must be a folder that can be written, not '[\w ]+'; choose another folder$"
    with pytest.raises(EnvironmentProblem, match=pattern):
        rtl4ml.convert(model, out=out)


@pytest.mark.parametrize("out", ["a/x", "~nobody-of-that-name/x"])
def test_a_path_that_leads_nowhere(
    out: str, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        BadInput, match=f"^{out}: must be a path that leads to a folder, not .*; choose another$"
    ):
        rtl4ml.convert(model, out=out)


@pytest.mark.parametrize("most", [2**12, 2**16])
def test_a_file_size_limit_while_hls4ml_copies(most: int, model: Any, tmp_path: Path) -> None:
    """Each is reached in another place: in our own files, and in those that shutil copies for hls4ml."""
    out = tmp_path / "d"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(
            EnvironmentProblem, match=r": files must be allowed to grow .*; raise it \(ulimit -f\)$"
        ):
            rtl4ml.convert(model, out=out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not out.exists()


def test_no_argument_of_the_backend_is_nonsense() -> None:
    """What hls4ml's `create_config` hands over before a model is read."""
    pytest.importorskip("hls4ml")
    from hls4ml.backends import get_backend

    backend = get_backend("rtl4ml")
    for value in [*NEVER, True, "5", 0, 1, 1e9]:
        refused(lambda value=value: backend.create_initial_config(clock_period=value), "clock_period")
    for value in (5, True, ["xczu9eg"]):
        refused(lambda value=value: backend.create_initial_config(part=value), "part")
    assert backend.create_initial_config()["ClockPeriod"] == 4
    assert backend.create_initial_config(clock_period=5)["ClockPeriod"] == 5


# A refusal of every sort, by the check that makes it.
REFUSALS: list[Callable[[], Any]] = [
    lambda: arguments.output_folder(5),
    lambda: arguments.output_folder("\0"),
    lambda: arguments.target_interval(0),
    lambda: arguments.target_interval(2**41),
    lambda: arguments.budget([1], ZCU102.capacity),
    lambda: arguments.budget({"lut": 2}, ZCU102.capacity),
    lambda: arguments.prices([1], ZCU102.capacity),
    lambda: arguments.prices({"lut": -1}, ZCU102.capacity),
    lambda: arguments.clock_mhz(0),
    lambda: arguments.skips("uram"),
    lambda: arguments.pumped(True, replace(ZCU102, double_clock=False)),
    lambda: arguments.head("masks", None, None),
    lambda: arguments.head("mask", None, None),
    lambda: arguments.head("argmax", 0.5, None),
    lambda: arguments.head("argmax", None, 2),
    lambda: arguments.head("mask", 0.5, 9),
    lambda: arguments.columns(0),
    lambda: arguments.frames(0),
    lambda: arguments.name("Jets"),
    lambda: arguments.foldings(3),
    lambda: arguments.foldings({"c": 1}),
    lambda: arguments.flag("fit", "no"),
    lambda: arguments.date("1 May"),
    lambda: arguments.stalls("some"),
    lambda: arguments.seed("a"),
    lambda: parse_precision("ap_fixed<8>"),
    lambda: parse_precision("ap_fixed<8,1,AP_FLOOR>"),
    lambda: parse_precision(5),  # type: ignore[arg-type]
    lambda: parse_precision("ap_fixed<99,1>"),
    lambda: declared_quantizer("ap_fixed<1,1,AP_RND,AP_SAT_SYM>"),
    lambda: check_batch(STREAM, np.zeros(4)),
    lambda: check_batch(STREAM, np.zeros((4, 5))),
    lambda: check_batch(STREAM, [[1], [1, 2]]),
    lambda: check_batch(STREAM, np.zeros((1, 4), complex)),
    lambda: check_batch(STREAM, np.full((1, 4), np.nan)),
]
STREAM = Stream("x", (4,), Fixed(False, 0, 6), 0, 63)
NAMES = {
    name
    for call in (rtl4ml.convert, Design.simulate, Design.write_vectors)
    for name in inspect.signature(call).parameters
    if name not in ("self", "model", "progress")
} | {"date"}  # an attribute of the design


def test_every_refusal_names_arguments_so_that_the_command_line_can_name_options() -> None:
    places: dict[str, set[int]] = {}
    for refusal in REFUSALS:
        with pytest.raises(BadInput) as caught:
            refusal()
        assert re.match(rf"({'|'.join(NAMES)}): ", str(caught.value))
        worded = caught.value.worded(lambda argument, value: "OPTION")
        assert worded.startswith("OPTION: ")
        assert not re.search(rf"(?<![\w<(])({'|'.join(NAMES)})(=|: )", worded), worded
        last = caught.traceback[-1]
        places.setdefault(Path(str(last.path)).name, set()).add(last.lineno + 1)
    # No refusal of these modules' own checks is left out above.
    for module in (arguments, check_batch, parse_precision, _checked, declared_quantizer):
        first = 0 if module is arguments else inspect.getsourcelines(module)[1] - 1  # type: ignore[arg-type]
        tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
        hit = places[Path(inspect.getfile(module)).name]  # type: ignore[arg-type]
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise):
                lines = range(first + node.lineno, first + (node.end_lineno or 0) + 1)
                assert hit.intersection(lines), f"{module}: line {first + node.lineno}"


def complaint(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main.run(list(argv)) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_the_command_line_names_options(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it can reach, by the real `convert`; the values are those that the options' own types take."""
    monkeypatch.chdir(tmp_path)
    small = replace(ZCU102, default_budget={**ZCU102.default_budget, "lut": 1e-4})
    monkeypatch.setattr("rtl4ml.design.ZCU102", small)
    model.save("m.keras")
    np.save("x.npy", np.zeros((2, 5)))
    for argv, text in {
        "--target-interval 2199023255552": "--target-interval: must be at most 1099511627776 cycles, not 2199023255552;"
        " lower it",
        "--clock-mhz 0": "--clock-mhz: must be a clock between 0 and 1000 MHz, not 0.0; 250 is usual",
        "--input-precision ap_fixed<8>": "--input-precision: must be a type such as .*",
        "--output mask --threshold nan": "--threshold: must be a finite number for --output mask, not nan; "
        "give --threshold 0.5",
        "--output mask --threshold 1": "c: --output mask must go with one channel, not 3; use --output argmax",
        "--target-interval 1 --budget lut=0.00001": r"\w+: the design must fit the budget, not need .* lut of 3 .*; no "
        "smaller design was found: .*, or look at its report with --no-fit",
        "": r"\w+: the design must fit the budget, .*: allow it more than the default share with --budget lut=0\.\d+, "
        "take a smaller model or frame, or look at its report with --no-fit",
    }.items():
        said = complaint(capsys, "convert", "m.keras", *argv.split())
        assert re.fullmatch(f"rtl4ml: {text}", said), (argv, said)
    said = complaint(capsys, "verify", "m.keras", "--data", "x.npy", "--no-fit")
    assert said == "rtl4ml: --data: must be a batch (N, 4), not (2, 5); reshape it"
    assert not Path("build/m").exists()


def test_a_mapping_is_written_each_way() -> None:
    error = BadInput(f"write {named('budget', {'lut': 0.5, 'ff': '0.25'})} or {named('budget', {'dsp': 1})}")
    assert str(error) == 'write budget={"lut": 0.5, "ff": 0.25} or budget={"dsp": 1}'
    assert error.worded(options.option_of) == "write --budget lut=0.5 --budget ff=0.25 or --budget dsp=1"
