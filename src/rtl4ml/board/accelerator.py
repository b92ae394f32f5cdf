# SPDX-License-Identifier: Apache-2.0
"""A design on a board: its folder is written and checked, then simulated, driver included, or built by Vivado.

board = design.board(layout="any")             # writes design.folder/board
run = board.simulate(cube, layout="bil")       # the C driver on the simulated hardware
design.report()                                # says so, with a picture of the last result
board.build()                                  # where there is Vivado
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rtl4ml.board import boards, bulk, project, record, vivado
from rtl4ml.board.boards import BoardSpec
from rtl4ml.board.bulk import PATIENCE, BoardSimulator, Job
from rtl4ml.board.counts import Counts
from rtl4ml.board.hls import FOLDER as HLS
from rtl4ml.board.hls import HlsRoad
from rtl4ml.board.integers import Affine, Rounded, Steps, integers_of
from rtl4ml.board.interface import LAYOUTS as CUBE_LAYOUTS
from rtl4ml.board.runs import BoardRun, Runs
from rtl4ml.board.values import RESULTS, Quantizer, Result, Shell, of_netlist
from rtl4ml.board.vectors import Cube, Meaning
from rtl4ml.bridge.project import HlsProject
from rtl4ml.device import Device, Resources, total
from rtl4ml.errors import BadInput, HlsCannot, OverBudget, SimulationFailed, named
from rtl4ml.frontends.network import Network
from rtl4ml.host.identity import Identity
from rtl4ml.host.tools import absolute
from rtl4ml.ir.strips import strips_if_any
from rtl4ml.measurements import Cycles
from rtl4ml.netlist.netlist import Netlist
from rtl4ml.report.board_schema import OnBoard
from rtl4ml.report.figures.maps import ClassMap, Frames

FOLDER = "board"
LAYOUTS = ("any", "bip")
# So many times the predicted cycles may a job take under random pauses before it is given up.
_SLOWEST = 64
# What a head gives.
RESULT_OF: Mapping[str, Result] = {"logits": "raw", "argmax": "map", "mask": "mask"}


class Of(Protocol):
    """What a board needs of a design; `rtl4ml.loaded.SavedDesign` has it.

    source: the model's file; None of a model that was given live, and of a saved design
    name:   what its modules' names begin with
    cycles: predicted, of a frame; predicted: resources of every unit of the network
    """

    folder: Path
    name: str
    identity: Identity
    netlist: Netlist
    cycles: Cycles
    clock_mhz: float
    source: Path | None

    @property
    def parsed(self) -> Network: ...

    @property
    def predicted(self) -> list[Resources]: ...

    @property
    def hls(self) -> HlsProject: ...

    def emulate(self, x: Any) -> NDArray[np.float64]: ...


@dataclass(frozen=True, eq=False)
class HlsRun:
    """A job in the C simulation of the second road: its result as in `BoardRun`, how many values differ."""

    result: NDArray[Any]
    mismatches: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Board:
    """A board's folder and what can be done with it; made by `make`.

    interface: what interface.json holds
    parsed:    the design's; interval: its predicted cycles of a frame
    hls:       the second road, where it was asked for
    runs:      what was simulated so far
    """

    folder: Path
    spec: BoardSpec
    shell: Shell
    meaning: Meaning
    integers: Rounded | Affine | Steps
    interface: Mapping[str, Any]
    parsed: Network
    interval: float
    hls: HlsRoad | None = None
    runs: Runs = field(default_factory=Runs)

    def __repr__(self) -> str:
        return f"<Board {self.spec.name}: {self.shell.result}, {self.folder}>"

    @cached_property
    def simulator(self) -> BoardSimulator:
        """The compiled shell with network and C driver, beside the board's folder: that goes to other machines."""
        sources = sorted((self.folder / "rtl").glob("*.sv"))
        return bulk.build(
            self.folder.parent, sources, self.shell, images=self.folder / "mem", host=self.folder / "host"
        )

    def simulate(
        self, cube: Cube, layout: Literal["bip", "bil", "bsq"] = "bip", *, latency: int = 200, stalls: bool = False,
        seed: int = 0, outstanding: int = 16,
    ) -> BoardRun:  # fmt: skip
        """The result of a cube of counts (rows, columns, bands) by the driver in C on the simulated hardware.

        cube:    its images may be wider than the design's frames; then its strips are the frames (r4.py cuts them)
        layout:  how it is laid out in memory; the cube's axes are the same for all (the driver on the board takes the
                 cube as it lies)
        latency: of memory, in cycles; stalls: all channels pause at random, by `seed`
        outstanding: bursts that memory accepts in a direction

        Raises BadInput for another cube, SimulationFailed where the job does not end well.
        """
        self._check_layout(layout)
        want, given = self.meaning.result(cube), self._strips(cube)
        frames = self.shell.frames(*given.shape[:2])
        (outcome,) = self.simulator.run(
            [Job(cube=given, layout=layout)],
            latency=latency,
            stalls=stalls,
            seed=seed,
            outstanding=outstanding,
            patience=PATIENCE + round(_SLOWEST * frames * self.interval),
        )
        if outcome.code:
            raise SimulationFailed(f"board: the job must end well, not with {outcome.message!r}")
        result = self.meaning.unpacked(outcome.result, cube)
        run = BoardRun(result, outcome, int((result != want).sum()))
        self.runs.add(
            cube,
            layout,
            run,
            frames=frames,
            pattern=seed if stalls else None,
            driver=self.simulator.driver,
        )
        return run

    def entry(self, asked_mhz: float) -> OnBoard:
        """The report's entry "board". asked_mhz: the clock that was asked for."""
        return record.entry(
            self.interface,
            asked_mhz,
            cosim=self.runs.cosim(),
            dram=self.runs.dram(self.interface["hardware"]["clock_mhz"]),
        )

    @property
    def place_and_route(self) -> None:
        """None: what Vivado found has an entry of its own."""
        return None

    @property
    def picture(self) -> ClassMap | Frames | None:
        """The map or the masks that the last simulated job gave, for the report; None where there are none."""
        return self.runs.picture(self.meaning, self.parsed)

    def csim(self, cube: Cube, layout: Literal["bip", "bil", "bsq"] = "bip") -> HlsRun:
        """The result of a cube of counts (rows, columns, bands) by the C simulation of the second road, with g++.

        Raises BadInput for another cube and without a second road, SimulationFailed where the job does not end well.
        """
        if self.hls is None:
            raise BadInput(
                f"{named('hls')}: must be asked for when the board is made, not left out; give {named('hls', True)}"
            )
        self._check_layout(layout)
        want = self.meaning.result(cube)
        data = self.hls.simulate(self._strips(cube), layout, self.folder / HLS, self._hls_program)
        result = self.meaning.unpacked(data, cube)
        return HlsRun(result, int((result != want).sum()))

    @cached_property
    def _hls_program(self) -> Path:
        assert self.hls is not None
        folder = self.folder / HLS
        self.hls.compile(folder, folder / "csim")
        return folder / "csim"

    def _strips(self, cube: Cube) -> Cube:
        """The cube as hardware gets it: strips of wider images lie one below the other, as r4.py has them."""
        cut = self.meaning.cut(cube)
        return cube if cut is None else cut.split(cube)

    def _check_layout(self, layout: str) -> None:
        if layout not in CUBE_LAYOUTS or (layout != "bip" and not self.shell.banded):
            known = "bip, bil or bsq" if self.shell.banded else "bip, for which the board was made"
            raise BadInput(f"{named('layout')}: must be {known}, not {layout!r}; transpose the cube")

    def build(
        self,
        tool: vivado.Tool | None = None,
        *,
        until: str = "bitstream",
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Runs Vivado's steps in the folder, as `vivado.run`; tool: default that in PATH.

        Raises BadInput where there is none.
        """
        found = tool or vivado.find()
        if found is None:
            raise BadInput(
                "vivado: must be in PATH to build, not missing; give its path, or copy the folder to a machine with it"
            )
        vivado.run(found, self.folder / "vivado", until=until, progress=progress)


def counts_of(
    given: Any, source: Path | None, *, scale_log2: int | None = None, dtype: str | None = None
) -> Counts:
    """The counts that were given as a value, a table or a JSON file, or by their scale; else those beside the model.

    dtype: of the counts that scale_log2 scales; default uint16

    Raises BadInput where these do not fit together or where there are none.
    """
    if scale_log2 is not None:
        if given is not None:
            raise BadInput(f"{named('scale_log2')}: must not go with {named('counts')}; leave one out")
        return Counts.of_entry({"dtype": dtype or "uint16", "scale_log2": scale_log2}, "counts")
    if dtype is not None:
        raise BadInput(f"{named('dtype')}: must go with {named('scale_log2')}; give both or none")
    if isinstance(given, Counts):
        return given
    if isinstance(given, Mapping):
        return Counts.of_entry(given, "counts")
    if isinstance(given, str | Path):
        return Counts.read(given)
    if given is not None:
        raise BadInput(
            f"{named('counts')}: must be a Counts, a table or a JSON file, not {type(given).__name__}; "
            f"give {named('counts', 'FILE.json')}"
        )
    if source is not None and (found := Counts.beside(source)) is not None:
        return found
    where = "the model" if source is None else str(source)
    raise BadInput(
        f"{where}: the normalization of its counts must lie beside it, as rtl4ml train writes it, or be given, "
        f"not lack; give {named('scale_log2', 13)} or {named('counts', 'FILE.json')}"
    )


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What a board's shell needs beside the network: its values, and what they mean.

    head: what interface.json says of the model's head
    """

    meaning: Meaning
    integers: Rounded | Affine | Steps
    head: Mapping[str, Any]

    @property
    def shell(self) -> Shell:
        """The shell around the network."""
        return self.meaning.shell


def result_of(of: Of, asked: str | None) -> Result:
    """What the design gives. Raises BadInput where another result is asked for."""
    own = RESULT_OF[of.parsed.output]
    if asked is not None and asked not in RESULTS:
        raise BadInput(f"{named('result')}: must be one of {', '.join(RESULTS)}, not {asked!r}")
    if asked not in (None, own):
        other = next(k for k, v in RESULT_OF.items() if v == asked)
        raise BadInput(
            f"{named('result')}: must be {own}, as the design's output is {of.parsed.output}, not {asked}; "
            f"convert with {named('output', other)}"
        )
    return own


def surround(
    of: Of, known: Counts, board: str, device: Device, *, result: Result, banded: bool
) -> Surroundings:
    """The shell of a design and its contract. banded: whether BIL and BSQ are possible.

    Raises BadInput for what does not fit together, OverBudget where the network alone does not fit the device.
    """
    _check_room(total(of.predicted), board, device)
    stream = of.netlist.graph.inputs[0]
    bands = stream.channels if len(stream.shape) == 3 else stream.elements
    integers = integers_of(known, bands, stream, lambda x: of.parsed.integers([x])[0])
    shell = of_netlist(
        of.netlist,
        count_bytes=known.bytes,
        result=result,
        banded=banded,
        quantizer=Quantizer(integers.module, integers.parameters(of.netlist.input)),
        signature=of.identity.design[:32],
    )
    head: dict[str, Any] = {"head": of.parsed.output, "cut": of.parsed.cut[0]}
    if result == "mask":
        head |= {"threshold": of.parsed.threshold, "opening": of.parsed.opening}
    strips = None if shell.pixels else strips_if_any(of.netlist.graph)
    return Surroundings(Meaning(of.netlist, shell, known, of.emulate, strips), integers, head)


def make(
    of: Of,
    *,
    counts: Any = None,
    scale_log2: int | None = None,
    dtype: str | None = None,
    board: str = "zcu102",
    layout: str = "any",
    result: str | None = None,
    jobs: int = 2,
    hls: bool = False,
) -> Board:
    """Writes the folder `board` of a design, whole and checked.

    counts:     Counts, a table as of JSON, or a JSON file; default what lies beside the model's file
    scale_log2: instead: the network's input is counts / 2**scale_log2, of counts of `dtype`, default uint16
    board:      name of a folder in boards/
    layout:     "any": BIP, BIL and BSQ; "bip" leaves the transposer out
    result:     "raw", "map" or "mask": as the design's head is; others are refused
    jobs:       of Vivado
    hls:        whether the folder gets the second road too, by Vitis HLS

    Raises BadInput for what does not fit together, OverBudget where the board's device is too small; with `hls`
    HlsCannot where hls4ml cannot hold a layer.
    """
    spec = boards.board(board)
    if layout not in LAYOUTS:
        raise BadInput(
            f"{named('layout')}: must be one of {', '.join(LAYOUTS)}, not {layout!r}; any takes all three"
        )
    own = result_of(of, result)
    known = counts_of(counts, of.source, scale_log2=scale_log2, dtype=dtype)
    around = surround(of, known, spec.name, spec.device, result=own, banded=layout == "any")
    road = _second_road(of, around.shell, around.integers, spec) if hls else None
    content = project.Content(
        design=of.folder,
        files=of.identity.files,
        identity=of.identity.design,
        spec=spec,
        meaning=around.meaning,
        integers=around.integers,
        clock_mhz=of.clock_mhz,
        output=around.head,
        cycles={"latency": of.cycles.latency, "interval": float(of.cycles.interval)},
        jobs=jobs,
        hls=road,
    )
    folder = of.folder / FOLDER
    described = project.write(content, folder)
    return Board(
        folder=absolute(folder),
        spec=spec,
        shell=around.shell,
        meaning=around.meaning,
        integers=around.integers,
        interface=described,
        hls=road,
        parsed=of.parsed,
        interval=float(of.cycles.interval),
    )


def _second_road(of: Of, shell: Shell, integers: Rounded | Affine | Steps, spec: BoardSpec) -> HlsRoad:
    """The second road of a design. Raises HlsCannot where there is no HLS project."""
    try:
        found = of.hls
    except HlsCannot as error:
        raise HlsCannot(f"{error}; leave {named('hls')} out, the RTL road holds it") from None
    clock = spec.clock.rate(of.clock_mhz)
    return HlsRoad(project=found, shell=shell, integers=integers, part=spec.device.part, clock_mhz=clock)


def _check_room(needs: Resources, board: str, device: Device) -> None:
    """Raises OverBudget where the network alone does not fit the board's device."""
    for key, most in device.capacity.items():
        if (wanted := getattr(needs, key)) > most:
            raise OverBudget(
                f"board: the design must fit {device.name} of the {board}, which has {most:,} {key}, "
                f"not take {wanted:,.0f}; give a greater {named('target_interval')} or a smaller {named('budget')}"
            )
