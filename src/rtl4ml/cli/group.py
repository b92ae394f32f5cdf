# SPDX-License-Identifier: Apache-2.0
"""The commands: their names, texts and arguments, and where the function of each is.

A function is imported when its command runs, and imports at its top what it needs; neither `rtl4ml --help` nor
`rtl4ml COMMAND --help` imports it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from rtl4ml._version import __version__
from rtl4ml.cli import options, sweep_options


class LazyCommand(click.Command):
    """A command whose function is imported when it runs.

    function: module within this package and function, as in "design:convert"; the arguments go to it by name.
    example:  a call of the command, without "rtl4ml" and its name; the end of its help.
    """

    def __init__(
        self,
        name: str,
        function: str,
        help: str,  # noqa: A002 -- as click has it
        params: list[click.Parameter],
        *,
        example: str,
        summary: str | None = None,
    ) -> None:
        told = f"Example: rtl4ml {name} {example}"
        super().__init__(name, params=params, help=help, short_help=summary, callback=self.call, epilog=told)
        self.function = function

    def call(self, **arguments: Any) -> Any:
        """Imports the function and calls it."""
        module, _, function = self.function.partition(":")
        return getattr(import_module(f"rtl4ml.cli.{module}"), function)(**arguments)


COMMANDS = (
    LazyCommand(
        "train",
        "train:train",
        """Train the student of RECIPE: a name in models/ (default salinas_1dcnn), or a .toml file.

        With --seeds, several recipes may be given; they are compared with each other and with their networks in float.
        """,
        options.training(),
        example="salinas_1dcnn_4bit --data scenes --seeds 1-5",
        summary="Train the student of RECIPE.",
    ),
    LazyCommand(
        "convert",
        "design:convert",
        "Write the HLS project, the RTL and the predicted report of MODEL (.keras or .h5).",
        options.conversion(),
        example="model.keras --target-interval 204",
        summary="Write the HLS project and the RTL of MODEL.",
    ),
    LazyCommand(
        "verify",
        "design:verify",
        "Convert MODEL and prove that emulation, HLS and RTL compute its numbers.",
        [*options.conversion(), *options.proof()],
        example="model.keras --data x.npy",
        summary="Convert MODEL and prove that all compute its numbers.",
    ),
    LazyCommand(
        "synth",
        "design:synth",
        "Convert MODEL and count its resources with Yosys.",
        options.conversion(),
        example="model.keras --budget lut=0.1",
    ),
    LazyCommand(
        "report",
        "design:report",
        "All of it for MODEL: convert, verify, synth. For a project folder: show its report.",
        [*options.conversion(), *options.proof()],
        example="model.keras --data x.npy --out build/model",
    ),
    LazyCommand(
        "sweep",
        "sweep:sweep",
        """Predict many designs of MODEL and say which are worth having.

        Interrupted or killed, the same command goes on from all points that had ended.
        """,
        [
            *(p for p in options.conversion(sweeps=True) if p.name not in ("name", "date")),
            *sweep_options.sweeping(),
        ],
        example="model.keras --intervals 204..2040/20 --budget lut=5%..40%/4 --jobs 2",
        summary="Predict many designs of MODEL, and which are worth having.",
    ),
    LazyCommand(
        "compare",
        "compare:compare",
        "Show the designs A and B side by side, on a page and in a table: folders of projects, or their report.json.",
        options.comparison(),
        example="build/small build/fast",
        summary="Show two designs side by side.",
    ),
    LazyCommand(
        "vectors",
        "design:vectors",
        "Write frames of test vectors and what PROJECT makes of them, in hexadecimal, for the benches in its folder.",
        options.vectors(),
        example="build/model --frames 64",
        summary="Write test vectors of a converted project.",
    ),
    LazyCommand(
        "verilog",
        "design:verilog",
        "Write PROJECT as one file of Verilog-2005, memory contents included, for tools that read no SystemVerilog.",
        options.verilog(),
        example="build/model",
        summary="Write a converted project in Verilog-2005.",
    ),
    LazyCommand(
        "board",
        "board:board",
        """Convert MODEL and write its board project: hardware around it, Vivado's scripts, drivers, self-test.

        Vivado runs where there is one; else the folder goes to a machine with it. For a project folder: go on with
        its build.
        """,
        options.boards(),
        example="model.keras --scale-log2 13 --out build/mine",
        summary="Write the board project of MODEL, and build it where Vivado is.",
    ),
    LazyCommand(
        "demo",
        "demo:demo",
        "The main job: the trained Salinas student to verified hardware, on every pixel of the scene.",
        options.main_job(),
        example="--samples 64",
        summary="The trained student to verified hardware.",
    ),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="rtl4ml %(version)s")
def cli() -> None:
    """Quantization-aware QKeras models to FPGA hardware that computes exactly the same numbers.

    Exit status: 0 success, 1 a proof failed, 2 bad input.
    """


for _command in COMMANDS:
    cli.add_command(_command)
