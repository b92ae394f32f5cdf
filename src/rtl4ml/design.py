# SPDX-License-Identifier: Apache-2.0
"""`convert`: a QKeras model to a design, and what can be done with a design."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml import arguments
from rtl4ml.board import flows, interface
from rtl4ml.board.ecp5 import mapped
from rtl4ml.bridge.project import HlsProject
from rtl4ml.bridge.write import write_project
from rtl4ml.cells.streams import Fifo
from rtl4ml.cost.estimate import estimate
from rtl4ml.device import ZCU102, Device, Resources, total
from rtl4ml.emit import systemverilog
from rtl4ml.errors import HlsCannot, StaleProject
from rtl4ml.folding.by_hand import wanted_interval
from rtl4ml.folding.homes import Wanted, fold_with_skips
from rtl4ml.folding.placement import analysed
from rtl4ml.frontends.parsed import Parsed
from rtl4ml.frontends.qkeras.importer import parse
from rtl4ml.frontends.qkeras.load import load
from rtl4ml.frontends.qkeras.reference import expected
from rtl4ml.frontends.qkeras.untouched import Untouched
from rtl4ml.host import identity, processes
from rtl4ml.host.folders import project_folder
from rtl4ml.host.tools import absolute
from rtl4ml.ir.fingerprint import fingerprint
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.late import Home
from rtl4ml.ir.types import Fixed
from rtl4ml.measurements import Cycles, FrameTally, Run, Tally
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.report.clocks import Timing
from rtl4ml.report.collect import write
from rtl4ml.report.extras import Extras
from rtl4ml.report.schema import Accuracy
from rtl4ml.report.subject import Part, Subject
from rtl4ml.reuse import ByHand
from rtl4ml.simulation.bulk import RunResult, Simulator, build
from rtl4ml.sta.estimate import timing
from rtl4ml.synthesis.yosys import Unit, synthesize, units
from rtl4ml.timing.cycles import frame_ends
from rtl4ml.timing.excess import by_hand, excess
from rtl4ml.timing.simulated import Progress, run, settled

Real = NDArray[np.float64]


def convert(
    model: Any,
    out: str | Path = "build/design",
    target_interval: int | None = None,
    budget: Mapping[str, float] | None = None,
    clock_mhz: float = 250,
    input_precision: str | Fixed | None = None,
    output: str = "logits",
    *,
    threshold: float | None = None,
    opening: int | None = None,
    columns: int | None = None,
    foldings: Mapping[str, ByHand] | None = None,
    fit: bool = True,
    pumped: bool = False,
    skips: Mapping[str, Home] | Home | Literal["auto"] = "bram",
    device: Device | None = None,
) -> Design:
    """A design for a device that computes exactly what the model computes; its project goes to `out`.

    model:           a tf_keras or QKeras model (left untouched), or the path of a .keras or .h5 file
    out:             folder of the project; an earlier rtl4ml project there is replaced whole
    target_interval: cycles between samples to reach; default: the input's positions, or what the budget allows
    budget:          greatest share of the device, by resource: {"lut": 0.2, "dsp": 0.1}; of what it does not name
                     0.75, or with target_interval all, and the report says what is more than 0.75
    clock_mhz:       the clock that is assumed for throughput, and asked of Vitis HLS
    input_precision: type of the input ("ap_fixed<8,1>"), for a model without a quantizer there; rounded to the nearest,
                     halves to even, and saturating, unless it names modes ("ap_fixed<8,1,AP_TRN,AP_WRAP>", as in C++);
                     beside a quantizer, the type of the stream before it (`parsed.notice()`)
    output:          "logits", "argmax" or, for one channel, "mask" with `threshold`
    opening:         for "mask" of rows and columns: radius, 1 to 7 pixels, of a disk by which it is opened
    columns:         of the hardware's frames, fewer than the model's, which are then cut into strips (`ir.strips`)
    foldings:        (pe, simd) or `Reuse` of layers by hand, "*": all; the error for illegal ones has the legal values;
                     where they are too slow for target_interval, `Design.excess` and the report say so
    fit:             False: a design that does not fit device or budget is made all the same, that of target_interval
                     or else about the smallest; its report says what does not fit and by how much
    pumped:          whether DSP slices may make two products a cycle, at a second clock of twice the rate, aclk2x
    skips:           "bram"; "late": the input waits in place of what it becomes; "dram": behind AXI4 ports of the top;
                     for all or by layer of a join; "auto": as many late or in DRAM as it takes to fit, the widest first
    device:          the FPGA, such as `rtl4ml.board.boards.board("kv260").device`; default the ZCU102's

    Raises Rtl4mlError: one line that names the layer or file, the rule, the offender and the way out.
    """
    # Everything that can be refused without the model is refused before it is loaded.
    out = arguments.output_folder(out)
    target_interval = arguments.target_interval(target_interval)
    device = arguments.pumped(pumped, ZCU102 if device is None else device)
    budget = arguments.budget(budget, device.budgeted)
    clock_mhz = arguments.clock_mhz(clock_mhz)
    output, threshold, opening = arguments.head(output, threshold, opening)
    columns = arguments.columns(columns)
    foldings = arguments.foldings(foldings)
    fit = arguments.flag("fit", fit)
    homes = arguments.skips(skips)
    start = time.perf_counter()
    head: dict[str, Any] = {"output": output, "threshold": threshold, "opening": opening}
    parsed = parse(load(model), input_precision=input_precision, columns=columns, **head)
    target_interval = target_interval or wanted_interval(parsed.graph, foldings)
    wanted = Wanted(target_interval, budget, foldings, device, clock_mhz)
    plan = fold_with_skips(parsed.graph, homes, wanted, fit=fit)
    hls: HlsProject | HlsCannot
    with project_folder(out) as folder, processes.pool(1, wait=False) as pool:
        stepped = pool.submit(analysed, plan)  # hardly keeps the interpreter from others
        try:
            whole = replace(plan, graph=parsed.graph)  # hls4ml has skips of its own
            hls = write_project(whole, folder / "hls", clock_mhz=clock_mhz, part=device.part)
        except HlsCannot as error:
            hls = error
        netlist, cycles = stepped.result()
        flags = -(-cycles.latency // cycles.interval) + 2
        systemverilog.write(netlist, folder, frames_in_flight=flags)
        interface.write(interface.of_streams(netlist), folder)
        known = identity.write(folder, plan=fingerprint(plan.graph, plan.foldings, clock_mhz))
    folder = absolute(out)
    hls = hls if isinstance(hls, HlsCannot) else hls.moved(folder / "hls")
    design = Design(
        folder=folder,
        parsed=parsed,
        graph=parsed.graph,
        plan=plan,
        netlist=netlist,
        cycles=cycles,
        clock_mhz=clock_mhz,
        frames_in_flight=flags,
        hls_project=hls,
        identity=known,
        budget=device.shares(budget, target_interval),
        target_interval=target_interval,
        part=device.part,
        source=absolute(model) if isinstance(model, str | Path) else None,
        excess=excess(netlist, cycles, target_interval, by_hand(plan.graph, foldings)),
    )
    design.seconds["convert"] = time.perf_counter() - start
    return design


@dataclass(kw_only=True, eq=False, repr=False)
class Design:
    """A model's hardware: graph, netlist and project folder, and what has been measured of it.

    target_interval: the interval that was asked for; excess: why `cycles.interval` is longer, None where it is not

    What needs the folder raises StaleProject once that is gone, is another design's, or once a file in it has changed.
    """

    folder: Path
    parsed: Parsed
    graph: Graph
    plan: Plan
    netlist: Netlist
    cycles: Cycles
    clock_mhz: float
    frames_in_flight: int
    hls_project: HlsProject | HlsCannot
    identity: identity.Identity
    budget: dict[str, float]  # greatest share of the device by resource
    target_interval: int | None = None
    excess: str | None = None
    part: str = ZCU102.part
    source: Path | None = None  # the model's file
    on_board: flows.AnyBoard | None = None  # once there is a board's folder
    seconds: dict[str, float] = field(default_factory=dict)
    exactness: dict[str, Tally] = field(
        default_factory=lambda: {k: Tally() for k in ("emulate", "csim", "rtl")}
    )
    untouched: Untouched = field(default_factory=Untouched)
    stalled: Tally = field(default_factory=Tally)
    patterns: set[int] = field(default_factory=set)
    measured: tuple[int | None, int | Fraction | None] = (None, None)
    frames: FrameTally = field(default_factory=FrameTally)
    peaks: dict[str, int] = field(default_factory=dict)
    counted: list[Resources] | None = None
    timing: Timing | None = None
    _reference: tuple[str, Real] | None = None
    _compiled: dict[str, str] = field(default_factory=dict)  # SHA-256 of programs made in the folder

    def __repr__(self) -> str:
        cycles = f"interval {self.cycles.interval}, latency {self.cycles.latency}"
        return f"<Design {self.graph.name}: {cycles}, {self.folder}>"

    # -- the same numbers, four ways -------------------------------------------------------------------------

    def emulate(self, x: Any) -> Real:
        """Exact values (N, *output shape) by integer arithmetic. x: (N, *input shape) or of larger frames."""
        with self._timed("emulate"):
            y = self.parsed.emulate(x)[0]
        return self._compared("emulate", x, y)

    def csim(self, x: Any, *, progress: Progress | None = None) -> Real:
        """The same by the C simulation of the HLS project. Raises HlsCannot where hls4ml cannot hold a layer.

        progress: is told now and then how many of how many samples are done
        """
        ints, cut = self.parsed.cut_input(x)
        with self._undisturbed(), self._timed("csim"):
            if len(ints):
                self._know(self.hls.compile())
            y = self.hls.csim(
                self.parsed.input.real(ints),
                progress=None if progress is None else lambda done: progress(done, len(ints)),
            )
        return self._compared("csim", x, cut.join(y.reshape(len(ints), *self.graph.outputs[0].shape)))

    def simulate(
        self,
        x: Any,
        stalls: Literal["none", "random"] = "none",
        seed: int = 0,
        *,
        progress: Progress | None = None,
    ) -> Run:
        """The same by simulation of the RTL with Verilator, all samples in a row without a reset between.

        stalls:   "random" stops both sides at random; `seed` fixes the pattern with its probabilities.
        progress: is told now and then how many of how many samples are done
        """
        arguments.stalls(stalls)
        seed = arguments.seed(seed)
        ints, cut = self.parsed.cut_input(x)
        with self._undisturbed():
            simulator = self.simulator
        with self._undisturbed(), self._timed("simulate"):
            r = run(simulator, self.netlist, self.cycles, ints, stalls=stalls, seed=seed, progress=progress)
        y, interval = cut.join(self._real(r)), settled(r, self.netlist, self.cycles)
        if stalls == "random":  # the same samples in another way, no further ones
            self.stalled.add(y, self.reference(x))
            self.patterns.add(seed)
        elif len(ints):
            self._compared("rtl", x, y)
            self.measured = (r.latency, interval)
            for ends in r.ends:
                self.frames.add(ends, frame_ends(self.netlist, len(ends)))
        for path, peak in r.fifos.items():
            name = path.rsplit(".", 1)[-1]
            self.peaks[name] = max(peak, self.peaks.get(name, 0))
        return Run(y, r.latency, interval, r.cycles)

    def simulate_netlist(
        self,
        x: Any,
        stalls: Literal["none", "random"] = "none",
        seed: int = 0,
        *,
        progress: Progress | None = None,
    ) -> Run:
        """As `simulate`, of the netlist of ECP5 primitives that Yosys makes of the RTL, whose cycles it must keep."""
        arguments.stalls(stalls)
        seed = arguments.seed(seed)
        ints, cut = self.parsed.cut_input(x)
        with self._undisturbed():
            found, rtl = self.mapped, self.simulator
        with self._undisturbed():
            r = run(
                found.simulator, self.netlist, self.cycles, ints, stalls=stalls, seed=seed, progress=progress
            )
            same = run(rtl, self.netlist, self.cycles, ints, stalls=stalls, seed=seed)
        y = cut.join(self._real(r))
        found.add(y, self.reference(x), r, same, seed=seed if stalls == "random" else None)
        return Run(y, r.latency, settled(r, self.netlist, self.cycles), r.cycles)

    def _real(self, r: RunResult) -> Real:
        stream = self.graph.outputs[0]
        return stream.real(r.y.reshape(len(r.y), *stream.shape))

    def reference(self, x: Any) -> Real:
        """What QKeras gives (or its formulas in float64 where float32 rounds), cut before a softmax at the end."""
        a = np.ascontiguousarray(x)
        key = hashlib.blake2b(a.tobytes(), digest_size=16).hexdigest() + str(a.dtype) + str(a.shape)
        if self._reference is None or self._reference[0] != key:
            self._reference = (key, expected(self.parsed, x)[0])
        return self._reference[1]

    def _compared(self, how: str, x: Any, y: Real) -> Real:
        if len(y):
            want = self.reference(x)
            self.exactness[how].add(y, want)
            self.untouched.add(self.parsed, x, want)
        return y

    # -- tools -----------------------------------------------------------------------------------------------

    @cached_property
    def simulator(self) -> Simulator:
        """The compiled RTL."""
        with self._timed("verilate"):
            top = self.folder / f"rtl/{systemverilog.TOP}.sv"
            sources = [self.folder / name for name in sorted(self.identity.files) if name.endswith(".sv")]
            found = build(
                self.folder,
                systemverilog.TOP,
                [*(s for s in sources if s != top), top],
                images=self.folder / "mem",
            )
            self._know(found.binary)
            return replace(found, memory=self.plan.device.memory(self.clock_mhz))

    @cached_property
    def mapped(self) -> mapped.Mapped:
        """The compiled netlist of ECP5 primitives, in the folder `netlist`, and what was compared of it."""
        with self._timed("netlist"):
            memory = self.plan.device.memory(self.clock_mhz)
            found = mapped.compiled(mapped.synthesize(self.folder, systemverilog.TOP), memory)
            self._know(found.simulator.binary)
            return found

    def _know(self, program: Path) -> None:
        """Remembers a program that was compiled of the folder's files, which must not have changed meanwhile."""
        name = program.relative_to(self.folder).as_posix()
        if name not in self._compiled:
            self._check_folder()
            self._compiled[name] = identity.digest(program)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """A block that works on the folder: refused, and without a result, where that is another's by its end too."""
        self._check_folder()
        try:
            yield
        except Exception:
            try:
                self._check_folder()  # whatever failed did so because its files went away
            except StaleProject as error:
                raise error from None
            raise
        self._check_folder()

    def _check_folder(self) -> None:
        identity.check(self.folder, self.identity)
        identity.check_files(self.folder, self._compiled)

    @property
    def hls(self) -> HlsProject:
        """The HLS project, in the folder `hls`. Raises HlsCannot where hls4ml cannot hold a layer exactly."""
        if isinstance(self.hls_project, HlsCannot):
            raise self.hls_project
        return self.hls_project

    @property
    def fifos(self) -> list[Fifo]:
        """The FIFOs of the netlist."""
        return [c for c in self.netlist.cells if isinstance(c, Fifo)]

    @cached_property
    def units(self) -> list[Unit]:
        """The modules that are synthesized one by one."""
        return units(self.netlist, frames_in_flight=self.frames_in_flight)

    def synthesize(self, progress: Any = None) -> Resources:
        """Resources by Yosys, cell by cell."""
        self._check_folder()
        with self._timed("synthesize"):
            self.counted = synthesize(self.units, progress=progress)
        return total(self.counted)

    def estimate_timing(self, progress: Any = None) -> Timing:
        """The longest path by a static analysis of what Yosys makes of the design; no router has seen it."""
        self._check_folder()
        with self._timed("synthesize"):
            self.timing = timing(self.netlist, self.clock_mhz, self.frames_in_flight, progress=progress)
        return self.timing

    @cached_property
    def predicted(self) -> list[Resources]:
        """Predicted resources of every unit."""
        return [estimate(u.module, u.params, u.cell) for u in self.units]

    def report(self, *, accuracy: Accuracy | None = None, extras: Extras | None = None) -> dict[str, Any]:
        """Writes report.json and report.html of all that was run since `convert`, and returns the former.

        accuracy: the report's entry of that name; extras: what the page shows besides, such as a class map. Of a board
        it shows the result of the last simulated job, unless `extras.on_board` is given.
        """
        self._check_folder()
        picture = None if self.on_board is None else self.on_board.picture
        return write(self._subject(), accuracy=accuracy, extras=extras, on_board=picture)

    def _subject(self) -> Subject:
        """The design as its report sees it."""
        parts = [
            Part(u.layer, u.module, u.cell.slots, u.cell.multipliers, getattr(u.cell, "dsps", None), r)
            for u, r in zip(self.units, self.predicted, strict=True)
            if u.cell is not None
        ]
        return Subject(
            folder=self.folder,
            identity=self.identity,
            board="ZCU102" if self.part == ZCU102.part else "",
            part=self.part,
            clock_mhz=self.clock_mhz,
            budget=self.budget,
            target_interval=self.target_interval,
            excess=self.excess,
            parsed=self.parsed,
            plan=self.plan,
            netlist=self.netlist,
            cycles=self.cycles,
            parts=parts,
            counted=None if self.counted is None else total(self.counted),
            timing=self.timing,
            mapped=self.mapped.entry() if "mapped" in vars(self) else None,
            exactness=self.exactness,
            untouched=self.untouched.entry(),
            stalled=self.stalled,
            patterns=len(self.patterns),
            measured=self.measured,
            frames=self.frames,
            peaks=self.peaks,
            seconds=self.seconds,
            refusals=self.hls_project.texts if isinstance(self.hls_project, HlsCannot) else (),
            on_board=None if self.on_board is None else self.on_board.entry(self.clock_mhz),
            route=None if self.on_board is None else self.on_board.place_and_route,
        )

    def board(self, counts: Any = None, **options: Any) -> Any:
        """The folder `board` of the project: shell, what its tools need, drivers, self-test; written and checked.

        counts, options: as `board.accelerator.make` has them, which says what is refused and gives a `Board`; of a
        board whose flow is open as `board.ecp5.project.make` has them, which gives an `OpenProject`
        """
        with self._undisturbed(), self._timed("board"):
            self.on_board = flows.make(self, counts=counts, **options)
        return self.on_board

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start
