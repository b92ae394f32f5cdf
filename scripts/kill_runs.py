# SPDX-License-Identifier: Apache-2.0
"""Kills convert, verify and synth at random moments of their work into an earlier project, and looks at what is left.

    python scripts/kill_runs.py --kills 200 --seed 0

Each time: the earlier project or the new one is there, whole; after SIGTERM and SIGINT the sentence says which; and no
process goes on. At the end one more run has cleared away what the killed ones left. Results go to build/kills.jsonl,
from which an interrupted measurement goes on. Commands run in forks of one process that has imported TensorFlow.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for _name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_name, "1")

COMMANDS = ("convert", "verify", "synth")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
GRACE = 60  # seconds that a command may take to end after SIGTERM or SIGINT
LINGER = 5  # seconds until the system has buried what was killed
SAID = {
    "old": ("rtl4ml: interrupted; p: the earlier project is untouched", "rtl4ml: interrupted"),
    "new": ("rtl4ml: interrupted; p: the new project is there, whole",),
}

MODELS = """
import sys
from rtl4ml.host import frameworks
K, Q = frameworks.keras(), frameworks.qkeras()
for k, name in enumerate(("a", "b"), 3):
    K.utils.set_random_seed(k)
    x = i = K.Input((12, 1))
    x = Q.QActivation(Q.quantized_bits(6, 0, 1, alpha=1))(x)
    x = Q.QConv1D(2, k, kernel_quantizer=Q.quantized_bits(4, 0, 1, alpha=1), use_bias=False, name=f"conv_{name}")(x)
    x = Q.QActivation("quantized_relu(4,1)")(x)
    K.Model(i, x, name=name).save(f"{name}.keras")
"""


@dataclass(frozen=True)
class Outcome:
    """What a kill left: the project that stands, the status, what was said, and what is wrong with it, if anything."""

    number: int
    command: str
    signal: str
    after: float
    status: int
    stands: str
    said: str
    faults: tuple[str, ...]


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def start(command: str, model: str, tag: str) -> int:
    """A fork that runs the command; its number."""
    child = os.fork()
    if child:
        return child
    try:
        with Path("said").open("wb") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.environ["RTL4ML_KILLED"] = tag
        from rtl4ml.cli import main as cli_main

        options = ["--samples", "8"] if command == "verify" else []
        cli_main.main([command, f"{model}.keras", "--out", "p", *options])
    except SystemExit as done:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(done.code if isinstance(done.code, int) else 1)
    finally:
        os._exit(1)


def ended(child: int, seconds: float) -> int | None:
    """The status of a child that ends in time, negative for a signal; None where it does not."""
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.005)


def left(tag: str) -> list[str]:
    """Processes that were started by the run with this tag and still go on."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"RTL4ML_KILLED={tag}\0".encode() in (path / "environ").read_bytes():
                state = (path / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:80])
        except OSError:
            continue
    return found


def whole(command: str, folder: Path) -> list[str]:
    """What a finished command's project lacks."""
    from rtl4ml.errors import StaleProject
    from rtl4ml.host.identity import check_report

    try:
        report = json.loads((folder / "report.json").read_text())
        check_report(folder, report)
    except (OSError, ValueError, StaleProject) as error:
        return [f"the new project is not whole: {error}"]
    done = {
        "convert": True,
        "verify": bool(report["exactness"]["rtl"] and report["stalls"]),
        "synth": report["resources"]["yosys"] is not None,
    }
    return (
        []
        if done[command] and (folder / ".rtl4ml").is_file()
        else [f"the new project lacks what {command} gives"]
    )


def kill(number: int, seed: int, seconds: Mapping[str, float]) -> Outcome:
    """One command, one signal, one moment, all drawn from the seed and the number."""
    rng = random.Random(f"{seed} {number}")
    command, what = rng.choice(COMMANDS), rng.choice(SIGNALS)
    after = rng.uniform(0, 1.1 * seconds[command])
    if command == "synth" and rng.random() < 0.5:  # with Yosys at work, not only read from the cache
        shutil.rmtree(Path(os.environ["RTL4ML_CACHE"]) / "yosys", ignore_errors=True)
    out = Path("p")
    before = contents(out)
    model = "b" if json.loads((out / "report.json").read_text())["model"]["name"] == "a" else "a"
    tag = f"{os.getpid()}-{number}"
    child = start(command, model, tag)
    status = ended(child, after)
    faults = []
    if status is None:
        os.kill(child, what)
        status = ended(child, GRACE)
        if status is None:
            faults.append(f"it went on for {GRACE} s after the signal")
            os.kill(child, signal.SIGKILL)
            status = ended(child, GRACE) or 0
    deadline = time.monotonic() + LINGER
    while (going := left(tag)) and time.monotonic() < deadline:
        time.sleep(0.02)
    faults += [f"a process goes on: {text}" for text in going]
    now = contents(out) if out.is_dir() else {}
    stands = "old" if now == before else "new"
    if stands == "new":
        faults += whole(command, out)
    lines = Path("said").read_text(errors="replace").splitlines() if Path("said").exists() else []
    said = lines[-1] if lines else ""
    if status == 2 and said not in SAID[stands]:
        faults.append(f"the {stands} project is there, and it says {said!r}")
    if status == 1 and what == signal.SIGINT and not said:
        status = -what  # Python was still starting: nobody was there to hear it
    if status not in (0, 2, -what) or (status == 0 and stands == "old"):
        faults.append(f"status {status} with the {stands} project")
    if status != -signal.SIGKILL and list(Path().glob(f".p.*.part/{out}")) and stands == "new":
        faults.append("a folder of the run is left")
    return Outcome(number, command, what.name, round(after, 3), status, stands, said, tuple(faults))


def main() -> None:
    """Runs the kills that are not in the results yet, and tells what all of them have found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("build/kills.jsonl"))
    options = parser.parse_args()
    # A shell's job in the background ignores it, and so would the commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    results = options.results.resolve()
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = results.read_text().splitlines() if results.exists() else []
    known = [found for line in lines if (found := json.loads(line)).pop("seed") == options.seed]
    done = {found["number"]: Outcome(**found) for found in known}
    todo = [n for n in range(options.kills) if n not in done]
    with tempfile.TemporaryDirectory(prefix="rtl4ml-kills-") as place:
        os.environ["RTL4ML_CACHE"] = f"{place}/cache"
        os.chdir(place)
        subprocess.run([sys.executable, "-c", MODELS], check=True)
        import hls4ml
        import qkeras  # noqa: F401 -- the forks find them imported

        import rtl4ml
        from rtl4ml.host import frameworks
        from rtl4ml.simulation import bulk  # noqa: F401 -- as above

        frameworks.keras()
        assert hls4ml is not None and rtl4ml is not None
        gc.freeze()
        seconds = {}
        for command in COMMANDS:
            begun = time.monotonic()
            status = ended(start(command, "a", "first"), 600)
            seconds[command] = time.monotonic() - begun
            assert status == 0, f"{command}: status {status}: {Path('said').read_text()}"
        print(", ".join(f"{k} {v:.1f} s" for k, v in seconds.items()), flush=True)
        for number in todo:
            done[number] = found = kill(number, options.seed, seconds)
            with results.open("a") as file:
                file.write(json.dumps({"seed": options.seed, **asdict(found)}) + "\n")
            if found.faults or number % 20 == 19:
                print(f"{number + 1} of {options.kills}: {found}", flush=True)
        assert ended(start("convert", "a", "last"), 600) == 0
        remains = sorted(p.name for p in Path().glob(".*"))
    counts = Counter((o.command, o.signal, o.stands) for o in done.values())
    for key in sorted(counts):
        print(*key, counts[key])
    faults = [o for o in done.values() if o.faults]
    print(f"{len(done)} kills, {len(faults)} with faults; after one more run {remains or 'nothing'} is left")
    sys.exit(bool(faults or remains))


if __name__ == "__main__":
    main()
