# SPDX-License-Identifier: Apache-2.0
"""Designs through the open flow to bitstreams of the ULX3S: clock that the router met, utilization, seconds.

    python scripts/place_and_route.py                       # all, one after the other; minutes each
    python scripts/place_and_route.py student jets          # some
    python scripts/place_and_route.py --clock-mhz 130       # what the router is asked for first; default the board's

Each design's project stays in build/place_and_route/<name>. Nothing of it runs on a board.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rtl4ml
from rtl4ml.board.ecp5 import spec
from rtl4ml.errors import Rtl4mlError
from rtl4ml.host import frameworks
from rtl4ml.models import unet as models_unet

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "place_and_route"
KINDS = ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD")


def model_file(name: str) -> Callable[[], Any]:
    return lambda: ROOT / "models" / f"{name}.keras"


def jets() -> Any:
    """The dense network of hls4ml's jet tagging example: 16 features, 64, 32, 32, 5 classes, weights of 6 bits."""
    keras, q = frameworks.keras(), frameworks.qkeras()
    keras.utils.set_random_seed(1)
    w = {"kernel_quantizer": "quantized_bits(6,0,alpha=1)", "bias_quantizer": "quantized_bits(6,0,alpha=1)"}
    layers = [keras.layers.Input((16,)), q.QActivation("quantized_bits(8,3,alpha=1)")]
    for width in (64, 32, 32):
        layers += [q.QDense(width, **w), q.QActivation("quantized_relu(6,2)")]
    return keras.Sequential([*layers, q.QDense(5, **w)])


def unet() -> Any:
    """A small U-Net of models/unet.py on frames of 32 x 32, 4 bits."""
    frameworks.keras().utils.set_random_seed(1)
    return models_unet.build(
        widths=(4, 8, 8), size=(32, 32), weight_bits=4, activation_bits=4, bias_bits=8, blocks=1
    )


# The 8-bit student has the 128 products of its first dense layer in multipliers: in LUTs they take as much as all else.
IN_MULTIPLIERS = {"lut": 0.2, "dsp": 1.0}

# Model, the interval that is asked for, and what goes into `convert` and `board`.
DESIGNS: dict[str, tuple[Callable[[], Any], int | None, dict[str, Any], dict[str, Any]]] = {
    "student": (model_file("salinas_1dcnn"), 204, {"output": "argmax"}, {}),
    "student_8bit": (
        model_file("salinas_1dcnn_8bit"),
        816,
        {"output": "argmax", "budget": IN_MULTIPLIERS},
        {},
    ),
    "student_4bit": (model_file("salinas_1dcnn_4bit"), 204, {"output": "argmax"}, {}),
    "student_2bit": (model_file("salinas_1dcnn_2bit"), 204, {"output": "argmax"}, {}),
    "jets": (jets, 64, {"output": "argmax"}, {"scale_log2": 5}),
    "unet": (unet, None, {"output": "mask", "threshold": 0.5}, {"scale_log2": 8, "dtype": "uint8"}),
}


def build(name: str, asked_mhz: float | None) -> dict[str, Any]:
    """Makes a design's bitstream; its entry place_and_route."""
    model, interval, converted, boarded = DESIGNS[name]
    board = spec.board("ulx3s")
    design = rtl4ml.convert(
        model(),
        out=OUT / name,
        target_interval=interval,
        device=board.device,
        clock_mhz=asked_mhz or board.asked_mhz,
        **converted,
    )
    project = design.board(board="ulx3s", asked_mhz=asked_mhz, **boarded)
    project.build(progress=lambda said: print(f"  {said}", flush=True))
    return dict(design.report()["place_and_route"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Designs to bitstreams of the ULX3S by open tools.")
    parser.add_argument(
        "names", nargs="*", metavar="design", help=f"some of {', '.join(DESIGNS)}; default all"
    )
    parser.add_argument(
        "--clock-mhz", type=float, help="what the router is asked for first; default the board's"
    )
    given = parser.parse_args()
    if unknown := set(given.names) - set(DESIGNS):
        parser.error(f"designs must be of {', '.join(DESIGNS)}, not {', '.join(sorted(unknown))}")
    rows, failed = [], 0
    for name in given.names or DESIGNS:
        print(f"{name}", flush=True)
        start = time.monotonic()
        try:
            found = build(name, given.clock_mhz)
        except Rtl4mlError as error:
            print(f"  {error}", flush=True)
            failed += 1
            continue
        used = {u["kind"]: u["used"] for u in found["utilization"]}
        worst = " > ".join(f"{s['layer'] or 'shell'}/{s['cell']}" for s in found["critical_path"])
        rows.append(
            f"| {name} | {found['clock_mhz']:.6g} | {found['fmax_mhz']:.2f} | {len(found['routes'])} | "
            f"{', '.join(f'{used.get(k, 0):,}' for k in KINDS)} | {worst} | {time.monotonic() - start:,.0f} |"
        )
        print(rows[-1], flush=True)
    print("| design | clock, MHz | met, MHz | routes | " + ", ".join(KINDS) + " | critical path | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
