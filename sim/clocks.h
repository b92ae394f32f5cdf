// SPDX-License-Identifier: Apache-2.0
//
// The clocks of a compiled design: aclk and, where it has one, aclk2x, of twice the rate; every edge of aclk is one of
// aclk2x. A cycle is `fall`, before which inputs are set and after which outputs are read, then `rise`.

#pragma once

namespace clocks {

template <typename Dut>
concept Double = requires(Dut dut) { dut.aclk2x; };

template <typename Dut>
void edge(Dut& dut, int level) {
    if constexpr (Double<Dut>) {
        dut.aclk2x = 0;
        dut.eval();
        dut.aclk2x = 1;
    }
    dut.aclk = level;
    dut.eval();
}

template <typename Dut>
void fall(Dut& dut) {
    edge(dut, 0);
}

template <typename Dut>
void rise(Dut& dut) {
    edge(dut, 1);
}

}  // namespace clocks
