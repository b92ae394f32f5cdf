# SPDX-License-Identifier: Apache-2.0
"""The pages of the spectral students: how each was trained, its scores, a map of its classes, its hardware.

    rtl4ml train salinas_1dcnn_8bit salinas_1dcnn_4bit salinas_1dcnn_2bit --seeds 1-5 --out build/train/blocks
    python scripts/student_pages.py --take build/train/blocks --seed 1 salinas_1dcnn_8bit ...
    python scripts/student_pages.py salinas_1dcnn_8bit ...

With --take, the run of a seed becomes the student that comes with rtl4ml: its weights and metrics go into models/, its
history and the summary of all runs into docs/students. Then, and without it, the pages are written from these files:
docs/students/<name>.md, <name>_curve.png, <name>_confusion.png, <name>_map.png, and of the repeated runs seeds.md. The
hardware is converted here and compared with QKeras on all pixels; with --prove N, it is simulated on N test pixels and
counted by Yosys.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hardware_lines
import numpy as np

import rtl4ml
from rtl4ml.data import catalog as scenes
from rtl4ml.training import plots, runs
from rtl4ml.training.classification import repeat, students

ROOT = Path(__file__).resolve().parents[1]
MODELS, PAGES = ROOT / "models", ROOT / "docs" / "students"
BLOCKS, RANDOM = PAGES / "salinas_widths.json", PAGES / "salinas_widths_random.json"
# What must be said of choices: the recipes were changed after an earlier one had been measured.
EARLIER = (
    "Epochs and recipes were chosen on the validation pixels. The test pixels had been measured before with earlier "
    "recipes: of 8 kernels (seed 1: float 96.91 %, 8 bits 97.58 %, 4 bits 95.55 %), of 16 (means of five seeds: float "
    "97.72 %, 8 bits 97.61 %, 4 bits 96.99 %, 2 bits 95.41 %) and of 32 with half the epochs with quantizers and "
    "without mixed pixels (97.59 %, 97.59 %, 97.06 %, 95.76 %). That mixed ones bring 4 bits nearer to float was then "
    "seen on the validation pixels of seed 1: the divergence from the float network's answers fell from 0.024 to 0.013."
)
STALLED = 64  # pixels under random stalls, where the hardware is simulated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--take", type=Path, help="folder of rtl4ml train --seeds, or of one training")
    parser.add_argument("--random", type=Path, help="the same with --per-class 300 30: its summary is taken")
    parser.add_argument("--seed", type=int, default=1, help="the run that is taken")
    parser.add_argument("--data", type=Path, help="folder of the scenes; default RTL4ML_DATA")
    parser.add_argument("--prove", type=int, default=0, help="test pixels to simulate; Yosys too")
    options = parser.parse_args()
    PAGES.mkdir(parents=True, exist_ok=True)
    if options.random is not None:
        shutil.copyfile(options.random / repeat.SUMMARY, RANDOM)
    if options.take is not None and (options.take / repeat.SUMMARY).is_file():
        shutil.copyfile(options.take / repeat.SUMMARY, BLOCKS)
    for name in options.names:
        if options.take is not None:
            take(name, options.take, options.seed)
        (PAGES / f"{name}.md").write_text(
            page(name, data=options.data, prove=options.prove), encoding="utf-8"
        )
        print(PAGES / f"{name}.md")
    if BLOCKS.is_file():
        (PAGES / "seeds.md").write_text(seeds_page(), encoding="utf-8")
        print(PAGES / "seeds.md")


def take(name: str, folder: Path, seed: int) -> None:
    run = folder / f"{name}-{seed}"
    run = run if run.is_dir() else folder
    shutil.copyfile(run / f"{name}.keras", MODELS / f"{name}.keras")
    shutil.copyfile(run / "metrics.json", MODELS / f"{name}.json")
    shutil.copyfile(run / runs.HISTORY, PAGES / f"{name}.csv")


def page(name: str, *, data: Path | None, prove: int) -> str:
    student = students.load_student(name)
    metrics = json.loads((MODELS / f"{name}.json").read_text(encoding="utf-8"))
    scene = scenes.load(student.recipe.data.scene, data=data)
    test = student.recipe.split(scene).test
    x = student.recipe.inputs(scene.spectra)

    design = rtl4ml.convert(
        students.student_path(name), out=ROOT / "build" / "pages" / name, target_interval=scene.bands
    )
    found = design.emulate(x).argmax(axis=-1)
    if prove:
        some = x[test[np.linspace(0, len(test) - 1, prove).astype(int)]]
        design.simulate(some)
        design.simulate(some[:STALLED], stalls="random", seed=1)
        design.synthesize()
    report = design.report()
    written = metrics["quantized"]["test"]["oa"]
    assert (found[test] == scene.labels[test]).mean() == written, (
        f"{name}: the weights are not those of the metrics"
    )

    pictures = [pictured("map", name, "the scene's classes, the student's, and where they differ")]
    wrong = np.where(found == scene.labels, -1, scene.labels)
    maps = {"ground truth": scene.labels, "student": found, "where they differ": wrong}
    plots.class_maps(
        {title: scene.image(values) for title, values in maps.items()},
        scene.class_names,
        PAGES / f"{name}_map.png",
    )
    counts = metrics["quantized"]["test"]["confusion"]
    plots.confusion(
        counts, scene.class_names, PAGES / f"{name}_confusion.png", title=metrics["split"]["name"]
    )
    pictures.append(pictured("confusion", name, "confusion matrix of the test pixels"))
    if (PAGES / f"{name}.csv").is_file():
        plots.curve(runs.read_history(PAGES / f"{name}.csv"), PAGES / f"{name}_curve.png", title=name)
        pictures.insert(0, pictured("curve", name, "loss and validation accuracy over the epochs"))

    parts = [
        f"# {name}",
        "Written by scripts/student_pages.py. Do not edit.",
        f"Weights [{name}.keras](../../models/{name}.keras), recipe [{name}.toml](../../models/{name}.toml) "
        f"(sha256 {metrics['recipe']['sha256'][:16]}), seed {metrics['recipe']['seed']}, data "
        f"{metrics['data']['scene']} (sha256 {metrics['data']['sha256'][:16]}).",
        "## Accuracy",
        accuracies(metrics, scene.class_names),
        *pictures[:1],
        *(["All seeds, with tests: [seeds.md](seeds.md)."] if BLOCKS.is_file() else []),
        *pictures[1:],
        "## Hardware",
        hardware(report, len(x)),
    ]
    return "\n\n".join(parts) + "\n"


def pictured(kind: str, name: str, what: str) -> str:
    return f"![{what}]({name}_{kind}.png)"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def accuracies(metrics: Mapping[str, Any], names: tuple[str, ...]) -> str:
    split, stages = metrics["split"], [metrics[name]["test"] for name in ("float", "quantized")]
    lines = [
        f"{split['test']:,} test pixels of {split['name']}; {split['train']:,} trained, {split['validation']:,} chose "
        "the epoch. The test pixels chose nothing.",
        "",
        "| | float | quantized |",
        "| --- | --- | --- |",
    ]
    for key, label in (("oa", "overall accuracy"), ("aa", "average accuracy")):
        lines.append(f"| {label} | {' | '.join(percent(s[key]) for s in stages)} |")
    lines.append(f"| kappa | {' | '.join(format(s['kappa'], '.4f') for s in stages)} |")
    for i, name in enumerate(names):
        lines.append(f"| {name} | {' | '.join(percent(s['per_class'][i]) for s in stages)} |")
    if "footprint" in metrics["quantized"]:
        sizes = [metrics[name]["footprint"] for name in ("float", "quantized")]
        rows = (
            ("bits a number, mean", "bits", "{:.2f}"),
            ("MB", "megabytes", "{:.2f}"),
            ("uplink, minutes", "uplink_minutes", "{:.3f}"),
            ("downlink, minutes", "downlink_minutes", "{:.4f}"),
        )
        for label, key, form in rows:
            lines.append(f"| {label} | {' | '.join(form.format(size[key]) for size in sizes)} |")
    if "trained_pixels_per_s" in metrics:
        speed, seconds = metrics["trained_pixels_per_s"], metrics["seconds"]
        lines += [
            "",
            f"Trained in {seconds['all']:.0f} s of wall clock on a machine with other work to do: {speed['float']:,} "
            f"pixels/s in float, {speed['quantized']:,} with quantizers.",
        ]
    return "\n".join(lines)


def seeds_page() -> str:
    """The runs of all seeds on both splits, with means, spreads and tests."""
    parts = ["# Salinas crop: float, 8, 4 and 2 bits over several seeds"]
    parts += [
        "Written by scripts/student_pages.py. Do not edit.",
        *summarized(BLOCKS, "## Block split", EARLIER),
    ]
    if RANDOM.is_file():
        parts += summarized(
            RANDOM,
            "## The papers' sampling, 300 + 30 random pixels a class",
            "Not comparable with figures of the full scene, nor with those above: this is a crop of eight classes, and "
            "a random split tests on its training pixels' neighbours (it leaks). Each run has a split of its own.",
        )
    return "\n\n".join(parts) + "\n"


def summarized(path: Path, title: str, warning: str = "") -> list[str]:
    summary = json.loads(path.read_text(encoding="utf-8"))
    models, tests = summary["models"], summary["tests"]
    lines = [
        f"| overall accuracy, seed | {' | '.join(str(seed) for seed in summary['seeds'])} | mean ± deviation |",
        "| --- " * (len(summary["seeds"]) + 2) + "|",
    ]
    for name, found in models.items():
        runs_oa = " | ".join(f"{100 * oa:.2f}" for oa in found["runs"]["oa"])
        lines.append(f"| {name} | {runs_oa} | {spread(found['oa'])} |")
    lines += ["", "| | average accuracy | kappa | MB |", "| --- | --- | --- | --- |"]
    for name, found in models.items():
        kappa = f"{found['kappa']['mean']:.4f} ± {found['kappa']['std']:.4f}"
        lines.append(f"| {name} | {spread(found['aa'])} | {kappa} | {found['footprint']['megabytes']:.2f} |")
    lines += ["", "| p | Wilcoxon over classes | Dunn over overall accuracies |", "| --- | --- | --- |"]
    for pair, p in tests["wilcoxon_per_class"].items():
        lines.append(f"| {pair.replace(' | ', ' against ')} | {p:.4f} | {tests['dunn_oa'][pair]:.4f} |")
    text = (
        f"Percent of the test pixels of {summary['split']['name']}. Mean and standard deviation of {summary['runs']} "
        f"runs; Kruskal-Wallis over all: p {tests['kruskal_oa']:.4f}; Dunn's p are Bonferroni-adjusted."
    )
    return [title, *([warning] if warning else []), text, "\n".join(lines)]


def spread(found: Mapping[str, Any]) -> str:
    return f"{100 * found['mean']:.2f} ± {100 * found['std']:.2f}"


def hardware(report: Mapping[str, Any], pixels: int) -> str:
    cycles, exact, throughput = report["cycles"], report["exactness"], report["throughput"]
    rows = [
        (
            "emulation against QKeras, all labelled pixels",
            hardware_lines.proof(exact.get("emulate"), "values"),
        ),
        ("RTL simulation against QKeras, some test pixels", hardware_lines.proof(exact.get("rtl"), "values")),
        ("the same under random stalls", hardware_lines.stalled(report, "frames")),
        ("interval, cycles a pixel: estimated, simulated", hardware_lines.both(cycles["interval"])),
        ("latency, cycles: estimated, simulated", hardware_lines.both(cycles["latency"])),
        (f"{report['target']['part']}: estimated", hardware_lines.resources(report, "model")),
        ("the same, counted by Yosys", hardware_lines.resources(report, "yosys")),
        (
            f"pixels/s at an assumed {throughput['assumed_clock_mhz']:g} MHz, no timing was met",
            f"{throughput['samples_per_s']:,.0f}",
        ),
    ]
    text = (
        '`rtl4ml.convert(..., target_interval=204)`. "Estimated" is from the model of cycles and resources alone; '
        f"nothing here has run on a board. {pixels:,} labelled pixels.\n\n| | |\n| --- | --- |\n"
    )
    return text + "\n".join(f"| {label} | {value} |" for label, value in rows)


if __name__ == "__main__":
    main()
