# SPDX-License-Identifier: Apache-2.0
"""Compilers, simulators and Yosys as processes of which none goes on once nobody waits for it.

Each runs in a session of its own, so that all that it starts in its turn (make's compilers) ends with it. They end when
the call that waits for them is interrupted; and when this process dies without a word (SIGKILL), by a watcher: a shell
that reads the groups that run from a pipe, and kills them when the pipe's last writer has gone.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# Reads "+ GROUP" and "- GROUP"; a set of numbers in the shell's own variables.
_WATCHER = r"""
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%%" $group "*} ${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do kill -KILL "-$group"; done 2>/dev/null
exit 0
"""
# The process says its group to the watcher before it becomes the program: no moment is without one that knows it.
_ENTRY = """trap '' PIPE; echo "+ $$" >&0 2>/dev/null; trap - PIPE; exec "$@" </dev/null"""


class Scope:
    """The processes that the threads of one pool have started and that end together."""

    def __init__(self) -> None:
        self.ended = False


@dataclass(frozen=True)
class _Watcher:
    owner: int  # the process that it watches
    process: subprocess.Popen[bytes]
    pipe: int  # our end, to write


_lock = threading.Lock()
_watcher: _Watcher | None = None
_mine = threading.local()
_running: dict[int, tuple[subprocess.Popen[Any], Scope | None]] = {}


def _watched() -> int:
    """The pipe of the watcher, which is started with the first process."""
    global _watcher
    with _lock:
        if _watcher is None or _watcher.owner != os.getpid():  # a forked process has a watcher of its own
            out, into = os.pipe()
            try:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", _WATCHER],
                    stdin=out,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
            finally:
                os.close(out)
            _watcher = _Watcher(os.getpid(), process, into)
        return _watcher.pipe


@atexit.register
def _dismiss() -> None:
    if _watcher is not None and _watcher.owner == os.getpid():
        os.close(_watcher.pipe)
        _watcher.process.wait()


def start(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[Any] = subprocess.PIPE,
    stderr: int | IO[Any] = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Starts a program without input, its output text; `end` must be called for it, whatever happens."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", _ENTRY, "sh", *command],
        cwd=cwd,
        env=env,
        stdin=_watched(),
        stdout=stdout,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    scope: Scope | None = getattr(_mine, "scope", None)
    with _lock:
        _running[process.pid] = process, scope
        late = scope is not None and scope.ended
    if late:
        _kill(process)
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end(process: subprocess.Popen[str]) -> None:
    """Kills the process with all that it started, where it still runs, and waits for it."""
    if process.poll() is None:
        _kill(process)
        process.wait()
    with _lock:
        known = _running.pop(process.pid, None)
    if known is not None and _watcher is not None and _watcher.owner == os.getpid():
        with contextlib.suppress(OSError):
            os.write(_watcher.pipe, f"- {process.pid}\n".encode())


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[Any] = subprocess.PIPE,
    stderr: int | IO[Any] = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Runs a program without input to its end, as `subprocess.run` does; interrupted, it ends all that was started."""
    process = start(command, cwd=cwd, env=env, stdout=stdout, stderr=stderr)
    try:
        said, complained = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, said, complained)
    finally:
        end(process)


def counted(
    running: Sequence[subprocess.Popen[str]], word: str, progress: Callable[[int], None] | None
) -> list[tuple[str, str]]:
    """Waits for processes that print lines "<word> <number>" of what each has done; what else they print, and complain.

    progress: is told the sum of these numbers, a line at a time; after an error of its own it is told no more, and that
    error is raised once the processes have ended
    """
    done, said, complained = [0] * len(running), [""] * len(running), [""] * len(running)
    failed: list[Exception] = []
    telling = threading.Lock()

    def follow(k: int, stream: IO[str]) -> None:
        for line in stream:
            name, _, number = line.strip().partition(" ")
            if name != word or not number.isdecimal():
                said[k] += line
                continue
            with telling:
                done[k] = int(number)
                if progress is not None and not failed:
                    try:
                        progress(sum(done))
                    except Exception as error:  # noqa: BLE001 -- raised below, where somebody sees it
                        failed.append(error)

    def collect(k: int, stream: IO[str]) -> None:
        complained[k] = stream.read()

    threads = []
    for k, process in enumerate(running):
        for stream, read in ((process.stdout, follow), (process.stderr, collect)):
            if stream is not None:
                threads.append(threading.Thread(target=read, args=(k, stream), daemon=True))
    for thread in threads:
        thread.start()
    for process in running:
        process.wait()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return list(zip(said, complained, strict=True))


def belong(scope: Scope) -> None:
    """Counts what this thread starts from now on to `scope`: the initializer of a pool's threads."""
    _mine.scope = scope


def end_all(scope: Scope) -> None:
    """Kills what was started in `scope`, now and later; the calls that wait for it return."""
    with _lock:
        scope.ended = True
        found = [process for process, owner in _running.values() if owner is scope]
    for process in found:
        _kill(process)


@contextlib.contextmanager
def pool(threads: int, *, wait: bool) -> Iterator[ThreadPoolExecutor]:
    """Threads of which the processes end when the block is interrupted or fails.

    wait: whether the threads then tidy up after their processes; not where one may compute on for long
    """
    scope = Scope()
    made = ThreadPoolExecutor(threads, initializer=belong, initargs=(scope,))
    try:
        yield made
    except BaseException:
        made.shutdown(wait=False, cancel_futures=True)
        end_all(scope)
        made.shutdown(wait=wait)
        raise
    made.shutdown()
