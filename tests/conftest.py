# SPDX-License-Identifier: Apache-2.0
"""Fixtures that every test may use: data, seeds, a browser. TensorFlow is set up before anything imports it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import zlib
from pathlib import Path

import hypothesis
import numpy as np
import precompiled
import pytest

from rtl4ml.simulation import bulk

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers share the cores
    for variable in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ):
        os.environ.setdefault(variable, "1")

# What runs behind nohup or as a shell's job ignores these, and so would all that a test starts and interrupts.
if threading.current_thread() is threading.main_thread():
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)

hypothesis.settings.register_profile(
    "rtl4ml",
    deadline=None,  # a case may compile a simulator
    print_blob=True,  # a failure prints the line that repeats it
    derandomize=os.environ.get("RTL4ML_DERANDOMIZE") == "1",  # the same cases in every run: for a gate
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("rtl4ml")

BASE_SEED = int(os.environ.get("RTL4ML_SEED", "0"))


def pytest_configure(config: pytest.Config) -> None:
    """The workers inherit what the first process sets in its environment."""
    if "PYTEST_XDIST_WORKER" not in os.environ and not config.option.collectonly:
        precompiled.use()


def pytest_report_header(config: pytest.Config) -> str:
    return (
        f"rtl4ml: RTL4ML_SEED={BASE_SEED}, hypothesis seed {config.getoption('--hypothesis-seed')}, "
        f"RTL4ML_DATA={os.environ.get('RTL4ML_DATA') or 'not set'}"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, fixed by its name and RTL4ML_SEED; printed, so that a failure shows it."""
    value = zlib.crc32(f"{BASE_SEED} {request.node.nodeid.partition('::')[2]}".encode())
    print(f"seed = {value}")
    return value


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator seeded with `seed`."""
    return np.random.default_rng(seed)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulators that are quick to compile, where frames are so small that their speed does not matter."""
    monkeypatch.setattr(bulk, "OPTIMISATION", ("OPT_FAST=-O0", "OPT_SLOW=-O0"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the real scenes, from RTL4ML_DATA."""
    folder = os.environ.get("RTL4ML_DATA")
    if not folder:
        pytest.skip("RTL4ML_DATA is not set: no real scene to test on")
    assert Path(folder).is_dir(), f"RTL4ML_DATA must be a folder, not {folder}"
    return Path(folder)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A headless Chromium. Where RTL4ML_REQUIRE_CHROMIUM=1, as in CI, its absence is a failure."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    if os.environ.get("RTL4ML_REQUIRE_CHROMIUM") == "1":
        pytest.fail(
            "chromium must be installed where RTL4ML_REQUIRE_CHROMIUM=1 (Debian: apt install chromium)"
        )
    pytest.skip("no Chromium in PATH")
