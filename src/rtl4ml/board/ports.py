# SPDX-License-Identifier: Apache-2.0
"""The ports of a board's shell, and its plain Verilog wrapper for block designs."""

from __future__ import annotations

from rtl4ml._version import __version__
from rtl4ml.netlist.netlist import CLOCK2X

TOP, WRAPPER = "r4_board", "r4_board_bd"
ADDRESS_BITS, DATA_BYTES = 40, 16

# -- ports: direction, bits (0: no range), name -----------------------------------------------------------------
AXIL = (
    ("input", 0, "awvalid"), ("output", 0, "awready"), ("input", 12, "awaddr"),
    ("input", 0, "wvalid"), ("output", 0, "wready"), ("input", 32, "wdata"), ("input", 4, "wstrb"),
    ("output", 0, "bvalid"), ("input", 0, "bready"), ("output", 2, "bresp"),
    ("input", 0, "arvalid"), ("output", 0, "arready"), ("input", 12, "araddr"),
    ("output", 0, "rvalid"), ("input", 0, "rready"), ("output", 32, "rdata"), ("output", 2, "rresp"),
)  # fmt: skip
READ = (
    ("output", ADDRESS_BITS, "araddr"), ("output", 8, "arlen"), ("output", 3, "arsize"), ("output", 2, "arburst"),
    ("output", 0, "arvalid"), ("input", 0, "arready"),
    ("input", 8 * DATA_BYTES, "rdata"), ("input", 2, "rresp"), ("input", 0, "rlast"), ("input", 0, "rvalid"),
    ("output", 0, "rready"),
)  # fmt: skip
WRITE = (
    ("output", ADDRESS_BITS, "awaddr"), ("output", 8, "awlen"), ("output", 3, "awsize"), ("output", 2, "awburst"),
    ("output", 0, "awvalid"), ("input", 0, "awready"),
    ("output", 8 * DATA_BYTES, "wdata"), ("output", DATA_BYTES, "wstrb"), ("output", 0, "wlast"),
    ("output", 0, "wvalid"), ("input", 0, "wready"),
    ("input", 2, "bresp"), ("input", 0, "bvalid"), ("output", 0, "bready"),
)  # fmt: skip
CONSTANT = (
    ("output", 4, "arcache"), ("output", 3, "arprot"), ("output", 4, "awcache"), ("output", 3, "awprot"),
)  # fmt: skip


def masters(spills: int) -> list[str]:
    """Names of the AXI4 masters: that of the movers, then one for each of the network's spills."""
    return ["m_axi", *(f"s{k}_axi" for k in range(spills))]


def ports(*, double_clock: bool = False, spills: int = 0) -> list[tuple[str, int, str]]:
    """Direction, bits (0: a single wire) and name of every port of the shell.

    double_clock: whether the network has a second clock of twice the rate; spills: how many it has
    """
    return [
        ("input", 0, "aclk"),
        *([("input", 0, CLOCK2X)] if double_clock else []),
        ("input", 0, "aresetn"),
        *((d, w, f"s_axil_{n}") for d, w, n in AXIL),
        *((d, w, f"{bus}_{n}") for bus in masters(spills) for d, w, n in (*READ, *WRITE, *CONSTANT)),
        ("output", 0, "irq_o"),
        ("output", 3, "led_o"),
    ]


def declared(kind: str, *, double_clock: bool = False, spills: int = 0) -> str:
    """The port list; `kind` is "logic" or "wire"."""
    lines = []
    for direction, bits, name in ports(double_clock=double_clock, spills=spills):
        size = f" [{bits - 1}:0]" if bits else ""
        lines.append(f"  {direction:<6} {kind}{size} {name}")
    return ",\n".join(lines)


def wrapper_text(*, double_clock: bool = False, spills: int = 0) -> str:
    """r4_board_bd.v: plain Verilog, for a block design's module reference (attributes not verified in Vivado)."""
    notes = {
        "aclk": (
            "xilinx.com:signal:clock:1.0 aclk CLK",
            f"XIL_INTERFACENAME aclk, ASSOCIATED_BUSIF {':'.join(['s_axil', *masters(spills)])}, "
            "ASSOCIATED_RESET aresetn",
        ),
        CLOCK2X: (f"xilinx.com:signal:clock:1.0 {CLOCK2X} CLK", f"XIL_INTERFACENAME {CLOCK2X}"),
        "aresetn": (
            "xilinx.com:signal:reset:1.0 aresetn RST",
            "XIL_INTERFACENAME aresetn, POLARITY ACTIVE_LOW",
        ),
        "irq_o": (
            "xilinx.com:signal:interrupt:1.0 irq_o INTERRUPT",
            "XIL_INTERFACENAME irq_o, SENSITIVITY LEVEL_HIGH",
        ),
    }
    buses = {
        "s_axil": "XIL_INTERFACENAME s_axil, PROTOCOL AXI4LITE, DATA_WIDTH 32, ADDR_WIDTH 12",
    }
    for bus in masters(spills):
        buses[bus] = (
            f"XIL_INTERFACENAME {bus}, PROTOCOL AXI4, DATA_WIDTH {8 * DATA_BYTES}, ADDR_WIDTH {ADDRESS_BITS}, "
            "ID_WIDTH 0, HAS_BURST 1, SUPPORTS_NARROW_BURST 0, MAX_BURST_LENGTH 16, NUM_READ_OUTSTANDING 32, "
            "NUM_WRITE_OUTSTANDING 16"
        )
    lines = []
    said: set[str] = set()
    for direction, bits, name in ports(double_clock=double_clock, spills=spills):
        info, parameter = notes.get(name, ("", ""))
        for bus, of_bus in buses.items():
            if name.startswith(f"{bus}_"):
                info = f"xilinx.com:interface:aximm:1.0 {bus} {name[len(bus) + 1 :].upper()}"
                parameter = "" if bus in said else of_bus
                said.add(bus)
        if info:
            lines.append(f'  (* X_INTERFACE_INFO = "{info}" *)')
        if parameter:
            lines.append(f'  (* X_INTERFACE_PARAMETER = "{parameter}" *)')
        size = f" [{bits - 1}:0]" if bits else ""
        lines.append(f"  {direction} wire{size} {name},")
    lines[-1] = lines[-1].removesuffix(",")
    body = "\n".join(lines)
    bound = ",\n".join(
        f"    .{name}({name})" for _, _, name in ports(double_clock=double_clock, spills=spills)
    )
    return f"""// Generated by rtl4ml {__version__}. Do not edit.
//
// {TOP} as plain Verilog, with what a block design reads of its ports.

module {WRAPPER} (
{body}
);

  {TOP} u_board (
{bound}
  );
endmodule
"""
