# SPDX-License-Identifier: Apache-2.0
"""`convert`: a QKeras model to a design, and what can be done with a design."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtl4ml import arguments
from rtl4ml.bridge.project import HlsProject
from rtl4ml.bridge.write import write_project
from rtl4ml.bundle import write as bundle
from rtl4ml.bundle.vectors import affordable
from rtl4ml.bundle.write import Bundle
from rtl4ml.device import ZCU102, Device
from rtl4ml.emit import systemverilog
from rtl4ml.errors import HlsCannot
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
from rtl4ml.ir.late import Home
from rtl4ml.ir.several import one_or_all
from rtl4ml.ir.types import Fixed
from rtl4ml.loaded import SavedDesign
from rtl4ml.report.subject import Subject
from rtl4ml.reuse import ByHand
from rtl4ml.saved import files, provenance
from rtl4ml.saved.content import Content
from rtl4ml.timing.excess import by_hand, excess

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
    prices: Mapping[str, float] | None = None,
    device: Device | None = None,
    name: str | None = None,
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
                     for all or by layer of a join; "auto": as many late or in DRAM as it takes to fit, the widest
                     first. Where a target_interval fits in no other way, levels inside skips run faster than it, so
                     that less waits in block RAM; with prices also where that costs less
    prices:          of all that the device has of a resource: {"dsp": 2}; of what it does not name LUT and FF 1,
                     DSP48E2 and RAMB36 0.5. The design is then the cheapest by them; without it the one whose fullest
                     resource is least full. A faster one that costs no more takes its place in both
    name:            every module and memory image begins with it ("jets": jets_r4_top), so that several
                     designs are read into one project; default none
    device:          the FPGA, such as `rtl4ml.board.boards.board("kv260").device`; default the ZCU102's

    Raises Rtl4mlError: one line that names the layer or file, the rule, the offender and the way out.
    """
    call = dict(locals())
    # Everything that can be refused without the model is refused before it is loaded.
    out = arguments.output_folder(out)
    target_interval = arguments.target_interval(target_interval)
    device = arguments.pumped(pumped, ZCU102 if device is None else device)
    budget = arguments.budget(budget, device.budgeted)
    prices = arguments.prices(prices, device.capacity)
    clock_mhz = arguments.clock_mhz(clock_mhz)
    output, threshold, opening = arguments.head(output, threshold, opening)
    columns = arguments.columns(columns)
    foldings = arguments.foldings(foldings)
    fit = arguments.flag("fit", fit)
    homes = arguments.skips(skips)
    name = arguments.name(name)
    start = time.perf_counter()
    head: dict[str, Any] = {"output": output, "threshold": threshold, "opening": opening}
    loaded = load(model)
    parsed = parse(loaded, input_precision=input_precision, columns=columns, **head)
    target_interval = target_interval or wanted_interval(parsed.graph, foldings)
    wanted = Wanted(target_interval, budget, foldings, device, clock_mhz, prices)
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
        flags = cycles.frames_in_flight
        project = systemverilog.write(netlist, folder, frames_in_flight=flags, name=name)
        bundle.write(
            Bundle(
                network=parsed,
                netlist=netlist,
                cycles=cycles,
                clock_mhz=clock_mhz,
                name=name,
                project=project,
                frames=affordable(netlist),
            ),
            folder,
        )
        shares = device.shares(budget, target_interval)
        above = excess(netlist, cycles, target_interval, by_hand(plan.graph, foldings))
        content = Content.of(
            parsed,
            plan,
            netlist,
            cycles,
            hls=hls,
            name=name,
            clock_mhz=clock_mhz,
            frames_in_flight=flags,
            budget=shares,
            target_interval=target_interval,
            excess=above,
            part=device.part,
        )
        files.write(content, folder)
        known = identity.write(folder, plan=fingerprint(plan.graph, plan.foldings, clock_mhz))
        source = absolute(model) if isinstance(model, str | Path) else None
        origin = provenance.made(provenance.given(_DEFAULTS, call), source, loaded.get_weights(), known.files)
        provenance.write(folder, origin)
    folder = absolute(out)
    hls = hls if isinstance(hls, HlsCannot) else hls.moved(folder / "hls")
    design = Design(
        folder=folder,
        parsed=parsed,
        graph=parsed.graph,
        plan=plan,
        netlist=netlist,
        cycles=cycles,
        name=name,
        clock_mhz=clock_mhz,
        frames_in_flight=flags,
        hls_project=hls,
        identity=known,
        budget=shares,
        target_interval=target_interval,
        part=device.part,
        source=source,
        provenance=origin,
        excess=above,
    )
    design.seconds["convert"] = time.perf_counter() - start
    return design


# Of the arguments that a report names.
_DEFAULTS = {
    name: p.default for name, p in signature(convert).parameters.items() if name not in ("model", "out")
}


@dataclass(kw_only=True, eq=False, repr=False)
class Design(SavedDesign):
    """A design with the model that it was made of: every number that it computes is held against the model's."""

    parsed: Parsed
    untouched: Untouched = field(default_factory=Untouched)

    def emulate(self, x: Any) -> Any:
        """As that of a saved design; the values are compared with the model's."""
        with self._timed("emulate"):
            y = self.parsed.emulate(x)
        return self._compared("emulate", x, y)

    def reference(self, x: Any) -> Any:
        """What QKeras gives (or its formulas in float64 where float32 rounds), cut before a softmax at the end."""
        return one_or_all(self._wanted(x))

    def _wanted(self, x: Any) -> list[Real]:
        return self._once(x, lambda: expected(self.parsed, x))

    def _compared(self, how: str, x: Any, y: list[Real]) -> Any:
        made = super()._compared(how, x, y)
        if len(y[0]):
            self.untouched.add(self.parsed, x, self._wanted(x))
        return made

    def _subject(self) -> Subject:
        return replace(super()._subject(), reference=None, untouched=self.untouched.entry())
