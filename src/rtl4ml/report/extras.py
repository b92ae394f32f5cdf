# SPDX-License-Identifier: Apache-2.0
"""Content of the page beyond report.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml.report.figures.canvas import Edge, Stage
from rtl4ml.report.figures.maps import ClassMap, Frames


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set that the samples came from."""

    name: str
    synthetic: bool


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A layer that hls4ml cannot hold exactly, and why."""

    layer: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FifoPlace:
    """The place of a FIFO of the report, by its name, and its memory.

    source, target: the operators or ports that it stands between; one operator twice where it stands within that one
    memory:         "LUT", "block" or "DRAM"
    skip:           whether there is a longer way between the two, beside which it holds beats back
    """

    name: str
    source: str
    target: str
    memory: Literal["LUT", "block", "DRAM"]
    skip: bool


@dataclass(frozen=True, kw_only=True)
class Products:
    """A layer's products at once that DSP48E2 make, and how many of these make them."""

    layer: str
    products: int
    dsps: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Extras:
    """Content of the page that report.json does not hold. Fields that are left out are not shown.

    data:        None where no data set was used
    sample:      what one sample is, in the singular: "pixel", "frame"
    reference:   what the outputs were compared with, such as "QKeras predict (float32)"
    stages:      the pipeline in topological order
    edges:       its streams; a name that is no stage is a port of the design
    class_names: of confusion and class_map
    confusion:   (classes, classes) integers, rows true, columns predicted
    class_map:   labelled pixels of a scene
    frames:      images with the masks that the hardware made of them
    on_board:    what the driver got for a cube on the simulated board; shown where the report has a board
    fifos:       where the report's FIFOs stand, in any order
    products:    what DSP48E2 multiply, by layer
    refusals:    layers that the HLS project cannot hold exactly
    notes:       sentences about how numbers were obtained, shown after those that hold for every report
    """

    data: Data | None = None
    sample: str = "sample"
    reference: str | None = None
    stages: Sequence[Stage] = ()
    edges: Sequence[Edge] = ()
    class_names: Sequence[str] = ()
    confusion: NDArray[np.integer] | None = None
    class_map: ClassMap | None = None
    frames: Frames | None = None
    on_board: ClassMap | Frames | None = None
    fifos: Sequence[FifoPlace] = ()
    products: Sequence[Products] = ()
    refusals: Sequence[Refusal] = ()
    notes: Sequence[str] = field(default=())
