# SPDX-License-Identifier: Apache-2.0
"""The command that tries many designs of a model and says which are worth having."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtl4ml.cli import outcome, prove, show
from rtl4ml.cli.design import check_conversion
from rtl4ml.cli.options import option_of
from rtl4ml.errors import BadInput, Rtl4mlError, Value, readable
from rtl4ml.folding.search import positions
from rtl4ml.sweep import front, page, precision, study, trained
from rtl4ml.sweep import space as spaces
from rtl4ml.sweep import verify as checks
from rtl4ml.sweep.front import figure
from rtl4ml.sweep.points import Point, folder_of
from rtl4ml.sweep.precision import Head, Precise
from rtl4ml.sweep.run import Given
from rtl4ml.sweep.search import Search
from rtl4ml.sweep.space import RESOURCES, Space
from rtl4ml.sweep.study import Result, Settings
from rtl4ml.sweep.tasks import Base
from rtl4ml.sweep.trained import Taught
from rtl4ml.sweep.verify import Verified

RECIPE = ".toml"
SAMPLES = 16  # of a point that is verified or picked
SHOWN = 20  # points of the front in the table; all are in sweep.csv


def _option_of_sweep(argument: str, value: Value) -> str:
    return option_of({"target_interval": "intervals"}.get(argument, argument), value)


def sweep(model: Path, out: Path | None, **options: Any) -> None:
    """Try all points of a space of designs of MODEL, and say which are worth having."""
    if options.pop("target_interval") is not None:
        raise BadInput(
            "sweep: targets must be in --intervals, not in --target-interval; write --intervals 204,408"
        )
    folder = out if out is not None else Path("build") / f"{model.stem}-sweep"
    axes, shared = _axes(options)
    space = spaces.space(axes) if axes else None  # what is wrong with it is said before the model is loaded
    settings = _settings(options, folder)
    after = {k: options.pop(k) for k in ("pick", "verify", "live", "data", "test")}
    own_epochs = options.pop("epochs")
    if own_epochs is not None and model.suffix != RECIPE:
        raise BadInput("sweep: --epochs must go with a recipe (.toml), not with a model; leave it out")
    check_conversion(model, options)
    homes = dict(options.pop("skips"))
    own: dict[str, Any] = {
        k: options.get(k) for k in ("output", "threshold", "opening", "columns", "input_precision")
    }
    head = Head(**own)
    base = Base(
        budget=shared,
        prices=dict(options["prices"]) or None,
        skips=(homes[""] if set(homes) == {""} else homes) or "bram",
        **{k: options[k] for k in ("clock_mhz", "fit", "pumped")},
    )
    source: Given | Precise
    if model.suffix == RECIPE:
        source, space = _taught(model, space, head, after["data"], own_epochs, folder)
    else:
        source, space = _source(model, space, head, after["data"])
    folder.mkdir(parents=True, exist_ok=True)
    result = _swept(model, folder, source, space, head, base, settings, live=after["live"])
    if after["test"] is not None:
        result = _tested(source, result, after["test"], settings)
    study.write(result, folder)
    page.write(result, folder)
    outcome.WRITTEN.append(folder)
    _show(result)
    written = f"all points {readable(str(folder / study.TABLE))}, page {readable(str(folder / page.PAGE))}"
    show.stdout().print(written, soft_wrap=True)

    made: dict[int, Any] = {}

    def build(point: Point) -> Any:
        """Its design, made once for all that is done with it."""
        if point.number not in made:
            where = folder / folder_of(point.number)
            made[point.number] = checks.project(source, model, point, base, head, where)
        return made[point.number]

    measured = _verified(after["verify"], result, folder, build, settings.seed) if after["verify"] else None
    if after["pick"] is not None:
        try:
            _pick(after["pick"], result, build, settings.seed)
        finally:
            page.write(result, folder, verified=measured)  # with a link to its report
    if measured is not None and not measured.exact:
        raise outcome.ProofFailed(
            f"{folder}: every point that was verified must be exact at its interval, not differ; see {page.PAGE}"
        )


def _source(model: Path, space: Space | None, head: Head, file: Path | None) -> tuple[Given | Precise, Space]:
    """The networks of a sweep, and its space: without axes, intervals from a cycle a position on."""
    data = None if file is None else precision.read(file)
    with show.step(f"read {model}"):
        given = study.given(model, space or spaces.space([("interval", "1")]), head)
    if space is None:
        first = positions(given.graph)
        space = spaces.space([("interval", [k * first for k in (1, 2, 4, 8)])])
    if data is None and not any(a.name.split(".")[0] in spaces.BITS for a in space.axes):
        return given, space
    samples = None if data is None else data.x if data.calibration is None else data.calibration
    return Precise(model.read_bytes(), model.suffix, head, samples, data), space


def _taught(
    recipe: Path, space: Space | None, head: Head, data: Path | None, epochs: int | None, folder: Path
) -> tuple[Taught, Space]:
    """The networks of a recipe, to be trained, and the space."""
    if space is None:
        raise BadInput(
            "sweep: a recipe must come with axes, as in --weight-bits 2..8 --intervals 204; give some"
        )
    if data is not None:
        raise BadInput("sweep: --data must not go with a recipe, which has its own; leave it out")
    with show.step(f"read {recipe}"):
        lesson = trained.lesson(recipe, epochs=epochs, seed=None, data=None)
    return Taught(lesson, head, folder / "trained"), space


def _axes(options: dict[str, Any]) -> tuple[list[tuple[str, Any]], dict[str, float]]:
    """The axes that the options give, as they are written, and the budget that all points share."""
    budget = options.pop("budget")
    axes = [(k, v) for k, v in budget if not isinstance(v, float)]
    if (intervals := options.pop("intervals")) is not None:
        axes.insert(0, ("interval", intervals))
    axes += [(k, v) for k in (spaces.REUSE, *spaces.BITS) if (v := options.pop(k)) is not None]
    if (file := options.pop("space")) is not None:
        axes += spaces.read(file).items()
    return axes, {k: v for k, v in budget if isinstance(v, float)}


def _settings(options: dict[str, Any], folder: Path) -> Settings:
    return Settings(
        method=options.pop("search"),
        aims=tuple(filter(None, (options.pop("aims") or "").split(","))),
        price=dict(options["prices"]),
        storage=options.pop("storage") or f"sqlite:///{folder / study.DATABASE}",
        **{k: options.pop(k) for k in ("trials", "seed", "jobs", "scheduler")},
    )


def _swept(
    model: Path,
    folder: Path,
    source: Given | Precise,
    space: Space,
    head: Head,
    base: Base,
    settings: Settings,
    *,
    live: bool,
) -> Result:
    """Runs the sweep, and shows how far it has come."""
    renewed = time.monotonic()
    try:
        with show.step(f"sweep {model}") as tell:

            def told(search: Search, _point: Point) -> None:
                nonlocal renewed
                tell(search.done, search.number)
                if live and time.monotonic() > renewed + page.REFRESH:
                    page.write(
                        study.so_far(search, model.name, source.accuracies), folder, number=search.number
                    )
                    renewed = time.monotonic()

            return study.sweep(
                source,
                space,
                model=model.name,
                identity=study.source_identity(source, base, head),
                base=base,
                settings=settings,
                accuracies=source.accuracies,
                told=told,
                taught=tell,
            )
    except KeyboardInterrupt as error:
        error.add_note(f"{folder}: all points that had ended are kept; the same command goes on")
        raise
    except Rtl4mlError as error:
        raise type(error)(error.worded(_option_of_sweep)) from None


def _tested(source: Given | Precise, result: Result, file: Path, settings: Settings) -> Result:
    """The accuracy of the front on test data."""
    if not isinstance(source, Taught) and (not isinstance(source, Precise) or source.data is None):
        raise BadInput("sweep: --test must go with --data, on which points are chosen; give both")
    with show.step(f"accuracy of {len(result.front):,} points on {file}"):
        return study.tested(source, result, precision.read(file), settings)


def _verified(
    number: int, result: Result, folder: Path, build: Callable[[Point], Any], seed: int
) -> Verified:
    """Simulates points and has them counted."""
    points = checks.chosen(result, number, seed)
    measured = checks.verify(points, build, samples=SAMPLES, seed=seed, step=show.step)
    page.write(result, folder, verified=measured)
    text = json.dumps(measured.json(), indent=2)
    (folder / "verified.json").write_text(text + "\n", encoding="utf-8")
    table = measured.table()
    shown = show.table("", *table["heads"])
    for row in table["rows"]:
        shown.add_row(*row)
    show.stdout().print(shown)
    show.stdout().print(table["told"], soft_wrap=True)
    return measured


def _pick(text: str, result: Result, build: Callable[[Point], Any], seed: int) -> None:
    """Converts the point that is asked for, proves it and has Yosys count it."""
    point = front.pick(text, result.points, result.accuracies, result.price)
    with show.step(f"convert point {point.number}"):
        design = build(point)
    x = prove.random_samples(design, SAMPLES, seed)
    prove.prove(design, x, seed=seed)
    with show.step("synthesis with Yosys") as tell:
        design.synthesize(progress=tell)
    report = design.report()
    show.report(report, design.folder)
    prove.judge(report, design.folder)


def _show(result: Result) -> None:
    figures = ("interval", "lut", "dsp", "bram36", "cost", *result.accuracies)
    kept = result.front
    refused = sum(p.outcome is not None and bool(p.outcome.refused) for p in result.points)
    console = show.stdout()
    console.print(
        f"{readable(result.model)}: {len(kept):,} of {len(result.points):,} points are worth having (predicted); "
        f"{len(result.dominated):,} are beaten by others, {refused:,} are refused",
        soft_wrap=True,
    )
    last = [f"test {name}" for name in result.accuracies if result.tested]
    shown = show.table("", "point", "asked for", *figures, *last)
    for p in kept[:SHOWN]:
        assert p.outcome is not None
        row = (_figure(n, figure(n, p.outcome, result.price)) for n in figures)
        found = (_figure(name, result.tested[p.number]) for name in last)
        shown.add_row(str(p.number), ", ".join(_asked(n, v) for n, v in p.params.items()), *row, *found)
    console.print(shown)
    if len(kept) > SHOWN:
        console.print(f"and {len(kept) - SHOWN:,} more")


def _asked(name: str, value: Any) -> str:
    if name in RESOURCES:
        return f"{name} {100 * value:.3g} %"
    return f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"


def _figure(name: str, value: float) -> str:
    return f"{value:.4f}" if name == "cost" or 0 < value < 1 else show.number(value)
