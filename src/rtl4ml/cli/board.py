# SPDX-License-Identifier: Apache-2.0
"""The command of the board: the folder from counts to a map, and Vivado's run where there is one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rtl4ml.board import accelerator, boards, record, trained, vivado, vivado_reports
from rtl4ml.board.ecp5.spec import FLOW as OPEN
from rtl4ml.board.hls import FOLDER as HLS
from rtl4ml.board.interface import FILE
from rtl4ml.cli import open_board, prove, show
from rtl4ml.cli.design import check_file, designed
from rtl4ml.cli.options import given_options, option_of
from rtl4ml.cli.show import log, stdout, step
from rtl4ml.data.samples import read_samples
from rtl4ml.errors import BadInput, BuildFailed, Rtl4mlError, Value, readable
from rtl4ml.host import identity
from rtl4ml.host.folders import repair
from rtl4ml.host.tools import absolute

HEADS = {"raw": "logits", "map": "argmax", "mask": "mask"}


def board(
    model: Path,
    board: str,
    counts: Path | None,
    scale_log2: int | None,
    dtype: str | None,
    layout: str,
    result: str | None,
    hls: bool,
    data: Path | None,
    build: bool | None,
    vivado: Path | None,
    until: str | None,
    jobs: int,
    **options: Any,
) -> None:
    """Write the board project of MODEL and build it where Vivado is; go on with the build of a project's folder."""
    if not model.exists():
        repair(absolute(model))
    if model.is_dir():
        _go_on(model, vivado, until)
        return
    check_file(model)
    if boards.flow(board) == OPEN:
        _choose_head(model, result, options)
        known = accelerator.counts_of(counts, model, scale_log2=scale_log2, dtype=dtype)
        with own_words():
            open_board.make(model, board, known, build=build is not False, **options)
        return
    spec = boards.board(board)
    spec.clock.rate(options["clock_mhz"])
    tool = _tool(build, vivado, until)
    _choose_head(model, result, options)
    known = accelerator.counts_of(counts, model, scale_log2=scale_log2, dtype=dtype)
    cube = None if data is None else read_samples(data, way_out="give a part of the scene")
    if cube is not None:
        known.check(cube)
    _keep_builds(options["out"] or Path("build") / model.stem)
    with own_words(), designed(model, device=spec.device, **options) as (design, out):
        with step(f"board project for the {spec.name}"):
            made = design.board(known, board=board, layout=layout, jobs=jobs, hls=hls)
        said = None if cube is None else _simulated(made, cube)
        found = design.report()
    folder = out / accelerator.FOLDER
    show.report(found, out)
    console = stdout()
    console.print(f"board    {readable(str(folder))}", soft_wrap=True)
    console.print(f"counts   {_conversion(made)}", soft_wrap=True)
    if hls:
        console.print(
            f"hls      {readable(str(folder / HLS))}: the self-test's bytes by its C simulation; with Vitis HLS: "
            "vitis_hls -f build.tcl",
            soft_wrap=True,
        )
    if said is not None:
        console.print(f"driver   {said}", soft_wrap=True)
        prove.judge(found, out, proven=False)
    _built(tool, folder, until, spec, wanted=build is not False)


@contextlib.contextmanager
def own_words() -> Iterator[None]:
    """Errors name the result, where those of a conversion name its output."""
    try:
        yield
    except Rtl4mlError as error:
        raise type(error)(error.worded(_option_of_board)) from error.__cause__


def _option_of_board(argument: str, value: Value) -> str:
    if argument == "output" and isinstance(value, str):
        return option_of("result", next((k for k, head in HEADS.items() if head == value), value))
    return option_of(argument, value)


def _keep_builds(out: Path) -> None:
    """Raises BadInput where the new project would take the place of what Vivado worked on for hours."""
    place = absolute(out)
    if place.name == accelerator.FOLDER and (place.parent / identity.FILE).is_file():
        raise BadInput(
            f"--out: must be a folder of its own, not the board of the project {out.parent}; choose another folder"
        )
    if (place / accelerator.FOLDER / "vivado" / "work").exists():
        raise BadInput(
            f"--out: must not be a project that Vivado has worked on, which {out} is; "
            f"go on with rtl4ml board {out}, remove it, or choose another folder"
        )


def _simulated(made: accelerator.Board, cube: NDArray[Any]) -> str:
    """Runs a cube by the driver on the simulated board; what came of it, in a line."""
    made.meaning.check(cube)
    frames = made.shell.frames(*cube.shape[:2])
    with step(f"driver on the simulated board, {frames:,} {'pixels' if made.shell.pixels else 'frames'}"):
        run = made.simulate(cube)
    return (
        f"on the simulated board: {run.mismatches:,} of {run.result.size:,} values differ from emulation, "
        f"{run.outcome.cycles:,} cycles"
    )


def _go_on(model: Path, path: Path | None, until: str | None) -> None:
    """Goes on with the build of a project's folder, or of the board's folder in it."""
    folder = model / accelerator.FOLDER if (model / accelerator.FOLDER).is_dir() else model
    try:
        name = json.loads((folder / FILE).read_text(encoding="utf-8"))["hardware"]["board"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{model}: the folder must be a project with a board, not without; run rtl4ml board MODEL first"
        ) from None
    if given := given_options(except_for=("vivado", "until", "build")):
        raise BadInput(
            f"{model}: a project's build must go on with --vivado and --until alone, not with {given}; "
            "give the model to make another"
        )
    if boards.flow(str(name)) == OPEN:
        raise BadInput(
            f"{model}: a project for the {name} must be built when it is made, not gone on with; give the model again"
        )
    tool = vivado.find(path)
    if tool is None:
        raise BadInput(
            f"{model}: vivado must be in PATH to go on with the build, not missing; give --vivado, "
            "or copy the folder to a machine with Vivado"
        )
    _built(tool, folder, until, boards.board(str(name)), wanted=True)


def _tool(build: bool | None, path: Path | None, until: str | None) -> vivado.Tool | None:
    """The Vivado to run; None where none is to be run. Raises BadInput where one is needed and there is none."""
    if build is False:
        return None
    found = vivado.find(path)
    if found is None and (build or until is not None):
        raise BadInput(
            f"{'--until' if until else '--build'}: vivado must be in PATH to build, not missing; "
            "give --vivado, or leave it out and copy the folder to a machine with Vivado"
        )
    return found


def _choose_head(model: Path, result: str | None, options: dict[str, Any]) -> None:
    """Sets output, and threshold and opening of a mask that were chosen in training where none are given."""
    if result is None and options["threshold"] is None and options["opening"] is None:
        chosen = trained.chosen_mask(model)
        if chosen is not None:
            options |= {"threshold": chosen.threshold, "opening": chosen.opening}
            log(
                f"mask: threshold {chosen.threshold:g}, opening {chosen.opening or 'none'}, as training chose"
            )
            result = "mask"
    if result is None:
        result = "mask" if options["threshold"] is not None else "map"
    options["output"] = HEADS[result]
    if result == "mask" and options["threshold"] is None:
        if (chosen := trained.chosen_mask(model)) is None:
            raise BadInput("--threshold: must be given with --result mask; write --threshold 0.5")
        options["threshold"] = chosen.threshold
    if result != "mask":
        for key in ("threshold", "opening"):
            if options[key] is not None:
                raise BadInput(f"--{key}: must go with --result mask, not {result}; leave it out")


def _conversion(made: accelerator.Board) -> str:
    """How counts become the network's input, in a line."""
    s, kind = made.shell, made.interface["input"]
    layouts, into = ", ".join(kind["layouts"]).upper(), made.interface["s_axis"]["type"]["name"]
    return (
        f"{kind['dtype']}, {s.bands} bands, {layouts}; to {into} by {made.integers.module}, "
        f"equal to training on all {2 ** (8 * s.count_bytes):,} counts of every band; result {s.result}"
    )


def _recorded(folder: Path) -> vivado_reports.Results:
    """Writes what Vivado has left so far into the project's report and page, where the folder lies in a project."""
    found = vivado_reports.results(folder / "vivado")
    if (folder.parent / "report.json").is_file():
        record.record(folder.parent, found)
    return found


def _built(
    tool: vivado.Tool | None, folder: Path, until: str | None, spec: boards.BoardSpec, *, wanted: bool
) -> None:
    """Runs Vivado, or says in one line how."""
    if tool is None:
        why = "vivado is not in PATH; " if wanted else ""
        stdout().print(
            f"vivado   {why}on a machine with Vivado: cd {readable(str(folder / 'vivado'))} && "
            "vivado -mode batch -source build.tcl",
            soft_wrap=True,
        )
        return
    if remark := tool.remark(spec):
        log(remark)
    with step(f"Vivado {tool.version}, until {until or 'bitstream'}"):
        try:
            vivado.run(tool, folder / "vivado", until=until or "bitstream", progress=log)
        except BuildFailed:
            with contextlib.suppress(
                Rtl4mlError
            ):  # what was left may be cut off; the first error is the one to say
                _recorded(folder)
            raise
        vivado_reports.check(_recorded(folder))
    stdout().print(f"vivado   {readable(str(folder / 'vivado' / 'output'))}", soft_wrap=True)
