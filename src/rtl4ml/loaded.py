# SPDX-License-Identifier: Apache-2.0
"""`load`: a design from its folder, without the model, and what can be done with it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml import arguments
from rtl4ml.board import flows
from rtl4ml.board.ecp5 import mapped
from rtl4ml.bridge.project import HlsProject
from rtl4ml.bundle import vectors
from rtl4ml.cells.axis import edges
from rtl4ml.cells.streams import Fifo
from rtl4ml.cost.estimate import estimate
from rtl4ml.device import ZCU102, Resources, total
from rtl4ml.emit import systemverilog
from rtl4ml.errors import BadInput, BadModel, HlsCannot, StaleProject, named
from rtl4ml.folding.by_hand import reuse_factors
from rtl4ml.frontends.network import Network
from rtl4ml.host import identity
from rtl4ml.host.guarded import Guarded
from rtl4ml.host.tools import absolute, disk_errors
from rtl4ml.ir.graph import Graph
from rtl4ml.ir.several import of_each, one_or_all
from rtl4ml.measurements import Cycles, FrameTally, LayerTimes, Run, Tally
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.netlist.plan import Plan
from rtl4ml.report.clocks import Timing
from rtl4ml.report.collect import write
from rtl4ml.report.extras import Extras
from rtl4ml.report.provenance_schema import Provenance
from rtl4ml.report.schema import Accuracy, Report
from rtl4ml.report.subject import Part, Subject
from rtl4ml.saved import files, provenance
from rtl4ml.simulation.bulk import Ports, RunResult, Simulator, build
from rtl4ml.sta.estimate import timing
from rtl4ml.synthesis.verilog2005 import translate
from rtl4ml.synthesis.yosys import Unit, synthesize, units
from rtl4ml.timing.cycles import frame_ends
from rtl4ml.timing.simulated import Progress, run, settled
from rtl4ml.timing.timeline import timeline

Real = NDArray[np.float64]

# What a saved design is held against, as its report names it.
SAVED = "the saved design's own integers, without the model"


def load(folder: str | Path) -> SavedDesign:
    """The design in a folder that `convert` wrote, without its model: TensorFlow is not needed and not imported.

    It emulates, simulates and reports as the design did that was converted, from the integers in saved.json and
    saved.npz.

    Raises BadInput where there is no saved design, or one of another version; StaleProject where a file of the folder
    has changed since, the RTL for example.
    """
    path = absolute(arguments.output_folder(folder, "folder"))
    content = files.read(path)
    known = identity.read(path)
    if known is None:
        raise StaleProject(
            f"{path}: the folder must hold a project with a sound {identity.FILE}, not without; convert again"
        )
    identity.check(path, known)
    plan, network = content.plan(), content.network.network()
    hls: HlsProject | HlsCannot
    if content.refusals:
        hls = HlsCannot(*content.refusals)
    else:
        hls = HlsProject(path / "hls", content.hls_top, network.graph, ())
    return SavedDesign(
        folder=path,
        parsed=network,
        graph=network.graph,
        plan=plan,
        netlist=content.netlist(plan),
        cycles=content.cycles,
        name=content.name,
        clock_mhz=content.clock_mhz,
        frames_in_flight=content.frames_in_flight,
        hls_project=hls,
        identity=known,
        budget=dict(content.budget),
        target_interval=content.target_interval,
        part=content.part,
        excess=content.excess,
        provenance=provenance.read(path),
    )


@dataclass(kw_only=True, eq=False, repr=False)
class SavedDesign(Guarded):
    """A network's hardware: graph, netlist and project folder, and what has been measured of it; made by `load`.

    target_interval: the interval that was asked for; excess: why `cycles.interval` is longer, None where it is not
    provenance:      how it was made, None where its folder does not say; date: the day that its report says, or None
    sample_seed:     of random samples, where they were drawn by a seed

    What it computes is held against its own integers (`emulate`), which were proven equal to the model's where the
    report that was written at the time says so. What needs the model itself is a `rtl4ml.Design`'s.
    What needs the folder raises StaleProject once that is gone, is another design's, or once a file in it has changed.
    """

    folder: Path
    parsed: Network
    graph: Graph
    plan: Plan
    netlist: Netlist
    cycles: Cycles
    clock_mhz: float
    frames_in_flight: int
    hls_project: HlsProject | HlsCannot
    identity: identity.Identity
    budget: dict[str, float]  # greatest share of the device by resource
    name: str = ""  # what names of modules and images begin with
    target_interval: int | None = None
    excess: str | None = None
    part: str = ZCU102.part
    provenance: Provenance | None = None
    date: str | None = None
    sample_seed: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    exactness: dict[str, Tally] = field(
        default_factory=lambda: {k: Tally() for k in ("emulate", "csim", "rtl")}
    )
    stalled: Tally = field(default_factory=Tally)
    patterns: set[int] = field(default_factory=set)
    measured: tuple[int | None, int | Fraction | None] = (None, None)
    latencies: tuple[int, ...] = ()
    frames: FrameTally = field(default_factory=FrameTally)
    peaks: dict[str, int] = field(default_factory=dict)
    counted: list[Resources] | None = None
    timing: Timing | None = None
    source: Path | None = None  # the model's file, beside which a board finds what counts mean
    on_board: flows.AnyBoard | None = None  # once there is a board's folder
    _reference: tuple[str, list[Real]] | None = None
    _compiled: dict[str, str] = field(default_factory=dict)  # SHA-256 of programs made in the folder

    def __repr__(self) -> str:
        cycles = f"interval {self.cycles.interval}, latency {self.cycles.latency}"
        return f"<{type(self).__name__} {self.graph.name}: {cycles}, {self.folder}>"

    # -- the same numbers, four ways -------------------------------------------------------------------------

    def emulate(self, x: Any) -> Any:
        """Exact values (N, *output shape) by integer arithmetic. x: (N, *input shape) or of larger frames.

        Of several inputs x is a list, or a dictionary by their names; what is given of several outputs is a list.
        """
        with self._timed("emulate"):
            return one_or_all(self.parsed.emulate(x))

    def csim(self, x: Any, *, progress: Progress | None = None) -> Any:
        """The same by the C simulation of the HLS project. Raises HlsCannot where hls4ml cannot hold a layer.

        progress: is told now and then how many of how many samples are done
        """
        ints, cut = self.parsed.cut_input(x)
        hls, count = self.hls, len(ints[0])
        with self._undisturbed(), self._timed("csim"):
            if count:
                self._know(hls.compile())
            given = [s.real(a) for s, a in zip(self.graph.inputs, ints, strict=True)]
            tell = None if progress is None else lambda done: progress(done, count)
            ys = of_each(hls.csim(given, progress=tell))
        made = [cut.join(y.reshape(count, *s.shape)) for y, s in zip(ys, self.graph.outputs, strict=True)]
        return self._compared("csim", x, made)

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
        y, interval = [cut.join(a) for a in self._real(r)], settled(r, self.netlist, self.cycles)
        if stalls == "random":  # the same samples in another way, no further ones
            self.stalled.add(y, self._wanted(x))
            self.patterns.add(seed)
        elif len(ints[0]):
            self._compared("rtl", x, y)
            self.measured = (r.latency, interval)
            self.latencies = r.latencies if len(y) > 1 else ()
            for ends in r.ends:
                self.frames.add(ends, frame_ends(self.netlist, len(ends)))
        for path, peak in r.fifos.items():
            name = path.rsplit(".", 1)[-1]
            self.peaks[name] = max(peak, self.peaks.get(name, 0))
        return Run(one_or_all(y), r.latency, interval, r.cycles, r.latencies if len(y) > 1 else ())

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
        self.graph.single("a simulated netlist of ECP5", "simulate the RTL")
        ints, cut = self.parsed.cut_input(x)
        with self._undisturbed():
            found, rtl = self.mapped, self.simulator
        with self._undisturbed():
            r = run(
                found.simulator, self.netlist, self.cycles, ints, stalls=stalls, seed=seed, progress=progress
            )
            same = run(rtl, self.netlist, self.cycles, ints, stalls=stalls, seed=seed)
        (y,) = (cut.join(a) for a in self._real(r))
        found.add(y, self._wanted(x)[0], r, same, seed=seed if stalls == "random" else None)
        return Run(y, r.latency, settled(r, self.netlist, self.cycles), r.cycles)

    def _real(self, r: RunResult) -> list[Real]:
        return [s.real(y.reshape(len(y), *s.shape)) for s, y in zip(self.graph.outputs, r.ys, strict=True)]

    def reference(self, x: Any) -> Any:  # noqa: ARG002 -- as that of a `Design`
        """What the model gives: that of a `Design`. Raises BadModel, for a saved design is without its model."""
        raise BadModel(
            f"{self.folder}: reference must be asked of a design with its model, not of a saved one; "
            "convert the model, or take emulate, the saved integers"
        )

    def _wanted(self, x: Any) -> list[Real]:
        """What `x` is held against, of every output."""
        return self._once(x, lambda: self.parsed.emulate(x))

    def _once(self, x: Any, make: Callable[[], list[Real]]) -> list[Real]:
        """What `make` gives for samples, made once for several uses in a row."""
        key = ""
        for a in map(np.ascontiguousarray, self.parsed.arrays(x)):
            key += hashlib.blake2b(a.tobytes(), digest_size=16).hexdigest() + str(a.dtype) + str(a.shape)
        if self._reference is None or self._reference[0] != key:
            self._reference = (key, make())
        return self._reference[1]

    def _compared(self, how: str, x: Any, y: list[Real]) -> Any:
        """The values `y` of every output as they are given, once they are held against what is wanted."""
        if len(y[0]):
            self.exactness[how].add(y, self._wanted(x))
        return one_or_all(y)

    # -- tools -----------------------------------------------------------------------------------------------

    @property
    def top(self) -> str:
        """The top module of the RTL."""
        return systemverilog.prefix(self.name) + systemverilog.TOP

    @property
    def sources(self) -> list[Path]:
        """The SystemVerilog files of the RTL in the order in which tools read them, the top last."""
        top = self.folder / f"rtl/{self.top}.sv"
        found = [self.folder / name for name in sorted(self.identity.files) if name.endswith(".sv")]
        return [*(s for s in found if s.parent == top.parent and s != top), top]

    @property
    def ports(self) -> Ports:
        """The names of the AXI4-Stream ports of the top module."""
        into, out = edges(self.netlist)
        return Ports(tuple(c.port for c in into), tuple(c.port for c in out), tuple(c.errors for c in into))

    @cached_property
    def simulator(self) -> Simulator:
        """The compiled RTL."""
        with self._timed("verilate"):
            found = build(self.folder, self.top, self.sources, images=self.folder / "mem", ports=self.ports)
            self._know(found.binary)
            return replace(found, memory=self.plan.device.memory(self.clock_mhz))

    @cached_property
    def mapped(self) -> mapped.Mapped:
        """The compiled netlist of ECP5 primitives, in the folder `netlist`, and what was compared of it."""
        with self._timed("netlist"):
            memory = self.plan.device.memory(self.clock_mhz)
            found = mapped.compiled(mapped.synthesize(self.folder, self.top), memory)
            self._know(found.simulator.binary)
            return found

    def write_vectors(self, folder: str | Path, frames: int = 16, seed: int = 0) -> Path:
        """Writes input.hex and expected.hex of random frames into a folder, for the benches of the project; the folder.

        frames: how many, at least 1; seed: fixes them. Not into the project's own `vectors`: its files stay as they
        were written. Raises BadInput for that folder and for another number of frames.
        """
        frames, seed = arguments.frames(frames), arguments.seed(seed)
        to = absolute(arguments.output_folder(folder, "folder"))
        if to == self.folder / "vectors":
            raise BadInput(
                f"{named('folder')}: must be another folder than the project's own vectors, not {folder}; "
                f"give such as {self.folder / 'more'} and run make VECTORS=more"
            )
        vectors.write(vectors.random_vectors(self.netlist.graph, frames, seed), self.netlist, to)
        return to

    def write_verilog(self, path: str | Path | None = None) -> Path:
        """Writes the design as one file of Verilog-2005, memory contents included, for tools of before SystemVerilog.

        path: of the file; default `verilog/<top>.v` in the design's folder, which `make icarus` there reads
        Raises EnvironmentProblem where Yosys is missing.
        """
        with self._undisturbed():
            text = translate(self.sources, self.top, self.folder / "mem")
            to = self.folder / f"verilog/{self.top}.v" if path is None else absolute(path)
            with disk_errors(to.parent):
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_text(text, encoding="utf-8")
        return to

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

    @cached_property
    def timeline(self) -> tuple[LayerTimes, ...] | None:
        """When each layer works on the first frame, predicted; None where the frame is too large, or g++ is missing."""
        return timeline(self.netlist)

    def report(self, *, accuracy: Accuracy | None = None, extras: Extras | None = None) -> Report:
        """Writes report.json and report.html of all that was run since `load` or `convert`, and returns the former.

        accuracy: the report's entry of that name; extras: what the page shows besides, such as a class map. Of a board
        it shows the result of the last simulated job, unless `extras.on_board` is given.
        """
        self._check_folder()
        picture = None if self.on_board is None else self.on_board.picture
        return write(self._subject(), accuracy=accuracy, extras=extras, on_board=picture)

    def board(self, counts: Any = None, **options: Any) -> Any:
        """The folder `board` of the project: shell, what its tools need, drivers, self-test; written and checked.

        counts, options: as `board.accelerator.make` has them, which says what is refused and gives a `Board`; of a
        board whose flow is open as `board.ecp5.project.make` has them, which gives an `OpenProject`
        """
        with self._undisturbed(), self._timed("board"):
            self.on_board = flows.make(self, counts=counts, **options)
        return self.on_board

    def _subject(self) -> Subject:
        """The design as its report sees it."""
        counted: Sequence[Resources | None] = self.counted or [None] * len(self.units)
        parts = [
            Part(u.layer, u.module, u.cell.slots, u.cell.multipliers, getattr(u.cell, "dsps", None), r, c)
            for u, r, c in zip(self.units, self.predicted, counted, strict=True)
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
            reuse=reuse_factors(self.plan),
            timing=self.timing,
            timeline=self.timeline,
            provenance=provenance.since(
                self.provenance,
                simulated=bool(self.exactness["rtl"].samples or self.stalled.samples),
                synthesized=self.counted is not None or self.timing is not None or "mapped" in vars(self),
                seeds={"samples": self.sample_seed, "stalls": sorted(self.patterns)},
                date=self.date,
            ),
            mapped=self.mapped.entry() if "mapped" in vars(self) else None,
            exactness=self.exactness,
            untouched=None,
            reference=SAVED,
            stalled=self.stalled,
            patterns=len(self.patterns),
            measured=self.measured,
            latencies=self.latencies,
            frames=self.frames,
            peaks=self.peaks,
            seconds=self.seconds,
            on_board=None if self.on_board is None else self.on_board.entry(self.clock_mhz),
            route=None if self.on_board is None else self.on_board.place_and_route,
            refusals=self.hls_project.texts if isinstance(self.hls_project, HlsCannot) else (),
        )

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - start
