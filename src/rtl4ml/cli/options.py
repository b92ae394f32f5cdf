# SPDX-License-Identifier: Apache-2.0
"""The arguments of the commands, and how an argument of the Python interface is written here.

Only click is imported: `rtl4ml COMMAND --help` is instant.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from rtl4ml.errors import Value

RESOURCES = ("lut", "ff", "dsp", "bram36")
BUDGETS = (*RESOURCES, "dram")


OPTIONS = {"x": "data", "cube": "data"}  # of arguments, where the name is another


# Those of rtl4ml.ops.opening and rtl4ml.arguments, which are slow to import.
MOST_OPENING, MOST_SEED = 7, 2**63 - 1
HOMES = ("bram", "late", "dram")  # of rtl4ml.ir.late


class Budget(click.ParamType[Any]):
    """RESOURCE=SHARE, such as dsp=0.2."""

    name = "RESOURCE=SHARE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        key, _, share = value.partition("=")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if key not in BUDGETS or not 0 < number <= 1:
            self.fail(
                f"{value!r} must be a resource ({', '.join(BUDGETS)}) and a share above 0, up to 1, as in lut=0.5",
                param,
                ctx,
            )
        return key, number


class Price(click.ParamType[Any]):
    """RESOURCE=NUMBER, such as dsp=2."""

    name = "RESOURCE=NUMBER"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        key, _, price = value.partition("=")
        try:
            return key, float(price)
        except ValueError:
            self.fail(
                f"{value!r} must be a resource ({', '.join(RESOURCES)}) and a number, as in dsp=2", param, ctx
            )


class Shares(Budget):
    """As Budget, or several shares, such as lut=5%..40%/8: an axis of a sweep, whose text is left as it is."""

    name = "RESOURCE=SHARES"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Any]:
        if isinstance(value, str):
            key, _, shares = value.partition("=")
            if key in RESOURCES and (".." in shares or any(c in shares for c in ",%/")):
                return key, shares
        return super().convert(value, param, ctx)


class Home(click.ParamType[Any]):
    """HOME, or JOIN=HOME of one join, such as up1_concat=late."""

    name = "[JOIN=]HOME"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        join, _, home = value.rpartition("=")
        if home not in HOMES and (join or home != "auto"):
            self.fail(
                f"{value!r} must be auto, or a home ({', '.join(HOMES)}) for all skips or as in up1_concat=late",
                param,
                ctx,
            )
        return join, home


def path() -> click.Path:
    """The type of an argument that is a path."""
    return click.Path(path_type=Path)


def conversion(*, sweeps: bool = False) -> list[click.Parameter]:
    """The arguments of `rtl4ml.convert`; of a sweep, which has several targets, without the one."""
    own = "MODEL's name and -sweep" if sweeps else "MODEL's name"
    return [
        click.Argument(["model"], type=path()),
        click.Option(["--out"], type=path(), help=f"Output folder; default build/{own}."),
        click.Option(
            ["--target-interval"],
            type=click.IntRange(min=1),
            hidden=sweeps,
            help="Cycles between samples to reach.",
        ),
        click.Option(
            ["--budget"],
            type=Shares() if sweeps else Budget(),
            multiple=True,
            help="Greatest share of the device, e.g. dsp=0.2; repeatable; default 0.75, or 1 with "
            + ("a target. Several: lut=5%,20% or lut=5%..40%/8." if sweeps else "--target-interval."),
        ),
        click.Option(
            ["--prices"],
            type=Price(),
            multiple=True,
            help="What all of the device's resource costs, e.g. dsp=2; repeatable; the cheapest design is then made. "
            "Of others lut=1, ff=1, dsp=0.5, bram36=0.5.",
        ),
        click.Option(
            ["--clock-mhz"],
            type=float,
            default=250.0,
            show_default=True,
            help="Clock that is assumed; of a board of open tools, what the router is asked for first.",
        ),
        click.Option(
            ["--input-precision"],
            help="Type of the input where the model has none, as in 'ap_fixed<8,1>'; else of what comes before it.",
        ),
        click.Option(
            ["--output"],
            type=click.Choice(["logits", "argmax", "mask"]),
            default="logits",
            show_default=True,
            help="What the hardware gives: all channels, the greatest channel's number, or one bit a pixel.",
        ),
        click.Option(
            ["--fit/--no-fit"],
            default=True,
            show_default=True,
            help="Refuse a design that the device cannot hold.",
        ),
        click.Option(
            ["--pumped/--no-pumped"],
            default=False,
            show_default=True,
            help="Let DSP slices run at twice the clock: two products a cycle each, and a second clock, aclk2x.",
        ),
        click.Option(
            ["--skips"],
            type=Home(),
            multiple=True,
            help="Home of skip connections, or of one as in up1_concat=late; repeatable. bram: memory, the default; "
            "late: the input waits, and what leads to the join is computed once more; "
            "dram: behind AXI4 ports; auto: as many late or in DRAM as it takes to fit.",
        ),
        click.Option(
            ["--threshold"], type=float, help="Of a mask: 1 where the model's own output reaches it."
        ),
        click.Option(
            ["--opening"],
            type=click.IntRange(1, MOST_OPENING),
            help="Of a mask: radius in pixels of the disk by which the mask is opened.",
        ),
        click.Option(
            ["--columns"],
            type=click.IntRange(min=1),
            help="Columns of the hardware's frames where these are strips of the model's; default the model's.",
        ),
        click.Option(
            ["--name"],
            metavar="NAME",
            help="What every module and memory image begins with, so that several designs are read into one project.",
        ),
        click.Option(
            ["--date"],
            metavar="YYYY-MM-DD",
            help="Day that the report says; without it the report has none, so that it is the same every time.",
        ),
    ]


# Those of rtl4ml.board, which are slow to import.
RESULTS, STEPS = ("raw", "map", "mask"), ("create", "block_design", "synth", "impl", "report", "bitstream")


def boards() -> list[click.Parameter]:
    """The arguments of the board: those of a conversion, whose head follows from the result, and its own."""
    own: list[click.Parameter] = [
        click.Option(
            ["--board"],
            default="zcu102",
            show_default=True,
            help="The board: a folder of boards/, such as kv260; ulx3s is built by open tools to its bitstream.",
        ),
        click.Option(
            ["--counts"],
            type=path(),
            help="JSON file of what the counts are and how they were normalized: dtype, and scale_log2, or mean and "
            "std of each band, or a table; default what rtl4ml train left beside MODEL.",
        ),
        click.Option(
            ["--scale-log2"],
            type=click.IntRange(-100, 100),
            help="Instead: the network's input is counts / 2^K.",
            metavar="K",
        ),
        click.Option(
            ["--dtype"],
            type=click.Choice(["uint8", "uint16"]),
            help="Of --scale-log2: the type of the counts; default uint16.",
        ),
        click.Option(
            ["--layout"],
            type=click.Choice(["any", "bip"]),
            default="any",
            show_default=True,
            help="Layouts of cubes in memory: BIP, BIL and BSQ, or BIP alone.",
        ),
        click.Option(
            ["--result"],
            type=click.Choice(RESULTS),
            help="A class a pixel, a bit a pixel, or the model's values; default a map, or a mask with --threshold "
            "or of a model whose training chose a threshold.",
        ),
        click.Option(
            ["--hls"],
            is_flag=True,
            help="Write the second road too, board/hls: the network for Vitis HLS behind AXI, its C simulation run.",
        ),
        click.Option(
            ["--data"],
            type=path(),
            help="Cube of raw counts (rows, columns, bands) that the driver runs on the simulated board, for a picture "
            "of its result in the report: .npy, or .npz with an array x or X.",
        ),
        click.Option(
            ["--build/--no-build"],
            default=None,
            help="Build the bitstream; default where Vivado is, and always by open tools.",
        ),
        click.Option(["--vivado"], type=path(), help="Path of the program vivado; default that in PATH."),
        click.Option(["--until"], type=click.Choice(STEPS), help="Last step of Vivado; default bitstream."),
        click.Option(
            ["--jobs"], type=click.IntRange(min=1), default=2, show_default=True, help="Of Vivado, at once."
        ),
    ]
    return [*(p for p in conversion() if p.name not in ("output", "name")), *own]


def proof() -> list[click.Parameter]:
    """The arguments of a proof."""
    return [
        click.Option(
            ["--data"],
            type=path(),
            help="Samples: .npy, or .npz with an array x or X, or an array for each of several inputs.",
        ),
        click.Option(
            ["--samples"],
            type=click.IntRange(min=1),
            default=256,
            show_default=True,
            help="How many at most.",
        ),
        click.Option(
            ["--seed"],
            type=click.IntRange(0, MOST_SEED),
            default=0,
            show_default=True,
            help="Of random samples and stalls.",
        ),
        click.Option(
            ["--netlist"],
            is_flag=True,
            help="Simulate the netlist after synthesis too: ECP5 primitives by Yosys, with and without stalls.",
        ),
    ]


def verilog() -> list[click.Parameter]:
    """The arguments of the translation."""
    return [
        click.Argument(["project"], type=path()),
        click.Option(["--out"], type=path(), help="File to write; default PROJECT/verilog/TOP.v."),
    ]


def comparison() -> list[click.Parameter]:
    """Two designs and the page of both."""
    return [
        click.Argument(["a"], type=path()),
        click.Argument(["b"], type=path()),
        click.Option(
            ["--out"],
            type=path(),
            default=Path("build/compare.html"),
            show_default=True,
            help="File of the page.",
        ),
    ]


def vectors() -> list[click.Parameter]:
    """The arguments of test vectors."""
    return [
        click.Argument(["project"], type=path()),
        click.Option(
            ["--frames"], type=click.IntRange(min=1), default=16, show_default=True, help="How many."
        ),
        click.Option(
            ["--seed"], type=click.IntRange(min=0), default=0, show_default=True, help="Of the frames."
        ),
        click.Option(["--out"], type=path(), help="Folder to write; default PROJECT/more."),
    ]


def training() -> list[click.Parameter]:
    """The arguments of a training."""
    return [
        click.Argument(["recipes"], nargs=-1, metavar="[RECIPE]..."),
        click.Option(["--data"], type=path(), help="Folder of the scenes; default RTL4ML_DATA."),
        click.Option(["--out"], type=path(), help="Output folder; default build/train/RECIPE."),
        click.Option(["--seed"], type=click.IntRange(0, 2**32 - 1), help="Instead of the recipe's."),
        click.Option(
            ["--seeds"], help="Train with each, such as 1-5 or 1,2,7, and give means, spreads and tests."
        ),
        click.Option(
            ["--per-class"],
            type=(click.IntRange(min=1), click.IntRange(min=1)),
            metavar="TRAIN VALIDATION",
            help="Instead of the recipe's split: so many pixels of every class at random, the rest tests (leaks).",
        ),
        click.Option(["--quick"], is_flag=True, help="A few steps only, to see that it works."),
        click.Option(["--resume"], is_flag=True, help="Go on where an interrupted training stopped."),
    ]


def main_job() -> list[click.Parameter]:
    """The arguments of the main job."""
    return [
        click.Option(["--out"], type=path(), default=Path("build/demo"), show_default=True),
        click.Option(["--data"], type=path(), help="Folder of the scenes; default RTL4ML_DATA."),
        click.Option(
            ["--samples"], type=click.IntRange(min=1), help="Pixels at most; default the whole scene."
        ),
    ]


def option_of(argument: str, value: Value) -> str:
    """How an argument of `rtl4ml.convert` or of its design's methods is written here."""
    if argument == "fit":
        return "--no-fit" if value == "False" else "--fit"
    if argument == "pumped":
        return "--no-pumped" if value == "False" else "--pumped"
    option = f"--{OPTIONS.get(argument, argument).replace('_', '-')}"
    if isinstance(value, Mapping):
        return " ".join(f"{option} {k}={v}" for k, v in value.items())
    return f"{option} {value}" if value else option


def given_options(*, except_for: Container[str] = ()) -> str:
    """The options that the command line has, with commas between."""
    options = [p for p in click.get_current_context().command.params if isinstance(p, click.Option)]
    return ", ".join(p.opts[0] for p in options if p.name not in except_for and is_given(p.name or ""))


def is_given(name: str) -> bool:
    """Whether the command line has the option of that name."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
