# SPDX-License-Identifier: Apache-2.0
"""Who does a sweep's work: processes of this machine, or Dask's workers on others."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol

import distributed

from rtl4ml.errors import BadInput, EnvironmentProblem

LOST = 3  # workers that may die over one point before the sweep gives up on it
WAIT = 10  # seconds that a scheduler may take to answer


class Pool(Protocol):
    """What a sweep needs of its workers. size: tasks that it keeps busy at once."""

    size: int

    def submit(self, task: Callable[..., Any], *values: Any) -> Future[Any]:
        """The answer of a worker, to come; a worker that dies is replaced, and the task is done again."""
        ...


def _follow(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _begin() -> None:
    """A worker process: a Ctrl-C is its parent's affair, and it ends when that does, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=[multiprocessing.parent_process()], daemon=True).start()


class Processes:
    """Processes of this machine, begun anew where one dies."""

    def __init__(self, jobs: int) -> None:
        self.size = jobs
        self._made: Executor | None = None
        self._lock = threading.Lock()
        self._closed = False

    def _executor(self, broken: Executor | None = None) -> Executor:
        with self._lock:
            if self._made is None or self._made is broken:
                context = multiprocessing.get_context("spawn")
                self._made = ProcessPoolExecutor(self.size, mp_context=context, initializer=_begin)
            return self._made

    def submit(self, task: Callable[..., Any], *values: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        self._try(answer, LOST, None, task, values)
        return answer

    def _try(
        self, answer: Future[Any], left: int, broken: Executor | None, task: Callable[..., Any], values: Any
    ) -> None:
        executor = self._executor(broken)
        try:
            future = executor.submit(task, *values)
        except BrokenProcessPool as error:
            self._failed(answer, left, executor, task, values, error)
            return

        def take(done: Future[Any]) -> None:
            if done.cancelled():
                answer.cancel()
                return
            error = done.exception()
            if isinstance(error, BrokenProcessPool):
                self._failed(answer, left, executor, task, values, error)
            elif error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result())

        future.add_done_callback(take)

    def _failed(
        self,
        answer: Future[Any],
        left: int,
        broken: Executor,
        task: Callable[..., Any],
        values: Any,
        error: BaseException,
    ) -> None:
        if self._closed:
            answer.cancel()
        elif left:
            # In a thread: the broken executor's own thread is the one that tells us.
            threading.Thread(
                target=self._try, args=(answer, left - 1, broken, task, values), daemon=True
            ).start()
        else:
            answer.set_exception(
                EnvironmentProblem(
                    f"sweep: a worker must live to the end of its point, not die {LOST + 1} times over it ({error}); "
                    "it may lack memory: give fewer --jobs"
                )
            )

    def close(self) -> None:
        """Ends all processes, whatever they do."""
        with self._lock:
            made, self._made = self._made, None
            self._closed = True
        if isinstance(made, ProcessPoolExecutor):
            running = list((made._processes or {}).values())  # noqa: SLF001 -- kill_workers comes with Python 3.14
            made.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.kill()
            made.shutdown(wait=True)
            for process in running:
                process.join()
            # Their semaphores go with them now: an interrupted command ends without tidying up, and would complain.
            del made, running
            gc.collect()


class Cluster:
    """Workers of Dask; it gives a task of a dead one to another itself."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False, retries=LOST)

    @property
    def size(self) -> int:
        """Threads of all workers that are there now, at least one."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def submit(self, task: Callable[..., Any], *values: Any) -> Future[Any]:
        future: Future[Any] = self._executor.submit(task, *values)
        return future


@contextmanager
def pool(jobs: int, scheduler: str | None) -> Iterator[Any]:
    """Workers for a block. scheduler: address of Dask's, as in tcp://host:8786; None: `jobs` processes here.

    Raises BadInput where no scheduler answers.
    """
    if scheduler is None:
        processes = Processes(jobs)
        try:
            yield processes
        finally:
            processes.close()
        return
    connect: Any = distributed.Client
    try:
        client = connect(scheduler, timeout=WAIT, name="rtl4ml-sweep")
    except (OSError, ValueError, TimeoutError) as error:
        raise BadInput(
            f"sweep: --scheduler must be the address of a running dask scheduler, not {scheduler!r} ({error}); "
            "begin one with `dask scheduler`, workers with `dask worker ADDRESS`"
        ) from None
    try:
        yield Cluster(client)
    finally:
        client.close()
