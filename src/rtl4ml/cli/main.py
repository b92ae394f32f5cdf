# SPDX-License-Identifier: Apache-2.0
"""The command line: `rtl4ml train | convert | verify | synth | report | sweep | board | demo`.

Exit status: 0 success, 1 a proof failed (or a bug of ours), 2 bad input, a missing tool or an interruption. Errors are
one line on stderr. Everything heavy is imported inside the commands, so that `--help` is instant.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from rtl4ml._version import __version__
from rtl4ml.errors import BadInput, HlsCannot, Rtl4mlError, SimulationFailed, Value, readable
from rtl4ml.host import interruption, progress
from rtl4ml.host.folders import NEW, project_folder, repair
from rtl4ml.host.identity import check_report
from rtl4ml.host.tools import absolute, disk_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console
    from rich.table import Table


Report = Mapping[str, Any]

RESOURCES = ("lut", "ff", "dsp", "bram36")
OPTIONS = {"x": "data"}  # of arguments, where the name is another
STALLED_SAMPLES = 64  # a stalled run costs several times an unstalled one and needs few samples to fail
# Those of rtl4ml.ops.opening and rtl4ml.arguments, which are slow to import.
MOST_OPENING, MOST_SEED = 7, 2**63 - 1


_written: list[Path] = []  # projects that the command has put in their places


class ProofFailed(Rtl4mlError):
    """A design that does not compute what its model computes."""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point: runs the command of `argv` (default: the process's own) and exits with its status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # stderr is for our one line
    interruption.listen()
    status = _run(sys.argv[1:] if argv is None else list(argv))
    if interruption.happened():  # at once: a thread that still computes would be waited for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _run(argv: list[str]) -> int:
    debug = bool(os.environ.get("RTL4ML_DEBUG"))
    _written.clear()
    try:
        with disk_errors("output folder"), cli.make_context("rtl4ml", argv) as context:
            cli.invoke(context)
        return 0
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "rtl4ml"
        return _complain(f"{error.format_message().rstrip('.')}; see {path} --help", 2)
    except Rtl4mlError as error:
        if debug:
            raise
        if (
            interruption.happened()
        ):  # Keras makes an error of its own of an interruption while it loads a model
            return _complain(_interrupted(error), 2)
        return _complain(error.worded(_option), 1 if isinstance(error, ProofFailed | SimulationFailed) else 2)
    except KeyboardInterrupt as error:
        return _complain(_interrupted(error), 2)
    except BrokenPipeError:  # the reader of our output has gone, as in `rtl4ml report | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        if interruption.happened():
            return _complain(_interrupted(error), 2)
        what = f"{type(error).__name__}: {error}"
        return _complain(f"internal error: {what}; run again with RTL4ML_DEBUG=1 and report the traceback", 1)


def _interrupted(error: BaseException) -> str:
    """What is said of an interruption: what became of the folders."""
    notes = getattr(error, "__notes__", None) or [f"{out}: {NEW}" for out in _written]
    return "; ".join(["interrupted", *notes])


def _option(argument: str, value: Value) -> str:
    """How an argument of `rtl4ml.convert` or of its design's methods is written here."""
    if argument == "fit":
        return "--no-fit" if value == "False" else "--fit"
    option = f"--{OPTIONS.get(argument, argument).replace('_', '-')}"
    if isinstance(value, dict):
        return " ".join(f"{option} {k}={v}" for k, v in value.items())
    return f"{option} {value}" if value else option


def _option_of_sweep(argument: str, value: Value) -> str:
    return _option("intervals" if argument == "target_interval" else argument, value)


def _complain(text: str, status: int) -> int:
    print(f"rtl4ml: {readable(text)}", file=sys.stderr)
    return status


# ---------------------------------------------------------------------------------------------------- presentation


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False)  # paths may hold brackets


@contextmanager
def step(what: str) -> Iterator[progress.Tell]:
    """Shows that `what` is going on, then how long it took. Gives a function to say how many of how many are done.

    Without a terminal, as in a log file, a line every few seconds says so.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    count = progress.Count(what)
    if not console.is_terminal:
        with progress.lines(count, _log):
            yield count.tell
        return
    with console.status(Text(count.text)) as status:

        def tell(done: int, of: int) -> None:
            count.tell(done, of)
            status.update(Text(count.text))

        yield tell
    seconds = f"({count.seconds:.1f} s)"
    console.print(Text.assemble(("done", "green"), f" {count.text} ", (seconds, "dim")), soft_wrap=True)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if isinstance(value, float) and value % 1 else f"{int(value):,}"


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=readable(title), title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left")
    return table


def _show(report: Report, out: Path) -> None:
    """Prints a report: the verdict, exactness, cycles, resources."""
    from rtl4ml.report.pace import notes
    from rtl4ml.report.verdicts import fits

    console = _console()
    proof = _table("Against the QKeras model", "", "samples", "values", "mismatches")
    names = {"emulate": "emulation (integers)", "csim": "HLS C simulation", "rtl": "RTL simulation"}
    for key, name in names.items():  # what was not asked for has no line
        if row := report["exactness"].get(key):
            proof.add_row(name, *(_number(row.get(k)) for k in ("samples", "values", "mismatches")))
    if stalls := report.get("stalls"):
        proof.add_row("RTL, random stalls", _number(stalls["frames"]), "", _number(stalls["mismatches"]))
    if proof.row_count:
        console.print(proof)
    own = report["exactness"].get("predict") or {}
    if own.get("differ"):
        console.print(
            f"model.predict(x) itself differs in {own['differ']:,} of {own['values']:,} values, "
            f"{own['mismatches']:,} of them unexplained; the report says where and why",
            soft_wrap=True,
        )

    found = report["cycles"]
    known = {"model": "predicted", "rtl": "simulated"}
    kinds = [k for k in known if any(found[key].get(k) is not None for key in ("latency", "interval"))]
    cycles = _table(
        f"Cycles at {report['target']['clock_mhz']:g} MHz (assumed)", "", *(known[k] for k in kinds)
    )
    for key in ("latency", "interval"):
        cycles.add_row(key, *(_number(found[key].get(k)) for k in kinds))
    if frames := report["cycles"].get("frames"):
        cycles.add_row(
            "frames in the predicted cycle", _number(frames["compared"]), _number(frames["as_predicted"])
        )
    console.print(cycles)
    for note in notes(found):
        console.print(readable(f"interval: {note.text}"), soft_wrap=True)

    sources = [k for k in ("model", "yosys", "vitis", "vivado") if report["resources"].get(k)]
    resources = _table(f"Resources of {report['target']['part']}", "", *sources, "available", "share")
    available = report["resources"]["available"]
    for key in RESOURCES:
        values = [report["resources"][s].get(key) for s in sources]
        counted = [v for v in values if v is not None]
        share = f"{100 * counted[-1] / available[key]:.1f} %" if counted else "–"
        resources.add_row(key, *(_number(v) for v in values), _number(available[key]), share)
    console.print(resources)
    if (fit := fits(cast("Any", report))).kind == "bad":
        console.print(readable(f"{fit.title}: {fit.detail}"), style="bold red", soft_wrap=True)
    console.print(f"project  {readable(str(out))}", soft_wrap=True)
    console.print(f"report   {readable(str(out / 'report.html'))}", soft_wrap=True)


def _mismatches(report: Report) -> dict[str, int]:
    """Name of a proof to its mismatches, of those that were run and failed."""
    found = {k: v["mismatches"] for k, v in report["exactness"].items() if v and v["mismatches"]}
    stalls = report.get("stalls")
    if stalls and stalls["mismatches"]:
        found["rtl under stalls"] = stalls["mismatches"]
    return found


def _judge(report: Report, out: Path, *, proven: bool = True) -> None:
    """Raises ProofFailed where any value differed, or where nothing was compared although it should be `proven`."""
    if failed := _mismatches(report):
        text = ", ".join(f"{n:,} values in {name}" for name, n in failed.items())
        raise ProofFailed(
            f"{out}: every value must equal the model's, not differ in {text}; see report.html there"
        )
    if proven and not all((report["exactness"].get(k) or {}).get("values") for k in ("emulate", "rtl")):
        raise ProofFailed(
            f"{out}: values must be compared with the model's in emulation and RTL, not none; give samples"
        )


# ------------------------------------------------------------------------------------------------------- arguments


class _Budget(click.ParamType[Any]):
    """RESOURCE=SHARE, such as dsp=0.2."""

    name = "RESOURCE=SHARE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        key, _, share = value.partition("=")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if key not in RESOURCES or not 0 < number <= 1:
            self.fail(
                f"{value!r} must be a resource ({', '.join(RESOURCES)}) and a share above 0, up to 1, as in lut=0.5",
                param,
                ctx,
            )
        return key, number


def _conversion(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the arguments of `rtl4ml.convert`; of a sweep, which has several targets, without the one."""
    sweeps = command.__name__ == "sweep"
    own = "MODEL's name and -sweep" if sweeps else "MODEL's name"
    options = (
        click.argument("model", type=click.Path(path_type=Path)),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            help=f"Output folder; default build/{own}.",
        ),
        click.option(
            "--target-interval",
            type=click.IntRange(min=1),
            hidden=sweeps,
            help="Cycles between samples to reach.",
        ),
        click.option(
            "--budget",
            type=_Budget(),
            multiple=True,
            help="Greatest share of the device, e.g. dsp=0.2; repeatable; default 0.75, or 1 with "
            f"{'a target' if sweeps else '--target-interval'}.",
        ),
        click.option(
            "--clock-mhz", type=float, default=250.0, show_default=True, help="Clock that is assumed."
        ),
        click.option(
            "--input-precision",
            help="Type of the input where the model has none, as in 'ap_fixed<8,1>'; else of what comes before it.",
        ),
        click.option(
            "--output",
            type=click.Choice(["logits", "argmax", "mask"]),
            default="logits",
            show_default=True,
            help="What the hardware gives: all channels, the greatest channel's number, or one bit a pixel.",
        ),
        click.option(
            "--fit/--no-fit",
            default=True,
            show_default=True,
            help="Refuse a design that the device cannot hold.",
        ),
        click.option(
            "--threshold", type=float, help="Of --output mask: 1 where the model's own output reaches it."
        ),
        click.option(
            "--opening",
            type=click.IntRange(1, MOST_OPENING),
            help="Of --output mask: radius in pixels of the disk by which the mask is opened.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _proof(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the arguments of a proof."""
    options = (
        click.option(
            "--data", type=click.Path(path_type=Path), help="Samples: .npy, or .npz with an array x or X."
        ),
        click.option(
            "--samples", type=click.IntRange(min=1), default=256, show_default=True, help="How many at most."
        ),
        click.option(
            "--seed",
            type=click.IntRange(0, MOST_SEED),
            default=0,
            show_default=True,
            help="Of random samples and stalls.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def _designed(model: Path, out: Path | None, **options: Any) -> Iterator[tuple[Any, Path]]:
    """The design of a model file, and the folder that it is for: an earlier project there stays until the block ends.

    A block that an error or a signal ends leaves the earlier project; one that finds the RTL to fail puts the new one
    there, with what it knows.
    """
    folder = out if out is not None else Path("build") / model.stem
    _check_conversion(model, options)
    with project_folder(folder, keep=(SimulationFailed,)) as fresh:
        design = _convert(model, fresh, **options)
        try:
            yield design, folder
        except SimulationFailed:
            design.report()
            raise
    _written.append(folder)


def _convert(model: Path, folder: Path, point: str = "", **options: Any) -> Any:
    """The design of a model file in a folder of its own; point: which of several."""
    budget = dict(options.pop("budget"))
    with step(f"convert {model}{point}"):
        import rtl4ml

        design = rtl4ml.convert(model, out=folder, budget=budget or None, **options)
    if notice := design.parsed.notice("--input-precision"):
        _log(readable(notice))
    return design


def _check_conversion(model: Path, options: dict[str, Any]) -> None:
    if not model.is_file():
        what = "a folder" if model.is_dir() else "missing"
        raise BadInput(f"{model}: the model must be a .keras or .h5 file, not {what}; check the path")
    _check_head(options)


def _given_samples(data: Path | None, samples: int) -> NDArray[Any] | None:
    """The samples of a file, read before a conversion that may take minutes; None without a file."""
    if data is None:
        return None
    from rtl4ml.data.samples import read_samples

    return read_samples(data, samples)


def _check_head(options: dict[str, Any]) -> None:
    """Takes out what was not given of a mask. Raises BadInput in the words of the command line, before slow imports."""
    output = options["output"]
    for key in ("threshold", "opening"):
        if options[key] is None:
            del options[key]
        elif output != "mask":
            raise BadInput(f"--{key}: must go with --output mask, not {output}; leave it out")
    if output == "mask" and "threshold" not in options:
        raise BadInput("--threshold: must be given with --output mask; write --threshold 0.5")


def _random_samples(design: Any, samples: int, seed: int) -> NDArray[np.float32]:
    """Random samples (N, ...) that reach a little beyond the range of the input."""
    import numpy as np

    from rtl4ml.data.samples import MOST_BYTES

    stream = design.graph.inputs[0]
    if (wanted := samples * 8 * stream.elements) > MOST_BYTES:
        raise BadInput(
            f"--samples: the samples must fit {MOST_BYTES:,} bytes, not take {wanted:,}; give fewer"
        )
    lo, hi = (stream.lo - 2) * stream.type.step, (stream.hi + 2) * stream.type.step
    return np.random.default_rng(seed).uniform(lo, hi, (samples, *stream.shape)).astype(np.float32)


def _prove(design: Any, x: NDArray[Any], *, seed: int) -> Any:
    """Emulation, C simulation and RTL simulation of x, a part of it under random stalls; what the RTL makes of x."""
    with step(f"emulate {len(x):,} samples"):
        design.emulate(x)
    with step(f"C simulation of the HLS project, {len(x):,} samples") as tell:
        try:
            design.csim(x, progress=tell)
        except HlsCannot as error:  # the report says so too; the rest of the flow goes on
            for text in error.texts:
                click.echo(f"no C simulation: {text}", err=True)
    with step(f"RTL simulation, {len(x):,} samples") as tell:
        run = design.simulate(x, progress=tell)
    with step(f"RTL simulation under random stalls, {len(x[:STALLED_SAMPLES]):,} samples") as tell:
        design.simulate(x[:STALLED_SAMPLES], stalls="random", seed=seed, progress=tell)
    return run.y


def _proven_report(design: Any, data: Path | None, x: NDArray[Any], y: NDArray[Any]) -> Report:
    """The report, with frames of the data under the masks that the hardware made; noise is not worth a look."""
    from rtl4ml.report.extras import Extras
    from rtl4ml.report.pictures import looks

    shown = None if data is None else looks(design.parsed, x, y)
    found: Report = (
        design.report() if shown is None else design.report(extras=Extras(sample="frame", frames=shown))
    )
    return found


# -------------------------------------------------------------------------------------------------------- commands


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="rtl4ml %(version)s")
def cli() -> None:
    """Quantization-aware QKeras models to FPGA hardware that computes exactly the same numbers.

    Exit status: 0 success, 1 a proof failed, 2 bad input.
    """


@cli.command(short_help="Train the student of RECIPE.")
@click.argument("recipes", nargs=-1, metavar="[RECIPE]...")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the scenes; default RTL4ML_DATA.")
@click.option("--out", type=click.Path(path_type=Path), help="Output folder; default build/train/RECIPE.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Instead of the recipe's.")
@click.option("--seeds", help="Train with each, such as 1-5 or 1,2,7, and give means, spreads and tests.")
@click.option(
    "--per-class",
    type=(click.IntRange(min=1), click.IntRange(min=1)),
    metavar="TRAIN VALIDATION",
    help="Instead of the recipe's split: so many pixels of every class at random, the rest tests (leaks).",
)
@click.option("--quick", is_flag=True, help="A few steps only, to see that it works.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted training stopped.")
def train(
    recipes: tuple[str, ...], data: Path | None, out: Path | None, seed: int | None, seeds: str | None,
    per_class: tuple[int, int] | None, quick: bool, resume: bool,
) -> None:  # fmt: skip
    """Train the student of RECIPE: a name in models/ (default salinas_1dcnn), or a .toml file.

    With --seeds, several recipes may be given; they are compared with each other and with their networks in float.
    """
    from rtl4ml.training.classification import repeat
    from rtl4ml.training.classification import train as training
    from rtl4ml.training.segmentation import recipe, train

    names = recipes or ("salinas_1dcnn",)
    if seeds is None and len(names) > 1:
        raise BadInput(
            f"train: several recipes must come with --seeds, not {', '.join(names)} alone; write --seeds 1-5"
        )
    if seeds is not None and seed is not None:
        raise BadInput("train: seeds must be in one option, not in --seed and --seeds; leave out --seed")
    masks = [name for name in names if recipe.is_segmentation(name)]
    if masks and (seeds is not None or per_class is not None):
        raise BadInput(
            f"train: --seeds and --per-class must go with recipes for spectra, not {masks[0]}; give --seed alone"
        )
    with _training(names) as show:
        options: dict[str, Any] = {"data": data, "out": out, "quick": quick, "resume": resume}
        options |= {"per_class": per_class, "progress": show}
        result: Any
        if masks:
            del options["per_class"]
            result = train.train(names[0], seed=seed, **options)
        elif seeds is None:
            result = training.train(names[0], seed=seed, **options)
        else:
            result = repeat.repeat(names, seeds=repeat.seeds_of(seeds), **options)
    _console().print(str(result), soft_wrap=True)


@contextmanager
def _training(names: Sequence[str]) -> Iterator[Callable[[Any], None]]:
    """Shows how far a training is. Gives a function that takes what a training tells of itself.

    A bar a stage; without a terminal, as in a log file, a line every few seconds, from before the first epoch on.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        count = progress.Count(f"train {', '.join(names)}")
        with progress.lines(count, _log):
            yield lambda p: count.tell(p.epoch, p.epochs, f"{p.stage}: {_numbers(p)}")
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
    )
    bars = Bars(*columns, console=console)
    tasks: dict[str, Any] = {}
    with ExitStack() as stack:

        def show(p: Any) -> None:
            if not tasks:
                stack.enter_context(bars)
            if p.stage not in tasks:
                tasks[p.stage] = bars.add_task(f"train {p.stage}", total=p.epochs, numbers="")
            bars.update(tasks[p.stage], completed=p.epoch, numbers=_numbers(p))

        yield show


def _numbers(p: Any) -> str:
    """Losses after an epoch, and the accuracy where classes are told apart."""
    accuracy = getattr(p, "validation_oa", None)
    if accuracy is None:
        return f"loss {p.loss:.4f}  validation loss {p.validation_loss:.4f}"
    return f"loss {p.loss:.4f}  validation {100 * accuracy:.2f} %"


@cli.command(short_help="Write the HLS project and the RTL of MODEL.")
@_conversion
def convert(model: Path, **options: Any) -> None:
    """Write the HLS project, the RTL and the predicted report of MODEL (.keras or .h5)."""
    with _designed(model, **options) as (design, out):
        found = design.report()
    _show(found, out)


@cli.command(short_help="Convert MODEL and prove that all compute its numbers.")
@_conversion
@_proof
def verify(model: Path, data: Path | None, samples: int, seed: int, **options: Any) -> None:
    """Convert MODEL and prove that emulation, HLS and RTL compute its numbers."""
    read = _given_samples(data, samples)
    with _designed(model, **options) as (design, out):
        x = _random_samples(design, samples, seed) if read is None else read
        report = _proven_report(design, data, x, _prove(design, x, seed=seed))
    _show(report, out)
    _judge(report, out)


@cli.command()
@_conversion
def synth(model: Path, **options: Any) -> None:
    """Convert MODEL and count its resources with Yosys."""
    with _designed(model, **options) as (design, out):
        with step("synthesis with Yosys") as tell:
            design.synthesize(progress=tell)
        found = design.report()
    _show(found, out)


@cli.command()
@_conversion
@_proof
def report(model: Path, data: Path | None, samples: int, seed: int, **options: Any) -> None:
    """All of it for MODEL: convert, verify, synth. For a project folder: show its report."""
    if not model.exists():
        repair(absolute(model))  # taken away by a run that was killed
    if not model.exists():
        raise BadInput(f"{model}: must be a model's file or a project's folder, not missing; check the path")
    if model.is_dir():
        if given := _given():
            raise BadInput(
                f"{model}: a project's report must be shown without options, not with {given}; "
                f"give the model to make another"
            )
        found = _read_report(model)
        check_report(model, found)
        _show(found, model)
        _judge(found, model, proven=False)  # it may be a converted project of which nothing was asked
        return
    read = _given_samples(data, samples)
    with _designed(model, **options) as (design, out):
        x = _random_samples(design, samples, seed) if read is None else read
        y = _prove(design, x, seed=seed)
        with step("synthesis with Yosys") as tell:
            design.synthesize(progress=tell)
        result = _proven_report(design, data, x, y)
    _show(result, out)
    _judge(result, out)


def _given() -> str:
    """The options that the command line has, with commas between."""
    context = click.get_current_context()
    options = [p for p in context.command.params if isinstance(p, click.Option)]
    source = context.get_parameter_source
    return ", ".join(p.opts[0] for p in options if source(p.name or "") is ParameterSource.COMMANDLINE)


def _read_report(project: Path) -> Report:
    path = project / "report.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(
            f"{project}: the folder must be a project with a report.json, not without; run rtl4ml convert first"
        ) from None
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path}: the report must be readable JSON, not {error}; run rtl4ml convert again"
        ) from None
    if not isinstance(found, dict) or found.get("schema") != 1:
        raise BadInput(
            f"{path}: the report must be of schema 1, not of another program; run rtl4ml convert again"
        )
    return found


@cli.command()
@_conversion
@click.option(
    "--intervals",
    help="Targets in cycles, with commas between; default the design as it comes, then x 2, 4, 8.",
)
def sweep(model: Path, out: Path | None, intervals: str | None, **options: Any) -> None:
    """Convert MODEL for several intervals and compare what they cost."""
    if options.pop("target_interval") is not None:
        raise BadInput(
            "sweep: targets must be in --intervals, not in --target-interval; write --intervals 204,408"
        )
    targets: list[int | None] = [None] if intervals is None else [*_intervals(intervals)]
    out = out if out is not None else Path("build") / f"{model.stem}-sweep"
    points: list[dict[str, Any]] = []
    refused: Rtl4mlError | None = None
    _check_conversion(model, options)
    with project_folder(out) as folder:
        for target in targets:  # grows: the first point's interval gives the default's others
            name = "default" if target is None else f"interval-{target}"
            which = ", default" if target is None else f", interval {target:,}"
            try:
                design = _convert(model, folder / name, which, target_interval=target, **options)
            except Rtl4mlError as error:
                refused = error
                points.append({"target": target, "refused": error.worded(_option_of_sweep)})
                continue
            found = design.report()
            interval = found["cycles"]["interval"]["model"]
            if target is None:
                targets += [ceil(k * interval) for k in (2, 4, 8)]  # a mean may be a fraction
            point = {"target": target, "refused": None, "interval": interval}
            point["latency"] = found["cycles"]["latency"]["model"]
            point["mac_efficiency"] = found["efficiency"]["mac_efficiency"]
            points.append(point | {k: found["resources"]["model"][k] for k in RESOURCES})
        if refused is not None and all(point["refused"] for point in points):
            raise type(refused)(
                refused.worded(_option_of_sweep)
            )  # a target that does not fit is a result, none that does is an error
        text = json.dumps({"schema": 1, "model": model.name, "points": points}, indent=2)
        (folder / "sweep.json").write_text(text + "\n", encoding="utf-8")
    _written.append(out)
    _show_sweep(model.name, points)
    _console().print(f"projects {readable(str(out))}", soft_wrap=True)


def _intervals(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    if min(found) < 1:
        raise BadInput(
            f"sweep: --intervals must be whole numbers from 1 up with commas between, not {text!r}; "
            "write --intervals 204,408"
        )
    return found


def _show_sweep(name: str, points: Sequence[Mapping[str, Any]]) -> None:
    table = _table(f"{name} (predicted)", "target", "interval", "latency", *RESOURCES, "MAC efficiency")
    for point in points:
        if point["refused"]:
            table.add_row(_number(point["target"]), "refused")
            continue
        numbers = (_number(point[k]) for k in ("interval", "latency", *RESOURCES))
        efficiency = point["mac_efficiency"]
        table.add_row(_number(point["target"]), *numbers, "–" if efficiency is None else f"{efficiency:.3f}")
    console = _console()
    console.print(table)
    for point in points:
        if point["refused"]:
            console.print(f"{_number(point['target'])}: {point['refused']}", soft_wrap=True)


@cli.command()
@_conversion
def board(model: Path, **options: Any) -> None:
    """Write the Vivado project of MODEL for the ZCU102."""
    if importlib.util.find_spec("rtl4ml.board") is None:
        raise Rtl4mlError(
            f"board: the ZCU102 project must come from a later version, not from rtl4ml {__version__}; "
            "use the HLS project or the SystemVerilog that rtl4ml convert writes"
        )
    with _designed(model, **options) as (design, _):
        design.board()


@cli.command(short_help="The trained student to verified hardware.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the scenes; default RTL4ML_DATA.")
@click.option("--samples", type=click.IntRange(min=1), help="Pixels at most; default the whole scene.")
def demo(out: Path, data: Path | None, samples: int | None) -> None:
    """The main job: the trained Salinas student to verified hardware, on every pixel of the scene."""
    from rtl4ml import demo as main_job

    result = main_job.run(out=out, data=data, samples=samples, step=step)
    _written.append(out)
    _show(result.report, out)
    console = _console()
    console.print(f"scene    {result.scene}")
    if result.csim_refused:
        console.print(f"no C simulation: {result.csim_refused}", soft_wrap=True)
    failed = _mismatches(result.report)
    if failed:
        console.print("NOT EXACT", style="bold red")
    else:
        console.print("EXACT on every value of every sample", style="bold green")
    _judge(result.report, out)


if __name__ == "__main__":
    main()
