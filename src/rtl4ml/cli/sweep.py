# SPDX-License-Identifier: Apache-2.0
"""The command that tries many designs of a model and says which are worth having."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtl4ml.cli import outcome, show
from rtl4ml.cli.design import check_conversion
from rtl4ml.cli.options import option_of
from rtl4ml.errors import BadInput, Rtl4mlError, Value, readable
from rtl4ml.sweep import space as spaces
from rtl4ml.sweep import study
from rtl4ml.sweep.front import figure
from rtl4ml.sweep.points import Point
from rtl4ml.sweep.search import Search
from rtl4ml.sweep.space import RESOURCES
from rtl4ml.sweep.study import Head, Result, Settings
from rtl4ml.sweep.tasks import Base

SHOWN = 20  # points of the front in the table; all are in sweep.csv


def _option_of_sweep(argument: str, value: Value) -> str:
    return option_of({"target_interval": "intervals"}.get(argument, argument), value)


def sweep(
    model: Path,
    out: Path | None,
    intervals: str | None,
    budget: Sequence[tuple[str, Any]],
    space: Path | None,
    storage: str | None,
    **options: Any,
) -> None:
    """Try all points of a space of designs of MODEL, and say which are worth having."""
    if options.pop("target_interval") is not None:
        raise BadInput(
            "sweep: targets must be in --intervals, not in --target-interval; write --intervals 204,408"
        )
    folder = out if out is not None else Path("build") / f"{model.stem}-sweep"
    shared = {k: v for k, v in budget if isinstance(v, float)}
    axes: list[tuple[str, Any]] = [(k, v) for k, v in budget if not isinstance(v, float)]
    if intervals is not None:
        axes.insert(0, ("interval", intervals))
    if space is not None:
        axes += spaces.read(space).items()
    settings = Settings(
        method=options.pop("search"),
        trials=options.pop("trials"),
        seed=options.pop("seed"),
        aims=tuple(filter(None, (options.pop("aims") or "").split(","))),
        price=dict(options.pop("price")),
        jobs=options.pop("jobs"),
        scheduler=options.pop("scheduler"),
    )
    found = spaces.space(axes) if axes else None  # what is wrong with it is said before the model is loaded
    check_conversion(model, options)
    homes = dict(options.pop("skips"))
    head = Head(
        options["output"],
        options.get("threshold"),
        options.get("opening"),
        options.get("columns"),
        options["input_precision"],
    )
    base = Base(
        budget=shared,
        clock_mhz=options["clock_mhz"],
        skips=(homes[""] if set(homes) == {""} else homes) or "bram",
        fit=options["fit"],
        pumped=options["pumped"],
    )
    with show.step(f"read {model}"):
        source = study.given(model, found or spaces.space([("interval", "1")]), head)
    if found is None:
        first = study.positions(source.network({}))
        found = spaces.space([("interval", [k * first for k in (1, 2, 4, 8)])])
    folder.mkdir(parents=True, exist_ok=True)
    identity = study.source_identity(source, base, head)
    url = storage or f"sqlite:///{folder / study.DATABASE}"
    try:
        with show.step(f"sweep {model}") as tell:

            def told(search: Search, _point: Point) -> None:
                tell(search.done, search.number)

            result = study.sweep(
                source,
                found,
                model=model.name,
                storage=url,
                identity=identity,
                base=base,
                settings=settings,
                told=told,
            )
    except KeyboardInterrupt as error:
        error.add_note(f"{folder}: all points that had ended are kept; the same command goes on")
        raise
    except Rtl4mlError as error:
        raise type(error)(error.worded(_option_of_sweep)) from None
    study.write(result, folder)
    outcome.WRITTEN.append(folder)
    _show(result)
    show.stdout().print(f"all points {readable(str(folder / study.TABLE))}", soft_wrap=True)


def _show(result: Result) -> None:
    figures = ("interval", *RESOURCES, "cost", *result.accuracies)
    front = result.front
    refused = sum(p.outcome is not None and bool(p.outcome.refused) for p in result.points)
    console = show.stdout()
    console.print(
        f"{readable(result.model)}: {len(front):,} of {len(result.points):,} points are worth having (predicted); "
        f"{len(result.dominated):,} are beaten by others, {refused:,} are refused",
        soft_wrap=True,
    )
    shown = show.table("", "point", "asked for", *figures)
    for p in front[:SHOWN]:
        assert p.outcome is not None
        row = (_figure(n, figure(n, p.outcome, result.price)) for n in figures)
        shown.add_row(str(p.number), ", ".join(_asked(n, v) for n, v in p.params.items()), *row)
    console.print(shown)
    if len(front) > SHOWN:
        console.print(f"and {len(front) - SHOWN:,} more")


def _asked(name: str, value: Any) -> str:
    if name in RESOURCES:
        return f"{name} {100 * value:.3g} %"
    return f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"


def _figure(name: str, value: float) -> str:
    return f"{value:.4f}" if name == "cost" or 0 < value < 1 else show.number(value)
