# SPDX-License-Identifier: Apache-2.0
"""The types of report.json, key by key."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from rtl4ml.report.board_schema import OnBoard
from rtl4ml.report.clocks import PlaceAndRoute, Timing
from rtl4ml.report.pace import FrameSize, Gaps, Observed
from rtl4ml.report.provenance_schema import Provenance


class Model(TypedDict):
    """The source model; macs: multiply-accumulates a sample."""

    name: str
    parameters: int | None
    weight_bits: int | None
    macs: int | None


class Identity(TypedDict):
    """design: SHA-256 of graph, foldings and written files, as in the project's design.json; files: how many."""

    design: str
    files: int


class Target(TypedDict):
    """What the design is made for; the clock is assumed, not met.

    budget:      the greatest shares of the device that it may take
    clock2x_mhz: of the second clock, in a design that has one
    """

    board: str | None
    part: str
    clock_mhz: float | None
    clock2x_mhz: NotRequired[float]
    budget: NotRequired[Use]


class Difference(TypedDict):
    """A value that differs: sample (0 first), place within it (row, column, channel, as far as it has them)."""

    sample: int
    at: list[int]
    got: float
    want: float


class Check(TypedDict):
    """A comparison with the reference: `mismatches` of `values` output values of `samples` samples.

    first: the first of those that differ, at most ten, where there are any
    """

    samples: int
    values: int
    mismatches: int
    first: NotRequired[list[Difference]]


class Cause(TypedDict):
    """How many values of the model's own predict differ from the reference, from which layer on, and why."""

    layer: str
    why: str
    values: int


class Predict(TypedDict):
    """The model's own predict against the reference: `differ` of `values` values, `mismatches` of them unexplained."""

    samples: int
    values: int
    differ: int
    mismatches: int
    cause: list[Cause]


class Exactness(TypedDict):
    """Comparisons that were run, None where not."""

    emulate: Check | None
    csim: Check | None
    rtl: Check | None
    predict: NotRequired[Predict | None]


class Stalls(TypedDict):
    """RTL simulation under random stalls: seeds tried, frames in all, output values that differed."""

    patterns: int
    frames: int
    mismatches: int


class Pair(TypedDict):
    """Cycles, predicted and measured in RTL simulation; an interval is a mean, and so may not be whole."""

    model: float | None
    rtl: float | None


class FrameEnds(TypedDict):
    """Frames simulated without stalls, and how many of them ended in the very cycle that was predicted."""

    compared: int
    as_predicted: int


class Cycles(TypedDict):
    """Latency and interval of a frame; frame by frame, what came when predicted (None: none was simulated).

    target:   the interval that was asked for; excess: why the predicted one is longer, None where it is not
    gaps:     of which cycles between frames the predicted interval is the mean, None where all are the same
    observed: where no repetition was found, the frames whose longest gap is given as the interval
    narrower: of a frame too large to be analysed: the frames that the interval is extrapolated from, else none
    stepped:  of such a frame's own, how many of the first were stepped through and came as those did
    """

    latency: Pair
    interval: Pair
    frames: FrameEnds | None
    target: NotRequired[int | None]
    excess: NotRequired[str | None]
    gaps: NotRequired[Gaps | None]
    observed: NotRequired[Observed | None]
    narrower: NotRequired[list[FrameSize]]
    stepped: NotRequired[int]


class Use(TypedDict):
    """Resources taken or available."""

    lut: float | None
    ff: float | None
    dsp: float | None
    bram36: float | None


class Resources(TypedDict):
    """Resources by who counted them."""

    model: Use | None
    yosys: Use | None
    vitis: Use | None
    vivado: Use | None
    available: Use


class Efficiency(TypedDict):
    """multipliers: products made at once, by multipliers, adders or shifts.

    mac_efficiency: macs / (interval × multipliers), at most 1
    """

    multipliers: int | None
    macs_per_cycle: float | None
    mac_efficiency: float | None


class Fifo(TypedDict):
    """width in bits, depth in beats, peak: most beats held in simulation."""

    name: str
    width: int
    depth: int
    peak: int | None


class Memory(TypedDict):
    """The memory for which cycles are predicted: cycles until it answers, and GB/s that the device's can be planned to
    move.
    """

    latency: int
    gbps: float


class Skip(TypedDict):
    """A skip connection by its join; bits: of a frame; dram_bytes: of a frame that DRAM moves, written and read."""

    join: str
    home: Literal["bram", "late", "dram"]
    bits: int
    dram_bytes: int
    dram_gbps: float


class Skips(TypedDict):
    """memory: None where no skip is in DRAM."""

    memory: Memory | None
    homes: list[Skip]


class LayerTypes(TypedDict):
    """Fixed-point types of an operator, such as s8.3: 8 bits, signed, 3 of them behind the point.

    weights: None where it has none, and without a fraction where it differs by channel; out: of a layer with weights
             its sums
    """

    inputs: list[str]
    weights: str | None
    out: str


class Layer(TypedDict):
    """An operator of the design with its folding, interval in cycles and predicted resources.

    reuse: cycles that its multipliers take for an output position, hls4ml's ReuseFactor; None where it has no weights.
           A dense layer of 64 inputs and 16 outputs with pe 4 and simd 8 has 64 * 16 / (4 * 8) = 32.
    types: None of what is no operator
    yosys: its resources as Yosys counts them, None where that was not run
    """

    name: str
    op: str
    macs: int | None
    pe: int | None
    simd: int | None
    reuse: NotRequired[int | None]
    types: NotRequired[LayerTypes | None]
    interval: int | None
    lut: float | None
    ff: float | None
    dsp: float | None
    bram36: float | None
    yosys: NotRequired[Use | None]


class Beats(TypedDict):
    """Cycles in which a frame's first and last beat are taken from a stream; cycle 0 takes the frame's first beat."""

    first: int
    last: int


class LayerTimes(TypedDict):
    """When a layer works on the first frame, predicted: the beats that it takes, and those that it gives."""

    name: str
    takes: Beats
    gives: Beats


class Accuracy(TypedDict, total=False):
    """Classification (oa, aa, kappa) or segmentation (iou, f2), as fractions of one.

    iou: intersection over union of the pixels of all masks; f2: F-score over objects that weighs recall twice.
    """

    dataset: str
    split: str | None
    oa: float | None
    aa: float | None
    kappa: float | None
    iou: float | None
    f2: float | None


class Throughput(TypedDict):
    """clock / interval, at a clock that no board has run."""

    samples_per_s: float | None
    assumed_clock_mhz: float


class Seconds(TypedDict):
    """Wall-clock time of every step that was run."""

    train: float | None
    convert: float | None
    csim: float | None
    verilate: float | None
    simulate: float | None
    synthesize: float | None


class RefusedLayer(TypedDict):
    """A layer that hls4ml cannot hold exactly, so that there is no HLS project, and why."""

    layer: str
    reason: str


class FramesAsRtl(TypedDict):
    """Frames compared, and how many came in and out in the very cycles of the RTL's."""

    compared: int
    as_rtl: int


class AfterSynthesis(TypedDict):
    """The netlist after synthesis, simulated: `mismatches` of `values` output values differ from the reference.

    family: whose primitives the netlist is of; cells: how many of each kind
    stalls: the same under random stalls; cycles: with stalls and without
    """

    family: str
    tool: str
    version: str
    cells: dict[str, int]
    samples: int
    values: int
    mismatches: int
    stalls: Stalls
    cycles: FramesAsRtl


class Strips(TypedDict):
    """How the model's frames, of `frame_columns`, are cut into frames of the hardware, of `columns`.

    number: strips of a frame; align: their starts are multiples of it; step: columns from one to the next
    halo:     columns at an inner edge, left and right, that only serve the strip beside it
    computed: columns that all strips have, for each of the frame's
    """

    frame_columns: int
    columns: int
    number: int
    align: int
    step: int
    halo: list[int]
    computed: float


class Port(TypedDict):
    """An AXI4-Stream port: shape and type of what it carries, beats of a frame, elements of a beat."""

    port: str
    shape: list[int]
    type: str
    beats: int
    lanes: int


class OutputPort(Port):
    """Of an output, besides: cycles from the first input beat of a frame to its last beat there, of the first frame."""

    latency: Pair


class Streams(TypedDict):
    """The ports of a design of several inputs or outputs, in the model's order.

    A network of an image that gives classes and a mask has inputs [{"port": "s_axis", ...}] and outputs of the ports
    m_axis_classes and m_axis_mask.
    """

    inputs: list[Port]
    outputs: list[OutputPort]


class Report(TypedDict):
    """The content of report.json; what need not be there (strips, refusals ...) only where there is some.

    timeline: of the input stream, the operators that have cells and the output stream, in turn; None where the frame is
              too large to be stepped through, or g++ is missing
    reference: what the values were compared with, of a design that was loaded without its model
    """

    schema: Literal[1]
    identity: Identity | None
    model: Model
    target: Target
    exactness: Exactness
    reference: NotRequired[str]
    stalls: Stalls | None
    cycles: Cycles
    resources: Resources
    efficiency: Efficiency
    fifos: list[Fifo]
    layers: list[Layer]
    timeline: NotRequired[list[LayerTimes] | None]
    accuracy: Accuracy | None
    throughput: Throughput | None
    seconds: Seconds
    strips: NotRequired[Strips]
    streams: NotRequired[Streams]
    skips: NotRequired[Skips]
    refusals: NotRequired[list[RefusedLayer]]
    timing: NotRequired[Timing]
    netlist: NotRequired[AfterSynthesis]
    board: NotRequired[OnBoard]
    place_and_route: NotRequired[PlaceAndRoute]
    provenance: NotRequired[Provenance | None]


def blank(*, model: Model, target: Target, available: Use) -> Report:
    """A report of which nothing has been run."""
    return {
        "schema": 1,
        "identity": None,
        "model": model,
        "target": target,
        "exactness": {"emulate": None, "csim": None, "rtl": None, "predict": None},
        "stalls": None,
        "cycles": {
            "latency": {"model": None, "rtl": None},
            "interval": {"model": None, "rtl": None},
            "frames": None,
        },
        "resources": {"model": None, "yosys": None, "vitis": None, "vivado": None, "available": available},
        "efficiency": {"multipliers": None, "macs_per_cycle": None, "mac_efficiency": None},
        "fifos": [],
        "layers": [],
        "accuracy": None,
        "throughput": None,
        "seconds": {
            "train": None,
            "convert": None,
            "csim": None,
            "verilate": None,
            "simulate": None,
            "synthesize": None,
        },
    }
