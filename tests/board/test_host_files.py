# SPDX-License-Identifier: Apache-2.0
"""boards/host: UIO, u-dma-buf and PYNQ behind the driver, on files that stand for devices; overlay and loader."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from board_drivers import HOST, modules
from board_model import REGS, Design, Model
from jinja2 import Environment, StrictUndefined

from rtl4ml.board import boards


@pytest.fixture
def host() -> Iterator[Any]:
    """The modules of boards/host by name."""
    with modules(HOST):
        yield SimpleNamespace(
            **{n: importlib.import_module(n) for n in ("r4", "r4_uio", "r4_pynq", "r4_types", "selftest")}
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Devices as files: uio0 of another name, uio1 named r4, and 64 KiB of u-dma-buf."""
    for i, name in enumerate(("axi-pmon", "r4")):
        (tmp_path / f"sys/class/uio/uio{i}").mkdir(parents=True)
        (tmp_path / f"sys/class/uio/uio{i}/name").write_text(f"{name}\n")
    memory = tmp_path / "sys/class/u-dma-buf/udmabuf-r4"
    memory.mkdir(parents=True)
    (memory / "phys_addr").write_text("0x0000000070000000\n")
    (memory / "size").write_text("65536\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/uio1").write_bytes(bytes(range(256)) * 16)
    (tmp_path / "dev/udmabuf-r4").write_bytes(bytes(65536))
    return tmp_path


def test_registers_are_words_of_the_uio_device(host: Any, root: Path) -> None:
    mmio = host.r4_uio.UioMmio("r4", root=root)
    assert mmio.read32(0x54) == 0x57565554
    mmio.write32(0xF0, 0x12345678)
    assert (root / "dev/uio1").read_bytes()[0xF0:0xF4] == bytes.fromhex("78563412")


def test_interrupt_is_turned_on_before_each_wait(host: Any, root: Path) -> None:
    mmio = host.r4_uio.UioMmio("r4", root=root)
    kernel, mmio._fd = (lambda a, b: (a, b.detach()))(*socket.socketpair())
    assert not mmio.wait_irq(0)
    assert kernel.recv(8) == struct.pack("=I", 1)
    kernel.send(struct.pack("=I", 7))
    assert mmio.wait_irq(1)
    assert kernel.recv(8) == struct.pack("=I", 1)
    assert not mmio.wait_irq(0), "an interrupt must be taken once"
    os.close(mmio._fd)


def test_one_program_at_a_time(host: Any, root: Path) -> None:
    first = host.r4_uio.UioMmio("r4", root=root)
    with pytest.raises(host.r4.R4Error) as caught:
        host.r4_uio.UioMmio("r4", root=root)
    assert str(caught.value) == f"{root}/dev/uio1: must have one user, not two; end the other program"
    assert first.read32(0) == 0x03020100


def test_caches_are_kept_by_ranges(host: Any, root: Path) -> None:
    memory = host.r4_uio.UdmabufMemory("udmabuf-r4", root=root)
    first, second = memory.allocate(100), memory.allocate(5000)
    assert (first.address, second.address) == (0x70000000, 0x70001000)
    second.array[:3] = 1, 2, 3
    assert (root / "dev/udmabuf-r4").read_bytes()[4096:4100] == bytes([1, 2, 3, 0])
    second.flush(100)
    sysfs = root / "sys/class/u-dma-buf/udmabuf-r4"
    assert (sysfs / "sync_for_device").read_text() == "0x0000100000000081"
    second.invalidate(64)
    assert (sysfs / "sync_for_cpu").read_text() == "0x0000100000000041"


def test_memory_is_given_again(host: Any, root: Path) -> None:
    memory = host.r4_uio.UdmabufMemory("udmabuf-r4", root=root)
    a, b, c = memory.allocate(4096), memory.allocate(8192), memory.allocate(4096)
    with pytest.raises(MemoryError, match=r"^the 49152 of 65536 bytes that are left$"):
        memory.allocate(65536)
    b.free()
    d, e = memory.allocate(4097), memory.allocate(4096)
    assert (d.start, e.start) == (b.start, c.start + 4096)
    a.free()
    assert memory.allocate(4096).start == 0


def test_texts_of_devices(host: Any, root: Path) -> None:
    with pytest.raises(host.r4.R4Error) as caught:
        host.r4_uio.UioMmio("r5", root=root)
    assert str(caught.value) == (
        "a UIO device named r5 must be there, not axi-pmon, r4; apply the overlay (load.sh), with "
        "uio_pdrv_genirq.of_id=generic-uio on the kernel's command line"
    )
    with pytest.raises(host.r4.R4Error) as caught:
        host.r4_uio.UdmabufMemory("other", root=root)
    assert str(caught.value) == (
        "a u-dma-buf device named other must be there, not none; load its kernel module, then apply the overlay "
        "(load.sh)"
    )
    (root / "dev/uio1").unlink()
    with pytest.raises(host.r4.R4Error) as caught:
        host.r4_uio.UioMmio("r4", root=root)
    assert str(caught.value) == (
        f"{root}/dev/uio1: must be open to read and write, not No such file or directory; run as root"
    )
    (root / "dev/udmabuf-r4").unlink()
    with pytest.raises(host.r4.R4Error, match="udmabuf-r4: must be open to read and write"):
        host.r4_uio.UdmabufMemory("udmabuf-r4", root=root)


class Pynq:
    """What r4_pynq takes of PYNQ, in front of a model: registers as an array, buffers, the clock."""

    def __init__(self, model: Model) -> None:
        pynq, self.clock = self, 0.0

        class Words:
            def __getitem__(self, i: int) -> int:
                return model.read32(4 * i)

            def __setitem__(self, i: int, value: int) -> None:
                model.write32(4 * i, value)

        class Buffer(np.ndarray):
            pass

        def allocate(shape: tuple[int], dtype: Any) -> Any:
            try:
                buffer = model.allocate(*shape)
            except MemoryError as error:
                raise RuntimeError("Failed to allocate Memory!") from error
            array = buffer.array.view(Buffer)
            array.device_address = buffer.address
            array.flush = lambda: buffer.flush(*shape)
            array.invalidate = lambda: buffer.invalidate(*shape)
            array.freebuffer = buffer.free
            return array

        class Clocks:
            @property
            def fclk0_mhz(self) -> float:
                return pynq.clock

            @fclk0_mhz.setter
            def fclk0_mhz(self, mhz: float) -> None:
                pynq.clock = model.clock_mhz = mhz

        self.module: Any = ModuleType("pynq")
        self.module.Clocks = Clocks()
        self.module.allocate = allocate
        self.module.MMIO = lambda address, size: SimpleNamespace(array=Words())
        self.module.Overlay = lambda bit: SimpleNamespace(ip_dict={"r4": {"phys_addr": 0xA0000000}})


@pytest.fixture
def pynq(monkeypatch: pytest.MonkeyPatch, host: Any) -> Pynq:
    model = Model(Design(), clock_mhz=100.0)
    found = Pynq(model)
    monkeypatch.setitem(sys.modules, "pynq", found.module)
    monkeypatch.setattr(host.r4_types.HostTime, "now_ns", lambda _: model.now_ns())
    monkeypatch.setattr(host.r4_types.HostTime, "sleep", lambda _, seconds: model.sleep(seconds))
    return found


def test_selftest_on_pynq(pynq: Pynq, host: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Design().write(tmp_path, np.random.default_rng(0))
    arguments = [
        "--folder",
        str(tmp_path),
        "--pynq",
        "r4.bit",
        "--seconds",
        "0.01",
        "--json",
        str(tmp_path / "m.json"),
    ]
    assert host.selftest.main(arguments) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(
        r"design and clock: as interface.json says; 250.000 MHz\nresults: 0 of 42 values differ\n"
        r"speed: [\d,]+ frames/s, 20.\d\d cycles a frame, 0.4 us to the first\n",
        out,
    ), out
    assert pynq.clock == 250
    assert '"compared": 42' in (tmp_path / "m.json").read_text()


def test_selftest_that_fails_ends_with_2(
    host: Any, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Design().write(tmp_path, np.random.default_rng(0))
    assert host.selftest.main(["--folder", str(tmp_path)], root=str(root)) == 2
    assert capsys.readouterr().err == (
        f"selftest: register ID must be 0x4C4D3452, not 0x03020100; load the bitstream of {tmp_path}\n"
    )


def test_pynq_polls_the_interrupt_line(pynq: Pynq, host: Any) -> None:
    mmio, memory = host.r4_pynq.load("r4.bit", clock_mhz=250.0)
    mmio.write32(REGS["R4_CONTROL"], REGS["R4_CONTROL_START"])  # FRAMES is 0: ends at once
    assert not mmio.wait_irq(0.001)
    mmio.write32(REGS["R4_CONTROL"], REGS["R4_CONTROL_IRQ_ENABLE"])
    assert mmio.wait_irq(0)
    with pytest.raises(MemoryError, match="what PYNQ can reserve"):
        memory.allocate(1 << 20)
    with pytest.raises(host.r4.R4Error, match="cell r5 must be in the block design, not r4"):
        host.r4_pynq.load("r4.bit", clock_mhz=250.0, cell="r5")


def test_readme_says_what_the_design_takes() -> None:
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    template = environment.from_string((HOST / "README.md.j2").read_text())
    axes = {"bip": ["rows", "columns", "bands"], "bil": ["rows", "bands", "columns"]}
    for layouts, frame, result in (
        (["bip"], 1, "map"),
        (["bip", "bil"], 8, "mask"),
        (["bip", "bil"], 1, "raw"),
    ):
        given = {"dtype": "uint16", "bands": 204, "layouts": layouts, "axes": axes}
        given |= {"frame_rows": frame, "frame_columns": frame}
        given |= {"strips": {"align": 4} if result == "mask" else None}
        made = {"dtype": "int16", "shape": [8], "step": 0.25}
        text = template.render(
            spec=boards.board("zcu102"),
            model="student",
            clock_mhz=249.9975,
            interface={"input": given, "output": made},
            result=result,
        )
        assert f'layout="{layouts[-1]}"' in text and "uint16, 204 bands" in text
        assert ("| bil | rows, bands, columns |\n" in text) == ("bil" in layouts)
        assert ("Images are 8 rows of 8 columns" in text) == (frame == 8)
        wider = "Wider ones have a multiple of 4 columns more: r4.py cuts them into strips of 8 that overlap"
        assert (wider in text) == (result == "mask")
        assert f"r4 run cube.raw {'8 8' if frame == 8 else '512 512'} {layouts[-1]} result.raw " in text
        assert "Nothing in this folder was run on a board." in text
        names = re.findall(r"^\| ([^|]+) \|", text.partition("## On Linux")[0], re.MULTILINE)[2:]
        listed = {n.strip() for cell in names for n in cell.split(",")}
        there = {p.name.removesuffix(".j2") for p in HOST.iterdir() if p.is_file()} - {"README.md"}
        assert listed >= there, sorted(there - listed)


# -- the overlay and its loader ---------------------------------------------------------------------------------------


def overlay(board: str, spills: int = 0) -> str:
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    template = environment.from_string((HOST / "overlay.dts.j2").read_text())
    spec = boards.board(board)
    afi = [*spec.linux.afi, *(a for s in spec.spills[:spills] for a in s.afi)]
    return template.render(spec=spec, name="r4", clock_hz=249997500, afi=afi, spill_bytes=spills * 5000)


@pytest.mark.parametrize("board", boards.names())
def test_overlay_says_what_the_board_says(board: str) -> None:
    text = overlay(board)
    spec = boards.board(board)
    code = re.sub(r"//.*", "", text)
    assert code.count("{") == code.count("}") and "{{" not in code
    for line in code.splitlines():
        assert not line.strip() or (line.rstrip()[-1] in "{;/" and line.count(";") <= 1), line
    assert re.search(r"^&fpga_full \{", code, re.MULTILINE)
    assert f"reg = <0x0 0x{spec.registers.offset:08x} 0x0 0x{spec.registers.range:08x}>;" in code
    assert "assigned-clock-rates = <249997500>;" in code
    assert f"interrupts = <{' '.join(map(str, spec.linux.interrupt))}>;" in code
    pairs = re.search(r"config-afi = (.*);", code)
    assert pairs is not None
    found = [tuple(map(int, p.split())) for p in re.findall(r"<([^>]*)>", pairs[1])]
    assert found == list(spec.linux.afi)
    assert {(4, 0), (5, 0)} <= set(found), "HP0 must be 128 bit wide in both directions"
    assert 'device-name = "udmabuf-r4"' in code and "dma-coherent" not in code
    assert "not verified" in text


def test_overlay_opens_ports_and_memory_for_skips() -> None:
    plain, spilled = (overlay("zcu102", n) for n in (0, 2))
    assert "<14 0>, <6 0>, <7 0>, <10 0>, <11 0>;" in spilled and "<6 0>" not in plain
    assert "size = <0x08000000>;" in plain and "size = <0x08003000>;" in spilled


@pytest.mark.skipif(shutil.which("dtc") is None, reason="needs dtc, the device tree compiler")
@pytest.mark.parametrize("board", boards.names())
def test_overlay_compiles(board: str, tmp_path: Path) -> None:
    (tmp_path / "overlay.dts").write_text(overlay(board))
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", "overlay.dtbo", "overlay.dts"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_loader_is_a_script_that_refuses_in_one_line(tmp_path: Path) -> None:
    script = HOST / "load.sh"
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)
    run = subprocess.run(["sh", str(script), "reload"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (2, "load.sh: the first word must be load or unload, not reload\n")
    shutil.copy(script, tmp_path)
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "id").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    run = subprocess.run(
        ["sh", str(tmp_path / "load.sh")], capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert (run.returncode, run.stderr) == (
        2,
        "load.sh: r4.bit.bin must be here, not missing; copy it from vivado/output of the build\n",
    )
