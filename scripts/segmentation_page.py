# SPDX-License-Identifier: Apache-2.0
"""The page of a segmentation student: how it was trained, its scores, pictures, and what its hardware is to cost.

    python scripts/segmentation_page.py --take build/train/sen2ships_unet_1 [--runs docs/students/sen2ships_runs.json]
    python scripts/segmentation_page.py sen2ships_unet

With --take, the training's student becomes the one that comes with rtl4ml: weights and metrics go into models/, its
pictures into docs/students as <name>_curve.png, <name>_masks.png and <name>_scene.png. Then, and without it, the page
docs/students/<name>.md is written from these files and the runs. The hardware is converted here, and compared with
QKeras on the set's test tiles; with --prove N, N of them are simulated, one of these under random stalls too, and Yosys
counts its cells.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hardware_lines
import numpy as np

import rtl4ml
from rtl4ml.training.segmentation import plots
from rtl4ml.training.segmentation import recipe as segmentation_recipe

ROOT = Path(__file__).parents[1]
COLOURS = 64
STAGES = ("float", "quantized")
NAMES = {"f2": "F2", "iou": "pixel IoU"}
NETWORKS = {
    ("teacher", "float"): "teacher",
    ("sen2ships_unet_scratch", "float"): "student from scratch",
    ("sen2ships_unet", "float"): "student distilled",
    ("sen2ships_unet_scratch", "quantized"): "student from scratch, quantized",
    ("sen2ships_unet", "quantized"): "student distilled, quantized",
}
SCORES = {
    "test_f2": "F2 on tiles",
    "test_iou": "IoU on tiles",
    "test_scenes_f2": "F2 on scenes",
    "test_scenes_iou": "IoU on scenes",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="sen2ships_unet")
    parser.add_argument("--take", type=Path, help="folder of a training")
    parser.add_argument("--runs", type=Path, default=ROOT / "docs" / "students" / "sen2ships_runs.json")
    parser.add_argument(
        "--tiles", type=int, default=44, help="test tiles that the hardware's numbers are compared on"
    )
    parser.add_argument("--prove", type=int, default=0, help="test tiles to simulate; Yosys too")
    arguments = parser.parse_args()
    name, rows = arguments.name, json.loads(arguments.runs.read_text(encoding="utf-8"))["runs"]
    model = ROOT / "models" / f"{name}.keras"
    source = arguments.take / "metrics.json" if arguments.take else model.with_suffix(".json")
    metrics = json.loads(source.read_text(encoding="utf-8"))
    if metrics["recipe"]["name"] != name:
        parser.error(f"{source} must be of {name}, not of {metrics['recipe']['name']}; name that")
    if metrics["recipe"]["seed"] != best_seed(rows, name):
        parser.error(
            f"the student must be the best in validation, of seed {best_seed(rows, name)}; give its folder"
        )
    pages = ROOT / "docs" / "students"
    pages.mkdir(parents=True, exist_ok=True)
    if arguments.take:
        shutil.copyfile(arguments.take / model.name, model)
        text = json.dumps(metrics, indent=2) + "\n"
        model.with_suffix(".json").write_text(text, encoding="utf-8")
        for picture in ("curve", "masks", "scene"):
            shrink(arguments.take / f"{picture}.png", pages / f"{name}_{picture}.png")
    report = hardware(name, metrics, model, arguments.tiles, arguments.prove)
    (pages / f"{name}.md").write_text(page(metrics, report, rows), encoding="utf-8")


def best_seed(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    """The seed whose student with few bits is best on the validation ports' scenes, by F2."""
    some = [r for r in rows if (r["network"], r["stage"], r["chosen"]) == (name, "quantized", True)]
    return max(some, key=lambda r: r["validation_scenes_f2"])["seed"]


def shrink(source: Path, target: Path) -> None:
    """A copy of a picture in few colours, those that mark ships among them."""
    from PIL import Image

    with Image.open(source) as picture:
        whole = picture.convert("RGB")
    marks = (plots.HIT, plots.MISSED, plots.FALSE)
    few = whole.quantize(COLOURS - len(marks), dither=Image.Dither.NONE)
    palette = (few.getpalette() or [])[: 3 * (COLOURS - len(marks))]
    few.putpalette([*palette, *(value for mark in marks for value in mark)])
    whole.quantize(palette=few, dither=Image.Dither.NONE).save(target, optimize=True)


def hardware(name: str, metrics: Mapping[str, Any], model: Path, tiles: int, prove: int) -> Any:
    """The report of the mask in hardware, threshold and opening included, after the test tiles went through emulate,
    and those to prove, spread over all, through the RTL.
    """
    chosen = metrics["quantized"]["opening"][0]
    more = {"opening": chosen["radius"]} if chosen["radius"] else {}
    out = ROOT / "build" / "students" / name
    design = rtl4ml.convert(model, out=out, output="mask", threshold=chosen["threshold"], **more)
    recipe = segmentation_recipe.read_recipe(name)
    frames = recipe.frames()
    test = frames.test[:tiles]
    design.emulate(recipe.inputs(frames.images[test]))
    if prove:
        some = recipe.inputs(frames.images[test[np.linspace(0, len(test) - 1, prove).astype(int)]])
        design.simulate(some)
        design.simulate(some[:1], stalls="random", seed=1)
        design.synthesize()
    return design.report()


def page(metrics: Mapping[str, Any], report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The page as Markdown."""
    name, data = metrics["recipe"]["name"], metrics["data"]
    stage = metrics["quantized"]
    chosen = stage["opening"][0]
    ships = chosen["test_scenes"]["objects"]
    speed = ", ".join(
        f"{metrics[s]['epochs']} epochs {s} in {metrics[s]['seconds'] / 60:.1f} min "
        f"({metrics[s]['views_per_s']:.0f} views/s)"
        for s in STAGES
    )
    seeds = len({r["seed"] for r in rows if r["network"] == name})
    size = (ROOT / "models" / f"{name}.keras").stat().st_size
    lines = [
        f"# {name}",
        "",
        "Written by `scripts/segmentation_page.py` from one training and the runs beside it.",
        f"Recipe: [models/{name}.toml](../../models/{name}.toml), seed {metrics['recipe']['seed']}; "
        f"metrics: [models/{name}.json](../../models/{name}.json); "
        f"network: [models/{name}.keras](../../models/{name}.keras), {stage['parameters']:,} parameters, "
        f"{size / 1e3:.0f} kB.",
        f"Data: {data['name']}, {data['train']} / {data['validation']} / {data['test']} tiles of train, validation and "
        "test ports (no port in two of them), those that train with what else there is of their scenes; whole scenes "
        f"of the validation ports {' and '.join(data['validation_scenes'])} and of the test ports "
        f"{' and '.join(data['test_scenes'])}.",
        f"Training, one core of a shared machine: {speed}.",
        "",
        "## Scores",
        "",
        headline(rows, chosen["radius"]),
        f"On the scenes of the test ports this student hits {ships['hits'][0]} of {ships['truth']} ships at an IoU "
        f"above 0.5, and finds {ships['found'] - ships['hits'][0]} objects that are none at that overlap.",
        "",
        f"Threshold and opening are those that are best on the validation ports' scenes by {NAMES[chosen['by']]}, "
        f"each network its own; of this student {chosen['threshold']:g} and {opening(chosen['radius'])}. "
        "F2 after de Vieilleville et al. (2020): objects matched at IoU above 0.5 to 0.95, "
        "averaged; a tile without ships counts 1 if none is found. Half of the tiles have none, so a network that "
        "finds nothing has an F2 of 0.5 on tiles, and 0 on scenes.",
        f"All students were trained for the same steps, from scratch as distilled: {steps(metrics)}; what the one "
        f"teacher took before is not counted. This student is of seed {metrics['recipe']['seed']}, of {seeds} seeds "
        "the best on the validation ports' scenes.",
        *(
            line
            for radius in (2, 0)
            for line in (
                "",
                f"### {opening(radius).capitalize()}",
                "",
                *table(rows, radius),
                "",
                verdict(rows, radius, "float"),
                "",
                verdict(rows, radius, "quantized"),
            )
        ),
        "",
        "### Each run",
        "",
        "Above, mean and standard deviation over the runs; each of them, the opening that validation chose in bold:",
        "",
        "| network | seed | opening | threshold | test F2 | IoU | scenes F2 | IoU |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {NETWORKS[r['network'], r['stage']]} | {r['seed']} | "
            f"{'**' * r['chosen']}{r['opening']}{'**' * r['chosen']} | {r['threshold']:g} | "
            + " | ".join(f"{r[s]:.3f}" for s in SCORES)
            + " |"
            for r in rows
            if (r["network"], r["stage"]) in NETWORKS
        ),
        "",
        "All students were taught by the teacher of seed 1: their spread is that of their own seeds.",
        "",
        "## Pictures",
        "",
        f"![Loss over the epochs]({name}_curve.png)",
        "",
        "The training loss is held against the teacher's output, the validation loss against the masks.",
        "",
        f"![Test tiles and what was found]({name}_masks.png)",
        "",
        f"![A test scene and what was found]({name}_scene.png)",
        "",
        "The imagery contains modified Copernicus Sentinel data 2022-2023.",
        "",
        "## Hardware",
        "",
        *hardware_table(report),
        "",
    ]
    return "\n".join(lines)


def opening(radius: int) -> str:
    return f"opened by a disk of radius {radius}" if radius else "without an opening"


def steps(metrics: Mapping[str, Any]) -> str:
    return ", then ".join(f"{metrics[s]['epochs']} epochs, {metrics[s]['steps']} steps, {s}" for s in STAGES)


def of(rows: Sequence[Mapping[str, Any]], key: tuple[str, str], radius: int) -> list[Mapping[str, Any]]:
    return [r for r in rows if (r["network"], r["stage"]) == key and r["opening"] == radius]


def table(rows: Sequence[Mapping[str, Any]], radius: int) -> list[str]:
    """The scores of every network, mean and standard deviation over its runs."""
    lines = [
        "| | runs | F2, test tiles | pixel IoU, test tiles | F2, whole scenes | pixel IoU, whole scenes |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for key, name in NETWORKS.items():
        some = of(rows, key, radius)
        if some:
            cells = [spread([r[s] for r in some]) for s in SCORES]
            lines.append(f"| {name} | {len(some)} | {' | '.join(cells)} |")
    return lines


def spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"


def gains(rows: Sequence[Mapping[str, Any]], radius: int, stage: str) -> list[tuple[str, float, int, int]]:
    """For each score: its name, how much more the distilled student has, in how many seeds, of how many."""
    scratch, distilled = (of(rows, (n, stage), radius) for n in ("sen2ships_unet_scratch", "sen2ships_unet"))
    pairs = [(a, b) for a in scratch for b in distilled if a["seed"] == b["seed"]]
    return [
        (
            what,
            float(np.mean([b[key] - a[key] for a, b in pairs])),
            sum(b[key] > a[key] for a, b in pairs),
            len(pairs),
        )
        for key, what in SCORES.items()
        if pairs
    ]


def headline(rows: Sequence[Mapping[str, Any]], radius: int) -> str:
    """Whether distilling beats learning from the masks: only if it does in every score."""
    found = {stage: gains(rows, radius, stage) for stage in STAGES}
    better = {stage: sum(more > 0 for _, more, _, _ in some) for stage, some in found.items()}
    plain = all(found.values()) and all(n == len(SCORES) for n in better.values())
    return (
        f"**Distilled {'beats' if plain else 'does not plainly beat'} scratch**: {opening(radius)}, it has the better "
        f"mean in {better['float']} of {len(SCORES)} scores in float and in {better['quantized']} quantized. "
        "All runs are below."
    )


def verdict(rows: Sequence[Mapping[str, Any]], radius: int, stage: str) -> str:
    """By how much the distilled student is better than the one from scratch, and in how many seeds."""
    found = gains(rows, radius, stage)
    if not found:
        return "There are no runs of both students to compare."
    said = (f"{what} by {more:+.3f}, better in {wins} of {n} seeds" for what, more, wins, n in found)
    return f"Distilled against scratch, {stage}, at equal steps: {'; '.join(said)}."


def hardware_table(report: Mapping[str, Any]) -> list[str]:
    clock, cycles, exact = report["target"]["clock_mhz"], report["cycles"], report["exactness"]
    return [
        "Threshold and opening included, converted for the ZCU102 without a target for the interval. Estimated is from "
        "the model of cycles and resources alone; nothing was placed, no timing met, the clock is assumed:",
        "",
        "| | |",
        "| --- | --- |",
        f"| multiply-accumulates a tile | {report['model']['macs']:,} |",
        f"| interval, cycles: estimated, simulated | {hardware_lines.both(cycles['interval'])} |",
        f"| latency, cycles: estimated, simulated | {hardware_lines.both(cycles['latency'])} |",
        f"| tiles of 128 x 128 a second at {clock:g} MHz | {clock * 1e6 / cycles['interval']['model']:,.0f} |",
        f"| {report['target']['part']}: estimated | {hardware_lines.resources(report, 'model')} |",
        f"| the same, counted by Yosys | {hardware_lines.resources(report, 'yosys')} |",
        "| masks of test tiles, emulation against QKeras | "
        f"{hardware_lines.proof(exact.get('emulate'), 'pixels')} |",
        "| masks of some of them, RTL simulation against QKeras | "
        f"{hardware_lines.proof(exact.get('rtl'), 'pixels')} |",
        f"| tiles under random stalls | {hardware_lines.stalled(report, 'tiles')} |",
    ]


if __name__ == "__main__":
    main()
