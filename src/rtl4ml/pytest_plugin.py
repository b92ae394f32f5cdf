# SPDX-License-Identifier: Apache-2.0
"""What pytest has where rtl4ml is installed: the fixture `rtl4ml_design`, and options that name saved designs.

    pytest --rtl4ml-design build/x             or, in the configuration, rtl4ml_designs = ["build/x"]

A test that takes `rtl4ml_design` runs once for each of them, with the loaded `rtl4ml.SavedDesign`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rtl4ml

if TYPE_CHECKING:
    from rtl4ml.loaded import SavedDesign

_FIXTURE = "rtl4ml_design"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line, and the entry of the configuration."""
    group = parser.getgroup("rtl4ml", "saved designs of rtl4ml")
    group.addoption(
        "--rtl4ml-design",
        action="append",
        default=[],
        dest="rtl4ml_designs",
        metavar="FOLDER",
        help="folder of a saved design for the fixture rtl4ml_design; repeatable",
    )
    group.addoption(
        "--rtl4ml-frames",
        type=int,
        default=16,
        metavar="N",
        help="frames that rtl4ml.testing.checks sends (16)",
    )
    group.addoption(
        "--rtl4ml-patterns",
        type=int,
        default=2,
        metavar="N",
        help="patterns of random pauses under which it sends them again (2)",
    )
    parser.addini("rtl4ml_designs", "folders of saved designs for the fixture rtl4ml_design", "paths", [])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes the fixture runs once for each design."""
    if _FIXTURE in metafunc.fixturenames:
        config = metafunc.config
        folders = [Path(f) for f in config.getoption("rtl4ml_designs") or config.getini("rtl4ml_designs")]
        if not folders:
            raise pytest.UsageError(
                f"{_FIXTURE}: the folder of a saved design must be given, not none; "
                "write --rtl4ml-design FOLDER, or rtl4ml_designs in pytest's configuration"
            )
        metafunc.parametrize(_FIXTURE, folders, ids=[f.name for f in folders], indirect=True, scope="session")


@pytest.fixture(scope="session")
def rtl4ml_design(request: pytest.FixtureRequest) -> SavedDesign:
    """The saved design of a folder that was named to pytest."""
    return rtl4ml.load(request.param)
