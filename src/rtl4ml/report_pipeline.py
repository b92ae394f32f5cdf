# SPDX-License-Identifier: Apache-2.0
"""The picture of the pipeline: stages in rows that run to and fro, skips as arcs, drawn as SVG text.

Stages keep their (topological) order. An edge to the next stage is a straight arrow; every other edge is an arc in
a lane of its own, above the row or, in the one-column picture, at the right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

NODE_H = 88
PORT_W = 96
LANE = 18  # pixels between parallel arcs
RADIUS = 8
MONO = 0.605  # width of a monospaced character, in em
MEMORY = {"LUT": "LUT RAM", "block": "block RAM"}  # by Edge.memory


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of the pipeline; interval: cycles a sample that it alone needs, 0 for mere wires, None: not known.

    macs: multiply-accumulates a sample; shape: of its output, channels last. None: not known.
    """

    name: str
    op: str
    interval: int | None = None
    pe: int | None = None
    simd: int | None = None
    bottleneck: bool = False
    macs: int | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A stream between two stages, by their names, with its FIFO; a name that is no stage is a port of the design.

    width: bits of a beat; depth: beats that the FIFO holds; peak: most beats that it held in simulation;
    memory: what it is made of, "LUT" or "block". None where there is no FIFO or nothing was measured.
    """

    source: str
    target: str
    width: int | None = None
    depth: int | None = None
    peak: int | None = None
    memory: str | None = None


@dataclass(frozen=True)
class _Node:
    name: str
    stage: Stage | None  # None: a port
    x: float
    y: float
    w: float

    @property
    def middle(self) -> float:
        return self.x + self.w / 2

    @property
    def half(self) -> float:
        """Half of the drawn width: a port is as wide as its name."""
        if self.stage is not None:
            return self.w / 2
        return min(self.w, max(PORT_W, len(self.name) * 12 * MONO + 28)) / 2


def order(stages: Sequence[Stage], edges: Sequence[Edge]) -> list[tuple[str, Stage | None]]:
    """Input ports, stages as given, output ports. Raises ValueError where two stages share a name."""
    known = {s.name for s in stages}
    if len(known) < len(stages):
        raise ValueError("pipeline: stages must have different names")
    before = dict.fromkeys(e.source for e in edges if e.source not in known)
    after = dict.fromkeys(e.target for e in edges if e.target not in known)
    return [
        *((name, None) for name in before),
        *((s.name, s) for s in stages),
        *((name, None) for name in after if name not in before),
    ]


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """A lane for every span, so that no two spans of a lane overlap; short spans get the inner lanes."""
    taken: list[list[tuple[float, float]]] = []
    result = [0] * len(spans)
    for k in sorted(range(len(spans)), key=lambda k: (spans[k][1] - spans[k][0], spans[k], k)):
        a, b = spans[k]
        lane = 0
        while lane < len(taken) and any(a < d and c < b for c, d in taken[lane]):
            lane += 1
        if lane == len(taken):
            taken.append([])
        taken[lane].append((a, b))
        result[k] = lane
    return result


def draw(stages: Sequence[Stage], edges: Sequence[Edge], *, columns: int) -> Markup:
    """The picture as an inline <svg>, `columns` stages a row; one column suits a narrow screen."""
    if columns == 1:
        return _Column(stages, edges).draw()
    return _Rows(stages, edges, columns).draw()


class Canvas:
    """Shapes that both layouts share."""

    def __init__(self, stages: Sequence[Stage], edges: Sequence[Edge], kind: str) -> None:
        self.stages = stages
        self.edges = edges
        self.kind = kind
        self.sequence = order(stages, edges)
        self.position = {name: k for k, (name, _) in enumerate(self.sequence)}
        steps = [(self.position[e.source], self.position[e.target], e) for e in edges]
        self.straight = [(a, e) for a, b, e in steps if b == a + 1]
        self.arcs = [(a, b, e) for a, b, e in steps if b != a + 1]
        self.slowest = max((s.interval for s in stages if s.interval), default=0)
        self.svg = Element("svg", {"class": f"pipeline {kind}", "role": "img"})

    def finish(self, width: float, height: float) -> Markup:
        self.svg.set("viewBox", f"0 0 {width:g} {height:g}")
        self.svg.set("style", f"max-width:{width:g}px")
        self.svg.set("aria-label", self.summary())
        return Markup(tostring(self.svg, encoding="unicode"))

    def summary(self) -> str:
        parts = [f"Pipeline of {len(self.stages)} stages"]
        parts += [
            f"bottleneck {s.name}" + (f" at {s.interval:,} cycles" if s.interval is not None else "")
            for s in self.stages
            if s.bottleneck
        ]
        if self.arcs:
            parts.append(f"{len(self.arcs)} skip connection{'s' if len(self.arcs) > 1 else ''}")
        return ", ".join(parts)

    def marker(self) -> None:
        defs = SubElement(self.svg, "defs")
        for name in ("arrow", "arrow-skip"):
            marker = SubElement(
                defs,
                "marker",
                {
                    "id": f"{name}-{self.kind}",
                    "class": name,
                    "viewBox": "0 0 8 8",
                    "refX": "7",
                    "refY": "4",
                    "markerWidth": "8",
                    "markerHeight": "8",
                    "markerUnits": "userSpaceOnUse",
                    "orient": "auto",
                },
            )
            SubElement(marker, "path", {"d": "M0 0.5L8 4L0 7.5z"})

    def line(self, points: Sequence[tuple[float, float]], edge: Edge, *, skip: bool) -> None:
        group = SubElement(self.svg, "g")
        SubElement(group, "title").text = describe(edge)
        SubElement(
            group,
            "path",
            {
                "class": "skip" if skip else "edge",
                "d": rounded(points),
                "marker-end": f"url(#arrow{'-skip' if skip else ''}-{self.kind})",
            },
        )

    def text(self, x: float, y: float, text: str, cls: str, **attributes: str) -> None:
        SubElement(self.svg, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": cls, **attributes}).text = text

    def skip_label(self, x: float, y: float, label: str, *, turned: bool = False) -> None:
        """The edge's label on the line, with a ground of its own."""
        if not label:
            return
        group = SubElement(self.svg, "g")
        if turned:
            group.set("transform", f"rotate(90 {x:g} {y:g})")
        w = label_width(label)
        ground = {"x": f"{x - w / 2:g}", "y": f"{y - 8:g}", "width": f"{w:g}", "height": "16"}
        SubElement(group, "rect", {"class": "ground", **ground})
        at = {"x": f"{x:g}", "y": f"{y + 3.5:g}", "class": "label skip-label"}
        SubElement(group, "text", at).text = label

    def node(self, n: _Node) -> None:
        if n.stage is None:
            w = 2 * n.half
            box = {
                "x": n.middle - w / 2,
                "y": n.y + NODE_H / 2 - 17,
                "width": w,
                "height": 34.0,
                "rx": 17.0,
            }
            SubElement(self.svg, "rect", {"class": "port", **{k: f"{v:g}" for k, v in box.items()}})
            self.text(n.middle, n.y + NODE_H / 2 + 4, fit(n.name, w - 20, 12), "port-name")
            return
        s = n.stage
        group = SubElement(self.svg, "g", {"class": "stage bottleneck" if s.bottleneck else "stage"})
        SubElement(group, "title").text = s.name
        size = {"x": f"{n.x:g}", "y": f"{n.y:g}", "width": f"{n.w:g}", "height": str(NODE_H), "rx": "8"}
        SubElement(group, "rect", {"class": "box", **size})
        left, inner = n.x + 13, n.w - 26
        self.text(left, n.y + 22, fit(s.name, inner, 12.5), "name")
        folding = [f"{k} {v:,}" for k, v in (("Simd", s.simd), ("Pe", s.pe)) if v is not None]
        self.text(left, n.y + 39, fit(" · ".join([s.op, *folding]), inner, 10), "what")
        if not s.interval:
            self.text(left, n.y + 64, "interval not known" if s.interval is None else "wires only", "what")
        else:
            interval = f"{s.interval:,}"
            self.text(left, n.y + 64, interval, "interval")
            self.text(left + len(interval) * 17 * 0.62 + 6, n.y + 64, "cycles", "what")
        if s.bottleneck:
            w = 78
            x, y = n.x + n.w - w - 12, n.y + NODE_H - 9
            tag = {"x": f"{x:g}", "y": f"{y:g}", "width": str(w), "height": "18", "rx": "9"}
            SubElement(self.svg, "rect", {"class": "tag", **tag})
            self.text(x + w / 2, y + 12.5, "bottleneck", "tag-text")
        bar = {"x": f"{left:g}", "y": f"{n.y + 72:g}", "height": "5", "rx": "2.5"}
        SubElement(self.svg, "rect", {"class": "track", "width": f"{inner:g}", **bar})
        if s.interval and self.slowest:
            share = max(2.5, inner * s.interval / self.slowest)
            cls = "bar hot" if s.bottleneck else "bar"
            SubElement(self.svg, "rect", {"class": cls, "width": f"{share:.1f}", **bar})


@dataclass
class _Arc:
    """A skip in the picture of rows; side: the margin that it runs along, None within one row.

    out, into: x where it leaves and enters, from the left edge of the stages. Lanes count away from the stages.
    """

    a: int
    b: int
    edge: Edge
    side: str | None
    out: float = 0.0
    into: float = 0.0
    out_lane: int = 0
    into_lane: int = 0
    side_lane: int = 0


class _Rows(Canvas):
    """Rows of stages, every second one from right to left; arcs above the rows."""

    NODE_W = 212
    GAP_X = 76
    GAP_Y = 50
    HEAD = 14

    def __init__(self, stages: Sequence[Stage], edges: Sequence[Edge], columns: int) -> None:
        super().__init__(stages, edges, "wide")
        self.columns = min(columns, max(1, len(self.sequence)))
        self.rows = -(-len(self.sequence) // self.columns)
        self.span = self.columns * (self.NODE_W + self.GAP_X) - self.GAP_X
        self.lanes_above = [0] * self.rows
        self.lanes_beside = {"left": 0, "right": 0}

    def cell(self, k: int) -> tuple[int, int]:
        """Row and column of the k-th node."""
        row, at = divmod(k, self.columns)
        return row, at if row % 2 == 0 else self.columns - 1 - at

    def row(self, k: int) -> int:
        return k // self.columns

    def routes(self) -> list[_Arc]:
        """The arcs with their places: ends, then lanes."""
        arcs = []
        for a, b, edge in self.arcs:
            (row_a, col_a), (row_b, col_b) = self.cell(a), self.cell(b)
            side = None if row_a == row_b else "left" if col_a + col_b < self.columns else "right"
            arcs.append(_Arc(a, b, edge, side))
        self.place_ends(arcs)
        self.place_lanes(arcs)
        return arcs

    def place_ends(self, arcs: Sequence[_Arc]) -> None:
        """Arcs that go left take the left half of the stage's upper side, the others the right half: the middle
        stays free for the arrow from the row above.
        """
        ends: dict[tuple[int, bool], list[tuple[int, bool, int]]] = defaultdict(list)
        for i, arc in enumerate(arcs):
            back = self.cell(arc.b)[1] < self.cell(arc.a)[1]
            ends[arc.a, arc.side == "left" if arc.side else back].append((arc.b, True, i))
            ends[arc.b, arc.side == "left" if arc.side else not back].append((arc.a, False, i))
        for (k, leftward), group in ends.items():
            start = self.cell(k)[1] * (self.NODE_W + self.GAP_X) + (0 if leftward else self.NODE_W / 2)
            for j, (_, leaves, i) in enumerate(sorted(group)):
                x = start + self.NODE_W / 2 * (j + 1) / (len(group) + 1)
                if leaves:
                    arcs[i].out = x
                else:
                    arcs[i].into = x

    def place_lanes(self, arcs: Sequence[_Arc]) -> None:
        """A lane above its row for every level piece, one in the margin for every upright piece."""
        above: dict[int, list[tuple[_Arc, bool, tuple[float, float]]]] = defaultdict(list)
        beside: dict[str, list[tuple[_Arc, tuple[float, float]]]] = defaultdict(list)
        for arc in arcs:
            if arc.side is None:
                above[self.row(arc.a)].append((arc, True, ascending(arc.out, arc.into)))
                continue
            wall = -1.0 if arc.side == "left" else self.span + 1.0
            above[self.row(arc.a)].append((arc, True, ascending(arc.out, wall)))
            above[self.row(arc.b)].append((arc, False, ascending(arc.into, wall)))
            top, bottom = ascending(self.row(arc.a), self.row(arc.b))
            beside[arc.side].append(
                (arc, (top, bottom + 0.5))
            )  # both in the space above row `bottom`: not one lane
        for row, pieces in above.items():
            for (arc, leaves, _), lane in zip(pieces, lanes([p[2] for p in pieces]), strict=True):
                if leaves:
                    arc.out_lane = lane
                else:
                    arc.into_lane = lane
                self.lanes_above[row] = max(self.lanes_above[row], lane + 1)
        for side, runs in beside.items():
            for (arc, _), lane in zip(runs, lanes([r[1] for r in runs]), strict=True):
                arc.side_lane = lane
                self.lanes_beside[side] = max(self.lanes_beside[side], lane + 1)

    def draw(self) -> Markup:
        arcs = self.routes()
        left, right = (2 + (n * LANE + 6 if n else 0) for n in self.lanes_beside.values())
        tops = []
        y = float(self.HEAD)
        for row, n in enumerate(self.lanes_above):
            y += (self.GAP_Y if row else 0) + (n * LANE + 10 if n else 0)
            tops.append(y)
            y += NODE_H
        nodes = []
        for k, (name, stage) in enumerate(self.sequence):
            row, col = self.cell(k)
            nodes.append(_Node(name, stage, left + col * (self.NODE_W + self.GAP_X), tops[row], self.NODE_W))
        # What crosses the space above every row: arrows from the row above, and where arcs leave and enter.
        crossing: dict[int, list[float]] = defaultdict(list)
        for k in range(self.columns, len(self.sequence), self.columns):
            crossing[self.row(k)].append(nodes[k].middle)
        for arc in arcs:
            crossing[self.row(arc.a)].append(left + arc.out)
            crossing[self.row(arc.b)].append(left + arc.into)
        self.marker()
        labels = []
        for arc in arcs:
            row_a, row_b = self.row(arc.a), self.row(arc.b)
            xa, xb = left + arc.out, left + arc.into
            ya = tops[row_a] - 18 - arc.out_lane * LANE
            start, stop = (xa, self.top(nodes[arc.a])), (xb, self.top(nodes[arc.b]) - 1)
            if arc.side is None:
                points = [start, (xa, ya), (xb, ya), stop]
                level = (xa, xb, row_a, ya)
            else:
                yb = tops[row_b] - 18 - arc.into_lane * LANE
                aside = 6 + (arc.side_lane + 0.5) * LANE
                wall = left - aside if arc.side == "left" else left + self.span + aside
                points = [start, (xa, ya), (wall, ya), (wall, yb), (xb, yb), stop]
                level = (xa, wall, row_a, ya) if abs(xa - wall) > abs(xb - wall) else (xb, wall, row_b, yb)
            a, b, row, y_level = level
            label = skip_text(arc.edge, abs(b - a) - 2 * LANE)
            labels.append((clear(a, b, crossing[row], label_width(label)), y_level, label))
            self.line(points, arc.edge, skip=True)
        for k, edge in self.straight:
            self.step(nodes[k], nodes[k + 1], self.row(k) == self.row(k + 1), edge)
        for node in nodes:
            self.node(node)
        for lx, ly, label in labels:
            self.skip_label(lx, ly, label)
        return self.finish(left + self.span + right, y + 4)

    def top(self, n: _Node) -> float:
        return n.y if n.stage is not None else n.y + NODE_H / 2 - 17

    def step(self, a: _Node, b: _Node, same_row: bool, e: Edge) -> None:
        """The arrow from one node to the next."""
        if same_row:
            y = a.y + NODE_H / 2
            sign = 1 if b.x > a.x else -1
            start, stop = a.middle + sign * a.half, b.middle - sign * (b.half + 1)
            self.line([(start, y), (stop, y)], e, skip=False)
            room = abs(stop - start) - 4
            if e.width is not None:
                self.text((start + stop) / 2, y - 7, shortest(e.width, "bit", room), "label")
            if e.depth is not None:
                self.text((start + stop) / 2, y + 15, shortest(e.depth, "deep", room), "label")
        else:
            x = a.middle
            bottom = a.y + (NODE_H if a.stage is not None else NODE_H / 2 + 17)
            self.line([(x, bottom), (x, self.top(b) - 1)], e, skip=False)
            y = (bottom + min(bottom + self.GAP_Y, self.top(b))) / 2 + 3
            inward = x < self.span / 2
            self.text(x + (9 if inward else -9), y, short(e), "label beside" if inward else "label before")


class _Column(Canvas):
    """One stage below the other; arcs at the right."""

    WIDTH = 336
    GAP_Y = 42
    PORT_H = 34

    def __init__(self, stages: Sequence[Stage], edges: Sequence[Edge]) -> None:
        super().__init__(stages, edges, "narrow")

    def draw(self) -> Markup:
        lane = lanes([ascending(a, b) for a, b, _ in self.arcs])
        pitch = (
            min(LANE, 0.5 * self.WIDTH / (max(lane) + 1)) if lane else 0
        )  # the stages keep half of the width
        across = (max(lane) + 1) * pitch + 8 if lane else 0
        w = float(self.WIDTH - across - 2)
        y = 12.0
        nodes = []
        for name, stage in self.sequence:
            shown = y if stage is not None else y - (NODE_H - self.PORT_H) / 2
            nodes.append(_Node(name, stage, 1, shown, w))
            y += (NODE_H if stage is not None else self.PORT_H) + self.GAP_Y
        self.marker()
        ends: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        for i, (a, b, _) in enumerate(self.arcs):
            ends[a].append((b, i, "out"))
            ends[b].append((a, i, "in"))
        at: dict[tuple[int, str], float] = {}
        for k, group in ends.items():
            n = nodes[k]
            top, height = (n.y, NODE_H) if n.stage is not None else (n.y + (NODE_H - 34) / 2, 34)
            for j, (_, i, way) in enumerate(sorted(group)):
                at[i, way] = top + height * (j + 1) / (len(group) + 1)
        labels = []
        for i, (a, b, e) in enumerate(self.arcs):
            x = w + 8 + (lane[i] + 0.5) * pitch
            ya, yb = at[i, "out"], at[i, "in"]
            ends_at = self.side(nodes[a]), self.side(nodes[b]) + 1
            self.line([(ends_at[0], ya), (x, ya), (x, yb), (ends_at[1], yb)], e, skip=True)
            labels.append((x, (ya + yb) / 2, skip_text(e, abs(yb - ya) - LANE)))
        for a, e in self.straight:
            n, m = nodes[a], nodes[a + 1]
            bottom = n.y + (NODE_H if n.stage is not None else (NODE_H + self.PORT_H) / 2)
            top = m.y if m.stage is not None else m.y + (NODE_H - self.PORT_H) / 2
            self.line([(n.middle, bottom), (n.middle, top - 1)], e, skip=False)
            self.text(n.middle + 9, (bottom + top) / 2 + 2, short(e), "label beside")
        for node in nodes:
            self.node(node)
        for x, middle, label in labels:
            self.skip_label(x, middle, label, turned=True)
        return self.finish(self.WIDTH, y - self.GAP_Y + 4)

    def side(self, n: _Node) -> float:
        if n.stage is not None:
            return n.x + n.w
        return n.middle + n.half


def ascending(a: float, b: float) -> tuple[float, float]:
    """The two in order."""
    return (a, b) if a <= b else (b, a)


def describe(e: Edge) -> str:
    """The edge in words."""
    parts = [f"{e.source} to {e.target}"]
    if e.width is not None:
        parts.append(f"{e.width:,} bits wide")
    if e.depth is not None:
        parts.append(f"FIFO of {e.depth:,}")
        if e.memory is not None:
            parts.append(MEMORY[e.memory])
        parts.append("peak not measured" if e.peak is None else f"peak {e.peak:,}")
    return ", ".join(parts)


def short(e: Edge) -> str:
    """The edge's label."""
    width = "" if e.width is None else f"{e.width:,} bit"
    depth = "" if e.depth is None else f"{e.depth:,} deep"
    return " × ".join(p for p in (width, depth) if p)


def detail(e: Edge) -> str:
    """What the FIFO is made of and how full it was."""
    memory = "" if e.memory is None else MEMORY[e.memory]
    peak = "" if e.peak is None else f"peak {e.peak:,}"
    return " · ".join(p for p in (memory, peak) if p)


def skip_text(e: Edge, room: float) -> str:
    """Label of a skip: with what its FIFO is made of and how full it was, where there is room for that."""
    texts = (" · ".join(p for p in (short(e), detail(e)) if p), short(e))
    return next((t for t in texts if label_width(t) <= room), texts[-1])


def shortest(count: int, unit: str, room: float) -> str:
    """The count with its unit, without it, or nothing where there is no room."""
    texts = (f"{count:,} {unit}", f"{count:,}")
    return next((t for t in texts if len(t) * 10.5 * MONO <= room), "")


def label_width(label: str) -> float:
    """Room that the label takes, in pixels."""
    return len(label) * 10.5 * MONO + 10


def clear(a: float, b: float, crossing: Sequence[float], width: float) -> float:
    """Where between a and b a label of that width covers as few crossing lines as can be, near the middle."""

    def covered(share: float) -> int:
        at = a + (b - a) * share
        return sum(abs(at - c) < width / 2 + 4 for c in crossing)

    return a + (b - a) * min((0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8), key=covered)


def fit(text: str, width: float, size: float) -> str:
    """The text, cut where monospaced letters of that size would not fit."""
    room = int(width / (size * MONO))
    return text if len(text) <= room else text[: max(1, room - 1)] + "…"


def rounded(points: Sequence[tuple[float, float]]) -> str:
    """A path through right-angled points with round corners."""
    path = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (ax, ay), (bx, by), (cx, cy) in zip(points, points[1:], points[2:], strict=False):
        before, after = abs(bx - ax) + abs(by - ay), abs(cx - bx) + abs(cy - by)
        r = min(RADIUS, before / 2, after / 2)
        if r == 0:
            continue
        px, py = bx + (ax - bx) * r / before, by + (ay - by) * r / before
        qx, qy = bx + (cx - bx) * r / after, by + (cy - by) * r / after
        path.append(f"L{px:g} {py:g}Q{bx:g} {by:g} {qx:g} {qy:g}")
    path.append(f"L{points[-1][0]:g} {points[-1][1]:g}")
    return "".join(path)
