# SPDX-License-Identifier: Apache-2.0
"""Drivers and monitors of the internal valid/ready streams: what every bench of a cell is made of.

A bench is called with a case in the JSON file R4_CASE and leaves what it measured in the JSON file R4_RESULT. For a
cell whose ports follow the naming law this is all there is to write:

    @cocotb.test()
    async def cell(dut):
        await streams.replay(dut)

tb_cells.py does so for every cell of a module and is the bench of all cells that need no more.

Cycle 0 is the first with rst_ni high. A beat's stamp is the cycle in which it was taken: valid and ready both high
before the rising edge that ends the cycle.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cocotb.triggers import Timer

RESET_CYCLES = 4
HALF_PERIOD_NS = 2


def case() -> Any:
    """The case that this bench is called with."""
    return json.loads(Path(os.environ["R4_CASE"]).read_text(encoding="utf-8"))


def result(value: Any) -> None:
    """Leaves what was measured, as JSON."""
    Path(os.environ["R4_RESULT"]).write_text(json.dumps(value), encoding="utf-8")


class Stalls:
    """When one side stalls, by its seed alone (None: never).

    Every 8 to 256 cycles another manner is drawn: never (but not first), single cycles with a probability of 1/16 to
    15/16, or bursts: runs of 1 to 16 cycles and stalls of 1 to 64 cycles in the mean.
    """

    def __init__(self, seed: str | None) -> None:
        self._random = None if seed is None else random.Random(seed)
        self._left = 0
        self._least = 1
        self._stalling = False
        self._pause = self._resume = 0.0

    def __call__(self) -> bool:
        """Whether this cycle is a stall."""
        r = self._random
        if r is None:
            return False
        if self._left == 0:
            self._left = 8 << r.randrange(6)
            manner = r.randrange(self._least, 4)
            self._least = 0
            if manner == 0:
                self._pause, self._resume = 0.0, 1.0
            elif manner == 1:
                self._pause = r.randrange(1, 16) / 16
                self._resume = 1 - self._pause
            else:
                self._pause, self._resume = 2.0 ** -r.randrange(5), 2.0 ** -r.randrange(7)
        self._left -= 1
        if r.random() < (self._resume if self._stalling else self._pause):
            self._stalling = not self._stalling
        return self._stalling


class Clocks:
    """clk_i of a cell and, where it has one, clk2x_i: of twice the rate, every edge of clk_i one of its own.

    A cycle is `low`, then `middle` once all inputs are set, then `rise`. Edges at the same time are written together.
    """

    def __init__(self, dut: Any) -> None:
        self._clock, self._double = dut.clk_i, getattr(dut, "clk2x_i", None)

    async def low(self) -> None:
        """The second half of the cycle begins; inputs may still change."""
        self._clock.value = 0
        if self._double is not None:
            self._double.value = 0
            await Timer(1, "ps")

    async def middle(self) -> None:
        """Waits until outputs follow inputs."""
        if self._double is not None:
            self._double.value = 1
        await Timer(HALF_PERIOD_NS, "ns")

    async def rise(self) -> None:
        """The edge that ends the cycle, and the first half of the next one."""
        if self._double is not None:
            self._double.value = 0
            await Timer(1, "ps")
            self._double.value = 1
        self._clock.value = 1
        await Timer(HALF_PERIOD_NS, "ns")


class Port:
    """One stream of a cell, by the naming law: `x` stands for x_valid_i, x_ready_o and x_data_i.

    An AXI4-Stream, such as s_axis, is one too: its beat is the integer {tuser, tlast, tdata}, tuser where there is one.
    """

    def __init__(self, dut: Any, name: str, *, is_input: bool) -> None:
        into, out = ("i", "o") if is_input else ("o", "i")
        if name.endswith("_axis"):
            signals = [
                getattr(dut, f"{name}_{s}", None) for s in ("tvalid", "tready", "tdata", "tlast", "tuser")
            ]
        else:
            signals = [getattr(dut, f"{name}_{s}") for s in (f"valid_{into}", f"ready_{out}", f"data_{into}")]
        self.valid, self.ready = signals[:2]
        self._fields = [(s, len(s)) for s in signals[2:] if s is not None]

    @property
    def beat(self) -> int:
        """What is on the data lines."""
        value = shift = 0
        for signal, width in self._fields:
            value |= int(signal.value) << shift
            shift += width
        return value

    @beat.setter
    def beat(self, value: int) -> None:
        for signal, width in self._fields:
            signal.value = value & ((1 << width) - 1)
            value >>= width


@dataclass
class Run:
    """What happened: beats of every output; the cycles in which beats were taken, of every port."""

    beats: dict[str, list[int]] = field(default_factory=dict)
    cycles: dict[str, list[int]] = field(default_factory=dict)


async def reset(
    dut: Any, *, cycles: int = RESET_CYCLES, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> None:
    """Holds rst_ni low; nothing is offered, nothing is taken."""
    dut.rst_ni.value = 0
    quiet(dut, inputs, outputs)
    clocks = Clocks(dut)
    for _ in range(cycles):
        await clocks.low()
        await clocks.middle()
        await clocks.rise()
    dut.rst_ni.value = 1


def quiet(dut: Any, inputs: Iterable[str], outputs: Iterable[str]) -> None:
    """Nothing is offered, nothing is taken."""
    for name in inputs:
        port = Port(dut, name, is_input=True)
        port.valid.value = 0
        port.beat = 0
    for name in outputs:
        Port(dut, name, is_input=False).ready.value = 0


async def run_cell(
    dut: Any,
    *,
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, int],
    stalls: int | str | None = None,
    patience: int = 10_000,
    tail: int = 50,
    reset_cycles: int = RESET_CYCLES,
) -> Run:
    """Resets the cell, offers the beats of every input and takes the given number of beats from every output.

    Checks on the way: an offered beat stays, unchanged, until it is taken; valid does not wait for ready; every input
    beat is taken; nothing moves for at most `patience` cycles; no beat too many comes within `tail` cycles.
    Ports are named as `Port` takes them. `stalls` is the seed of the stalls of every port.
    """
    await reset(dut, cycles=reset_cycles, inputs=list(inputs), outputs=list(outputs))
    seed = None if stalls is None else str(stalls)
    stall = {p: Stalls(None if seed is None else f"{seed}.{p}") for p in (*inputs, *outputs)}
    probe = None if seed is None else random.Random(f"{seed}.probe")
    x = {p: Port(dut, p, is_input=True) for p in inputs}
    y = {p: Port(dut, p, is_input=False) for p in outputs}
    run = Run({p: [] for p in outputs}, {p: [] for p in (*inputs, *outputs)})
    offered = dict.fromkeys(inputs, False)
    held: dict[str, int | None] = dict.fromkeys(outputs)
    clocks = Clocks(dut)
    cycle = idle = 0
    left = tail
    while left > 0:
        for p, port in x.items():
            if not offered[p]:
                k = len(run.cycles[p])
                offered[p] = k < len(inputs[p]) and not stall[p]()
                port.valid.value = int(offered[p])
                if offered[p]:
                    port.beat = inputs[p][k]
        await clocks.low()
        valid_alone: dict[str, bool] = {}
        if probe is not None and probe.random() < 0.125:
            for port in y.values():
                port.ready.value = 0
            await Timer(HALF_PERIOD_NS, "ns")
            valid_alone = {p: bool(int(port.valid.value)) for p, port in y.items()}
        ready_now = {p: not stall[p]() for p in y}
        for p, port in y.items():
            port.ready.value = int(ready_now[p])
        await clocks.middle()

        moved = False
        for p, port in x.items():
            if offered[p] and int(port.ready.value):
                run.cycles[p].append(cycle)
                offered[p] = False
                moved = True
        for p, port in y.items():
            is_valid = bool(int(port.valid.value))
            assert valid_alone.get(p, is_valid) == is_valid, (
                f"{p}: valid must not wait for ready (cycle {cycle})"
            )
            beat = port.beat if is_valid else None
            assert held[p] is None or beat == held[p], (
                f"{p}: an offered beat must stay {held[p]}, not become {beat} (cycle {cycle})"
            )
            held[p] = beat
            if beat is not None and ready_now[p]:
                run.beats[p].append(beat)
                run.cycles[p].append(cycle)
                held[p] = None
                moved = True
                assert len(run.beats[p]) <= outputs[p], (
                    f"{p}: there must be {outputs[p]} beats, not one more (cycle {cycle})"
                )
        await clocks.rise()

        cycle += 1
        idle = 0 if moved else idle + 1
        done = all(len(run.beats[p]) == n for p, n in outputs.items()) and all(
            len(run.cycles[p]) == len(beats) for p, beats in inputs.items()
        )
        if done:
            left -= 1
        else:
            counts = ", ".join(
                [f"{p} {len(run.cycles[p])} of {len(inputs[p])} taken" for p in inputs]
                + [f"{p} {len(run.beats[p])} of {outputs[p]} given" for p in outputs]
            )
            assert idle <= patience, f"a beat must move within {patience} cycles, not none ({counts})"
    return run


async def compare(dut: Any, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every run from reset, its beats compared; what was measured, one entry a run (see `replay`)."""
    done = []
    for k, r in enumerate(runs):
        expected = r["outputs"]
        run = await run_cell(
            dut,
            inputs=r["inputs"],
            outputs={p: e if isinstance(e, int) else len(e) for p, e in expected.items()},
            stalls=r.get("stalls"),
            patience=r.get("patience", 10_000),
            reset_cycles=r.get("reset_cycles", RESET_CYCLES),
        )
        for p, beats in expected.items():
            if isinstance(beats, int):
                continue
            wrong = [i for i, (a, b) in enumerate(zip(run.beats[p], beats, strict=True)) if a != b]
            assert not wrong, (
                f"run {k}: {p} beat {wrong[0]} must be {beats[wrong[0]]:#x}, not {run.beats[p][wrong[0]]:#x} "
                f"({len(wrong)} of {len(beats)} are wrong)"
            )
        done.append(asdict(run))
    return done


async def replay(dut: Any) -> None:
    """The whole bench of a cell: every run of the case, from reset, its beats compared, its stamps handed back.

    Case: {"runs": [{"inputs": {port: [beats]}, "outputs": {port: [expected beats] or their number}, "stalls": seed or
    null, "patience": cycles, "reset_cycles": cycles}]}, of which the last two need not be there
    Result: [{"beats": {port: [...]}, "cycles": {port: [...]}}], one entry a run.
    """
    result(await compare(dut, case()["runs"]))


class Instance:
    """One of many instances in a module, under the names that a cell of its own would have.

    ports: the cell's port names, without suffix, to the names of the wires that the module has for them.
    """

    def __init__(self, dut: Any, ports: Mapping[str, str]) -> None:
        self.clk_i, self.rst_ni = dut.aclk, dut.aresetn
        self.clk2x_i = getattr(dut, "aclk2x", None)
        for port, wire in ports.items():
            for what in ("valid", "ready", "data"):
                for suffix in "io":
                    setattr(self, f"{port}_{what}_{suffix}", getattr(dut, f"{wire}_{what}"))


async def replay_instances(dut: Any) -> None:
    """`replay` for every instance of a module in turn, the others being idle.

    Case: {"instances": [{"name": str, "ports": {port: wire}, "runs": [...]}]}
    Result: {name: [...]}, as of `replay`.
    """
    done = {}
    instances = case()["instances"]
    for i in instances:  # inputs that nobody has driven yet are random
        for r in i["runs"]:
            quiet(Instance(dut, i["ports"]), r["inputs"], r["outputs"])
    for i in instances:
        try:
            done[i["name"]] = await compare(Instance(dut, i["ports"]), i["runs"])
        except AssertionError as error:
            raise AssertionError(f"{i['name']}: {error}") from None
    result(done)
