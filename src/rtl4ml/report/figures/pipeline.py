# SPDX-License-Identifier: Apache-2.0
"""The picture of the pipeline: stages in rows that run to and fro, or in a column, skips as arcs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rtl4ml.report.figures.canvas import (
    LANE,
    NODE_H,
    Canvas,
    Edge,
    Node,
    Stage,
    ascending,
    clear,
    label_width,
    lanes,
    short,
    shortest,
    skip_text,
)


def draw(stages: Sequence[Stage], edges: Sequence[Edge], *, columns: int) -> Markup:
    """The picture as an inline <svg>, `columns` stages a row; one column suits a narrow screen."""
    if columns == 1:
        return _Column(stages, edges).draw()
    return _Rows(stages, edges, columns).draw()


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
            node = Node(*self.sequence[k], self.cell(k)[1] * (self.NODE_W + self.GAP_X), 0, self.NODE_W)
            start = node.middle - (node.half if leftward else 0)
            for j, (_, leaves, i) in enumerate(sorted(group)):
                x = start + node.half * (j + 1) / (len(group) + 1)
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
            # Half a row further, so that two arcs in the space above row `bottom` do not share a lane.
            beside[arc.side].append((arc, (top, bottom + 0.5)))
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
            nodes.append(Node(name, stage, left + col * (self.NODE_W + self.GAP_X), tops[row], self.NODE_W))
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
            half = label_width(label) / 2 + 2  # it stays on the page, however near the margin its line is
            middle = clear(a, b, crossing[row], label_width(label))
            labels.append((min(max(middle, half), left + self.span + right - half), y_level, label))
            self.line(points, arc.edge, skip=True)
        for k, edge in self.straight:
            self.step(nodes[k], nodes[k + 1], self.row(k) == self.row(k + 1), edge)
        for node in nodes:
            self.node(node)
        for lx, ly, label in labels:
            self.skip_label(lx, ly, label)
        return self.finish(left + self.span + right, y + 4)

    def top(self, n: Node) -> float:
        return n.y if n.stage is not None else n.y + NODE_H / 2 - 17

    def step(self, a: Node, b: Node, same_row: bool, e: Edge) -> None:
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
        # The stages keep half of the width.
        pitch = min(LANE, 0.5 * self.WIDTH / (max(lane) + 1)) if lane else 0
        across = (max(lane) + 1) * pitch + 8 if lane else 0
        w = float(self.WIDTH - across - 2)
        y = 12.0
        nodes = []
        for name, stage in self.sequence:
            shown = y if stage is not None else y - (NODE_H - self.PORT_H) / 2
            nodes.append(Node(name, stage, 1, shown, w))
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

    def side(self, n: Node) -> float:
        if n.stage is not None:
            return n.x + n.w
        return n.middle + n.half
