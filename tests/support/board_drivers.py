# SPDX-License-Identifier: Apache-2.0
"""The host's two drivers, r4.py and r4.c, behind one face, and altered where a test asks for it.

    built = board_drivers.build("c", tmp_path)         # once; a copy of the sources, C compiled
    driver = built(folder, model)                      # folder has interface.json
    driver.open()
    result = driver.run(cube, "bil")                   # raises Refused with a `reason` that both have

`build(..., alter=(file, old, new))` puts one text for another in the driver's source, which must have it once.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from board_model import KINDS, Model
from numpy.typing import NDArray

HOST = Path(__file__).resolve().parents[2] / "boards" / "host"
Alter = tuple[str, str, str]
LAYOUTS = ("bip", "bil", "bsq")
AXES = {"bip": (0, 1, 2), "bil": (0, 2, 1), "bsq": (2, 0, 1)}
C_FILES = ("r4.c", "r4.h", "r4_regs.h")
Built = Callable[[Path, Model], Any]


class Refused(Exception):
    """The driver's error. reason: device, clock, cube, busy, failed, timeout, stuck, interrupt or result."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def copy(folder: Path, alter: Alter | None = None) -> None:
    """The drivers' files into a folder, one of them altered."""
    for source in (*HOST.glob("r4*.py"), *(HOST / name for name in C_FILES)):
        shutil.copy(source, folder)
    if alter is not None:
        name, old, new = alter
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{name} must have {old!r} once, not {text.count(old)} times"
        (folder / name).write_text(text.replace(old, new))


def build(language: str, folder: Path, alter: Alter | None = None) -> Built:
    """The driver of a language, from a copy of its sources in `folder`."""
    copy(folder, alter)
    if language == "python":
        kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            with modules(folder):
                module = importlib.import_module("r4")
        finally:
            sys.dont_write_bytecode = kept
        return functools.partial(PythonDriver, module)
    library = folder / "r4.so"
    flags = ["-std=c99", "-shared", "-fPIC", "-O0"]
    if alter is None:
        flags += ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    subprocess.run(["cc", *flags, str(folder / "r4.c"), "-o", str(library)], check=True, capture_output=True)
    return functools.partial(CDriver, ctypes.CDLL(str(library)))


@contextmanager
def modules(folder: Path) -> Iterator[None]:
    """Modules r4 and r4_* are those of a folder, and none of them stays."""
    names = [p.stem for p in HOST.glob("*.py")]
    kept = {n: sys.modules.pop(n) for n in names if n in sys.modules}
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(kept)


class PythonDriver:
    """r4.py."""

    def __init__(self, module: Any, folder: Path, model: Model) -> None:
        self.r4, self.folder, self.model = module, folder, model
        self.accelerator: Any = None

    def _reason(self, error: Exception) -> str:
        r4, text = self.r4, str(error)
        if isinstance(error, r4.JobFailed) and "interrupt" in text:
            return "interrupt"
        if isinstance(error, r4.WrongDevice):
            return "clock" if "clock" in text else "device"
        if isinstance(error, r4.JobTimeout) and "load the bitstream" in text:
            return "stuck"
        kinds = [
            (r4.BadCube, "cube"),
            (r4.Busy, "busy"),
            (r4.JobTimeout, "timeout"),
            (r4.JobFailed, "failed"),
        ]
        for kind, reason in kinds:
            if isinstance(error, kind):
                return reason
        return "result" if text.startswith("selftest") else "stuck"

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except self.r4.R4Error as error:
            assert "\n" not in str(error)
            raise Refused(self._reason(error), str(error)) from error

    def open(self, *, window: float = 0.1, probe: bool = False) -> None:
        with self._refusals():
            self.accelerator = self.r4.Accelerator.open(
                self.folder, self.model, self.model, clock_window=window, probe=probe
            )

    def run(self, cube: NDArray[Any], layout: str = "bip", timeout: float = 10.0) -> NDArray[Any]:
        """cube: (rows, columns, bands); the driver gets it in `layout`."""
        with self._refusals():
            return self.accelerator.run(cube.transpose(AXES[layout]), layout, timeout=timeout)

    def start(self, cube: NDArray[Any], layout: str = "bip") -> None:
        with self._refusals():
            self.accelerator.run_async(cube.transpose(AXES[layout]), layout)

    def abort(self) -> None:
        with self._refusals():
            self.accelerator.abort()


# -- r4.c -------------------------------------------------------------------------------------------------------------


class CBuffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("address", ctypes.c_uint64), ("bytes", ctypes.c_size_t)]


READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
WAIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint64)
NOW = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)
SLEEP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)
SYNC = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(CBuffer), ctypes.c_size_t)


class CIo(ctypes.Structure):
    _fields_ = [
        ("context", ctypes.c_void_p),
        ("read32", READ),
        ("write32", WRITE),
        ("wait_irq", WAIT),
        ("now", NOW),
        ("sleep", SLEEP),
        ("flush", SYNC),
        ("invalidate", SYNC),
    ]


class CInterface(ctypes.Structure):
    _fields_ = [
        ("signature", ctypes.c_uint32 * 4),
        *(
            (name, ctypes.c_uint32)
            for name in ("bands", "count_bytes", "frame_rows", "frame_columns", "frame_bytes")
        ),
        *((name, ctypes.c_uint32) for name in ("kind", "banded", "data_bytes", "clock_khz", "spill_bytes")),
    ]


class CCube(ctypes.Structure):
    _fields_ = [("rows", ctypes.c_uint32), ("columns", ctypes.c_uint32), ("layout", ctypes.c_int)]


class CDriver:
    """r4.c. The design is that of interface.json in `folder`."""

    reasons = ("", "device", "clock", "cube", "busy", "failed", "timeout", "stuck", "interrupt", "result")

    def __init__(self, library: Any, folder: Path, model: Model) -> None:
        self.c = library
        self.c.r4_message.restype = ctypes.c_char_p
        self.c.r4_result_bytes.restype = ctypes.c_size_t
        self.model, self.device = model, ctypes.create_string_buffer(4096)
        self.caught: BaseException | None = None
        content = json.loads((folder / "interface.json").read_text())
        given, made, hardware = content["input"], content["output"], content["hardware"]
        words = np.frombuffer(bytes.fromhex(hardware["signature"]), "<u4")
        self.kind, self.shape, self.dtype = made["kind"], made["shape"], made["dtype"]
        self.interface = CInterface(
            (ctypes.c_uint32 * 4)(*map(int, words)),
            given["bands"],
            np.dtype(given["dtype"]).itemsize,
            given["frame_rows"],
            given["frame_columns"],
            made["frame_bytes"],
            KINDS.index(made["kind"]),
            int("bil" in given["layouts"]),
            hardware["data_bytes"],
            round(hardware["clock_mhz"] * 1000),
            hardware.get("spill_bytes", 0),
        )

        def buffer(b: Any) -> Any:
            return model.buffer(b.contents.address)

        def kept(call: Callable[..., Any]) -> Callable[..., Any]:
            """An error of the model is raised once the C function is back."""

            def called(_: Any, *given: Any) -> Any:
                try:
                    return call(*given)
                except Exception as error:  # noqa: BLE001 - C cannot let it through
                    self.caught = error
                    return 0

            return called

        self.io = CIo(
            None,
            READ(kept(model.read32)),
            WRITE(kept(model.write32)),
            WAIT(kept(lambda timeout: int(model.wait_irq(timeout / 1e9)))),
            NOW(kept(model.now_ns)),
            SLEEP(kept(lambda duration: model.sleep(duration / 1e9))),
            SYNC(kept(lambda b, size: buffer(b).flush(size))),
            SYNC(kept(lambda b, size: buffer(b).invalidate(size))),
        )
        self.places: list[Any] = []

    def _check(self, code: int) -> None:
        if self.caught is not None:
            raise self.caught
        if code:
            text = self.c.r4_message(self.device).decode()
            assert text and "\n" not in text
            raise Refused(self.reasons[code], text)
        assert self.c.r4_message(self.device) == b""

    def open(self, *, window: float = 0.1, probe: bool = False) -> None:
        assert not probe, "r4_selftest is the C driver's"
        nanoseconds = ctypes.c_uint64(round(window * 1e9))
        self._check(
            self.c.r4_open(self.device, ctypes.byref(self.io), ctypes.byref(self.interface), nanoseconds)
        )
        if size := self.interface.spill_bytes:
            spill = self.model.allocate(size)
            self.reserve(spill.address, size)

    def reserve(self, address: int, size: int) -> None:
        """Memory for skips; the processor never sees it."""
        self._check(self.c.r4_reserve(self.device, ctypes.byref(CBuffer(None, address, size))))

    def _buffers(self, cube: NDArray[Any], layout: str) -> tuple[CCube, list[CBuffer], int]:
        shape = CCube(cube.shape[0], cube.shape[1], LAYOUTS.index(layout))
        size = self.c.r4_result_bytes(ctypes.byref(self.interface), ctypes.byref(shape))
        sizes = (cube.nbytes, size)
        if not self.places or any(len(b.array) < n for b, n in zip(self.places, sizes, strict=True)):
            for place in self.places:
                place.free()
            self.places = [self.model.allocate(n) for n in sizes]
        counts = np.ascontiguousarray(cube.transpose(AXES[layout]))
        self.places[0].array[: cube.nbytes] = np.frombuffer(counts.tobytes(), np.uint8)
        made = [CBuffer(b.array.ctypes.data, b.address, len(b.array)) for b in self.places]
        return shape, made, size

    def run(self, cube: NDArray[Any], layout: str = "bip", timeout: float = 10.0) -> NDArray[Any]:
        shape, (counts, result), size = self._buffers(cube, layout)
        limit = ctypes.c_uint64(round(timeout * 1e9))
        self._check(
            self.c.r4_run(self.device, ctypes.byref(shape), ctypes.byref(counts), ctypes.byref(result), limit)
        )
        return self._result(cube, self.places[1].array[:size].copy())

    def _result(self, cube: NDArray[Any], data: NDArray[np.uint8]) -> NDArray[Any]:
        rows, columns = cube.shape[:2]
        if self.kind == "mask":
            packed = data.reshape(rows, -1)
            return np.unpackbits(packed, axis=1, count=columns, bitorder="little").astype(bool)
        if self.kind == "map":
            return data.reshape(rows, columns)
        return data.view(self.dtype).reshape(rows, columns, *self.shape)

    def start(self, cube: NDArray[Any], layout: str = "bip") -> None:
        shape, (counts, result), _ = self._buffers(cube, layout)
        self._check(
            self.c.r4_start(self.device, ctypes.byref(shape), ctypes.byref(counts), ctypes.byref(result))
        )

    def selftest(self, cube: NDArray[Any], expected: NDArray[np.uint8]) -> None:
        shape, (counts, result), _ = self._buffers(cube, "bip")
        given = expected.ctypes.data_as(ctypes.c_void_p)
        places = (ctypes.byref(shape), ctypes.byref(counts), ctypes.byref(result))
        self._check(self.c.r4_selftest(self.device, *places, given, ctypes.c_uint64(10**10)))

    def abort(self) -> None:
        self._check(self.c.r4_abort(self.device))
