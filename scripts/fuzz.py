# SPDX-License-Identifier: Apache-2.0
"""Random networks through convert, emulate and, a share of them, the RTL: any difference, crash or wrong cycle is kept.

    python scripts/fuzz.py --networks 2000 --rtl 200 [--csim 20] [--seed N] [--out build/fuzz]
    python scripts/fuzz.py --summary                  # what was found so far
    python scripts/fuzz.py --unets --rtl 200          # small U-Nets, their skips in block RAM, DRAM or late
    python scripts/fuzz.py --start 50 --networks 20   # networks 50 and after
    python scripts/fuzz.py --only 1234 --rtl 1        # one network again, with all it prints

One process, one network after the other, until so many were converted. The results get a line when a network is begun
and one when it is done, so that a run goes on where it ended, and a network that ended the process counts as a crash.
Networks are those of `random_layers.py`; weights are random (uniform). Cycles of a design with skips in DRAM are
those for words that are there as late as the memory's latency allows: a frame may come earlier, and none later.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

SAMPLES, FRAMES, STALLED = 24, 24, 6
PATTERNS = 2
# Outcomes that are faults, whatever the network.
FAULTS = ("mismatch", "predict", "interval", "latency", "frames", "crash", "hang")


class _TooLong(Exception):
    pass


# A network that stands still uses no processor: it may take as many times its limit by the clock.
_IDLE = 10
_LOOKS = 5  # seconds from one look at the times to the next


@contextlib.contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Raises _TooLong once this process and those that it has waited for took so many seconds of processor, as others
    may have the processor meanwhile; or _IDLE times as many by the clock.
    """
    start = os.times()

    def ring(*_: object) -> None:
        now = os.times()
        if sum(now[:4]) - sum(start[:4]) > seconds:
            raise _TooLong(f"more than {seconds} s of processor")
        if now.elapsed - start.elapsed > _IDLE * seconds:
            raise _TooLong(f"more than {_IDLE * seconds} s by the clock")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _LOOKS, _LOOKS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check(
    seed: int, index: int, *, rtl: bool, csim: bool, folder: Path, unets: bool = False
) -> dict[str, Any]:
    """What became of network `index`: its outcome, and of a fault or refusal the reason."""
    import random_layers
    import random_networks

    from rtl4ml.errors import EnvironmentProblem, Rtl4mlError, SimulationFailed
    from rtl4ml.host import frameworks

    frameworks.keras().backend.clear_session()
    rng = np.random.default_rng([seed, index, 1])
    try:
        drawn = (random_networks.draw_unet if unets else random_layers.draw)([seed, index])
    except (ValueError, TypeError) as error:  # Keras does not build it: no user can bring it
        return {"outcome": "not built", "reason": _general(str(error))}
    found: dict[str, Any] = {"network": drawn.text}
    try:
        found |= _compared(drawn, folder, rng, rtl=rtl, csim=csim)
    except (SimulationFailed, EnvironmentProblem) as error:  # no network is to blame for these
        found |= {"outcome": "crash", "reason": _general(str(error)), "error": str(error)}
    except Rtl4mlError as error:
        found |= {"outcome": "refused", "reason": _general(str(error)), "error": str(error)}
    return found


def _compared(drawn: Any, folder: Path, rng: np.random.Generator, *, rtl: bool, csim: bool) -> dict[str, Any]:
    """The design's numbers and cycles against the reference and the prediction."""
    import rtl4ml
    from rtl4ml.errors import HlsCannot

    design = rtl4ml.convert(drawn.model, out=folder, **drawn.options)
    s = design.graph.inputs[0]
    lo, hi = (s.lo - 2) * s.type.step, (s.hi + 2) * s.type.step
    x = rng.uniform(lo, hi, (SAMPLES, *s.shape)).astype(np.float32)
    want = design.reference(x)
    found: dict[str, Any] = {
        "outcome": "exact",
        "distinct": len(np.unique(want)),
        "interval": float(design.cycles.interval),
        "target": drawn.options.get("target_interval"),
    }
    if differ := int((design.emulate(x) != want).sum()):
        return found | {"outcome": "mismatch", "reason": f"emulate: {differ} of {want.size} values"}
    if differ := design.untouched.mismatches:
        return found | {
            "outcome": "predict",
            "reason": f"predict: {differ} of {want.size} values, unexplained",
        }
    if csim:
        found["csim"] = True
        try:
            if differ := int((design.csim(x) != want).sum()):
                return found | {
                    "outcome": "mismatch",
                    "reason": f"C simulation: {differ} of {want.size} values",
                }
        except HlsCannot as error:
            found["hls4ml cannot"] = _general(str(error))
    if not rtl:
        return found
    found["rtl"] = True
    run = design.simulate(x[:FRAMES])
    if differ := int((run.y != want[:FRAMES]).sum()):
        return found | {"outcome": "mismatch", "reason": f"RTL: {differ} of {want.size} values"}
    in_dram = bool(design.plan.graph.spilled)
    early = in_dram and run.interval is not None and run.interval < design.cycles.interval
    if run.interval not in (None, design.cycles.interval) and not early:
        return found | {
            "outcome": "interval", "reason": f"interval {run.interval}, predicted {design.cycles.interval}"
        }  # fmt: skip
    found["measured"] = run.interval is not None
    early = in_dram and run.latency is not None and run.latency < design.cycles.latency
    found["early"] = early or design.frames.as_predicted < design.frames.compared
    if (
        run.latency is not None
        and abs(run.latency - design.cycles.latency) > max(2, 0.01 * run.latency)
        and not early
    ):
        return found | {
            "outcome": "latency",
            "reason": f"latency {run.latency}, predicted {design.cycles.latency}",
        }
    if design.frames.as_predicted < design.frames.compared and not in_dram:
        said = f"{design.frames.as_predicted} of {design.frames.compared} frames in the predicted cycle"
        return found | {"outcome": "frames", "reason": said}
    for pattern in range(PATTERNS):
        y = design.simulate(x[:STALLED], stalls="random", seed=pattern).y
        if differ := int((y != want[:STALLED]).sum()):
            return found | {
                "outcome": "mismatch",
                "reason": f"RTL under stalls, seed {pattern}: {differ} values",
            }
    return found


def _general(text: str) -> str:
    """A reason without the names and numbers of one network."""
    text = text.splitlines()[0] if text else "no text"
    text = re.sub(r"^[^:]*: ", "", text)
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\([^)]*\)", "…", text)
    return re.sub(r"-?\d[\d,.]*(e[+-]?\d+)?", "N", text)[:160]


def _results(path: Path) -> dict[int, dict[str, Any]]:
    """By network; one that was begun and never done has ended its process."""
    found: dict[int, dict[str, Any]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # the last line of a run that was killed
                entry = json.loads(line)
                begun = entry.pop("begun", False)
                if not begun or entry["index"] not in found:
                    found[entry["index"]] = (
                        {"outcome": "crash", "reason": "the process ended"} if begun else entry
                    )
    return found


def _summary(found: dict[int, dict[str, Any]], console: Console) -> int:
    """Prints what was found; returns the number of faults."""
    outcomes = Counter(e["outcome"] for e in found.values())
    table = Table("outcome", "networks")
    for outcome, n in outcomes.most_common():
        table.add_row(outcome, str(n))
    converted = [e for e in found.values() if e["outcome"] != "not built" and e["outcome"] != "refused"]
    simulated = [e for e in converted if e.get("rtl")]
    slower = [e for e in converted if e.get("target") and e["interval"] > e["target"]]
    table.add_row("through the RTL, two stall patterns", str(len(simulated)))
    table.add_row("through the C simulation", str(sum(bool(e.get("csim")) for e in converted)))
    table.add_row("of these refused for hls4ml", str(sum("hls4ml cannot" in e for e in converted)))
    table.add_row(
        "through the RTL with a measured interval", str(sum(bool(e.get("measured")) for e in simulated))
    )
    table.add_row("frames earlier than predicted", str(sum(bool(e.get("early")) for e in simulated)))
    table.add_row("interval above the target", str(len(slower)))
    table.add_row("outputs all alike", str(sum(e.get("distinct") == 1 for e in converted)))
    console.print(table)
    reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, e in found.items():
        if e["outcome"] in (*FAULTS, "refused"):
            reasons[e["outcome"], e["reason"]].append(index)
    table = Table("outcome", "reason", "networks", "such as")
    for (outcome, reason), which in sorted(
        reasons.items(), key=lambda kv: (kv[0][0] == "refused", -len(kv[1]))
    ):
        table.add_row(outcome, reason, str(len(which)), ", ".join(map(str, which[:4])))
    console.print(table)
    return sum(outcomes[f] for f in FAULTS)


@click.command(help=__doc__)
@click.option("--networks", type=click.IntRange(0), default=200, show_default=True)
@click.option(
    "--rtl",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="How many of them go through the RTL.",
)
@click.option(
    "--csim", type=click.IntRange(0), default=0, show_default=True, help="Of these through the C simulation."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/fuzz"), show_default=True)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=600,
    show_default=True,
    help="Seconds of processor for one network.",
)
@click.option("--start", type=click.IntRange(0), default=0, show_default=True, help="The first network.")
@click.option("--only", type=int, help="One network, whatever is known of it.")
@click.option("--unets", is_flag=True, help="Small U-Nets with homes of their skips.")
@click.option("--summary", is_flag=True, help="Only say what was found so far.")
def main(
    networks: int,
    rtl: int,
    csim: int,
    seed: int,
    out: Path,
    limit: int,
    start: int,
    only: int | None,
    unets: bool,
    summary: bool,
) -> None:
    console = Console(width=150)
    path = out / f"results-{'unets-' if unets else ''}{seed}.jsonl"
    found = _results(path)
    if summary:
        raise SystemExit(1 if _summary(found, console) else 0)
    out.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:

        def note(**entry: Any) -> None:
            log.write(json.dumps(entry) + "\n")
            log.flush()

        for index in count(start) if only is None else [only]:
            converted = sum(e["outcome"] not in ("not built", "refused") for e in found.values())
            if only is None and converted >= networks:
                break
            if only is None and index in found:
                continue
            note(index=index, begun=True)
            begun = time.perf_counter()

            def due(what: str, share: int, converted: int = converted) -> bool:
                """Whether this network is one of the `share` among all that go through `what`, spread evenly."""
                done = sum(bool(e.get(what)) for e in found.values())
                return share > 0 and (only is not None or done * networks < share * (converted + 1))

            folder = out / f"network-{seed}-{index}"
            try:
                with _limit(limit):
                    share = {"rtl": due("rtl", rtl), "csim": due("csim", csim)}
                    entry = check(seed, index, **share, folder=folder, unets=unets)
            except _TooLong as error:
                entry = {"outcome": "hang", "reason": str(error)}
            except Exception as error:  # noqa: BLE001 -- a fuzzer keeps whatever a network brings about
                where = traceback.extract_tb(error.__traceback__)[-1]
                place = f"{Path(where.filename).name}:{where.lineno}"
                entry = {
                    "outcome": "crash",
                    "reason": f"{type(error).__name__}: {_general(': ' + str(error))} ({place})",
                    "trace": traceback.format_exc(),
                }
            shutil.rmtree(folder, ignore_errors=True)
            found[index] = {**entry, "index": index, "seconds": round(time.perf_counter() - begun, 2)}
            note(**found[index])
            if only is not None:
                console.print_json(json.dumps(found[index]))
                if "trace" in entry:
                    print(entry["trace"])
            elif entry["outcome"] in FAULTS or index % 20 == 0:
                console.print(
                    f"{index}: {entry['outcome']} {entry.get('reason', '')}", highlight=False, markup=False
                )
    raise SystemExit(1 if _summary(found, console) else 0)


if __name__ == "__main__":
    main()
