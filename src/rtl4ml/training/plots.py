# SPDX-License-Identifier: Apache-2.0
"""Pictures of a training: its curve, its confusion matrix, maps of classes. PNG files, equal for equal numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DPI = 100
_UNLABELLED = "#ffffff"


def curve(history: Sequence[Mapping[str, Any]], path: Path, *, title: str) -> None:
    """Loss and validation scores over the epochs, the stages one behind the other.

    history: rows {"stage", "epoch", scalars...}, as `runs.Run` has them; names with "loss" go on a logarithmic axis
    where all are positive, the others on a second axis.
    """
    figure = figure_of(7.5, 3.8)
    left = figure.add_subplot()
    right = left.twinx()
    names = [n for n in dict.fromkeys(k for row in history for k in row) if n not in ("stage", "epoch")]
    at = np.arange(1, len(history) + 1)
    lines = []
    for i, name in enumerate(names):
        axis = left if "loss" in name else right
        values = np.array([row.get(name, np.nan) for row in history], np.float64)
        style = {"color": f"C{i}", "linewidth": 1.2, "label": name.replace("_", " ")}
        lines += axis.plot(at, values, **style)
    losses = [row[n] for row in history for n in names if "loss" in n and n in row]
    if losses and min(losses) > 0:
        left.set_yscale("log")
    stages = [row["stage"] for row in history]
    for i, stage in enumerate(stages):
        if i == 0 or stage != stages[i - 1]:
            left.axvline(i + 0.5, color="#999999", linewidth=0.8, linestyle=":")
            place = {"rotation": 90, "va": "top", "ha": "left", "fontsize": 8, "color": "#555555"}
            left.text(i + 0.8, 0.98, stage, transform=left.get_xaxis_transform(), **place)
    left.set_xlabel("epoch")
    left.set_ylabel("loss")
    right.set_ylabel("validation")
    right.set_visible(any("loss" not in n for n in names))
    left.legend(handles=lines, loc="center right", fontsize=8)
    left.set_title(title, fontsize=10)
    save(figure, path)


def confusion(counts: Sequence[Sequence[int]], names: Sequence[str], path: Path, *, title: str) -> None:
    """The confusion matrix counts[truth][predicted] of pixels, shaded by its share of the true class."""
    table = np.asarray(counts, np.int64)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure = figure_of(3.2 + 0.55 * len(names), 2.2 + 0.5 * len(names))
    axis = figure.add_subplot()
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), n in np.ndenumerate(table):
        if n:
            colour = "white" if share[i, j] > 0.5 else "black"
            axis.text(j, i, f"{n}", ha="center", va="center", fontsize=7, color=colour)
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_xlabel("predicted")
    axis.set_ylabel("truth")
    axis.set_title(title, fontsize=8)
    save(figure, path)


def class_maps(maps: Mapping[str, NDArray[Any]], names: Sequence[str], path: Path) -> None:
    """Maps of classes side by side, by title: integers (rows, columns), -1 where there is none; one colour a class."""
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    colours = [f"C{k}" if len(names) <= 10 else _many(k, len(names)) for k in range(len(names))]
    palette = ListedColormap([_UNLABELLED, *colours])
    norm = BoundaryNorm(np.arange(-1.5, len(names)), palette.N)
    figure = figure_of(3.2 * len(maps) + 2.2, 3.6)
    axes = figure.subplots(1, len(maps), squeeze=False)[0]
    for axis, (title, found) in zip(axes, maps.items(), strict=True):
        axis.imshow(found, cmap=palette, norm=norm, interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    patches = [Patch(color=c, label=n) for c, n in zip(colours, names, strict=True)]
    figure.legend(handles=patches, loc="outside right center", fontsize=7, frameon=False)
    save(figure, path)


def _many(k: int, count: int) -> Any:
    from matplotlib import colormaps

    return colormaps["gist_rainbow"](k / count)


def figure_of(width: float, height: float) -> Any:
    """A figure of so many inches that no window and no global state belong to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Any, path: Path) -> None:
    """Writes a figure into a PNG file."""
    figure.savefig(path, metadata={"Software": None})  # no versions, so that equal numbers give equal files
