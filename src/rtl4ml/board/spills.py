# SPDX-License-Identifier: Apache-2.0
"""What a board's shell has for the spills of its network: masters, where their memory begins, how they stop."""

from __future__ import annotations

from rtl4ml.board.ports import ADDRESS_BITS, READ, WRITE
from rtl4ml.board.values import Shell

# Of each master: bufferable and modifiable, neither privileged nor secure.
_CONSTANT = (("arcache", "4'b0011"), ("awcache", "4'b0011"), ("arprot", "3'b000"), ("awprot", "3'b000"))


def pins(k: int) -> list[tuple[str, str]]:
    """Pins of the network for its spill k: it asks for no burst once the reader must not."""
    own = ("base_i", "base"), ("idle_o", "idle"), ("error_o", "error")
    return [
        *((f"s{k}_{port}", f"s{k}_{signal}") for port, signal in own),
        (f"s{k}_stop_i", "read_abort"),
        *((f"s{k}_axi_{name}", f"s{k}_axi_{name}") for _, _, name in (*READ, *WRITE)),
    ]


def declared(shell: Shell) -> str:
    """The signals of the spills, and the addresses from the register's on."""
    lines = []
    for k, offset in enumerate(shell.spill_offsets):
        lines += [
            f"  logic s{k}_idle, s{k}_error;",
            f"  logic [{ADDRESS_BITS - 1}:0] s{k}_base;",
            f"  always_ff @(posedge aclk) s{k}_base <= spill + {ADDRESS_BITS}'d{offset};",
            *(f"  assign s{k}_axi_{name} = {value};" for name, value in _CONSTANT),
        ]
    return "\n".join(lines)
