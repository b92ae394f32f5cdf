# SPDX-License-Identifier: Apache-2.0
"""Arguments of convert_from_keras_model and build: used, said to be without effect, or refused."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hls4ml_nets import convert, model

import rtl4ml
from rtl4ml.board import boards
from rtl4ml.device import DEVICES
from rtl4ml.errors import BadInput
from rtl4ml.hls4ml_backend import options


def theirs(*, clock_uncertainty: str = "", namespace: str = "", part: str = "", board: str = "") -> None:
    """The arguments of another backend."""


def test_every_argument_of_convert_can_be_given() -> None:
    known = set(inspect.signature(rtl4ml.convert).parameters)
    assert set(options.PASSED) == known - {"model", "out", "clock_mhz"}
    given = dict.fromkeys(options.PASSED, 1)
    assert options.read(given, ()) == {**given, "clock_period": 4.0}
    assert options.read(dict.fromkeys(options.PASSED), ()) == {"clock_period": 4.0}


def test_they_reach_convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    real = rtl4ml.convert

    def noting(source: Any, **given: Any) -> Any:
        asked.update(given)
        return real(source, **{k: given.get(k) for k in ("out", "clock_mhz", "output", "device")})

    monkeypatch.setattr("rtl4ml.design.convert", noting)
    given = {
        "target_interval": 6,
        "budget": {"lut": 0.5},
        "output": "argmax",
        "foldings": {"dense": (1, 3)},
        "fit": False,
        "pumped": True,
        "skips": "auto",
        "prices": {"dsp": 2.0},
        "columns": 7,
        "opening": 2,
        "input_precision": "ap_fixed<9,2>",
    }
    convert(model(), tmp_path / "p", clock_period=5, board="alveo-u250", threshold=None, **given)
    assert asked.pop("out") == tmp_path / "p"
    assert asked.pop("clock_mhz") == 200
    assert asked.pop("device") == DEVICES["xcu250-figd2104-2L-e"]
    assert asked == given
    h = convert(model(), tmp_path / "q", output="argmax")
    (out,) = h.get_output_variables()
    assert (out.shape, str(out.type.precision)) == ([1], "ufixed<1,1,TRN,WRAP,0>")
    assert h.predict(np.array([[1.0, 0, 0]])) in (0, 1)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"target_intervall": 6},
            "target_intervall: must be an option of hls4ml's or rtl4ml's, not 'target_intervall'; "
            "write target_interval",
        ),
        (
            {"xyz": 6},
            "xyz: must be an option of hls4ml's or rtl4ml's, not 'xyz'; there are board, budget, clock_period, "
            "columns, device, fit, foldings, input_precision, io_type, name, opening, output, part, prices, pumped, "
            "skips, target_interval, threshold",
        ),
        (
            {"part": "xc7z020clg400-1"},
            "part: must begin with a device of the table, not be 'xc7z020clg400-1'; there are lfe5u, xck26, xcu200, "
            "xcu250, xcu280, xcu50, xcu55c, xcvu13p, xcvu9p, xczu9eg",
        ),
        (
            {"board": "pynq-z2"},
            "board: must be one of alveo-u200, alveo-u250, alveo-u280, alveo-u50, alveo-u55c, kv260, ulx3s, zcu102, "
            "not 'pynq-z2'; or give part",
        ),
        ({"io_type": "io_stram"}, "io_type: must be io_stream or io_parallel, not 'io_stram'"),
        ({"clock_period": 0.5}, "clock_period: must be a period above 1 ns, not 0.5; 4 is usual"),
    ],
)
def test_what_nobody_knows_is_refused(given: dict[str, Any], text: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        options.read(given, [theirs])


def test_parts_and_boards_give_their_device(capsys: pytest.CaptureFixture[str]) -> None:
    """A part in another package or speed grade has the same resources."""
    assert options.read({"part": "xcu250-figd2104-2L-e"}, ())["device"].dsp == 12_288
    other = options.read({"part": "XCVU9P-flgb2104-3-e"}, ())["device"]
    assert (other.lut, other.part) == (1_182_240, "XCVU9P-flgb2104-3-e")
    assert options.read({"board": "kv260"}, ())["device"] == boards.board("kv260").device
    assert options.read({"board": "Alveo-U50"}, ())["device"].bram36 == 1_344
    assert options.read({"board": "ulx3s"}, ())["device"].part.startswith("LFE5U")
    assert capsys.readouterr().out == ""
    assert options.read({"board": "zcu102", "part": "xcu50"}, ())["device"].name == "XCZU9EG"
    assert capsys.readouterr().out == "options without effect here: part (the board has one)\n"
    own = DEVICES["xcu280-fsvh2892-2L-e"]
    assert options.read({"board": "zcu102", "device": own}, ())["device"] == own
    assert capsys.readouterr().out == "options without effect here: board (device says it)\n"


def test_options_of_other_backends_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    options.read({"clock_uncertainty": "27%", "io_type": "io_parallel", "namespace": None}, [theirs])
    line = "options without effect here: clock_uncertainty, namespace, io_type (the hardware streams)\n"
    assert capsys.readouterr().out == line
    options.read({"io_type": "io_stream", "part": None}, [theirs])
    assert capsys.readouterr().out == ""


def test_hls4mls_own_backends_say_what_they_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hls4ml.backends import get_backend

    get_backend("rtl4ml").create_initial_config(clock_uncertainty="12.5%", driver="python", write_tar=True)
    said = capsys.readouterr().out
    assert said == "options without effect here: clock_uncertainty, driver, write_tar\n"


def test_arguments_of_build(capsys: pytest.CaptureFixture[str]) -> None:
    options.check_build({"fifo_opt": True, "vsynth": False, "log": False}, [lambda fifo_opt, log: None])
    assert capsys.readouterr().out == "build: without effect here: fifo_opt\n"
    text = "bitfile: must be left to Vivado, not asked of backend='rtl4ml'; see boards/zcu102"
    with pytest.raises(BadInput, match=f"^{re.escape(text)}$"):
        options.check_build({"bitfile": True}, ())
    with pytest.raises(BadInput, match=r"^synht: must be an argument of build, not 'synht'; write synth$"):
        options.check_build({"synht": True}, ())
