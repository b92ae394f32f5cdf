# SPDX-License-Identifier: Apache-2.0
"""The command that trains students."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from rtl4ml.cli.show import log, stdout
from rtl4ml.errors import BadInput
from rtl4ml.host import progress
from rtl4ml.training.classification import repeat
from rtl4ml.training.classification import train as classification
from rtl4ml.training.result import Progress, Tell
from rtl4ml.training.segmentation import recipe as segmentation_recipe
from rtl4ml.training.segmentation import teacher as segmentation


def train(
    recipes: tuple[str, ...], data: Path | None, out: Path | None, seed: int | None, seeds: str | None,
    per_class: tuple[int, int] | None, quick: bool, resume: bool,
) -> None:  # fmt: skip
    """Train the student of RECIPE: a name in models/ (default salinas_1dcnn), or a .toml file.

    With --seeds, several recipes may be given; they are compared with each other and with their networks in float.
    """
    names = recipes or ("salinas_1dcnn",)
    if seeds is None and len(names) > 1:
        raise BadInput(
            f"train: several recipes must come with --seeds, not {', '.join(names)} alone; write --seeds 1-5"
        )
    if seeds is not None and seed is not None:
        raise BadInput("train: seeds must be in one option, not in --seed and --seeds; leave out --seed")
    masks = [name for name in names if segmentation_recipe.is_segmentation(name)]
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
            result = segmentation.train_with_teacher(names[0], seed=seed, **options)
        elif seeds is None:
            result = classification.train(names[0], seed=seed, **options)
        else:
            result = repeat.repeat(names, seeds=repeat.seeds_of(seeds), **options)
    stdout().print(str(result), soft_wrap=True)


@contextmanager
def _training(names: Sequence[str]) -> Iterator[Tell]:
    """Shows how far a training is. Gives a function that takes what a training tells of itself.

    A bar a stage; without a terminal, as in a log file, a line every few seconds, from before the first epoch on.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        count = progress.Count(f"train {', '.join(names)}")
        with progress.lines(count, log):
            yield lambda p: count.tell(p.epoch, p.epochs, f"{p.stage}: {p.numbers()}")
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

        def show(p: Progress) -> None:
            if not tasks:
                stack.enter_context(bars)
            if p.stage not in tasks:
                tasks[p.stage] = bars.add_task(f"train {p.stage}", total=p.epochs, numbers="")
            bars.update(tasks[p.stage], completed=p.epoch, numbers=p.numbers())

        yield show
