# SPDX-License-Identifier: Apache-2.0
"""Recipes trained with several seeds: means and spreads of their accuracies, and tests of whether they differ.

The tests are those of Nalepa et al. (2020), see metrics.statistics: Wilcoxon over the classes, Kruskal-Wallis and
Dunn over the runs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from rtl4ml.errors import BadInput
from rtl4ml.host.folders import MARKER, project_folder
from rtl4ml.metrics import statistics
from rtl4ml.training import runs
from rtl4ml.training.classification import train
from rtl4ml.training.classification.recipe import Recipe, read_recipe
from rtl4ml.training.classification.result import leaks
from rtl4ml.training.result import Tell, read_metrics, silent, within

SUMMARY = "montecarlo.json"
FLOAT = "float"
PARTS = ".parts"  # what the folder's name ends in while its runs come in


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """The result of `repeat`: its folder, and the content of montecarlo.json."""

    out: Path
    summary: Mapping[str, Any]

    def __str__(self) -> str:
        made_up = "SYNTHETIC data, " if self.summary["data"]["synthetic"] else ""
        quick = ", quick: not the recipes' schedules" if self.summary["quick"] else ""
        width = max(len(name) for name in self.summary["models"])
        lines = [
            f"test pixels of {made_up}{self.summary['split']['name']}{quick}, {self.summary['runs']} runs:"
        ]
        for name, found in self.summary["models"].items():
            figures = (
                f"{label} {100 * found[key]['mean']:.2f} ± {100 * found[key]['std']:.2f} %"
                for key, label in (("oa", "OA"), ("aa", "AA"))
            )
            kappa = f"kappa {found['kappa']['mean']:.4f} ± {found['kappa']['std']:.4f}"
            lines.append(
                f"{name:{width}}  {', '.join(figures)}, {kappa}, {found['footprint']['megabytes']:.2f} MB"
            )
        tests = self.summary["tests"]
        if tests["kruskal_oa"] is not None:
            lines.append(f"Kruskal-Wallis over the runs' OA: p {tests['kruskal_oa']:.4f}")
        for pair, p in tests["wilcoxon_per_class"].items():
            dunn = "" if tests["dunn_oa"] is None else f", Dunn over OA p {tests['dunn_oa'][pair]:.4f}"
            lines.append(f"  {pair}: Wilcoxon over classes p {p:.4f}{dunn}")
        return "\n".join(lines) + f"\n{leaks(self.summary['split'])}runs    {self.out}"


def seeds_of(text: str) -> tuple[int, ...]:
    """The seeds that a text such as "1-5" or "1,2,7" names. Raises BadInput where it names none, or one twice."""
    found: list[int] = []
    try:
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            found += range(int(first), int(last if dash else first) + 1)
    except ValueError:
        found = []
    if not found or len(set(found)) != len(found):
        raise BadInput(
            f"train: --seeds must be different whole numbers such as 1-5 or 1,2,7, not {text!r}; write them so"
        )
    return tuple(found)


def repeat(
    recipes: Sequence[str | Path],
    *,
    seeds: Sequence[int],
    data: str | Path | None = None,
    out: str | Path | None = None,
    quick: bool = False,
    resume: bool = False,
    per_class: tuple[int, int] | None = None,
    progress: Tell = silent,
) -> Repeated:
    """Trains every recipe with every seed; writes a folder a run and montecarlo.json into `out`.

    Recipes whose stages without quantizers are the same share them, a seed. A seed gives the initial weights and the
    order of the pixels; where a split is random or of blocks that the seed deals out, the split too. The other
    arguments are those of `train.train`; without out, build/train/<first recipe>-seeds. While they come in, the runs
    lie in <out>.parts; with resume, those that are there are not done again.

    Raises Rtl4mlError as `train.train` does, and BadInput where a recipe is named twice, where the recipes' data or
    splits differ, or where there are parts and resume is False.
    """
    names = [read_recipe(recipe).name for recipe in recipes]
    if len(set(names)) != len(names):
        raise BadInput(
            f"train: every recipe must be named once, not {', '.join(names)}; leave the others out"
        )
    target = Path(out) if out is not None else Path("build") / "train" / f"{names[0]}-seeds"
    parts = target.with_name(target.name + PARTS)
    if parts.exists() and not resume:
        raise BadInput(
            f"{parts}: interrupted runs must be resumed or removed, not overwritten; give --resume or remove the folder"
        )
    with project_folder(target) as folder, _without_empty(parts):
        found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
        for seed in seeds:
            known: train.Known = {}
            for name, recipe in zip(names, recipes, strict=True):
                place = parts / f"{name}-{seed}"
                metrics: Mapping[str, Any] | None = read_metrics(place)
                if metrics is None:
                    metrics = train.train(
                        recipe,
                        data=data,
                        out=place,
                        seed=seed,
                        quick=quick,
                        resume=resume,
                        per_class=per_class,
                        progress=within(progress, f"{name}, seed {seed}"),
                        known=known,
                    ).metrics
                else:
                    _check_part(place, metrics, read_recipe(recipe), quick)
                found[name].append(metrics)
        summary = summarize(found, seeds)
        for place in sorted(parts.iterdir()):
            if (place / MARKER).is_file():
                shutil.copytree(place, folder / place.name)
        (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(parts, ignore_errors=True)
    return Repeated(out=target, summary=summary)


@contextmanager
def _without_empty(folder: Path) -> Iterator[None]:
    """Leaves no `folder` behind that has nothing in it."""
    try:
        yield
    finally:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _check_part(place: Path, metrics: Mapping[str, Any], recipe: Recipe, quick: bool) -> None:
    """Raises BadInput unless a finished run is of this recipe, schedule and versions."""
    ours = {
        "recipe": recipe.sha256,
        "network": recipe.network_sha256,
        "schedule": "quick" if quick else "whole",
        "versions": runs.versions(),
    }
    theirs = {
        "recipe": metrics["recipe"]["sha256"],
        "network": metrics["recipe"]["network_sha256"],
        "schedule": "quick" if metrics["quick"] else "whole",
        "versions": metrics["versions"],
    }
    for key, value in ours.items():
        if theirs[key] != value:
            raise BadInput(
                f"{place}: a finished run must be of this training, not of another {key}; "
                f"bring that back, or remove {place.parent.name} and start anew"
            )


def summarize(found: Mapping[str, Sequence[Mapping[str, Any]]], seeds: Sequence[int]) -> dict[str, Any]:
    """The content of montecarlo.json: of every recipe, and of its stage without quantizers, spreads and tests.

    found: recipe to the metrics of its runs, in the order of `seeds`. Stages without quantizers that are alike in all
    runs are one model, "float". Raises BadInput where data or splits differ.
    """
    every = [metrics for some in found.values() for metrics in some]
    for what in ("data", "quick", "versions"):
        _alike(what, [metrics[what] for metrics in every])
    for i, seed in enumerate(seeds):
        _alike(f"split of seed {seed}", [some[i]["split"] for some in found.values()])
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for name, some in found.items():
        tests = [metrics["float"] for metrics in some]
        known = next(
            (n for n, s in stages.items() if [t["test"] for t in s] == [t["test"] for t in tests]), None
        )
        if known is None:
            stages[FLOAT if not stages else f"{name} {FLOAT}"] = tests
    stages |= {name: [metrics["quantized"] for metrics in some] for name, some in found.items()}

    models = {name: _model(some) for name, some in stages.items()}
    oa = {name: model["runs"]["oa"] for name, model in models.items()}
    compared = statistics.compare(oa) if len(seeds) > 1 else None
    classes = {name: model["per_class"] for name, model in models.items()}
    first = every[0]
    splits = {metrics["split"]["name"] for metrics in every}
    split = {**first["split"], "redealt": len(splits) > 1}
    if split["redealt"]:
        split["name"] = split["name"].replace(f"seed {seeds[0]}", "a seed a run")
    return {
        "schema": 1,
        "runs": len(seeds),
        "seeds": list(seeds),
        "quick": first["quick"],
        "data": first["data"],
        "split": split,
        "models": models,
        "tests": {
            "kruskal_oa": None if compared is None else compared.kruskal,
            "dunn_oa": None if compared is None else {_pair(*ab): p for ab, p in compared.dunn.items()},
            "wilcoxon_per_class": {
                _pair(a, b): statistics.wilcoxon(*_shared(classes[a], classes[b]))
                for a, b in combinations(models, 2)
            },
        },
        "versions": first["versions"],
    }


def _model(stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tests = [stage["test"] for stage in stages]
    figures = {key: [test[key] for test in tests] for key in ("oa", "aa", "kappa")}
    by_class = zip(*(test["per_class"] for test in tests), strict=True)
    return {
        **{key: asdict(statistics.spread(values)) for key, values in figures.items()},
        "per_class": [None if None in values else float(np.mean(values)) for values in by_class],
        "footprint": stages[0]["footprint"],
        "runs": figures,
    }


def _shared(a: Sequence[float | None], b: Sequence[float | None]) -> tuple[list[float], list[float]]:
    """The figures of the classes that both have."""
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return [x for x, _ in both], [y for _, y in both]


def _pair(a: str, b: str) -> str:
    return f"{a} | {b}"


def _alike(what: str, values: Sequence[Any]) -> None:
    if any(value != values[0] for value in values):
        raise BadInput(f"train: compared runs must have the same {what}, not several; train them apart")
