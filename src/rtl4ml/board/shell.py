# SPDX-License-Identifier: Apache-2.0
"""The shell around a network: `r4_board`, which joins registers, job control, movers, number formats and `r4_top`.

    shell = of_netlist(netlist, count_bytes=2, result="map", banded=True, quantizer=Quantizer("r4_counts", params))
    files = write(shell, folder)           # folder/rtl/*.sv, *.v and folder/mem/*.mem

`r4_board.sv` holds instances of the cells in `rtl/` and no behaviour of its own but gates between them.
`r4_board_bd.v` is the same module in plain Verilog, with what a block design reads of its ports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rtl4ml._version import __version__
from rtl4ml.board import spills
from rtl4ml.board.ports import (
    ADDRESS_BITS,
    AXIL,
    DATA_BYTES,
    READ,
    TOP,
    WRAPPER,
    WRITE,
    declared,
    wrapper_text,
)
from rtl4ml.board.values import RESULTS, Shell
from rtl4ml.emit.library import library, modules
from rtl4ml.emit.systemverilog import TOP as NETWORK
from rtl4ml.emit.systemverilog import literal, snake, wide_parameters
from rtl4ml.netlist.images import Image
from rtl4ml.netlist.netlist import CLOCK2X

Pins = Sequence[str | tuple[str, str]]


def instance(module: str, name: str, params: Mapping[str, int | str], pins: Pins) -> str:
    """An instance; a pin is a port with its signal, or one name for both. Numbers may be given as text with a tick."""
    head = f"  {module} "
    if params:
        wide = wide_parameters(module)
        body = [
            f"    .{k}({p if isinstance(p, str) and chr(39) in p else literal(p, wide=k in wide)})"
            for k, p in params.items()
        ]
        head += "#(\n" + ",\n".join(body) + "\n  ) "
    bound = ",\n".join(f"    .{p}" if isinstance(p, str) else f"    .{p[0]}({p[1]})" for p in pins)
    return f"{head}{name} (\n{bound}\n  );"


_CLOCK: Pins = (("clk_i", "aclk"), ("rst_ni", "aresetn"))
# Cells without an input that clears them: their reset is that of the network.
_CLOCK_PATH: Pins = (("clk_i", "aclk"), ("rst_ni", "net_rst_n"))


def _stream(x: str, y: str) -> Pins:
    """The pins of a cell between the streams x and y."""
    return [
        *((f"x_{end}", f"{x}_{end[:-2]}") for end in ("valid_i", "ready_o", "data_i")),
        *((f"y_{end}", f"{y}_{end[:-2]}") for end in ("valid_o", "ready_i", "data_o")),
    ]


# Pins of an unpacker: which bytes of the reader's word are valid.
_WORD: Pins = (("x_first_i", "read_first"), ("x_bytes_i", "read_bytes"), ("x_last_i", "read_last"))


def images(shell: Shell) -> dict[str, Image]:
    """The memory images of the shell, by file name."""
    return {shell_image(k): p for k, p in shell.quantizer.params.items() if isinstance(p, Image)}


def shell_image(parameter: str) -> str:
    """File name of a parameter's memory image."""
    return f"{TOP}_{snake(parameter)}.mem"


def _to_counts(shell: Shell) -> str:
    """Words of the reader to beats of counts: the signals counts_valid, counts_ready, counts_data."""
    beat = shell.lanes * shell.count_bytes
    word = {"WordBytes": DATA_BYTES, "Grain": shell.count_bytes}
    clear: Pins = [("clear_i", "path_clear")]
    straight = instance(
        "r4_unpack",
        "u_unpack",
        {**word, "ChunkBytes": beat, "Split": 0},
        [*_CLOCK, *clear, *_stream("straight_x", "straight"), *_WORD],
    )
    declared = f"""
  // -- words to beats of counts ------------------------------------------------------------------------------
  logic straight_x_valid, straight_x_ready, straight_valid, straight_ready;
  logic [{8 * DATA_BYTES - 1}:0] straight_x_data;
  logic [{8 * beat - 1}:0] straight_data;
  logic counts_valid, counts_ready;
  logic [{8 * beat - 1}:0] counts_data;
  assign straight_x_data = read_data;
"""
    if not shell.banded:
        return f"""{declared}  assign straight_x_valid = read_valid;
  assign read_ready       = straight_x_ready;
  assign counts_valid     = straight_valid;
  assign straight_ready   = counts_ready;
  assign counts_data      = straight_data;
{straight}
"""
    width = 8 * shell.count_bytes
    tiles = shell.tiles
    tile = instance(
        "r4_unpack",
        "u_unpack_tile",
        {**word, "ChunkBytes": tiles.lanes * shell.count_bytes, "Split": 1},
        [*_CLOCK, *clear, *_stream("tile_x", "tile"), *_WORD],
    )
    turn = instance(
        "r4_turn",
        "u_turn",
        {
            "Bands": shell.bands,
            "Columns": tiles.columns,
            "XLanes": tiles.lanes,
            "YLanes": tiles.bands,
            "Width": width,
        },
        [*_CLOCK, *clear, ("columns_i", "columns"), *_stream("tile", "turned")],
    )
    widen = instance(
        "r4_width",
        "u_widen",
        {"XLanes": tiles.bands, "YLanes": shell.lanes, "ElemWidth": width},
        [*_CLOCK_PATH, *_stream("turned", "pixel")],
    )
    return f"""{declared}
  // BIL and BSQ: tiles of {tiles.columns} columns of all bands are turned into pixels.
  logic tile_x_valid, tile_x_ready, tile_valid, tile_ready, turned_valid, turned_ready, pixel_valid, pixel_ready;
  logic [{8 * DATA_BYTES - 1}:0] tile_x_data;
  logic [{tiles.lanes * width - 1}:0] tile_data;
  logic [{tiles.bands * width - 1}:0] turned_data;
  logic [{8 * beat - 1}:0] pixel_data;
  assign tile_x_data      = read_data;
  assign straight_x_valid = read_valid && !banded;
  assign tile_x_valid     = read_valid && banded;
  assign read_ready       = banded ? tile_x_ready : straight_x_ready;
  assign counts_valid     = banded ? pixel_valid : straight_valid;
  assign counts_data      = banded ? pixel_data : straight_data;
  assign pixel_ready      = counts_ready && banded;
  assign straight_ready   = counts_ready && !banded;
{straight}
{tile}
{turn}
{widen}
"""


def _registers(shell: Shell) -> str:
    values: dict[str, int | str] = {
        "AddrWidth": ADDRESS_BITS,
        "Bands": shell.bands,
        "CountBytes": shell.count_bytes,
        "Banded": int(shell.banded),
        "ResultKind": RESULTS[shell.result],
        "DataBytes": DATA_BYTES,
        "FrameRows": shell.frame_rows,
        "FrameColumns": shell.frame_columns,
        "FrameBytes": shell.frame_bytes,
        "SpillBytes": shell.spill_bytes,
        "Signature": f"128'h{int.from_bytes(bytes.fromhex(shell.signature), 'little'):032x}",
    }
    job = (
        "src",
        "dst",
        "frames",
        "rows",
        "columns",
        "row_stride",
        "row_bytes",
        "band_stride",
        "banded",
        "spill",
    )
    pins: Pins = [
        *_CLOCK,
        *(f"s_axil_{name}" for _, _, name in AXIL),
        *((f"{name}_o", name) for name in ("start", "abort", "clear", *job)),
        *((f"{name}_i", name) for name in ("status", *_COUNTERS)),
        "irq_o",
    ]
    return instance("r4_axil_regs", "u_regs", values, pins)


_COUNTERS = ("cycles", "starved", "blocked", "frames_done", "first_frame", "frame_errors", "axi_errors")


def _job(shell: Shell) -> str:
    pins: Pins = [
        *_CLOCK,
        *((f"{name}_i", name) for name in ("start", "abort", "clear", "frames")),
        ("aligned_i", f"dst[{(DATA_BYTES - 1).bit_length() - 1}:0] == '0"),
        ("status_o", "status"),
        ("net_rst_no", "net_rst_n"),
        *((f"{name}_o", name) for name in ("path_clear", "go", "read_abort", "write_abort")),
        *((f"{name}_i", name) for name in ("run_valid", "run_ready", "run_bytes", "runs_done")),
        # The network's spills count as readers: an abort waits until they are idle.
        ("read_idle_i", " && ".join(["read_idle", *(f"s{k}_idle" for k in range(len(shell.spills)))])),
        ("read_error_i", " || ".join(["read_error", *(f"s{k}_error" for k in range(len(shell.spills)))])),
        *((f"{name}_i", name) for name in ("write_done", "write_idle", "write_error")),
        ("in_valid_i", "x_valid"),
        ("in_ready_i", "net_x_ready"),
        ("in_open_o", "in_open"),
        ("in_last_o", "net_x_last"),
        ("out_valid_i", "net_y_valid"),
        ("out_ready_i", "net_y_ready"),
        ("out_tlast_i", "net_y_tlast"),
        ("out_last_o", "net_y_last"),
        ("net_errors_i", "net_errors"),
        *((f"{name}_o", name) for name in _COUNTERS),
    ]
    values = {"FrameBeats": shell.frame_beats, "BeatBytes": shell.lanes * shell.count_bytes}
    return instance("r4_job", "u_job", values, pins)


def _movers(shell: Shell) -> list[str]:
    gather = instance(
        "r4_gather",
        "u_gather",
        {
            "AddrWidth": ADDRESS_BITS,
            "Bands": shell.bands,
            "CountBytes": shell.count_bytes,
            "TileColumns": shell.tiles.columns,
        },
        [
            *_CLOCK,
            ("start_i", "go"),
            ("abort_i", "read_abort"),
            *(
                (f"{n}_i", n)
                for n in ("banded", "src", "rows", "columns", "row_stride", "band_stride", "row_bytes")
            ),
            ("run_valid_o", "run_valid"),
            ("run_ready_i", "run_ready"),
            ("run_addr_o", "run_addr"),
            ("run_bytes_o", "run_bytes"),
            ("done_o", "runs_done"),
        ],
    )
    sizes = {"AddrWidth": ADDRESS_BITS, "DataWidth": 8 * DATA_BYTES}
    read = instance(
        "r4_axi_read",
        "u_read",
        sizes,
        [
            *_CLOCK,
            *((f"run_{end}", f"run_{end[:-2]}") for end in ("valid_i", "ready_o", "addr_i", "bytes_i")),
            *(
                (f"y_{e}", f"read_{e[:-2]}")
                for e in ("valid_o", "ready_i", "data_o", "first_o", "bytes_o", "last_o")
            ),
            ("abort_i", "read_abort"),
            ("idle_o", "read_idle"),
            ("error_o", "read_error"),
            *(f"m_axi_{name}" for _, _, name in READ),
        ],
    )
    write = instance(
        "r4_axi_write",
        "u_write",
        sizes,
        [
            *_CLOCK,
            ("start_i", "go"),
            ("addr_i", "dst"),
            *((f"x_{e}", f"write_{e[:-2]}") for e in ("valid_i", "ready_o", "data_i", "bytes_i", "last_i")),
            ("done_o", "write_done"),
            ("abort_i", "write_abort"),
            ("idle_o", "write_idle"),
            ("error_o", "write_error"),
            *(f"m_axi_{name}" for _, _, name in WRITE),
        ],
    )
    return [gather, read, write]


def _network(shell: Shell) -> list[str]:
    """The quantizer, the network and what packs its output."""
    module = shell.quantizer.module
    named: dict[str, int | str] = {}
    for k, p in shell.quantizer.params.items():
        assert isinstance(p, (int, str, Image))
        named[k] = shell_image(k) if isinstance(p, Image) else p
    control: Pins = [*_CLOCK, ("clear_i", "path_clear")] if module == "r4_counts" else _CLOCK_PATH
    quantizer = instance(module, "u_counts", named, [*control, *_stream("counts", "x")])
    top = instance(
        NETWORK,
        "u_top",
        {},
        [
            ("aclk", "aclk"),
            *([(CLOCK2X, CLOCK2X)] if shell.double_clock else []),
            ("aresetn", "net_rst_n"),
            ("s_axis_tvalid", "net_x_valid"),
            ("s_axis_tready", "net_x_ready"),
            ("s_axis_tdata", "net_x_data"),
            ("s_axis_tlast", "net_x_last"),
            ("m_axis_tvalid", "net_y_valid"),
            ("m_axis_tready", "net_y_ready"),
            ("m_axis_tdata", "net_y_data"),
            ("m_axis_tlast", "net_y_tlast"),
            ("m_axis_tuser", "net_y_tuser"),
            ("frame_errors_o", "net_errors"),
            *(pin for k in range(len(shell.spills)) for pin in spills.pins(k)),
        ],
    )
    pack = instance(
        "r4_pack",
        "u_pack",
        {
            "InBytes": shell.out_lanes * shell.out_container // 8,
            "Mask": int(shell.result == "mask"),
            "FrameColumns": shell.frame_columns,
        },
        [
            *_CLOCK,
            ("clear_i", "path_clear"),
            ("columns_i", "columns"),
            *((f"x_{e}", f"net_y_{e[:-2]}") for e in ("valid_i", "ready_o", "data_i", "last_i")),
            *((f"y_{e}", f"write_{e[:-2]}") for e in ("valid_o", "ready_i", "data_o", "bytes_o", "last_o")),
        ],
    )
    return [quantizer, top, pack]


def text(shell: Shell) -> str:
    """r4_board.sv."""
    x_width, y_width = shell.lanes * shell.in_container, shell.out_lanes * shell.out_container
    gather, read, write = _movers(shell)
    quantizer, top, pack = _network(shell)
    lanes = "\n".join(
        f"  assign net_x_data[{i * shell.in_container}+:{shell.in_container}] = "
        f"{shell.in_container}'(x_data[{i * shell.element_bits}+:{shell.element_bits}]);"
        for i in range(shell.lanes)
    )
    layouts = "BIP, BIL or BSQ" if shell.banded else "BIP"
    first = (DATA_BYTES - 1).bit_length()
    rule = "// -- {} " + "-" * 60
    unused = "net_y_tuser" if shell.spills else "^{net_y_tuser, spill}"
    return f"""// Generated by rtl4ml {__version__}. Do not edit.
//
// The shell of a board around a network: AXI4-Lite registers, AXI4 master, counts in and result out.
// Counts:  {shell.bands} bands a pixel, {shell.count_bytes} byte(s) each, {layouts}.
// Frame:   {shell.frame_rows} x {shell.frame_columns} pixels, {shell.frame_bytes} byte(s) of result ({shell.result}).

module {TOP} (
{declared("logic", double_clock=shell.double_clock, spills=len(shell.spills))}
);

  logic start, abort, clear, banded, net_rst_n, path_clear, go, read_abort, write_abort;
  logic [{ADDRESS_BITS - 1}:0] src, dst, spill;
  logic [31:0] frames, rows, columns, row_stride, row_bytes, band_stride;
  logic [6:0] status;
  logic [63:0] cycles;
  logic [31:0] {", ".join(_COUNTERS[1:])};

  {rule.format("registers and job")}
{_registers(shell)}

  logic run_valid, run_ready, runs_done, read_idle, read_error, write_done, write_idle, write_error;
  logic [{ADDRESS_BITS - 1}:0] run_addr;
  logic [31:0] run_bytes;
  logic x_valid, x_ready, in_open, net_x_valid, net_x_ready, net_x_last;
  logic net_y_valid, net_y_ready, net_y_tlast, net_y_tuser, net_y_last;
  logic [31:0] net_errors;
{spills.declared(shell)}
{_job(shell)}

  {rule.format("movers")}
  assign m_axi_arcache = 4'b0011;
  assign m_axi_awcache = 4'b0011;
  assign m_axi_arprot  = 3'b000;
  assign m_axi_awprot  = 3'b000;
{gather}
  logic read_valid, read_ready, read_last;
  logic [{8 * DATA_BYTES - 1}:0] read_data;
  logic [{first - 1}:0] read_first;
  logic [{first}:0] read_bytes;
{read}
  logic write_valid, write_ready, write_last;
  logic [{8 * DATA_BYTES - 1}:0] write_data;
  logic [{first}:0] write_bytes;
{write}
{_to_counts(shell)}
  {rule.format("counts to integers, the network, its result")}
  logic [{shell.lanes * shell.element_bits - 1}:0] x_data;
  logic [{x_width - 1}:0] net_x_data;
  logic [{y_width - 1}:0] net_y_data;
{quantizer}
{lanes}
  assign net_x_valid = x_valid && in_open;
  assign x_ready     = net_x_ready && in_open;
{top}
{pack}

  // busy, done, error
  always_ff @(posedge aclk) begin
    if (!aresetn) led_o <= '0;
    else          led_o <= {{|status[6:2], status[1:0]}};
  end

  logic unused;
  assign unused = {unused};
endmodule
"""


def cells(shell: Shell) -> list[str]:
    """The modules of `rtl/` that the shell is made of, without those of the network."""
    used = {"r4_axil_regs", "r4_job", "r4_gather", "r4_axi_read", "r4_axi_write", "r4_unpack", "r4_pack"}
    used |= {shell.quantizer.module} | ({"r4_turn", "r4_width"} if shell.banded else set())
    return modules(used)


def write(shell: Shell, folder: Path) -> tuple[Path, ...]:
    """Writes the shell into folder/rtl (cells, r4_board.sv, r4_board_bd.v) and folder/mem; gives the paths of rtl."""
    rtl, mem = folder / "rtl", folder / "mem"
    rtl.mkdir(parents=True, exist_ok=True)
    mem.mkdir(exist_ok=True)
    texts = {f"{m}.sv": (library() / f"{m}.sv").read_text(encoding="utf-8") for m in cells(shell)}
    texts |= {
        f"{TOP}.sv": text(shell),
        f"{WRAPPER}.v": wrapper_text(double_clock=shell.double_clock, spills=len(shell.spills)),
    }
    for name, content in texts.items():
        (rtl / name).write_text(content, encoding="utf-8")
    for name, image in images(shell).items():
        (mem / name).write_text(image.text(), encoding="utf-8")
    return tuple(rtl / name for name in texts)
