# SPDX-License-Identifier: Apache-2.0
"""The arguments of a sweep beside those of a conversion. Only click is imported."""

from __future__ import annotations

import click

from rtl4ml.cli.options import path

# Those of rtl4ml.sweep, which are slow to import.
METHODS = ("grid", "random", "tpe", "nsga2")


def sweeping() -> list[click.Parameter]:
    """What a sweep tries, and how."""
    return [
        click.Option(
            ["--intervals"],
            help="Targets in cycles: 204,408, or 1..128 for all, or 1..128/8 for 8 of them; default a cycle for every "
            "position of the input, then x 2, 4, 8.",
        ),
        click.Option(
            ["--reuse-factor"],
            help="hls4ml's ReuseFactor of all layers, such as 1,4,16; of one layer in a file, as reuse_factor.NAME.",
        ),
        click.Option(["--bits"], help="Bits of weights and activations, such as 2..8 or 4,6."),
        click.Option(["--weight-bits"], help="Of weights alone."),
        click.Option(["--activation-bits"], help="Of activations alone."),
        click.Option(
            ["--data"],
            type=path(),
            help="Validation data: .npz with arrays x and y, y of classes or masks; networks of other bits are "
            "calibrated on its array calibration, or on x. Accuracy is that of exact integers.",
        ),
        click.Option(
            ["--test"],
            type=path(),
            help="Test data, as --data: opened once, for the points that are worth having.",
        ),
        click.Option(
            ["--epochs"],
            type=click.IntRange(min=1),
            help="Of a recipe (MODEL is its .toml file): of training with quantizers, for each network; default the "
            "recipe's.",
        ),
        click.Option(
            ["--space"],
            type=path(),
            help="TOML file with a table [axes]: interval, reuse_factor, lut, ff, dsp, bram36, clock_mhz, device, "
            "skips, output, bits, weight_bits, activation_bits, of one layer as weight_bits.NAME.",
        ),
        click.Option(
            ["--search"],
            type=click.Choice(METHODS),
            default="grid",
            show_default=True,
            help="Which point comes next: all in order, at random, or by Optuna's samplers.",
        ),
        click.Option(
            ["--trials"], type=click.IntRange(min=1), help="Points; default all of a grid, else 100."
        ),
        click.Option(
            ["--seed"],
            type=click.IntRange(0, 2**32 - 1),
            default=0,
            show_default=True,
            help="Of what is drawn.",
        ),
        click.Option(
            ["--aims"],
            help="What a point must be good at, with commas between: fps, interval, latency, lut, ff, dsp, bram36, "
            "cost; default fps,cost.",
        ),
        click.Option(
            ["--storage"], help="Database of the points, as in sqlite:///sweep.db; default sweep.db in --out."
        ),
        click.Option(["--jobs"], type=click.IntRange(min=1), default=1, show_default=True, help="Processes."),
        click.Option(
            ["--pick"],
            help="Then convert, prove and count the point that it asks for, as in 'fps>=1e6, lut<10%, best fps'.",
        ),
        click.Option(
            ["--verify"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Then simulate N points of the front and N others, and count them, beside their prediction.",
        ),
        click.Option(["--live"], is_flag=True, help="Renew sweep.html while the sweep goes on."),
        click.Option(
            ["--scheduler"],
            help="Address of a Dask scheduler, as in tcp://host:8786, whose workers do the work instead.",
        ),
    ]
