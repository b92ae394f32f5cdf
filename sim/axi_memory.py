# SPDX-License-Identifier: Apache-2.0
"""The other side of r4_axi_read, r4_axi_write and r4_spill: memory behind AXI4, by the cycle, that checks what it is
asked.

Both halves are called once a cycle: `drive` sets what the memory answers in this cycle, `sample` looks at the cell's
outputs before the rising edge that ends it. Each breach of the protocol is an AssertionError with the cycle's number.

    reads = Reads(dut, random.Random(0), Manner(latency=(0, 500), seed="a"), max_beats=16)
    ... reads.drive(cycle); await ...; reads.sample(cycle)
    assert reads.words == [...]        # addresses of the words asked for, in order
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rtl4ml.sim import streams

PAGE = 4096
BAD = (2, 3)  # SLVERR, DECERR


@lru_cache(maxsize=1 << 16)
def content(address: int, size: int) -> int:
    """What memory holds at an aligned address of `size` bytes, as an integer; never the same twice in practice."""
    return int.from_bytes(hashlib.shake_128(address.to_bytes(8, "little")).digest(size), "little")


@dataclass(frozen=True)
class Manner:
    """How the memory behaves.

    latency: least and most cycles from a burst's address (writes: its last word) to its first answer
    seed:    of the pauses on every channel, or None for none
    bad:     numbers of the words (writes: of the bursts) that are answered with an error, of all since reset
    order:   "any", "w first" (takes an address only once a word of it was offered) or "aw first" (no word before its
             address was taken)
    silent:  nothing is answered
    """

    latency: tuple[int, int] = (1, 1)
    seed: str | None = None
    bad: Collection[int] = ()
    order: str = "any"
    silent: bool = False


class Stable:
    """A channel of the cell: what it offers stays, unchanged, until it is taken."""

    def __init__(self, name: str, valid: Any, *payload: Any) -> None:
        self._name, self._valid, self._payload = name, valid, payload
        self._held: list[int] | None = None

    def sample(self, cycle: int, ready: bool) -> list[int] | None:
        """What is offered in this cycle."""
        now = [int(p.value) for p in self._payload] if int(self._valid.value) else None
        assert self._held is None or now == self._held, (
            f"{self._name} must offer {self._held} until it is taken, not {now} (cycle {cycle})"
        )
        self._held = None if ready else now
        return now


def check_burst(
    name: str, cycle: int, dut: Any, burst: list[int], max_beats: int, size: int
) -> tuple[int, int]:
    """Address and words of a burst [address, length, size, kind]; it must be aligned, short, and inside a page."""
    address, length, log2, kind = burst
    where = f"{name} {address:#x} of {length + 1} words (cycle {cycle})"
    assert kind == 1 and 1 << log2 == size, f"{where}: must be INCR of whole words"
    assert address % size == 0, f"{where}: must begin at a multiple of the word"
    assert length < max_beats, f"{where}: must be at most {max_beats} words"
    assert address // PAGE == (address + (length + 1) * size - 1) // PAGE, f"{where}: must not cross 4 KiB"
    assert address + (length + 1) * size <= 1 << len(getattr(dut, f"m_axi_{name}addr"))
    return address, length + 1


class Reads:
    """Answers the reads of a cell. `words`: addresses asked for; `given`: number of words answered; `bursts`.

    read: the word of so many bytes at an address, looked up when its burst is asked for
    """

    def __init__(
        self,
        dut: Any,
        r: random.Random,
        manner: Manner,
        *,
        max_beats: int,
        read: Callable[[int, int], int] = content,
    ) -> None:
        self._dut, self._r, self.manner = dut, r, manner
        self._read, self._data = read, deque[int]()
        self._max_beats = max_beats
        self.size = len(dut.m_axi_rdata) // 8
        self.words: list[int] = []
        self.given = self.bad = self.bursts = 0
        self._due: deque[tuple[int, int]] = deque()  # of every burst: cycle, end in `words`
        self._ready, self._pause = streams.Stalls(_seed(manner, "ar")), streams.Stalls(_seed(manner, "r"))
        self._open = False
        self._address = Stable(
            "ar", dut.m_axi_arvalid, dut.m_axi_araddr, dut.m_axi_arlen, dut.m_axi_arsize, dut.m_axi_arburst
        )

    @property
    def in_flight(self) -> int:
        """Words asked for and not answered."""
        return len(self.words) - self.given

    def drive(self, cycle: int) -> None:
        dut = self._dut
        self._open = not self._ready()
        dut.m_axi_arready.value = int(self._open)
        answer = bool(self._due) and self._due[0][0] <= cycle and not self.manner.silent and not self._pause()
        dut.m_axi_rvalid.value = int(answer)
        if answer:
            wrong = self.given in self.manner.bad
            self.bad += wrong
            dut.m_axi_rdata.value = self._data.popleft()
            dut.m_axi_rresp.value = self._r.choice(BAD) if wrong else 0
            self.given += 1
            dut.m_axi_rlast.value = int(self.given == self._due[0][1])
            if self.given == self._due[0][1]:
                self._due.popleft()
        else:  # nothing may depend on these
            dut.m_axi_rdata.value = self._r.getrandbits(8 * self.size)
            dut.m_axi_rresp.value = self._r.randrange(4)
            dut.m_axi_rlast.value = self._r.randrange(2)

    def sample(self, cycle: int) -> bool:
        """Whether an address is offered."""
        assert int(self._dut.m_axi_rready.value) == 1, f"rready must be 1 (cycle {cycle})"
        offered = self._address.sample(cycle, self._open)
        if offered and self._open:
            address, beats = check_burst("ar", cycle, self._dut, offered, self._max_beats, self.size)
            asked = range(address, address + beats * self.size, self.size)
            self.words += asked
            self._data += (self._read(a, self.size) for a in asked)
            self.bursts += 1
            due = cycle + self._r.randint(*self.manner.latency)
            self._due.append((max(due, cycle + 1), len(self.words)))
        return offered is not None


class Writes:
    """Takes the writes of a cell. `bytes`: what was written where; `bursts`, `answered`, `bad`: counted since reset.

    seen: as much of `bytes` as writes were answered for; nothing else is sure to be read
    """

    def __init__(self, dut: Any, r: random.Random, manner: Manner, *, max_beats: int) -> None:
        self._dut, self._r, self.manner = dut, r, manner
        self._max_beats = max_beats
        self.size = len(dut.m_axi_wdata) // 8
        self.bytes: dict[int, int] = {}
        self.seen: dict[int, int] = {}
        self.stored: list[int] = []  # addresses of the words of all bursts that are complete
        self._unseen: deque[dict[int, int]] = deque()  # of every burst that waits for its answer
        self.asked = self.sent = 0  # words: of the bursts offered or taken, and on the data channel
        self.bursts = self.complete = self.answered = self.bad = 0
        self._addresses: deque[tuple[int, int]] = deque()
        self._data: deque[list[tuple[int, int]]] = deque([[]])  # of every burst; the last is not complete
        self._due: deque[int] = deque()
        self._aw, self._w, self._b = (streams.Stalls(_seed(manner, c)) for c in ("aw", "w", "b"))
        self._offered = self._word = False  # in the cycle before
        self._open_aw = self._open_w = False
        self._address = Stable(
            "aw", dut.m_axi_awvalid, dut.m_axi_awaddr, dut.m_axi_awlen, dut.m_axi_awsize, dut.m_axi_awburst
        )
        self._words = Stable("w", dut.m_axi_wvalid, dut.m_axi_wdata, dut.m_axi_wstrb, dut.m_axi_wlast)

    def drive(self, cycle: int) -> None:
        dut, order = self._dut, self.manner.order
        self._open_aw = not self._aw() and (order != "w first" or self._word or len(self._data) > 1)
        self._open_w = not self._w() and (order != "aw first" or bool(self._addresses))
        dut.m_axi_awready.value = int(self._open_aw)
        dut.m_axi_wready.value = int(self._open_w)
        answer = bool(self._due) and self._due[0] <= cycle and not self.manner.silent and not self._b()
        dut.m_axi_bvalid.value = int(answer)
        if answer:
            self._due.popleft()
            self.seen |= self._unseen.popleft()
            wrong = self.answered in self.manner.bad
            self.answered += 1
            self.bad += wrong
            dut.m_axi_bresp.value = self._r.choice(BAD) if wrong else 0
        else:
            dut.m_axi_bresp.value = self._r.randrange(4)

    def sample(self, cycle: int) -> bool:
        """Whether an address is offered."""
        dut = self._dut
        assert int(dut.m_axi_bready.value) == 1, f"bready must be 1 (cycle {cycle})"
        offered = self._address.sample(cycle, self._open_aw)
        if offered:
            address, beats = check_burst("aw", cycle, dut, offered, self._max_beats, self.size)
            if not self._offered:
                self.asked += beats
                self.bursts += 1
            if self._open_aw:
                self._addresses.append((address, beats))
        self._offered = offered is not None and not self._open_aw
        word = self._words.sample(cycle, self._open_w)
        self._word = word is not None
        if word and self._open_w:
            data, strobes, last = word
            self.sent += 1
            assert self.sent <= self.asked, (
                f"a word must not come before its burst is offered (cycle {cycle})"
            )
            self._data[-1].append((data, strobes))
            if last:
                self._data.append([])
        while self._addresses and len(self._data) > 1:
            self._store(cycle, *self._addresses.popleft(), self._data.popleft())
        return offered is not None

    def _store(self, cycle: int, address: int, beats: int, data: list[tuple[int, int]]) -> None:
        assert len(data) == beats, f"wlast must come with word {beats}, not {len(data)} (cycle {cycle})"
        stored: dict[int, int] = {}
        for word, strobes in data:
            assert strobes != 0 and strobes & (strobes + 1) == 0, f"strobes {strobes:#x} (cycle {cycle})"
            stored.update((address + i, word >> 8 * i & 255) for i in range(self.size) if strobes >> i & 1)
            self.stored.append(address)
            address += self.size
        self.bytes |= stored
        self._unseen.append(stored)
        self.complete += 1
        self._due.append(cycle + max(1, self._r.randint(*self.manner.latency)))


def _seed(manner: Manner, channel: str) -> str | None:
    return None if manner.seed is None else f"{manner.seed} {channel}"
