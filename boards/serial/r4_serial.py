# SPDX-License-Identifier: Apache-2.0
"""The driver of an accelerator made by rtl4ml behind a serial line: cubes of raw counts in, a map out.

    import r4_serial

    accelerator = r4_serial.open_port("/dev/ttyUSB0")
    classes = accelerator.run(counts)

Here counts are uint16 (rows, columns, bands), and classes are uint8 (rows, columns). It needs NumPy and, for
`open_port`, pyserial. The packets are those of rtl/r4_serial.sv, whose header has the table of them.

A request that is answered wrongly, or not in time, is sent again once the line has been silent for so long that the
hardware has given it up.
"""

from __future__ import annotations

import json
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

MAGIC = b"R4"
IDENTIFY, RUN = 1, 2
ANSWER = 0x80
HEADER = struct.Struct("<2sBB4sH")
CRC = struct.Struct("<I")
STATUS = {
    1: "a wrong CRC of the counts",
    2: "bytes that its buffer had no room for",
    3: "counts that stopped coming",
    4: "a kind of request that it does not know",
    5: "the signature of another design",
    6: "a request of no frames",
}
AGAIN = (1, 2, 3)  # status of what another try may mend
TRIES = 3
LONGEST_COUNTS, LONGEST_RESULT = (
    1 << 16,
    2048,
)  # bytes of a packet; the system's buffer holds the result meanwhile


class R4Error(Exception):
    """Base of the driver's errors. The text is one line: the rule, "not" what was found, the way out."""


class WrongDevice(R4Error):
    """What is on the line is not the accelerator of this folder."""


class BadCube(R4Error):
    """Counts of another dtype or shape than the design takes."""


class BadAnswer(R4Error):
    """An answer that did not come, came damaged, or says that the counts did."""


class Port(Protocol):
    """A serial line, as pyserial's `Serial` is one."""

    timeout: float | None

    def write(self, data: bytes, /) -> int | None:
        """Sends bytes."""

    def read(self, size: int, /) -> bytes:
        """Receives bytes: `size`, or as many as came within `timeout` seconds."""

    def reset_input_buffer(self) -> None:
        """Forgets what has come and was not read."""


@dataclass(frozen=True)
class Interface:
    """The design that the bitstream must hold, as interface.json of its folder says.

    signature:    the first 16 bytes of the design's identity
    frame_bytes:  of the result of a frame; result_shape and result_dtype: of a frame's result where kind is "raw"
    baud:         of the line; idle: seconds after which the hardware gives up a packet; packet_frames: the most of one
    """

    signature: bytes
    bands: int
    count_dtype: np.dtype[Any]
    frame_rows: int
    frame_columns: int
    kind: str
    frame_bytes: int
    result_dtype: np.dtype[Any]
    result_shape: tuple[int, ...]
    baud: int
    idle: float
    packet_frames: int

    @classmethod
    def read(cls, folder: str | Path) -> Interface:
        """That of a folder. Raises R4Error where it has none that can be read."""
        path = Path(folder) / "interface.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            given, made, line = content["input"], content["output"], content["serial"]
            return cls(
                signature=bytes.fromhex(content["hardware"]["signature"]),
                bands=int(given["bands"]),
                count_dtype=np.dtype(given["dtype"]).newbyteorder("<"),
                frame_rows=int(given["frame_rows"]),
                frame_columns=int(given["frame_columns"]),
                kind=str(made["kind"]),
                frame_bytes=int(made["frame_bytes"]),
                result_dtype=np.dtype("u1" if made["kind"] == "mask" else made["dtype"]).newbyteorder("<"),
                result_shape=tuple(int(n) for n in made["shape"]),
                baud=int(line["baud"]),
                idle=float(line["idle_ms"]) / 1000,
                packet_frames=int(line["packet_frames"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise R4Error(
                f"{path}: the interface of the design must be there, not {type(error).__name__}: {error}; "
                "copy the whole folder host/ again"
            ) from error

    @property
    def frame_pixels(self) -> int:
        """Pixels of a frame."""
        return self.frame_rows * self.frame_columns

    @property
    def count_bytes(self) -> int:
        """Bytes of counts of a frame."""
        return self.frame_pixels * self.bands * self.count_dtype.itemsize

    def check(self, cube: NDArray[Any]) -> tuple[int, int]:
        """Rows and columns of a cube. Raises BadCube where the design does not take it."""
        if not isinstance(cube, np.ndarray) or cube.dtype != self.count_dtype:
            found = cube.dtype.name if isinstance(cube, np.ndarray) else type(cube).__name__
            raise BadCube(
                f"counts must be an array of {self.count_dtype.name}, not {found}; give the raw counts"
            )
        if cube.ndim != 3 or 0 in cube.shape or cube.shape[2] != self.bands:
            raise BadCube(
                f"a cube must be (rows, columns, {self.bands} bands), not of shape {cube.shape}; transpose it"
            )
        rows, columns = cube.shape[:2]
        if self.frame_pixels > 1 and (columns != self.frame_columns or rows % self.frame_rows):
            raise BadCube(
                f"images must be {self.frame_columns} columns wide, in rows a multiple of {self.frame_rows}, "
                f"not {rows} rows of {columns} columns; cut the scene into tiles"
            )
        return rows, columns

    def result(self, data: bytes, rows: int, columns: int) -> NDArray[Any]:
        """The array of a result's bytes: map (rows, columns) uint8, mask (rows, columns) bool, raw (frames, ...).

        The frames of a network of single pixels are (rows, columns); those of images are one axis.
        """
        found = np.frombuffer(data, self.result_dtype)
        if self.kind == "mask":
            return (found & 1).astype(np.bool_).reshape(rows, columns)
        if self.kind == "map":
            return found.reshape(rows, columns).copy()
        frames = (rows, columns) if self.frame_pixels == 1 else (rows // self.frame_rows,)
        return found.reshape(*frames, *self.result_shape).copy()


class Accelerator:
    """The accelerator on a port. timeout: seconds that an answer may take beyond the time of its bytes."""

    def __init__(self, folder: str | Path, interface: Interface, port: Port, *, timeout: float = 1.0) -> None:
        self.folder, self.interface = Path(folder), interface
        self._port, self._timeout = port, timeout
        self._number = 0

    @classmethod
    def open(cls, folder: str | Path, port: Port, *, timeout: float = 1.0) -> Accelerator:
        """The accelerator, once what is on the line is known to be that of the folder.

        Raises WrongDevice where it is another design, BadAnswer where nothing answers.
        """
        self = cls(folder, Interface.read(folder), port, timeout=timeout)
        self.identify()
        return self

    def identify(self) -> None:
        """Raises WrongDevice where the bitstream holds another design, BadAnswer where nothing answers."""
        found = self._asked(IDENTIFY, 0, b"", 16)
        if found != self.interface.signature:
            raise WrongDevice(
                f"the bitstream must hold design {self.interface.signature.hex()}, not {found.hex()}; "
                "load the bitstream of this folder"
            )

    def run(self, cube: NDArray[Any]) -> NDArray[Any]:
        """The result of a cube of counts (rows, columns, bands): map uint8, mask bool, or raw.

        Raises BadCube, WrongDevice, or BadAnswer after three tries of a packet.
        """
        design = self.interface
        rows, columns = design.check(cube)
        data = np.ascontiguousarray(cube).tobytes()
        frame, frames = design.count_bytes, rows * columns // design.frame_pixels
        at_once = min(
            design.packet_frames, LONGEST_COUNTS // frame, LONGEST_RESULT // design.frame_bytes, frames
        )
        result = b""
        for first in range(0, frames, max(1, at_once)):
            number = min(max(1, at_once), frames - first)
            counts = data[first * frame : (first + number) * frame]
            result += self._asked(RUN, number, counts, number * design.frame_bytes)
        return design.result(result, rows, columns)

    def selftest(self) -> int:
        """Runs the folder's vectors; how many values were compared. Raises R4Error that names the first wrong one."""
        found = []
        for name in ("selftest_counts.npy", "selftest_result.npy"):
            try:
                found.append(np.load(self.folder / name, allow_pickle=False))
            except (OSError, ValueError) as error:
                raise R4Error(
                    f"{self.folder / name}: the vectors of the self-test must be there, not {type(error).__name__}; "
                    "copy the whole folder host/ again"
                ) from error
        counts, expected = found
        result = self.run(counts)
        wrong = np.argwhere(result != expected)
        if len(wrong):
            first = tuple(int(i) for i in wrong[0])
            raise R4Error(
                f"selftest: value {first} must be {expected[first]}, not {result[first]} ({len(wrong)} of "
                f"{result.size} values differ); load the bitstream again"
            )
        return int(result.size)

    # -- inside ----------------------------------------------------------------------------------------------

    def _asked(self, kind: int, frames: int, counts: bytes, size: int) -> bytes:
        """The body of an answer, of `size` bytes, after up to three tries."""
        for left in reversed(range(TRIES)):
            try:
                return self._once(kind, frames, counts, size)
            except BadAnswer:
                if not left:
                    raise
                self._settle()
        raise AssertionError

    def _settle(self) -> None:
        """Waits until the hardware has given up whatever it waits for, and forgets what it said."""
        time.sleep(2 * self.interface.idle)
        self._port.reset_input_buffer()

    def _once(self, kind: int, frames: int, counts: bytes, size: int) -> bytes:
        self._number = (self._number + 1) % 256
        sent = HEADER.pack(MAGIC, kind, self._number, self.interface.signature[:4], frames)
        request = sent + CRC.pack(zlib.crc32(sent))
        if kind == RUN:
            request += counts + CRC.pack(zlib.crc32(counts))
        self._port.timeout = self._timeout + 10 * (len(request) + size + 64) / self.interface.baud
        self._port.write(request)
        head = self._received(HEADER.size)
        magic, kind_back, number, signature, frames_back = HEADER.unpack(head)
        if (magic, kind_back, number) != (MAGIC, kind | ANSWER, self._number):
            raise BadAnswer(
                f"an answer must be to request {self._number}, not begin with {head.hex()}; see the line"
            )
        if signature != self.interface.signature[:4] and kind == RUN:
            raise WrongDevice(
                f"the bitstream must hold design {self.interface.signature.hex()}, not {signature.hex()}…; "
                "load the bitstream of this folder"
            )
        body = self._received((size if frames_back or kind == IDENTIFY else 0) + 1)
        if status := body[-1]:
            named = STATUS.get(status, f"status {status}")
            error = BadAnswer if status in AGAIN else R4Error
            raise error(f"the hardware must get the request whole, not {named}; see the line and its rate")
        if frames_back != (frames if kind == RUN else 0):
            raise BadAnswer(f"an answer must be of {frames} frames, not {frames_back}; see the line")
        return body[:-1]

    def _received(self, size: int) -> bytes:
        """So many bytes, behind which their CRC came."""
        data = self._port.read(size + CRC.size)
        if len(data) < size + CRC.size:
            raise BadAnswer(
                f"an answer must come within {self._port.timeout or 0:.3g} s, not {len(data)} of {size + CRC.size} "
                "bytes; see the port, its rate, and that the bitstream is loaded"
            )
        if CRC.unpack(data[size:])[0] != zlib.crc32(data[:size]):
            raise BadAnswer("an answer must have its CRC, not another; see the line and its rate")
        return data[:size]


def open_port(name: str, folder: str | Path = Path(__file__).parent, *, timeout: float = 1.0) -> Accelerator:
    """The accelerator of a folder on a port of the system, such as /dev/ttyUSB0 or COM3. Needs pyserial.

    Raises R4Error where the port cannot be opened, or as `Accelerator.open`.
    """
    import serial

    interface = Interface.read(folder)
    try:
        port = serial.Serial(name, interface.baud, timeout=timeout)
    except (OSError, ValueError) as error:  # pyserial's errors are OSErrors
        raise R4Error(
            f"{name}: must be a serial port that takes {interface.baud} baud, not {error}; see its name and your rights"
        ) from error
    port.reset_input_buffer()
    return Accelerator.open(folder, port, timeout=timeout)
