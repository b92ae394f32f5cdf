# SPDX-License-Identifier: Apache-2.0
"""boards/host on Linux: r4_uio.c with its program r4, and r4_uio.py, on files with a model of the board behind them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from board_drivers import HOST, Alter
from board_model import REGS, Design, Model

from rtl4ml.board import interface
from rtl4ml.board.bulk import _C_FLAGS

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None or shutil.which("make") is None,
    reason="needs Linux, cc and make",
)

CLASSES = Design()
MASKS = Design(bands=3, count_bytes=1, kind="mask")
BIP_ONLY = Design(banded=False)
PHYS, SIZE = 0x70000000, 65536
UIO = "sys/class/uio/uio1"
UDMABUF = "sys/class/u-dma-buf/udmabuf-r4"


class Folder:
    """The folder host/ of a design with its program, and devices as files below `root`."""

    def __init__(self, folder: Path, design: Design, alter: Alter | None = None) -> None:
        self.folder, self.design = folder, design
        for name in ("Makefile", "r4.c", "r4.h", "r4_regs.h", "r4_uio.c", "r4_uio.h", "r4_main.c"):
            shutil.copy(HOST / name, folder)
        if alter is not None:
            name, old, new = alter
            text = (folder / name).read_text()
            assert text.count(old) == 1, f"{name} must have {old!r} once, not {text.count(old)} times"
            (folder / name).write_text(text.replace(old, new))
        design.write(folder, np.random.default_rng(1))
        content = json.loads((folder / "interface.json").read_text())
        (folder / "r4_design.h").write_text(interface.header_text(content))
        flags = " ".join(_C_FLAGS if alter is None else ("-std=c99",))
        subprocess.run(["make", "-s", f"CFLAGS={flags}"], cwd=folder, check=True)
        library = ["cc", "-std=gnu11", "-shared", "-fPIC", f"-I{HOST}", "-o", str(folder / "board.so")]
        subprocess.run(
            [*library, str(Path(__file__).parents[1] / "support" / "linux_board.c"), "-ldl"], check=True
        )
        self.root = folder / "root"
        self.plug()

    def plug(self) -> None:
        """The devices afresh."""
        shutil.rmtree(self.root, ignore_errors=True)
        for i, name in enumerate(("axi-pmon", "r4")):
            (self.root / f"sys/class/uio/uio{i}").mkdir(parents=True)
            (self.root / f"sys/class/uio/uio{i}/name").write_text(f"{name}\n")
        memory = self.root / UDMABUF
        memory.mkdir(parents=True)
        (memory / "phys_addr").write_text(f"0x{PHYS:016x}\n")
        (memory / "size").write_text(f"{SIZE}\n")
        for name in ("sync_for_device", "sync_for_cpu"):
            (memory / name).write_text("")
        words = np.zeros(1024, "<u4")
        for offset, value in Model(self.design).registers.items():
            words[offset // 4] = value
        (self.root / "dev").mkdir()
        (self.root / "dev/uio1").write_bytes(words.tobytes())
        (self.root / "dev/udmabuf-r4").write_bytes(np.random.default_rng(0).bytes(SIZE))

    def call(self, *command: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        """A program with the model of the board behind its files."""
        (self.folder / "log").write_text("")
        env = os.environ | {
            "LD_PRELOAD": str(self.folder / "board.so"),
            "R4_ROOT": str(self.root),
            "R4_LOG": str(self.folder / "log"),
            "R4_KHZ": str(round(self.design.clock_mhz * 1000)),
            "R4_PHYS": str(PHYS),
            "R4_FAULT": fault,
        }
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, errors="replace", timeout=120
        )

    def r4(self, *arguments: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        return self.call("./r4", "-r", str(self.root), *arguments, fault=fault)

    def refused(self, *arguments: str, fault: str = "") -> str:
        """The one line with which the program must end."""
        run = self.r4(*arguments, fault=fault)
        assert run.returncode == 2, run.stdout + run.stderr
        assert run.stderr.startswith("r4: ") and run.stderr.count("\n") == 1 and run.stderr.endswith("\n"), (
            run.stderr
        )
        return run.stderr[4:-1].replace(str(self.root), "")

    def accesses(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("classes"), CLASSES)


@pytest.fixture
def host(built: Folder) -> Folder:
    built.plug()
    return built


def runs_every_layout(host: Folder) -> None:
    """Each cube gives its result, from a file to a file."""
    rng = np.random.default_rng(5)
    for rows, columns, layout in ((3, 7, "bip"), (2, 33, "bil"), (4, 5, "bsq"), (1, 1, "bip")):
        cube = host.design.cube(rng, rows, columns)
        (host.folder / "in.raw").write_bytes(interface.laid_out(cube, layout))
        run = host.r4("run", "in.raw", str(rows), str(columns), layout, "out.raw")
        assert run.returncode == 0, run.stderr
        packed = host.design.packed(cube)
        assert run.stdout.splitlines()[1] == (
            f"out.raw: {packed.size} bytes; {rows * columns} frames in {20 * rows * columns} cycles"
        )
        np.testing.assert_array_equal(np.fromfile(host.folder / "out.raw", np.uint8), packed)


def tests_itself(host: Folder) -> None:
    run = host.r4("selftest")
    size = host.design.packed(np.load(host.folder / "selftest_counts.npy")).size
    assert run.returncode == 0, run.stderr
    clock, *layouts = run.stdout.splitlines()
    assert clock.startswith("design and clock: as r4_design.h says; 2")
    assert layouts == [f"layout {name}: 0 of {size} bytes differ" for name in ("bip", "bil", "bsq")]
    # The devices themselves have what was written.
    scratch = (host.root / "dev/uio1").read_bytes()[REGS["R4_SCRATCH"] :][:4]
    assert scratch == struct.pack("<I", 0x5A17C3E9)
    counts = interface.laid_out(np.load(host.folder / "selftest_counts.npy"), "bsq")
    assert (host.root / "dev/udmabuf-r4").read_bytes().startswith(counts)


def has_a_time_limit(host: Folder) -> None:
    cube = host.design.cube(np.random.default_rng(0), 2)
    (host.folder / "in.raw").write_bytes(cube.tobytes())
    arguments = ("run", "in.raw", "2", "7", "bip", "out.raw")
    assert host.refused("-t", "1", *arguments, fault="hang") == (
        "a job must end within 1000000000 ns, not go on; it was aborted, the next job may run (0 frames done, 0 AXI "
        "errors)"
    )
    assert host.r4(*arguments).returncode == 0


def says_what_is_missing(host: Folder) -> None:
    def text(path: str, *arguments: str) -> str:
        host.plug()
        found = host.root / path
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()
        return host.refused(*arguments, "selftest")

    assert text(UIO) == (
        "a UIO device named r4 must be there, not axi-pmon; apply the overlay (load.sh), with "
        "uio_pdrv_genirq.of_id=generic-uio on the kernel's command line"
    )
    assert text("sys/class/uio").startswith("a UIO device named r4 must be there, not none; ")
    assert text("dev/uio1") == (
        "/dev/uio1: must be open to read and write, not No such file or directory; run as root"
    )
    assert text("dev/udmabuf-r4") == (
        "/dev/udmabuf-r4: must be open to read and write, not No such file or directory; run as root"
    )
    assert text(UDMABUF) == (
        "a u-dma-buf device named udmabuf-r4 must be there, not none; load its kernel module, then apply the "
        "overlay (load.sh)"
    )
    assert text(f"{UDMABUF}/size") == f"/{UDMABUF}/size: must be a number, not ''; load u-dma-buf again"
    for name in ("sync_for_device", "sync_for_cpu"):
        said = text(f"{UDMABUF}/{name}")
        assert said.startswith(f"layout bip: /{UDMABUF}/{name}: must take 0x")
        assert said.endswith(", not No such file or directory; load u-dma-buf again")
    host.plug()
    assert host.refused("-u", "r5", "selftest").startswith(
        "a UIO device named r5 must be there, not axi-pmon, r4; apply the overlay (load.sh)"
    )
    assert host.refused("-m", "other", "selftest").startswith("a u-dma-buf device named other must be there")


def finds_an_old_u_dma_buf(host: Folder) -> None:
    (host.root / "sys/class/u-dma-buf").rename(host.root / "sys/class/udmabuf")
    tests_itself(host)


def has_one_user(host: Folder) -> None:
    with (host.root / "dev/uio1").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert host.refused("selftest") == "/dev/uio1: must have one user, not two; end the other program"


def needs_room(host: Folder) -> None:
    (host.root / UDMABUF / "size").write_text("8192\n")
    (host.folder / "in.raw").write_bytes(host.design.cube(np.random.default_rng(0), 80, 10).tobytes())
    assert host.refused("run", "in.raw", "80", "10", "bip", "out.raw") == (
        "a buffer needs 800 bytes of shared memory, not the 0 of 8192 that are left; give rows in parts or reserve "
        "more in overlay.dts"
    )
    assert host.refused("run", "in.raw", "82", "10", "bip", "out.raw").startswith(
        "a buffer needs 8200 bytes of shared memory, not the 8192 of 8192 that are left"
    )


def has_an_interrupt(host: Folder) -> None:
    assert host.refused("selftest", fault="deaf") == (
        "layout bip: the interrupt must be turned on, not Input/output error; see interrupts in overlay.dts"
    )


def finds_wrong_results(host: Folder) -> None:
    path = host.folder / "selftest_result.npy"
    data = bytearray(path.read_bytes())
    kept = bytes(data)
    data[-1] ^= 1
    path.write_bytes(data)
    said = host.refused("selftest")
    path.write_bytes(kept)
    wrong = data[-1]
    assert said == (
        f"layout bip: selftest: byte 13 of the result must be {wrong}, not {wrong ^ 1}; see that the device tree sets "
        "the widths of the memory ports, then load the bitstream again"
    )


Scenario = Callable[[Folder], None]
SCENARIOS: list[Scenario] = [
    tests_itself,
    runs_every_layout,
    has_a_time_limit,
    says_what_is_missing,
    finds_an_old_u_dma_buf,
    has_one_user,
    needs_room,
    has_an_interrupt,
    finds_wrong_results,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_program(scenario: Scenario, host: Folder) -> None:
    scenario(host)


def test_masks_and_layouts_of_a_design(tmp_path: Path) -> None:
    for name, design in (("masks", MASKS), ("bip", BIP_ONLY)):
        (tmp_path / name).mkdir()
        host = Folder(tmp_path / name, design)
        if design.banded:
            tests_itself(host)
            host.plug()
            runs_every_layout(host)
        else:
            assert host.r4("selftest").stdout.splitlines()[1:] == ["layout bip: 0 of 14 bytes differ"]
            assert host.refused("run", "selftest_counts.npy", "2", "7", "bil", "out.raw") == (
                "a cube must be one that the design takes (5 bands, frames of 1 x 1), not 2 x 7 pixels in layout bil; "
                "see README.md"
            )


PYTHON = """
import sys
sys.path.insert(0, sys.argv[1])
import r4, r4_uio
mmio, memory = r4_uio.UioMmio("r4", root=sys.argv[2]), r4_uio.UdmabufMemory("udmabuf-r4", root=sys.argv[2])
print(r4.Accelerator.open(".", mmio, memory, probe=False).selftest())
"""


def test_both_back_ends_make_the_same_accesses(host: Folder) -> None:
    assert host.r4("selftest").returncode == 0
    c = host.accesses()
    host.plug()
    run = host.call(sys.executable, "-c", PYTHON, str(HOST), str(host.root))
    assert (run.returncode, run.stdout) == (0, "42\n"), run.stderr
    assert host.accesses() == c
    sync = ["sync_for_device 0x00000000000000C1", "sync_for_device 0x0000100000000041"]
    job = [*sync, "write 4 bytes: 1", "wait", "read 4 bytes", "sync_for_cpu 0x0000100000000041"]
    first = ["open dev/uio1 read write sync", "lock", "map registers 4096"]
    assert c == [*first, "open dev/udmabuf-r4 read write", f"map memory {SIZE}", *(3 * job)]


# arguments: the line that they give
TEXTS: dict[str, tuple[tuple[str, ...], str]] = {
    "none": (
        (),
        "the command must be run COUNTS ROWS COLUMNS LAYOUT RESULT or selftest [FOLDER], not another; see "
        "r4 --help",
    ),
    "rows": (
        ("run", "a", "x", "0", "bip", "b"),
        "rows and columns must be numbers from 1, not x and 0",
    ),
    "layout": (("run", "a", "1", "1", "rgb", "b"), "the layout must be bip, bil or bsq, not rgb"),
    "seconds": (("-t", "1.5", "selftest"), "-t: must be 1 to 1000000 seconds, not 1.5"),
    "counts": (
        ("run", "nowhere", "2", "7", "bip", "out.raw"),
        "nowhere: must be a file to read, not No such file or directory",
    ),
    "size": (
        ("run", "interface.json", "2", "7", "bip", "out.raw"),
        "interface.json: must have the 140 bytes of 2 x 7 pixels of 5 bands, not {size}; see rows and columns",
    ),
    "result": (
        ("run", "in.raw", "2", "7", "bip", "no/out.raw"),
        "no/out.raw: must be a file to write, not No such file or directory",
    ),
    "folder": (
        ("selftest", "no"),
        "no/selftest_counts.npy: must be a file to read, not No such file or directory",
    ),
    "vectors": (
        ("selftest", "bad"),
        "bad/selftest_counts.npy: must be a file of numpy.save, not another; copy the whole folder host/ again",
    ),
    "shape": (
        ("selftest", "shape"),
        "shape/selftest_counts.npy: must be (rows, columns, 5 bands), not another; copy the whole folder host/ again",
    ),
    "bytes": (
        ("selftest", "short"),
        "the vectors of the self-test must have 140 and 14 bytes, not 140 and 13; copy the whole folder host/ again",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(name: str, host: Folder) -> None:
    (host.folder / "in.raw").write_bytes(bytes(140))
    for folder, counts, result in (
        ("shape", np.zeros((2, 7, 4), "<u2"), 14),
        ("short", np.zeros((2, 7, 5), "<u2"), 13),
    ):
        (host.folder / folder).mkdir(exist_ok=True)
        np.save(host.folder / folder / "selftest_counts.npy", counts)
        np.save(host.folder / folder / "selftest_result.npy", np.zeros(result, np.uint8))
    (host.folder / "bad").mkdir(exist_ok=True)
    (host.folder / "bad/selftest_counts.npy").write_text("no array")
    arguments, text = TEXTS[name]
    size = (host.folder / "interface.json").stat().st_size
    assert host.refused(*arguments) == text.format(size=size)


MUTANTS: dict[str, Alter] = {
    "another device": ("r4_uio.c", "found = strcmp(name, device) == 0;", "found = 1;"),
    "no lock": ("r4_uio.c", "flock(u->descriptor, LOCK_EX | LOCK_NB) != 0", "0"),
    "registers in the cache": ("r4_uio.c", "O_RDWR | O_SYNC", "O_RDWR"),
    "private registers": ("r4_uio.c", "MAP_SHARED, u->descriptor", "MAP_PRIVATE, u->descriptor"),
    "private memory": ("r4_uio.c", "MAP_SHARED, file", "MAP_PRIVATE, file"),
    "interrupt not turned on": ("r4_uio.c", "const uint32_t on = 1;", "const uint32_t on = 0;"),
    "interrupt not taken": (
        "r4_uio.c",
        "ready > 0 && read(u->descriptor, &times, sizeof times) == (ssize_t)sizeof times",
        "ready > 0 && (times = 1)",
    ),
    "no time limit": ("r4_uio.c", "if (ready == 0) return 0;", "if (ready == 0) continue;"),
    "half the bytes": (
        "r4_uio.c",
        "((bytes + LINE - 1) / LINE * LINE)",
        "((bytes + LINE - 1) / 2 / LINE * LINE)",
    ),
    "start of the memory": ("r4_uio.c", "(uint32_t)(buffer->data - u->memory)", "0"),
    "words exchanged": ("r4_uio.c", "start, length | 1u)", "length | 1u, start)"),
    "no bit 0": ("r4_uio.c", "length | 1u", "length"),
    "wrong attribute": (
        "r4_uio.c",
        'sync_lines(context, "sync_for_cpu"',
        'sync_lines(context, "sync_for_device"',
    ),
    "buffers over one another": ("r4_uio.c", "u->used = start + bytes;", "u->used = start;"),
    "address of the memory": ("r4_uio.c", ".address = u->address + start", ".address = u->address"),
    "more than there is": ("r4_uio.c", "if (bytes > left)", "if (bytes > u->bytes)"),
    "failure of a cache not said": ("r4_main.c", "return text[0] ? text :", "return"),
    "bits the other way": ("r4_main.c", "? 1u : 0u) << k", "? 1u : 0u) << (7 - k)"),
    "bands of bsq": ("r4_main.c", "(b * rows + r) * columns + c", "(b * columns + r) * columns + c"),
}


@pytest.mark.gate
@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_found(name: str, tmp_path: Path) -> None:
    host = Folder(tmp_path, MASKS if name.startswith("bits") else CLASSES, MUTANTS[name])
    for scenario in (tests_itself, test_both_back_ends_make_the_same_accesses, *SCENARIOS):
        host.plug()
        try:
            scenario(host)
        except (AssertionError, subprocess.TimeoutExpired):
            return
    pytest.fail("every scenario passes: no test tells this program from the right one")
