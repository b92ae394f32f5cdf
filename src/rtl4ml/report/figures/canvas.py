# SPDX-License-Identifier: Apache-2.0
"""Boxes, arrows and texts of the pipeline's picture, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

NODE_H = 88
PORT_W = 96
LANE = 18  # pixels between parallel arcs
RADIUS = 8
MONO = 0.605  # width of a monospaced character, in em
MEMORY = {"LUT": "LUT RAM", "block": "block RAM", "DRAM": "DRAM"}  # by Edge.memory


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
    memory: what it is made of, "LUT", "block" or "DRAM". None where there is no FIFO or nothing was measured.
    """

    source: str
    target: str
    width: int | None = None
    depth: int | None = None
    peak: int | None = None
    memory: str | None = None


@dataclass(frozen=True)
class Node:
    """A stage's box."""

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

    def node(self, n: Node) -> None:
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
