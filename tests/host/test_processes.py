# SPDX-License-Identifier: Apache-2.0
"""Processes of which none goes on once nobody waits for it, with all that they have started in their turn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rtl4ml.host import processes

# A shell with a child of its own; their numbers are written once both run.
FAMILY = ["sh", "-c", 'sleep 600 & echo "$$ $!" >family.new; mv family.new family; wait']


def running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def family(folder: Path) -> list[int]:
    assert wait_for((folder / "family").is_file)
    return [int(word) for word in (folder / "family").read_text().split()]


def test_run_gives_what_a_program_says(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd()); print(repr(sys.stdin.read()), file=sys.stderr); sys.exit(3)"
    done = processes.run([sys.executable, "-c", code], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path.resolve()}\n", "''\n")
    with (tmp_path / "log").open("w") as log:
        env = {"A": "b c", "PATH": os.environ["PATH"]}
        command = ["sh", "-c", 'echo "$A" "$1"; echo e >&2', "sh", "d  e"]
        assert processes.run(command, env=env, stdout=log, stderr=subprocess.STDOUT).returncode == 0
    assert (tmp_path / "log").read_text() == "b c d  e\ne\n"
    assert not processes._running


def counting(*scripts: str) -> list[subprocess.Popen[str]]:
    return [processes.start(["sh", "-c", script]) for script in scripts]


def test_what_processes_count_is_added_up_and_the_rest_is_kept() -> None:
    started = counting(
        "echo frames 2; echo frames x; echo frames 5; echo bad >&2", "echo frame 9; echo frames 3"
    )
    told: list[int] = []
    try:
        said = processes.counted(started, "frames", told.append)
    finally:
        for process in started:
            processes.end(process)
    assert said == [("frames x\n", "bad\n"), ("frame 9\n", "")]
    assert told == sorted(told)
    assert told[-1] == 8
    assert len(told) == 3


def test_an_error_of_who_is_told_is_raised() -> None:
    def tell(done: int) -> None:
        raise KeyError(done)

    (process,) = started = counting("echo frames 2; echo frames 3")
    try:
        with pytest.raises(KeyError, match="2"):
            processes.counted(started, "frames", tell)
    finally:
        processes.end(process)


def test_an_ended_process_takes_its_own_along(tmp_path: Path) -> None:
    process = processes.start(FAMILY, cwd=tmp_path)
    numbers = family(tmp_path)
    assert all(map(running, numbers))
    processes.end(process)
    assert wait_for(lambda: not any(map(running, numbers)))


def test_a_scope_ends_what_it_started_and_starts_nothing_more(tmp_path: Path) -> None:
    other = processes.start(["sleep", "600"])
    scope = processes.Scope()
    try:
        processes.belong(scope)
        process = processes.start(FAMILY, cwd=tmp_path)
        numbers = family(tmp_path)
        processes.end_all(scope)
        assert wait_for(lambda: not any(map(running, numbers)))
        processes.end(process)
        assert processes.run(["sleep", "600"]).returncode == -signal.SIGKILL
        assert other.poll() is None
    finally:
        processes.belong(processes.Scope())
        processes.end(other)


@pytest.mark.parametrize("wait", [True, False])
def test_the_processes_of_a_pool_end_with_its_block(wait: bool, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), processes.pool(2, wait=wait) as pool:
        run = pool.submit(processes.run, FAMILY, cwd=tmp_path)
        numbers = family(tmp_path)
        assert all(map(running, numbers))
        raise KeyboardInterrupt
    assert run.done() or not wait
    assert wait_for(lambda: not any(map(running, numbers)))
    assert run.result(20).returncode == -signal.SIGKILL


STARTS = """
import sys, threading
from pathlib import Path
from rtl4ml.host import interruption; from rtl4ml.host import processes
interruption.listen()
done = processes.run(["true"])  # the watcher forgets what has ended
family = sys.argv[1:]
try:
    processes.run(family)
except KeyboardInterrupt:
    sys.exit(2)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_goes_on_after_a_signal(number: int, tmp_path: Path) -> None:
    env = {**os.environ, "FOLDER": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", STARTS, *FAMILY], cwd=tmp_path, env=env) as parent:
        numbers = family(tmp_path)
        parent.send_signal(number)
        assert parent.wait(20) == (-signal.SIGKILL if number == signal.SIGKILL else 2)
    assert wait_for(lambda: not any(map(running, numbers)))
    assert wait_for(lambda: not watchers(tmp_path))


def watchers(folder: Path) -> list[int]:
    """Shells that still watch a process that was started in `folder`."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"FOLDER={folder}".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return [number for number in found if running(number)]
