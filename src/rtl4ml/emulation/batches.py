# SPDX-License-Identifier: Apache-2.0
"""Whole data sets through a graph: the numbers of `Graph.emulate`, in blocks of samples on all cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from rtl4ml.emulation.block import Array, Block, samples_together
from rtl4ml.emulation.kernels import build
from rtl4ml.ir.graph import Graph

Real = NDArray[np.float64]

# Elements below which a second thread costs more than it brings.
_WORTH_SHARING = 2**17

_ALONE = threading.Lock()  # the threads of linear algebra are one number for the whole process


Read = Callable[[Array], Array]


def emulate(graph: Graph, x: Sequence[Array], read: Sequence[Read], workers: int | None = None) -> list[Real]:
    """The exact real values of every output for samples (N, *shape) of every input.

    read: of every input, samples to its integers, in any type that holds them
    workers: threads; default as many as NumPy's own linear algebra would take
    """
    n, elements = len(x[0]), max(s.elements for s in (*graph.inputs, *(op.output for op in graph.ops)))
    out = [np.empty((n, *s.shape), np.float64) for s in graph.outputs]
    if not n:
        return out
    with _ALONE, _linear_algebra().limit(limits=1):
        threads = _threads() if workers is None else workers
        if n * elements < _WORTH_SHARING and workers is None:
            threads = 1
        blocks = max(-(-n // samples_together(graph)), min(threads, n))
        size = -(-n // blocks)
        todo, stop = iter(range(0, n, size)), threading.Event()

        def work() -> None:
            block = Block(graph, size)
            build(block)
            try:
                for first in todo:  # each number goes to one thread: an iterator's step is not interrupted
                    if stop.is_set():
                        return
                    given = [f(a[first : first + size]) for f, a in zip(read, x, strict=True)]
                    _through(block, given, [y[first : first + size] for y in out])
            except BaseException:
                stop.set()
                raise

        threads = min(threads, -(-n // size))
        if threads == 1:
            work()
            return out
        with ThreadPoolExecutor(threads) as pool:
            try:
                for done in [pool.submit(work) for _ in range(threads)]:
                    done.result()
            except BaseException:  # an interruption, too
                stop.set()
                raise
    return out


def _through(block: Block, x: Sequence[Array], out: list[Real]) -> None:
    """Some samples, as many as a block holds or fewer, in and out."""
    graph, n = block.graph, len(x[0])
    for a, source in zip(x, graph.inputs, strict=True):
        values = block.held[source.name].values
        np.copyto(values[..., :n], a.reshape(n, *source.hwc).transpose(3, 1, 2, 0), casting="unsafe")
    block.run()
    for y, s in zip(out, graph.outputs, strict=True):
        made = block.held[s.name].values[..., :n].transpose(3, 1, 2, 0)
        np.multiply(made, s.type.step, out=y.reshape(n, *s.hwc), dtype=np.float64)
        y += 0.0  # a zero has no sign


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@cache
def _threads() -> int:
    """Threads that linear algebra would take: of the cores that are ours, unless the environment says otherwise."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, int(told)) if told.isdigit() and int(told) else cores
