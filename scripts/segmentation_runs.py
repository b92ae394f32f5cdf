# SPDX-License-Identifier: Apache-2.0
"""Teacher, students from scratch and distilled, in float and with few bits, over several seeds.

    python scripts/segmentation_runs.py [--networks NAME ...] [--seeds 1 2 3] [--out FOLDER] [--results FILE]

Each network is trained once a seed, the students by the teacher of the recipe's own seed and both for the same steps.
What has been trained already, by the same recipe and seed, is not trained again, and what was interrupted goes on.
Results are written after every run; those of other networks and seeds stay.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from rtl4ml.training.result import Progress
from rtl4ml.training.segmentation import recipe as segmentation_recipe
from rtl4ml.training.segmentation.teacher import train_with_teacher

TEACHER = "teacher"
NETWORKS = (TEACHER, "sen2ships_unet_scratch", "sen2ships_unet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("build/train"))
    parser.add_argument("--results", type=Path, default=Path("docs/students/sen2ships_runs.json"))
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    if arguments.results.is_file():
        rows = json.loads(arguments.results.read_text(encoding="utf-8"))["runs"]
    teacher = str(segmentation_recipe.read_recipe("sen2ships_unet").teacher)
    for seed in arguments.seeds:
        for network in arguments.networks:
            recipe, folder = network, f"{network}_{seed}"
            if network == TEACHER:
                recipe, own = teacher, segmentation_recipe.read_recipe(teacher).seed
                # The one that teaches lies where students look for it.
                folder = teacher if seed == own else f"{teacher}_{seed}"
            found = rows_of(network, run(recipe, seed, arguments.out / folder))
            rows = [r for r in rows if (r["network"], r["seed"]) != (network, seed)] + found
            rows.sort(key=lambda r: (NETWORKS.index(r["network"]), r["seed"]))
            arguments.results.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"schema": 1, "runs": rows}, indent=1) + "\n"
            arguments.results.write_text(text, encoding="utf-8")
            for row in found:
                print(json.dumps(row), flush=True)


def run(recipe: str, seed: int, out: Path) -> Any:
    """The metrics of a recipe's training, done here unless they are there."""
    plan, path = segmentation_recipe.read_recipe(recipe), out / "metrics.json"
    if path.is_file():
        metrics = json.loads(path.read_text(encoding="utf-8"))
        wanted = {"sha256": plan.sha256, "seed": seed}
        if not metrics["quick"] and wanted.items() <= metrics["recipe"].items():
            return metrics
    started = time.monotonic()

    def say(p: Progress) -> None:
        print(
            f"{time.monotonic() - started:6.0f} s  {out.name}  {p.stage} {p.epoch}/{p.epochs}  "
            f"loss {p.loss:.5f}  validation {p.validation_loss:.5f}  rate {p.learning_rate:g}",
            flush=True,
        )

    return train_with_teacher(recipe, out=out, seed=seed, resume=True, progress=say).metrics


def rows_of(name: str, metrics: Any) -> list[dict[str, Any]]:
    """One row a stage and radius of the opening."""
    found = []
    for stage in ("float", "quantized"):
        for k, entry in enumerate(metrics.get(stage, {}).get("opening", [])):
            row = {"network": name, "seed": metrics["recipe"]["seed"], "stage": stage}
            row |= {key: metrics[stage].get(key) for key in ("epochs", "steps", "best_epoch", "seconds")}
            row |= {"opening": entry["radius"], "threshold": entry["threshold"], "chosen": k == 0}
            for part in ("validation", "validation_scenes", "test", "test_scenes"):
                for key in ("f2", "iou"):
                    row[f"{part}_{key}"] = round(entry[part][key], 4)
            found.append(row)
    return found


if __name__ == "__main__":
    main()
