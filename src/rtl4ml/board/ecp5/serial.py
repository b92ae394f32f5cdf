# SPDX-License-Identifier: Apache-2.0
"""The shell of the serial line: `r4_serial_board` around a network, and a top with PLL, pins and reset around that.

    r4_<board>                 EHXPLLL, reset, pins
      r4_serial_board          r4_uart_rx, r4_serial, r4_width, quantizer, r4_top, r4_width, r4_uart_tx, r4_fifo between

Both hold instances of the cells in `rtl/`; the top's own behaviour is its reset alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rtl4ml._version import __version__
from rtl4ml.board.ecp5.pll import Pll
from rtl4ml.board.ecp5.spec import Line, OpenBoard
from rtl4ml.board.shell import images, instance, shell_image
from rtl4ml.board.values import Shell
from rtl4ml.emit.library import library, modules
from rtl4ml.emit.systemverilog import TOP as NETWORK
from rtl4ml.errors import OverBudget
from rtl4ml.netlist.images import Image

SHELL = "r4_serial_board"
BUFFER_BYTES = 2048  # of what has come and was not yet taken: one block RAM
_MOST_BUFFER = 1 << 16
_MOST_FRAMES = (1 << 16) - 1  # of a packet


@dataclass(frozen=True, eq=False)
class SerialShell:
    """What the shell of a serial line is made of.

    shell:    that of the network, with its quantizer, of BIP alone
    interval: predicted cycles of a frame
    pll, line: the clock's dividers, the line's rate
    idle_ms:  after so many milliseconds without a byte a packet is given up
    """

    shell: Shell
    interval: Fraction
    pll: Pll
    line: Line
    idle_ms: Fraction | int

    @classmethod
    def of(cls, shell: Shell, interval: Fraction, spec: OpenBoard, pll: Pll) -> SerialShell:
        """The shell at a rate of the PLL, with the fastest line that the network keeps up with."""
        cycles = -(-interval // count_bytes(shell))
        line = spec.line(pll.rate, byte_cycles=int(cycles))
        return cls(shell, interval, pll, line, spec.idle_ms)

    @property
    def count_bytes(self) -> int:
        """Bytes of counts of a frame."""
        return count_bytes(self.shell)

    @property
    def result_bytes(self) -> int:
        """Bytes of a frame's result: the network's containers, of a mask a byte a pixel too."""
        return result_bytes(self.shell)

    @property
    def buffer(self) -> int:
        """Bytes that wait for the network, a power of two.

        The network keeps up with the line on average. Where a frame's result is longer than its counts, the answer
        holds it up, and a whole frame must wait. Raises OverBudget where that is more than 64 KiB.
        """
        if self.result_bytes <= self.count_bytes:
            return BUFFER_BYTES
        needed = max(BUFFER_BYTES, 1 << (self.count_bytes - 1).bit_length())
        if needed > _MOST_BUFFER:
            raise OverBudget(
                f"board: a result of {self.result_bytes:,} bytes, longer than its counts, must come of at most "
                f"{_MOST_BUFFER:,} bytes of counts, not {self.count_bytes:,}; end the network in argmax or mask"
            )
        return needed

    @property
    def packet_frames(self) -> int:
        """The most frames of a packet that can go without a pause."""
        if self.result_bytes <= self.count_bytes:
            return _MOST_FRAMES
        return max(1, min(_MOST_FRAMES, self.buffer // self.count_bytes))

    @property
    def idle_cycles(self) -> int:
        """Cycles of `idle_ms`."""
        return int(self.pll.rate * 1000 * self.idle_ms)


def count_bytes(shell: Shell) -> int:
    """Bytes of counts of a frame."""
    return shell.frame_beats * shell.lanes * shell.count_bytes


def result_bytes(shell: Shell) -> int:
    """Bytes of a frame's result as the network gives them."""
    return shell.out_beats * shell.out_lanes * shell.out_container // 8


_CLOCK = (("clk_i", "clk_i"), ("rst_ni", "rst_ni"))
_PATH = (("clk_i", "clk_i"), ("rst_ni", "net_rst_n"))


def _stream(x: str, y: str) -> Sequence[tuple[str, str]]:
    return [
        *((f"x_{end}", f"{x}_{end[:-2]}") for end in ("valid_i", "ready_o", "data_i")),
        *((f"y_{end}", f"{y}_{end[:-2]}") for end in ("valid_o", "ready_i", "data_o")),
    ]


def _cut(
    name: str, clocked: Sequence[tuple[str, str]], x: str, y: str, width: int = 8, depth: int = 2
) -> str:
    """A FIFO of two beats or of one, through which no combinational path runs."""
    return instance(
        "r4_fifo", name, {"Width": width, "Depth": depth, "MemoryKind": 0}, [*clocked, *_stream(x, y)]
    )


def _line(made: SerialShell) -> list[str]:
    """The two ends of the line, the buffer, and what makes packets of its bytes."""
    divider = {"Divider": made.line.divider}
    s = made.shell
    receive = instance(
        "r4_uart_rx",
        "u_rx",
        divider,
        [*_CLOCK, "rx_i", ("y_valid_o", "rx_valid"), ("y_data_o", "rx_data")],
    )
    buffer = instance(
        "r4_fifo",
        "u_buffer",
        {"Width": 8, "Depth": made.buffer, "MemoryKind": 1},
        [*_CLOCK, *_stream("rx", "kept")],
    )
    # Block RAM answers late: a register alone takes what it says, which has its place in the block RAM.
    taken = _cut("u_taken", _CLOCK, "kept", "byte", depth=1)
    # And it stands where the router likes: another register has all of a cycle for the way to the packets' logic.
    near = _cut("u_near", _CLOCK, "byte", "near", depth=1)
    signature = int.from_bytes(bytes.fromhex(s.signature), "little")
    values: dict[str, int | str] = {
        "Signature": f"128'h{signature:032x}",
        "CountBytes": made.count_bytes,
        "ResultBytes": made.result_bytes,
        "IdleCycles": made.idle_cycles,
    }
    packets = instance(
        "r4_serial",
        "u_serial",
        values,
        [
            *_CLOCK,
            *_stream("near", "answer"),
            ("lost_i", "rx_valid && !rx_ready"),
            *(
                (f"{a}_{end}", f"{b}_{end[:-2]}")
                for a, b, ends in (
                    ("n", "raw", ("valid_o", "ready_i", "data_o")),
                    ("r", "given", ("valid_i", "ready_o", "data_i")),
                )
                for end in ends
            ),
            ("net_rst_no", "net_rst_n"),
            ("busy_o", "led_o[0]"),
            ("done_o", "led_o[1]"),
            ("error_o", "led_o[2]"),
        ],
    )
    send = instance(
        "r4_uart_tx",
        "u_tx",
        divider,
        [
            *_CLOCK,
            ("x_valid_i", "tx_valid"),
            ("x_ready_o", "tx_ready"),
            ("x_data_i", "tx_data"),
            "tx_o",
        ],
    )
    return [receive, buffer, taken, near, packets, _cut("u_answers", _CLOCK, "answer", "tx"), send]


def _network(made: SerialShell) -> list[str]:
    """Bytes to counts to the network's input; its output to bytes."""
    s = made.shell
    counts = instance(
        "r4_width",
        "u_counts",
        {"XLanes": 1, "YLanes": s.lanes * s.count_bytes, "ElemWidth": 8},
        [*_PATH, *_stream("cut", "counts")],
    )
    named: dict[str, int | str] = {}
    for k, p in s.quantizer.params.items():
        assert isinstance(p, (int, str, Image))
        named[k] = shell_image(k) if isinstance(p, Image) else p
    control = [*_PATH, ("clear_i", "1'b0")] if s.quantizer.module == "r4_counts" else _PATH
    quantizer = instance(s.quantizer.module, "u_quantize", named, [*control, *_stream("counts", "value")])
    beats = instance(
        "r4_counter",
        "u_beats",
        {"Count": s.frame_beats},
        [*_PATH, ("step_i", "x_valid && x_ready"), ("last_o", "x_last")],
    )
    top = instance(
        NETWORK,
        "u_top",
        {},
        [
            ("aclk", "clk_i"),
            ("aresetn", "net_rst_n"),
            *((f"s_axis_t{end}", f"x_{end}") for end in ("valid", "ready")),
            ("s_axis_tdata", "net_x_data"),
            ("s_axis_tlast", "x_last"),
            *((f"m_axis_t{end}", f"y_{end}") for end in ("valid", "ready", "data")),
            ("m_axis_tlast", "unused_last"),
            ("m_axis_tuser", "unused_user"),
            ("frame_errors_o", "unused_errors"),
        ],
    )
    result = instance(
        "r4_width",
        "u_result",
        {"XLanes": s.out_lanes * s.out_container // 8, "YLanes": 1, "ElemWidth": 8},
        [*_PATH, *_stream("y", "result")],
    )
    # The network's ready runs neither through the quantizer nor through r4_serial.
    raw, given = _cut("u_raw", _PATH, "raw", "cut"), _cut("u_given", _PATH, "result", "given")
    values = _cut("u_values", _PATH, "value", "x", s.lanes * s.element_bits)
    return [f"{raw}\n{counts}", quantizer, values, beats, top, result, given]


def text(made: SerialShell) -> str:
    """r4_serial_board.sv."""
    s = made.shell
    x_width, y_width = s.lanes * s.in_container, s.out_lanes * s.out_container
    line = "\n".join(_line(made))
    counts, quantizer, *rest = _network(made)
    network = "\n".join(rest)
    lanes = "\n".join(
        f"  assign net_x_data[{i * s.in_container}+:{s.in_container}] = "
        f"{s.in_container}'(x_data[{i * s.element_bits}+:{s.element_bits}]);"
        for i in range(s.lanes)
    )
    return f"""// Generated by rtl4ml {__version__}. Do not edit.
//
// A network behind a serial line: packets of counts in, of results out, as r4_serial has them.
// Line:    {made.line.baud:,} baud at {made.pll.mhz:.7g} MHz.
// Counts:  {s.bands} bands a pixel, {s.count_bytes} byte(s) each, of a pixel one behind the other.
// Frame:   {_frame(made)}.

module {SHELL} (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       rx_i,
  output logic       tx_o,
  output logic [2:0] led_o   // busy, done, error
);

  logic net_rst_n;
  logic rx_valid, rx_ready, kept_valid, kept_ready, byte_valid, byte_ready, near_valid, near_ready;
  logic tx_valid, tx_ready;
  logic answer_valid, answer_ready, raw_valid, raw_ready, result_valid, result_ready, given_valid, given_ready;
  logic [7:0] rx_data, kept_data, byte_data, near_data, answer_data, tx_data, raw_data, result_data, given_data;
{line}

  logic cut_valid, cut_ready, counts_valid, counts_ready, value_valid, value_ready;
  logic x_valid, x_ready, x_last, y_valid, y_ready;
  logic [7:0] cut_data;
  logic [{8 * s.lanes * s.count_bytes - 1}:0] counts_data;
  logic [{s.lanes * s.element_bits - 1}:0] value_data, x_data;
  logic [{x_width - 1}:0] net_x_data;
  logic [{y_width - 1}:0] y_data;
  logic unused_last, unused_user;
  logic [31:0] unused_errors;
{counts}
{quantizer}
{lanes}
{network}
endmodule
"""


def _frame(made: SerialShell) -> str:
    s = made.shell
    pixels = f"{s.frame_rows} x {s.frame_columns} pixels"
    return f"{pixels}, {made.count_bytes} bytes in, {made.result_bytes} out ({s.result})"


def top_name(spec: OpenBoard) -> str:
    """The module of the top."""
    return f"r4_{spec.name}"


def top_text(made: SerialShell, spec: OpenBoard) -> str:
    """The top of a board: its PLL and reset."""
    p = made.pll
    return f"""// Generated by rtl4ml {__version__}. Do not edit.
//
// {spec.title}: {float(p.source):.7g} MHz in, VCO {float(p.vco):.7g} MHz, clock {p.mhz:.7g} MHz.
// Reset while the PLL is not locked or btn_fire1 is pressed, and 16 cycles more.

module {top_name(spec)} (
  input  logic       {spec.clock_pin},
  input  logic       ftdi_txd,   // from the FT231X
  output logic       ftdi_rxd,   // to it
  input  logic       btn_fire1,
  output logic [7:0] led
);

  logic clk, fed_back, locked;
  (* ICP_CURRENT = "12", LPF_RESISTOR = "8", MFG_ENABLE_FILTEROPAMP = "1", MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
    .CLKI_DIV({p.input}),
    .CLKFB_DIV({p.feedback}),
    .CLKOP_ENABLE("ENABLED"),
    .CLKOP_DIV({p.main}),
    .CLKOP_CPHASE({p.main - 1}),
    .CLKOP_FPHASE(0),
    .CLKOS_ENABLE("ENABLED"),
    .CLKOS_DIV({p.clock}),
    .CLKOS_CPHASE({p.clock - 1}),
    .CLKOS_FPHASE(0),
    .FEEDBK_PATH("CLKOP"),
    .PLLRST_ENA("DISABLED"),
    .INTFB_WAKE("DISABLED"),
    .STDBY_ENABLE("DISABLED"),
    .DPHASE_SOURCE("DISABLED"),
    .OUTDIVIDER_MUXA("DIVA"),
    .OUTDIVIDER_MUXB("DIVB"),
    .OUTDIVIDER_MUXC("DIVC"),
    .OUTDIVIDER_MUXD("DIVD")
  ) u_pll (
    .CLKI({spec.clock_pin}),
    .CLKFB(fed_back),
    .CLKOP(fed_back),
    .CLKOS(clk),
    .LOCK(locked),
    .RST(1'b0),
    .STDBY(1'b0),
    .PHASESEL0(1'b0),
    .PHASESEL1(1'b0),
    .PHASEDIR(1'b0),
    .PHASESTEP(1'b0),
    .PHASELOADREG(1'b0),
    .PLLWAKESYNC(1'b0),
    .ENCLKOP(1'b0)
  );

  logic [1:0] hold_q;    // asked for, brought to the clock
  logic [4:0] reset_q;   // cycles since; the top bit is the end
  always_ff @(posedge clk) hold_q <= {{hold_q[0], btn_fire1 || !locked}};
  always_ff @(posedge clk) begin
    if (hold_q[1])        reset_q <= '0;
    else if (!reset_q[4]) reset_q <= reset_q + 5'd1;
  end

  {SHELL} u_board (
    .clk_i(clk),
    .rst_ni(reset_q[4]),
    .rx_i(ftdi_txd),
    .tx_o(ftdi_rxd),
    .led_o(led[2:0])
  );
  assign led[7:3] = {{locked, 4'd0}};
endmodule
"""


def write(made: SerialShell, spec: OpenBoard, folder: Path) -> tuple[Path, ...]:
    """Writes shell and top into folder/rtl, images into folder/mem; gives the paths of rtl, the top last."""
    rtl, mem = folder / "rtl", folder / "mem"
    rtl.mkdir(parents=True, exist_ok=True)
    mem.mkdir(exist_ok=True)
    used = {
        "r4_uart_rx",
        "r4_uart_tx",
        "r4_fifo",
        "r4_serial",
        "r4_width",
        "r4_counter",
        made.shell.quantizer.module,
    }
    texts = {f"{m}.sv": (library() / f"{m}.sv").read_text(encoding="utf-8") for m in modules(used)}
    texts |= {f"{SHELL}.sv": text(made), f"{top_name(spec)}.sv": top_text(made, spec)}
    for name, content in texts.items():
        (rtl / name).write_text(content, encoding="utf-8")
    for name, image in images(made.shell).items():
        (mem / name).write_text(image.text(), encoding="utf-8")
    return tuple(rtl / name for name in texts)
