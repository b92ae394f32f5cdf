# SPDX-License-Identifier: Apache-2.0
"""A made-up report for the tests of the page. No number in it was measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from rtl4ml.report import ClassMap, Data, Edge, Extras, Stage

CLASSES = (
    "Brocoli green weeds 1",
    "Brocoli green weeds 2",
    "Grapes untrained",
    "Corn senesced green weeds",
    "Lettuce romaine 4wk",
    "Lettuce romaine 5wk",
    "Lettuce romaine 6wk",
    "Lettuce romaine 7wk",
)
# name, op, macs, pe, simd, interval, lut, ff, dsp, bram36
LAYERS = (
    ("conv1", "Conv", 9_792, 16, 3, 204, 1_203, 1_655, 24, 0.0),
    ("conv1_act", "Activation", 0, 16, 16, 204, 412, 390, 0, 0.0),
    ("pool1", "Pool", 0, 16, 16, 204, 150, 201, 0, 0.0),
    ("conv2", "Conv", 78_336, 24, 16, 204, 5_230, 7_911, 192, 1.5),
    ("conv2_act", "Activation", 0, 24, 24, 102, 618, 580, 0, 0.0),
    ("pool2", "Pool", 0, 24, 24, 102, 220, 300, 0, 0.0),
    ("dense1", "Dense", 39_168, 12, 16, 204, 2_680, 3_910, 96, 6.0),
    ("dense2", "Dense", 256, 8, 1, 32, 130, 160, 4, 0.5),
)


def report() -> dict[str, Any]:
    """A 204-band student of which everything was run."""
    keys = ("name", "op", "macs", "pe", "simd", "interval", "lut", "ff", "dsp", "bram36")
    return {
        "schema": 1,
        "model": {"name": "student_204", "parameters": 43_210, "weight_bits": 259_260, "macs": 127_552},
        "target": {"board": "ZCU102", "part": "xczu9eg-ffvb1156-2-e", "clock_mhz": 250},
        "exactness": {
            "emulate": {"samples": 13_908, "values": 111_264, "mismatches": 0},
            "csim": {"samples": 13_908, "values": 111_264, "mismatches": 0},
            "rtl": {"samples": 13_908, "values": 111_264, "mismatches": 0},
        },
        "stalls": {"patterns": 8, "frames": 4_096, "mismatches": 0},
        "cycles": {"latency": {"model": 655, "rtl": 656}, "interval": {"model": 204, "rtl": 204}},
        "resources": {
            "model": {"lut": 10_643, "ff": 15_107, "dsp": 316, "bram36": 8.0},
            "yosys": {"lut": 11_018, "ff": 14_820, "dsp": 316, "bram36": 8.5},
            "vitis": None,
            "vivado": None,
            "available": {"lut": 274_080, "ff": 548_160, "dsp": 2_520, "bram36": 912},
        },
        "efficiency": {"multipliers": 632, "macs_per_cycle": 625.25, "mac_efficiency": 0.9893},
        "fifos": [
            {"name": "conv1_to_pool1", "width": 96, "depth": 2, "peak": 1},
            {"name": "pool1_to_conv2", "width": 96, "depth": 16, "peak": 11},
            {"name": "conv2_to_pool2", "width": 144, "depth": 2, "peak": 2},
            {"name": "pool2_to_dense1", "width": 144, "depth": 1_024, "peak": None},
        ],
        "layers": [dict(zip(keys, row, strict=True)) for row in LAYERS],
        "accuracy": {
            "dataset": "Salinas crop",
            "split": "the test blocks",
            "oa": 0.96732,
            "aa": 0.96101,
            "kappa": 0.96018,
        },
        "throughput": {"samples_per_s": 250e6 / 204, "assumed_clock_mhz": 250},
        "seconds": {
            "train": None,
            "convert": 4.21,
            "csim": 38.7,
            "verilate": 65.4,
            "simulate": 27.9,
            "synthesize": 0.42,
        },
    }


def chain() -> tuple[list[Stage], list[Edge]]:
    """The stages of `report()`, one behind the other."""
    stages = [
        Stage(name=n, op=op, interval=interval, pe=pe, simd=simd, bottleneck=n == "conv2")
        for n, op, _, pe, simd, interval, *_ in LAYERS
    ]
    names = ["s_axis", *(s.name for s in stages), "m_axis"]
    edges = [Edge(source=a, target=b, width=96, depth=2, peak=1) for a, b in pairwise(names)]
    return stages, edges


def unet(depth: int) -> tuple[list[Stage], list[Edge]]:
    """A U-Net's stages with a skip on every level."""
    stages: list[Stage] = []
    edges: list[Edge] = []

    def add(name: str, op: str, interval: int) -> None:
        edges.append(
            Edge(source=stages[-1].name if stages else "s_axis", target=name, width=64, depth=2, peak=2)
        )
        stages.append(
            Stage(name=name, op=op, interval=interval, pe=8, simd=16, bottleneck=interval == 16_384)
        )

    for k in range(depth):
        add(f"down{k}_depthwise", "Depthwise", 12_000 >> k)
        add(f"down{k}_pointwise", "Conv", 15_000 >> k)
        add(f"down{k}_pool", "Pool", 9_000 >> k)
    add("bottom", "Conv", 16_384)
    for k in reversed(range(depth)):
        add(f"up{k}_upsample", "UpSample", 8_000 >> k)
        add(f"up{k}_concat", "Concat", 12_000 >> k)
        add(f"up{k}_conv", "Conv", 16_000 >> k)
        edges.append(
            Edge(
                source=f"down{k}_pointwise",
                target=f"up{k}_concat",
                width=64,
                depth=9_000 >> k,
                peak=8_991 >> k,
            )
        )
    edges.append(Edge(source=stages[-1].name, target="m_axis", width=8, depth=2))
    return stages, edges


def scene(rng: np.random.Generator, *, classes: int = 8, size: int = 40) -> tuple[ClassMap, np.ndarray]:
    """Fields of `size` / 4 pixels with gaps between them, one pixel in twenty predicted wrong; the confusion."""
    row, col = np.divmod(np.arange(size * size), size)
    field = (row // (size // 4)) * 4 + col // (size // 4)
    labelled = (row % (size // 4) > 0) & (col % (size // 4) > 0)
    row, col, truth = row[labelled], col[labelled], (field % classes)[labelled]
    predicted = np.where(rng.random(len(truth)) < 0.05, rng.integers(0, classes, len(truth)), truth)
    test = (row + col) % 2 == 0
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (truth[test], predicted[test]), 1)
    return ClassMap(row=row, col=col, truth=truth, predicted=predicted, test=test), confusion


def extras(**changes: Any) -> Extras:
    """Everything that the page can show, over real data."""
    stages, edges = chain()
    class_map, confusion = scene(np.random.default_rng(0))
    full = Extras(
        data=Data(name="Salinas crop", synthetic=False),
        sample="pixel",
        reference="QKeras predict in float32",
        stages=stages,
        edges=edges,
        class_names=CLASSES,
        confusion=confusion,
        class_map=class_map,
        notes=["DSP48E2 counts are explicit instances in the RTL, not inferred."],
    )
    return replace(full, **changes)
