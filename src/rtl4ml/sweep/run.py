# SPDX-License-Identifier: Apache-2.0
"""A sweep: points are asked for, given to workers, and their outcomes kept."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from rtl4ml.ir.fingerprint import fingerprint
from rtl4ml.ir.graph import Graph
from rtl4ml.sweep import tasks
from rtl4ml.sweep.points import Outcome, Point
from rtl4ml.sweep.pools import Pool
from rtl4ml.sweep.search import BATCH, Search
from rtl4ml.sweep.space import Params
from rtl4ml.sweep.tasks import Base, Network

AHEAD = 2  # points on their way for every task that the workers can do at once


class Made(Protocol):
    """Networks that workers make."""

    def key(self, params: Params) -> tuple[Any, ...]:
        """What of a point its network depends on."""
        ...

    def task(self, params: Params) -> tuple[Callable[..., Network], tuple[Any, ...]]:
        """The function that makes a point's network on a worker, and its arguments: values that can be pickled."""
        ...


class Given:
    """Networks that are there and that no worker has to make: those of one model, by the head that its hardware has.

    Given({"logits": network}) is a model as it is.
    """

    def __init__(self, networks: Mapping[str, Network], head: str = "logits") -> None:
        self._networks, self._head = networks, head

    def key(self, params: Params) -> tuple[Any, ...]:
        return (params.get("output", self._head),)

    accuracies: tuple[str, ...] = ()  # figures of merit that its networks have

    def digest(self) -> str:
        """A hash of all networks."""
        known = {name: fingerprint(pickle.loads(n.content)) for name, n in self._networks.items()}  # noqa: S301 -- ours
        return fingerprint(known)

    @property
    def graph(self) -> Graph:
        """The graph with the head that the sweep has where no axis says another."""
        found: Graph = pickle.loads(next(iter(self._networks.values())).content)  # noqa: S301 -- ours
        return found

    def network(self, params: Params) -> Network:
        """The network of a point."""
        return self._networks[self.key(params)[0]]


def unheard(search: Search, point: Point) -> None:
    """Does nothing with a point that has its outcome."""


def run(
    search: Search,
    source: Given | Made,
    base: Base,
    pool: Pool,
    *,
    told: Callable[[Search, Point], None] = unheard,
) -> list[Point]:
    """Asks for all points of a search and has them worked out; all points, those of earlier runs too.

    told: is called with every point that gets its outcome
    What a worker raises, but for refusals, ends the sweep and is raised; all that ended before is stored.
    """
    work = _Work(search, source, base, pool, told)
    work.fill()
    while work.busy:
        work.take()
        work.fill()
    return search.points


class _Work:
    """A sweep in progress: what workers are at, and what waits for a network that one of them makes."""

    def __init__(
        self,
        search: Search,
        source: Given | Made,
        base: Base,
        pool: Pool,
        told: Callable[[Search, Point], None],
    ) -> None:
        self._search, self._source, self._base, self._pool, self._told = search, source, base, pool, told
        self._designs: dict[Future[Outcome], Point] = {}
        self._made: dict[Future[Network], tuple[Any, ...]] = {}  # networks on their way, and their keys
        self._networks: dict[tuple[Any, ...], Network] = {}
        self._waiting: dict[tuple[Any, ...], list[Point]] = {}
        self._known: dict[
            tuple[Any, ...], dict[str, Outcome]
        ] = {}  # designs of a network by their plan's key
        for point in search.points:
            self._learn(point)

    @property
    def busy(self) -> bool:
        """Whether workers are at something."""
        return bool(self._designs or self._made)

    def fill(self) -> None:
        """Asks for as many points as the workers can begin, or for a batch once the last one has ended."""
        while True:
            if self._search.whole_batches:
                number = 0 if self.busy else BATCH
            else:
                on_their_way = len(self._designs) + sum(map(len, self._waiting.values()))
                number = AHEAD * self._pool.size - on_their_way
            asked = self._search.ask(number) if number > 0 else []
            for point in asked:
                if (outcome := self._search.alike(point)) is not None:
                    self._finish(point, outcome)
                else:
                    self._begin(point)
            if self.busy or not asked:
                return

    def _begin(self, point: Point) -> None:
        key = self._source.key(point.params)
        network, source = self._networks.get(key), self._source
        if network is None and isinstance(source, Given):
            network = self._networks[key] = source.network(point.params)
        if network is None:
            assert not isinstance(source, Given)
            if key not in self._waiting:
                task, values = source.task(point.params)
                self._made[self._pool.submit(task, *values)] = key
            self._waiting.setdefault(key, []).append(point)
            return
        known = dict(self._known.get(key, {}))
        self._designs[self._pool.submit(tasks.hardware, network, self._base, point.params, known)] = point

    def take(self) -> None:
        """Waits for a worker, and does what its answer allows: of several answers in the order of their points."""
        on_their_way: list[Future[Any]] = [*self._designs, *self._made]
        done, _ = wait(on_their_way, return_when=FIRST_COMPLETED)
        for made in [f for f in self._made if f in done]:
            key = self._made.pop(made)
            self._networks[key] = made.result()
            for point in self._waiting.pop(key):
                self._begin(point)
        ended = [(point, future) for future, point in self._designs.items() if future in done]
        for point, future in sorted(ended, key=lambda pair: pair[0].number):
            del self._designs[future]
            self._finish(point, future.result())

    def _finish(self, point: Point, outcome: Outcome) -> None:
        point = self._search.tell(point, outcome)
        self._learn(point)
        self._told(self._search, point)

    def _learn(self, point: Point) -> None:
        if point.outcome is not None and point.outcome.key:
            self._known.setdefault(self._source.key(point.params), {})[point.outcome.key] = point.outcome
