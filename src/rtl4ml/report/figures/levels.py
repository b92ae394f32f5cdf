# SPDX-License-Identifier: Apache-2.0
"""The picture of a network whose skips nest: blocks that go down on the left and up on the right, skips across.

A block is a run of stages that nothing leaves or joins on the way; a stage without multiplications stands in the row of
the stage before it. Where skips do not nest that way, `picture` gives the rows or the column of `report_pipeline`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from markupsafe import Markup

from rtl4ml.report.figures import canvas, pipeline
from rtl4ml.report.figures.canvas import LANE, MONO, Canvas, Edge, Stage, fit, short, skip_text

ROW = 25
HEAD = 32
GAP = 46  # between a block and the next level
PORT_H = 32
PAD = 13
COLUMNS = 4  # of a wide picture in rows


@dataclass(frozen=True)
class Row:
    """A line of a block: a stage and those behind it that multiply nothing."""

    stages: tuple[Stage, ...]

    @property
    def name(self) -> str:
        return self.stages[0].name

    @property
    def interval(self) -> int | None:
        known = [s.interval for s in self.stages if s.interval is not None]
        return max(known) if len(known) == len(self.stages) else None

    @property
    def bottleneck(self) -> bool:
        return any(s.bottleneck for s in self.stages)

    @property
    def folding(self) -> str:
        s = self.stages[0]
        return " · ".join(f"{k} {v:,}" for k, v in (("Simd", s.simd), ("Pe", s.pe)) if v is not None)

    @property
    def what(self) -> str:
        """All its stages in words."""
        parts = []
        for s in self.stages:
            cycles = "interval not known" if s.interval is None else f"{s.interval:,} cycles"
            parts.append(f"{s.name}: {s.op}, {cycles if s.interval != 0 else 'wires only'}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Block:
    """A run of stages, drawn as one box."""

    rows: tuple[Row, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(s for r in self.rows for s in r.stages)

    @property
    def bottleneck(self) -> bool:
        return any(r.bottleneck for r in self.rows)

    @property
    def shape(self) -> str:
        """Rows and columns, or positions, that its first stage makes."""
        return " × ".join(f"{n:,}" for n in (self.stages[0].shape or ())[:-1])

    @property
    def height(self) -> float:
        return HEAD + ROW * len(self.rows) + 5


@dataclass(frozen=True)
class Levels:
    """Blocks way down, the deepest, way up; each block of the way down has a skip to that of its level on the way up.

    steps: the stream from the input, from every block to the next one, and to the output
    skips: by level, the outermost first
    """

    blocks: tuple[Block, ...]
    steps: tuple[Edge, ...]
    skips: tuple[Edge, ...]

    @property
    def depth(self) -> int:
        return len(self.skips)


def blocks(stages: Sequence[Stage], edges: Sequence[Edge]) -> list[Block]:
    """Runs of stages, each the only reader of the one before it and reading nothing else."""
    readers, sources = Counter(e.source for e in edges), Counter(e.target for e in edges)
    only = {e.target: e.source for e in edges if readers[e.source] == 1 and sources[e.target] == 1}
    runs: list[list[Stage]] = []
    for s in stages:
        if runs and only.get(s.name) == runs[-1][-1].name:
            runs[-1].append(s)
        else:
            runs.append([s])
    out = []
    for run in runs:
        rows: list[list[Stage]] = []
        for s in run:
            if rows and s.macs == 0 and rows[-1][0].macs != 0:
                rows[-1].append(s)
            else:
                rows.append([s])
        out.append(Block(tuple(Row(tuple(r)) for r in rows)))
    return out


def levels(stages: Sequence[Stage], edges: Sequence[Edge]) -> Levels | None:
    """The blocks as levels, or None where the skips do not nest around one deepest block."""
    found = blocks(stages, edges)
    n = len(found)
    owner = {s.name: k for k, b in enumerate(found) for s in b.stages}
    if n < 3 or n % 2 == 0 or len(owner) < len(stages):
        return None
    steps: dict[int, Edge] = {}
    skips: dict[int, Edge] = {}
    for e in edges:
        a, b = owner.get(e.source, -1), owner.get(e.target, n)
        if a == b:
            continue  # within a block
        if b == a + 1 and a + 1 not in steps:
            steps[a + 1] = e
        elif a + b == n - 1 and a < b and a not in skips:
            skips[a] = e
        else:
            return None
    if sorted(steps) != list(range(n + 1)) or sorted(skips) != list(range(n // 2)):
        return None
    return Levels(tuple(found), tuple(steps[k] for k in range(n + 1)), tuple(skips[k] for k in range(n // 2)))


def picture(stages: Sequence[Stage], edges: Sequence[Edge], *, narrow: bool) -> Markup:
    """An inline <svg>: levels where the skips nest, else rows, or one column for a narrow screen.

    Raises ValueError where two stages share a name.
    """
    found = levels(stages, edges)
    if found is None:
        return pipeline.draw(stages, edges, columns=1 if narrow else COLUMNS)
    return (_Narrow if narrow else _Wide)(stages, edges, found).draw()


class _Boxes(Canvas):
    """Blocks, ports and arrows of both layouts."""

    def __init__(self, stages: Sequence[Stage], edges: Sequence[Edge], found: Levels, kind: str) -> None:
        super().__init__(stages, edges, kind)
        self.levels = found
        self.slowest = max((r.interval or 0 for b in found.blocks for r in b.rows), default=0)

    def summary(self) -> str:
        n = self.levels.depth
        words = super().summary().split(", ")
        words = [w for w in words if "skip connection" not in w]
        return ", ".join([*words, f"{n + 1} levels", f"{n} skip connection{'s' if n > 1 else ''}"])

    def title(self, k: int) -> str:
        n = self.levels.depth
        return f"Level {min(k, 2 * n - k) + 1}"

    def box(self, k: int, x: float, y: float, w: float) -> None:
        b = self.levels.blocks[k]
        group = SubElement(self.svg, "g", {"class": "stage bottleneck" if b.bottleneck else "stage"})
        SubElement(group, "title").text = ", ".join(s.name for s in b.stages)
        size = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{w:g}", "height": f"{b.height:g}", "rx": "8"}
        SubElement(group, "rect", {"class": "box", **size})
        left, right = x + PAD, x + w - PAD
        self.put(group, left, y + 21, self.title(k), "name")
        at = left + len(self.title(k)) * 12.5 * MONO + 10
        self.put(group, at, y + 21, fit(b.shape, right - at - 44, 10), "what")
        if b.bottleneck:
            tag = {
                "x": f"{right - 78:g}",
                "y": f"{y - 9:g}",
                "width": "78",
                "height": "18",
                "rx": "9",
                "class": "tag",
            }
            SubElement(self.svg, "rect", tag)
            self.text(right - 39, y + 3.5, "bottleneck", "tag-text")
        self.put(group, right, y + 21, "cycles", "what before")
        for j, row in enumerate(b.rows):
            self.row(group, row, left, right, y + HEAD + j * ROW)

    def row(self, box: Element, row: Row, left: float, right: float, y: float) -> None:
        group = SubElement(box, "g", {"class": "row hot" if row.bottleneck else "row"})
        SubElement(group, "title").text = row.what
        cycles = "not known" if row.interval is None else f"{row.interval:,}" if row.interval else "wires"
        self.put(group, right, y + 13, cycles, "cycles before")
        room = right - left - max(7, len(cycles)) * 11.5 * MONO - 12
        narrow = room < 250
        name = fit(row.name, room if narrow else room - 138, 11.5)
        self.put(group, left, y + 13, name, "row-name")
        if not narrow:
            self.put(group, left + room - 134, y + 13, fit(row.folding, 134, 10), "what")
        bar = {"x": f"{left:g}", "y": f"{y + 17.5:g}", "height": "3", "rx": "1.5"}
        SubElement(group, "rect", {"class": "track", "width": f"{right - left:g}", **bar})
        if row.interval and self.slowest:
            share = max(2.0, (right - left) * row.interval / self.slowest)
            SubElement(
                group,
                "rect",
                {"class": "bar hot" if row.bottleneck else "bar", "width": f"{share:.1f}", **bar},
            )

    def put(self, group: Element, x: float, y: float, text: str, cls: str) -> None:
        if text:
            SubElement(group, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": cls}).text = text

    def step(self, x: float, start: float, stop: float, e: Edge, room: float) -> None:
        """An upright arrow with its label at the right."""
        self.line([(x, start), (x, stop)], e, skip=False)
        self.text(x + 9, (start + stop) / 2 + 3, fit(short(e), room - 9, 10.5), "label beside")

    def port(self, name: str, x: float, y: float, w: float) -> None:
        rect = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{w:g}", "height": str(PORT_H), "rx": "16"}
        SubElement(self.svg, "rect", {"class": "port", **rect})
        self.text(x + w / 2, y + PORT_H / 2 + 4, fit(name, w - 20, 12), "port-name")


def port_width(name: str, most: float) -> float:
    """Width of the port of that name."""
    return min(most, max(canvas.PORT_W, len(name) * 12 * MONO + 28))


class _Wide(_Boxes):
    """Two columns of blocks, the deepest block between them at the bottom, skips from column to column."""

    WIDTH = 1144
    ARM = 408
    TOP = 24

    def __init__(self, stages: Sequence[Stage], edges: Sequence[Edge], found: Levels) -> None:
        super().__init__(stages, edges, found, "wide")

    def draw(self) -> Markup:
        depth, boxes = self.levels.depth, self.levels.blocks
        right = self.WIDTH - self.ARM
        down, up, centre = self.ARM / 2, right + self.ARM / 2, self.WIDTH / 2
        self.marker()
        for x, words in ((down, "Encoder"), (centre, "Skip connections"), (up, "Decoder")):
            self.text(x, 14, words, "arm")
        for name, x in ((self.levels.steps[0].source, down), (self.levels.steps[-1].target, up)):
            w = port_width(name, self.ARM)
            self.port(name, x - w / 2, self.TOP, w)
        tops = []
        y = float(self.TOP + PORT_H + GAP)
        for k in range(depth):
            tops.append(y)
            y += max(boxes[k].height, boxes[-1 - k].height) + GAP
        before_a = before_b = float(self.TOP + PORT_H)
        for k in range(depth):
            a, b = boxes[k], boxes[-1 - k]
            self.step(down, before_a, tops[k] - 1, self.levels.steps[k], down)
            self.step(up, tops[k], before_b + 1, self.levels.steps[-1 - k], down)
            before_a, before_b = tops[k] + a.height, tops[k] + b.height
            self.skip(k, tops[k] + min(a.height, b.height) / 2, right)
        # Down to the deepest block and up again.
        bottom = boxes[depth]
        middle = y + bottom.height / 2
        left = centre - self.ARM / 2
        into, out = self.levels.steps[depth], self.levels.steps[depth + 1]
        self.line([(down, before_a), (down, middle), (left - 1, middle)], into, skip=False)
        self.line([(left + self.ARM, middle), (up, middle), (up, before_b + 1)], out, skip=False)
        for x, top, e, side in ((down - 9, before_a, into, "before"), (up + 9, before_b, out, "beside")):
            self.text(x, (top + middle) / 2, fit(short(e), down - 9, 10.5), f"label {side}")
        for k in range(depth):
            self.box(k, 1, tops[k], self.ARM - 1)
            self.box(2 * depth - k, right, tops[k], self.ARM - 1)
        self.box(depth, left, y, self.ARM)
        return self.finish(self.WIDTH, y + bottom.height + 2)

    def skip(self, k: int, y: float, right: float) -> None:
        e = self.levels.skips[k]
        self.line([(self.ARM, y), (right - 1, y)], e, skip=True)
        room = right - self.ARM - 16
        self.text(self.WIDTH / 2, y - 8, fit(short(e), room, 12), "label skip-label skip-size")
        bits = "" if e.width is None or e.depth is None else f"{e.width * e.depth:,} bits"
        below = " · ".join(p for p in (bits, canvas.detail(e)) if p)
        self.text(self.WIDTH / 2, y + 18, fit(below, room, 10.5), "label")


class _Narrow(_Boxes):
    """One block below the other, skips at the right."""

    WIDTH = 336

    def __init__(self, stages: Sequence[Stage], edges: Sequence[Edge], found: Levels) -> None:
        super().__init__(stages, edges, found, "narrow")

    def draw(self) -> Markup:
        depth, boxes = self.levels.depth, self.levels.blocks
        pitch = min(LANE, 0.4 * self.WIDTH / depth)
        w = self.WIDTH - depth * pitch - 10
        at = 1 + canvas.PORT_W / 2  # arrows at the left leave room for their labels
        self.marker()
        first, last = self.levels.steps[0].source, self.levels.steps[-1].target
        self.port(first, 1, 2, port_width(first, w - 1))
        end = 2.0 + PORT_H
        tops = []
        for k, b in enumerate(boxes):
            tops.append(end + GAP)
            self.step(at, end, end + GAP - 1, self.levels.steps[k], w - at)
            end += GAP + b.height
        self.step(at, end, end + GAP - 1, self.levels.steps[-1], w - at)
        self.port(last, 1, end + GAP, port_width(last, w - 1))
        labels = []
        for k, e in enumerate(self.levels.skips):
            out, into = tops[k] + boxes[k].height - 16, tops[-1 - k] + 16
            x = w + 8 + (depth - 1 - k + 0.5) * pitch
            self.line([(w, out), (x, out), (x, into), (w + 1, into)], e, skip=True)
            labels.append((x, (out + into) / 2, skip_text(e, into - out - LANE)))
        for k in range(len(boxes)):
            self.box(k, 1, tops[k], w - 1)
        for x, y, label in labels:
            self.skip_label(x, y, label, turned=True)
        return self.finish(self.WIDTH, end + GAP + PORT_H + 2)

    def title(self, k: int) -> str:
        n = self.levels.depth
        way = "Encoder" if k < n else "Decoder" if k > n else "Bottom"
        return f"{way} {min(k, 2 * n - k) + 1}" if k != n else way
