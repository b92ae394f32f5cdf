# SPDX-License-Identifier: Apache-2.0
"""Cells joined by wires: what emit, timing and cost all read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rtl4ml.device import ZCU102, Device
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.types import Index
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.plan import Plan


@dataclass(frozen=True)
class Wire:
    """A valid/ready stream: `lanes` elements of `bits` bits a beat, `beats` beats a frame.

    flight: cycles from that in which cells that run freely (`FreeRunning`) let a beat in to that in which this wire
            offers the last that becomes of it, and each is taken when it is offered; 0 where beats wait to be taken
    gap, burst: where the wire has a flight, `burst` beats come in every `gap` cycles at most

    A frame of 16 pixels of 4 channels of 8 bits, a pixel a beat: Wire("x", lanes=4, bits=8, signed=False, beats=16),
    which is 32 bits wide and carries 4 * 16 = 64 elements a frame. Behind a matrix-vector unit that sums over 8 cycles
    and takes 5 more it has flight=5, gap=8; narrowed to half its lanes, flight=7, gap=8, burst=2.
    """

    name: str
    lanes: int
    bits: int
    signed: bool
    beats: int
    fraction: int = 0
    flight: int = 0
    gap: int = 1
    burst: int = 1

    @property
    def width(self) -> int:
        return self.lanes * self.bits


class TimingKind(IntEnum):
    """The kinds of cells by the way they handle beats; the numbers are those of `sim/cycles.cpp`."""

    PLAIN = 0  # takes and makes beats in given slots
    RING = 1  # keeps beats and reads them several times
    FIFO = 2
    FORK = 3


@dataclass(frozen=True, eq=False)
class Timing:
    """When a cell takes and makes beats. Its work on a frame is divided into slots, one a cycle at most.

    A cell has one or two inputs and one or two outputs.

    kind:    whether the cell buffers beats or passes them on, see `TimingKind`
    slots:   work slots a frame
    need:    per input port, array (slots,): input beats of the frame that slot k must have
    emit:    per output port, array (beats,): the slot that makes output beat j
    latency: cycles from a slot to the cycle in which its output beat is offered
    wait:    cycles from the taking of a beat to the first slot that may use it (0: taken in the slot itself)
    free:    array (slots,): input beats that are given back once slot k is done (buffering cells only)
    depth:   input beats that the cell can hold (buffering cells only)
    behind:  (buffering cells only) the last slots of a frame, which take none. Where the beats that the first `behind`
             slots of the next frame need are there when the slot before these is done, they are left out, and those
             first slots make their beats
    hold:    a beat that several consecutive slots need is acknowledged (ready) only in the last of them
    group:   (FIFOs) beats that are offered only once the last of as many was taken
    pace:    (FIFOs) cycles from one beat to the next at least, at either side
    peek:    array (slots,): beats that must be offered for slot k, taken or not, where that is more than `need`

    A width converter from 1 lane to 2, frames of 4 elements, takes a beat in each of 4 slots and makes a beat in the
    second and the fourth, offered a cycle later: Timing(4, need=([1, 2, 3, 4],), emit=([1, 3],), latency=1). The
    converter back makes a beat in each slot and takes one in the first and the third:
    Timing(4, need=([1, 1, 2, 2],), emit=([0, 1, 2, 3],), latency=1).
    """

    slots: int
    need: tuple[Index, ...]
    emit: tuple[Index, ...]
    latency: int
    wait: int = 0
    free: Index | None = None
    depth: int = 0
    behind: int = 0
    hold: bool = False
    peek: Index | None = None
    group: int = 1
    pace: int = 1
    kind: TimingKind = TimingKind.PLAIN

    def __post_init__(self) -> None:
        if not (1 <= len(self.need) <= 2 and 1 <= len(self.emit) <= 2):
            raise ValueError(
                f"timing: a cell must have one or two inputs and outputs, not {len(self.need)} and {len(self.emit)}"
            )
        if self.kind is TimingKind.FORK and (len(self.need) != 1 or self.latency):
            raise ValueError("timing: a fork must pass its one input on in the same cycle")

    @classmethod
    def fifo(cls, beats: int, depth: int, wait: int = 1) -> Timing:
        """A FIFO of `depth` beats that offers each `wait` cycles after it has taken it."""
        k = np.arange(beats)
        return cls(beats, (k + 1,), (k,), latency=0, wait=wait, free=k + 1, depth=depth, kind=TimingKind.FIFO)

    @classmethod
    def spill(cls, beats: int, depth: int, wait: int, *, group: int, pace: int) -> Timing:
        """A FIFO that offers `group` beats together `wait` cycles after it has taken the last of them, and takes and
        offers one in `pace` cycles.
        """
        k = np.arange(beats)
        return cls(
            beats,
            (k + 1,),
            (k,),
            latency=0,
            wait=wait,
            free=k + 1,
            depth=depth,
            group=group,
            pace=pace,
            kind=TimingKind.FIFO,
        )

    @classmethod
    def ring(
        cls,
        need: Index,
        free: Index,
        depth: int,
        *,
        emit: Index | None = None,
        latency: int = 1,
        behind: int = 0,
    ) -> Timing:
        """A circular buffer of `depth` beats: every slot reads beats that it holds and, unless `emit` names those that
        do, makes a beat; slot k frees those up to `free[k]`.
        """
        slots = len(need)
        return cls(
            slots,
            (need,),
            (np.arange(slots) if emit is None else emit,),
            latency=latency,
            wait=1,
            free=free,
            depth=depth,
            behind=behind,
            kind=TimingKind.RING,
        )

    @classmethod
    def fork(cls, beats: int) -> Timing:
        """A beat of the one input for each of two outputs, in the same cycle."""
        k = np.arange(beats)
        return cls(beats, (k + 1,), (k, k), latency=0, kind=TimingKind.FORK)

    @classmethod
    def passing(cls, beats: int, latency: int, *, inputs: int = 1) -> Timing:
        """A cell that makes an output beat of one beat of every input."""
        k = np.arange(beats)
        return cls(beats, (k + 1,) * inputs, (k,), latency)


Param = int | str | Image

# The top module's clock of twice the rate, in designs whose DSP slices make two products a cycle.
CLOCK2X = "aclk2x"


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell(ABC):
    """One instance of a module of `rtl/`; wires are joined to ports by name (`x` becomes x_valid_i and so on)."""

    module: ClassVar[str]
    # Whether the module's text is made for the design, not taken from `rtl/`.
    generated: ClassVar[bool] = False
    # Whether no combinational path leads from one of its ports to another.
    cuts: ClassVar[bool] = False

    name: str
    inputs: Mapping[str, Wire]
    outputs: Mapping[str, Wire]
    layer: str = ""  # the operator that it belongs to
    device: Device = ZCU102  # what it is made for; the builder sets it

    @property
    def x(self) -> Wire:
        return next(iter(self.inputs.values()))

    @property
    def y(self) -> Wire:
        return next(iter(self.outputs.values()))

    @abstractmethod
    def params(self) -> dict[str, Param]:
        """Parameters of the module; an `Image` becomes a file and its name."""

    @abstractmethod
    def timing(self) -> Timing:
        """When it acts."""

    def connections(self) -> list[tuple[str, str]]:
        """Ports of the instance beside clock and reset, and the signals of the top module that they are bound to."""
        return [
            (f"{port}_{end}", f"{wire.name}_{end[:-2]}")
            for wires, ends in (
                (self.inputs, ("valid_i", "ready_o", "data_i")),
                (self.outputs, ("valid_o", "ready_i", "data_o")),
            )
            for port, wire in wires.items()
            for end in ends
        ]

    @property
    def slots(self) -> int:
        """Work slots a frame, those of `timing`; unless overridden as many as the busiest port has beats."""
        return max(w.beats for w in (*self.inputs.values(), *self.outputs.values()))

    @property
    def multipliers(self) -> int:
        """Products that the cell makes in a cycle, by multipliers, adders or shifts.

        Times a frame's `slots` that is at least the number of multiply-accumulates of its operator.
        """
        return 0


class FreeRunning(Cell):
    """A pipeline that can run freely: it never refuses a beat, so that no register needs a clock enable.

    Then a FIFO behind it has room for all that is in the pipeline when it says that it is full, see `r4_gate`.
    """

    @property
    @abstractmethod
    def latency(self) -> int:
        """Cycles from a slot to the cycle in which its output beat is offered."""

    @property
    def ratio(self) -> int:
        """Slots from one output beat to the next at least."""
        return 1

    @property
    def holds(self) -> bool:
        """Whether it may refuse a beat for reasons of its own: then no cell before it can run freely."""
        return False

    @property
    def runs(self) -> bool:
        """Whether it runs freely behind what it reads, or waits until its output is taken."""
        return True

    @property
    def bursts(self) -> int:
        """Output beats that come one after the other of one input beat."""
        return 1

    @property
    def flow(self) -> int:
        """The parameter Flow of its module: whether it runs freely (1), and the cell before it too (2)."""
        return 0 if not self.y.flight else 2 if self.x.flight else 1

    def flow_params(self) -> dict[str, Param]:
        """That parameter, where it is not the default."""
        return {"Flow": self.flow} if self.flow else {}

    def running(self) -> Self:
        """The cell with outputs that say for how long a beat is in flight."""
        x = self.x
        flight = x.flight + self.latency + self.bursts - 1 if self.runs else 0
        gap, burst = (x.gap, x.burst * self.bursts) if flight else (1, 1)
        if flight and self.ratio > 1:
            # Of `burst` beats in a gap come as many output beats, or one in several gaps.
            gap, burst = gap * max(1, self.ratio // burst), -(-burst // self.ratio)
        return replace(
            self,
            outputs={p: replace(w, flight=flight, gap=gap, burst=burst) for p, w in self.outputs.items()},
        )


@dataclass(frozen=True)
class Relief:
    """FIFOs and buffer space that make a netlist as fast as its slowest cell (`rtl4ml.timing.relief`).

    fifos:   FIFOs on wires between cells that would hold each other up: name of the wire to depth
    windows: beats that windows hold beyond those that they need: name of the cell to number

    Relief({"conv_taps": 3}, {"u_conv_window": 16}) puts a FIFO of 3 beats on the wire conv_taps and adds 16 to the
    beats of the cell u_conv_window. Found on frames of 32 columns, it becomes
    Relief({"conv_taps": 3}, {"u_conv_window": 50}) on frames of 100.
    """

    fifos: Mapping[str, int] = field(default_factory=dict)
    windows: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, o: Relief) -> Relief:
        return Relief({**self.fifos, **o.fifos}, {**self.windows, **o.windows})

    def without(self, name: str) -> Relief:
        """The same without the FIFO or the window of this name."""
        return Relief(
            {k: v for k, v in self.fifos.items() if k != name},
            {k: v for k, v in self.windows.items() if k != name},
        )

    def with_fifo(self, wire: str, depth: int) -> Relief:
        return replace(self, fifos={**self.fifos, wire: depth})

    def with_window(self, cell: str, more: int) -> Relief:
        return replace(self, windows={**self.windows, cell: more})

    def wider(self, columns: int, of: int) -> Relief:
        """The relief, found on frames of `of` columns, for frames of `columns`: windows hold as many rows."""
        return replace(self, windows={k: -(-v * columns // of) for k, v in self.windows.items()})


class FirstFrames(NamedTuple):
    """The first frames of a netlist after reset, while nothing stalls at the edges.

    ends:   cycle of every frame's last output beat, of several outputs the last of them
    firsts: of every output, the cycle of the first frame's last beat
    period: frames after which the state repeated itself; 0 if it did not

    FirstFrames((41, 58, 75), (41,), 0): the first three frames end 17 cycles apart, and no state came twice.
    """

    ends: tuple[int, ...]
    firsts: tuple[int, ...]
    period: int


@dataclass(frozen=True)
class Netlist:
    """Cells in topological order between the wires of the graph's inputs and those of its outputs, in their order.

    settled: state of the cells (`stepper.State`) in the steady state; None where it is not known
    started: the first frames of a netlist too large to be stepped through until its state repeats, if they were
             stepped through (`rtl4ml.timing.first_frames`)
    relief:  what it got so that it is as fast as its slowest cell
    plan:    the foldings that it was lowered from; None where its cells were put together by hand
    """

    graph: Graph
    cells: tuple[Cell, ...]
    inputs: tuple[Wire, ...]
    outputs: tuple[Wire, ...]
    settled: NDArray[np.int64] | None = field(default=None, compare=False)
    started: FirstFrames | None = field(default=None, compare=False)
    relief: Relief = field(default_factory=Relief, compare=False)
    plan: Plan | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for what, names in (
            ("cell", [c.name for c in self.cells]),
            (
                "wire",
                [*(w.name for w in self.inputs), *(w.name for c in self.cells for w in c.outputs.values())],
            ),
        ):
            seen: set[str] = set()
            for name in map(str.lower, names):
                if name in seen:
                    raise ValueError(f"{self.graph.name}: the netlist has two {what}s of the name {name}")
                seen.add(name)

    @property
    def input(self) -> Wire:
        """Of a netlist of one."""
        (only,) = self.inputs
        return only

    @property
    def output(self) -> Wire:
        """Of a netlist of one."""
        (only,) = self.outputs
        return only

    @property
    def sources(self) -> tuple[str, ...]:
        """The AXI4-Stream ports of the inputs. A part of a netlist has one of each, whatever its graph has."""
        return ("s_axis",) if len(self.inputs) == 1 else self.graph.sources

    @property
    def sinks(self) -> tuple[str, ...]:
        """Those of the outputs."""
        return ("m_axis",) if len(self.outputs) == 1 else self.graph.sinks

    @property
    def origins(self) -> tuple[tuple[int, ...], ...]:
        """Of every output, the numbers of the inputs that it depends on, for whose frames' flags it waits."""
        if len(self.inputs) == 1:
            return ((0,),) * len(self.outputs)
        return self.graph.origins

    @property
    def double_clock(self) -> bool:
        """Whether a cell has registers at `CLOCK2X`."""
        return any(signal == CLOCK2X for c in self.cells for _, signal in c.connections())

    def __repr__(self) -> str:
        return f"<Netlist {self.graph.name}: {len(self.cells)} cells>"
