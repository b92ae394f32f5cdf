# SPDX-License-Identifier: Apache-2.0
"""The arguments that hls4ml's functions hand on to the backend: used, said to be without effect, or refused."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from rtl4ml import arguments
from rtl4ml.board import boards
from rtl4ml.board.ecp5 import spec
from rtl4ml.device import DEVICES, Device
from rtl4ml.errors import BadInput

# Arguments of `rtl4ml.convert` that go there as they are.
PASSED = (
    "budget",
    "columns",
    "device",
    "fit",
    "foldings",
    "input_precision",
    "name",
    "opening",
    "output",
    "prices",
    "pumped",
    "skips",
    "target_interval",
    "threshold",
)
_OWN = ("part", "board", "clock_period", "io_type")
_IO_TYPES = ("io_stream", "io_parallel")
# The clock of `rtl4ml.convert`, 250 MHz.
_PERIOD_NS = 4.0
# hls4ml's names of boards that we have no shell for, by the part that they carry.
_CARDS = {
    "alveo-u50": "xcu50-fsvh2104-2-e",
    "alveo-u55c": "xcu55c-fsvh2892-2L-e",
    "alveo-u200": "xcu200-fsgd2104-2-e",
    "alveo-u250": "xcu250-figd2104-2L-e",
    "alveo-u280": "xcu280-fsvh2892-2L-e",
}


def nearest(word: str, known: Collection[str]) -> str:
    """The way out for a word that is none of those known: the one that looks like it, else all."""
    if near := difflib.get_close_matches(word, known, 1, 0.6):
        return f"write {near[0]}"
    return f"there are {', '.join(sorted(known))}"


def read(given: Mapping[str, Any], elsewhere: Collection[Callable[..., Any]]) -> dict[str, Any]:
    """The arguments for `rtl4ml.convert`, `clock_period` in ns and `device` among them; None counts as not given.

    elsewhere: hls4ml's own functions of this kind, whose arguments have no effect here, which is said
    Raises BadInput for a word that nobody knows, an unknown part or board, or a clock that is none.
    """
    idle = _known(given, {*PASSED, *_OWN}, elsewhere, "an option of hls4ml's or rtl4ml's")
    own = {k: v for k, v in given.items() if k in PASSED and v is not None}
    part, board, io_type = given.get("part"), given.get("board"), given.get("io_type")
    if io_type is not None and io_type not in _IO_TYPES:
        raise BadInput(f"io_type: must be {' or '.join(_IO_TYPES)}, not {arguments.shown(io_type)}")
    if io_type == "io_parallel":
        idle = [*idle, "io_type (the hardware streams)"]
    if board is not None and part is not None:
        idle = [*idle, "part (the board has one)"]
    if "device" in own:
        idle = [*idle, *(f"{k} (device says it)" for k in ("part", "board") if given.get(k) is not None)]
    elif board is not None:
        own["device"] = _of_board(board)
    elif part is not None:
        own["device"] = _of_part(part)
    if idle:
        print(f"options without effect here: {', '.join(idle)}")
    return {**own, "clock_period": _period(given.get("clock_period"))}


def check_build(given: Mapping[str, Any], elsewhere: Collection[Callable[..., Any]]) -> None:
    """Says which arguments of `build` have no effect. Raises BadInput for those that only a vendor's tools serve."""
    for name in ("export", "vsynth", "bitfile"):
        if given.get(name):
            raise BadInput(
                f"{name}: must be left to Vivado, not asked of backend='rtl4ml'; see boards/zcu102"
            )
    own = {"csim", "cosim", "synth", "timing", "export", "vsynth", "bitfile", "reset"}
    idle = _known(given, own, elsewhere, "an argument of build")
    if idle := [name for name in idle if given[name]]:
        print(f"build: without effect here: {', '.join(idle)}")


def _known(
    given: Mapping[str, Any], own: Collection[str], elsewhere: Collection[Callable[..., Any]], what: str
) -> list[str]:
    """Those that are another backend's. Raises BadInput for those that are nobody's."""
    others = {
        name
        for function in elsewhere
        for name, p in inspect.signature(function).parameters.items()
        if p.kind is not p.VAR_KEYWORD and name not in ("self", "model")
    }
    for name in given:
        if name not in own and name not in others:
            raise BadInput(f"{name}: must be {what}, not {name!r}; {nearest(name, own)}")
    return [name for name in given if name not in own]


def _of_part(part: Any) -> Device:
    """The device of a part in any package and speed grade."""
    known = {d.part.partition("-")[0].lower(): d for d in (*DEVICES.values(), *_on_boards().values())}
    if not isinstance(part, str) or part.partition("-")[0].lower() not in known:
        raise BadInput(
            f"part: must begin with a device of the table, not be {arguments.shown(part)}; there are "
            f"{', '.join(sorted(known))}"
        )
    return replace(known[part.partition("-")[0].lower()], part=part)


def _on_boards() -> dict[str, Device]:
    flows = boards.flows()
    return {n: boards.board(n).device if f == boards.FLOW else spec.board(n).device for n, f in flows.items()}


def _of_board(board: Any) -> Device:
    known = {**_on_boards(), **{name: DEVICES[part] for name, part in _CARDS.items()}}
    if not isinstance(board, str) or board.lower() not in known:
        raise BadInput(
            f"board: must be one of {', '.join(sorted(known))}, not {arguments.shown(board)}; or give part"
        )
    return known[board.lower()]


def _period(given: Any) -> float:
    period = arguments.real(_PERIOD_NS if given is None else given)
    if period is None or not 1 < period < 10**6:
        raise BadInput(f"clock_period: must be a period above 1 ns, not {arguments.shown(given)}; 4 is usual")
    return period
