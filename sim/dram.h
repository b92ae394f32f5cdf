// SPDX-License-Identifier: Apache-2.0
//
// The memory behind the spills of a compiled top (ports s0_axi_*, s1_axi_* and so on; AXI4, 128 bits): one for all. A top
// with ports s0_base_i and so on, r4_top itself, is told where its memory is; a board's shell, r4_board, has registers
// for that, and its memory begins at kBoard.
//
// Without stalls each answer comes after just `latency` cycles: the response to a write after the last of its address and
// its words was taken, the first word of a read after its address was. Words pass at the rate of `bytes` a cycle, those
// of all spills, read and written, together; reads go first, then the spill that waits longest. Under stalls latencies
// are drawn up to twice as long, every channel pauses, and every 1,950 cycles none moves for 88, as while memory is
// refreshed.
//
// What is read is what was there when the address was taken, and a write is there once its response is given: AXI4
// promises no more. Whatever was not written reads as noise.
#ifndef RTL4ML_DRAM_H
#define RTL4ML_DRAM_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "random.h"

namespace dram {

constexpr uint64_t kWord = 16, kPage = 4096;
constexpr uint64_t kRefreshEvery = 1950, kRefresh = 88;

constexpr uint64_t kBoard = 0x9'0000'3000;

struct Port {
    uint64_t* base;  // these three: null in a shell
    uint8_t *stop, *error;
    uint64_t* awaddr;
    uint8_t *awlen, *awvalid, *awready;
    uint32_t* wdata;
    uint8_t *wlast, *wvalid, *wready;
    uint8_t *bresp, *bvalid;
    uint64_t* araddr;
    uint8_t *arlen, *arvalid, *arready;
    uint32_t* rdata;
    uint8_t *rresp, *rlast, *rvalid;
};

template <typename Dut>
std::vector<Port> ports([[maybe_unused]] Dut& d) {
    std::vector<Port> all;
#define RTL4ML_SPILL(s)                                                                                        \
    if constexpr (requires { d.s##_axi_awaddr; }) {                                                            \
        all.push_back({nullptr, nullptr, nullptr, &d.s##_axi_awaddr, &d.s##_axi_awlen, &d.s##_axi_awvalid,     \
                       &d.s##_axi_awready, &d.s##_axi_wdata[0], &d.s##_axi_wlast, &d.s##_axi_wvalid,           \
                       &d.s##_axi_wready, &d.s##_axi_bresp, &d.s##_axi_bvalid, &d.s##_axi_araddr,              \
                       &d.s##_axi_arlen, &d.s##_axi_arvalid, &d.s##_axi_arready, &d.s##_axi_rdata[0],          \
                       &d.s##_axi_rresp, &d.s##_axi_rlast, &d.s##_axi_rvalid});                                \
        if constexpr (requires { d.s##_base_i; }) {                                                            \
            all.back().base = &d.s##_base_i;                                                                   \
            all.back().stop = &d.s##_stop_i;                                                                   \
            all.back().error = &d.s##_error_o;                                                                 \
        }                                                                                                      \
    }
    RTL4ML_SPILL(s0) RTL4ML_SPILL(s1) RTL4ML_SPILL(s2) RTL4ML_SPILL(s3)
    RTL4ML_SPILL(s4) RTL4ML_SPILL(s5) RTL4ML_SPILL(s6) RTL4ML_SPILL(s7)
#undef RTL4ML_SPILL
    return all;
}

using Word = std::vector<uint32_t>;  // four

class Memory {
  public:
    // shared: bytes of the memory of all spills of a shell
    Memory(std::vector<Port> all, uint64_t latency, uint64_t bytes, bool stalls, uint64_t seed, uint64_t shared = 0)
        : latency_(latency), bytes_(bytes), stalls_(stalls), random_(seed) {
        for (size_t i = 0; i < all.size(); ++i) {
            Half h;
            h.port = all[i];
            if (h.port.base) {
                h.base = 0x800000000 + i * 0x10003000;  // apart, and at odd pages
                h.end = h.base + 0x10000000;
                *h.port.base = h.base;
                *h.port.stop = 0;
            } else {
                h.base = kBoard;
                h.end = kBoard + shared;
            }
            *h.port.bresp = *h.port.rresp = 0;
            *h.port.awready = *h.port.wready = *h.port.bvalid = *h.port.arready = *h.port.rvalid = 0;
            halves_.push_back(std::move(h));
        }
    }

    uint64_t moved() const { return moved_; }

    // Whether an answer is still to come.
    bool busy() const {
        for (const Half& h : halves_)
            if (!h.reads.empty() || !h.writes.empty() || !h.addresses.empty() || !h.data.empty()) return true;
        return false;
    }

    // Sets what the memory answers in this cycle.
    void drive() {
        if (halves_.empty()) return;
        credit_ = std::min(credit_ + bytes_, std::max(bytes_, 2 * kWord * halves_.size()));
        const bool refresh = stalls_ && cycle_ % kRefreshEvery < kRefresh;
        uint64_t credit = credit_;
        for (Half& h : halves_) {
            *h.port.arready = !refresh && !pauses();
            const bool answer = !h.reads.empty() && h.reads.front().due <= cycle_;
            *h.port.rvalid = answer && credit >= kWord && !refresh && !pauses();
            if (*h.port.rvalid) {
                credit -= kWord;
                std::memcpy(h.port.rdata, h.reads.front().words[h.given].data(), kWord);
                *h.port.rlast = h.given + 1 == h.reads.front().words.size();
            }
        }
        for (size_t n = 0; n < halves_.size(); ++n) {
            Half& h = halves_[(first_ + n) % halves_.size()];
            *h.port.awready = !refresh && !pauses();
            *h.port.wready = credit >= kWord && !refresh && !pauses();
            if (*h.port.wready) credit -= kWord;
            *h.port.bvalid = !h.writes.empty() && h.writes.front().due <= cycle_ && !refresh && !pauses();
        }
    }

    // Looks at what the top offers in this cycle, before the edge that ends it; a breach of AXI4, or "".
    std::string sample() {
        for (Half& h : halves_) {
            const Port& p = h.port;
            if (p.error && *p.error) return "a spill must not tell of an error";
            if (*p.rvalid) {
                credit_ -= kWord;
                moved_ += kWord;
                if (++h.given == h.reads.front().words.size()) h.given = 0, h.reads.pop_front();
            }
            if (*p.bvalid) {
                for (const auto& [address, word] : h.writes.front().words) words_[address] = word;
                h.writes.pop_front();
            }
            if (*p.arvalid && *p.arready) {
                if (!legal(h, *p.araddr, *p.arlen)) return "a read must lie within 4 KiB of its spill's memory";
                Read r{cycle_ + wait(), {}};
                for (uint64_t i = 0; i <= *p.arlen; ++i) {
                    const auto found = words_.find(*p.araddr + i * kWord);
                    r.words.push_back(found == words_.end() ? noise() : found->second);
                }
                if (!h.reads.empty()) r.due = std::max(r.due, h.reads.back().due);
                h.reads.push_back(std::move(r));
            }
            if (*p.awvalid && *p.awready) {
                if (!legal(h, *p.awaddr, *p.awlen)) return "a write must lie within 4 KiB of its spill's memory";
                h.addresses.push_back({*p.awaddr, *p.awlen});
            }
            if (*p.wvalid && *p.wready) {
                credit_ -= kWord;
                moved_ += kWord;
                h.data.emplace_back(p.wdata, p.wdata + 4);
                if (*p.wlast) h.ends.push_back(h.data.size());
            }
            while (!h.addresses.empty() && !h.ends.empty()) {
                const auto [address, length] = h.addresses.front();
                if (h.ends.front() != length + 1) return "the last word of a write must be told";
                Write w{cycle_ + wait(), {}};
                for (uint64_t i = 0; i <= length; ++i, h.data.pop_front())
                    w.words.emplace_back(address + i * kWord, std::move(h.data.front()));
                h.addresses.pop_front();
                h.ends.pop_front();
                for (uint64_t& end : h.ends) end -= length + 1;
                if (!h.writes.empty()) w.due = std::max(w.due, h.writes.back().due);
                h.writes.push_back(std::move(w));
            }
        }
        if (!halves_.empty()) first_ = (first_ + 1) % halves_.size();
        ++cycle_;
        return "";
    }

  private:
    struct Read {
        uint64_t due;
        std::vector<Word> words;
    };
    struct Write {
        uint64_t due;
        std::vector<std::pair<uint64_t, Word>> words;
    };
    struct Half {
        Port port;
        uint64_t base, end, given = 0;
        std::deque<Read> reads;
        std::deque<Write> writes;
        std::deque<std::pair<uint64_t, uint64_t>> addresses;
        std::deque<Word> data;
        std::deque<uint64_t> ends;
    };

    bool pauses() { return stalls_ && random_.below(8) == 0; }
    uint64_t wait() { return stalls_ ? 1 + random_.below(2 * latency_) : latency_; }
    Word noise() {
        const uint64_t a = random_.next(), b = random_.next();
        return {uint32_t(a), uint32_t(a >> 32), uint32_t(b), uint32_t(b >> 32)};
    }
    static bool legal(const Half& h, uint64_t address, uint64_t length) {
        return address % kWord == 0 && address >= h.base && address + length * kWord < h.end &&
               address / kPage == (address + length * kWord) / kPage;
    }

    uint64_t latency_, bytes_;
    bool stalls_;
    Random random_;
    std::vector<Half> halves_;
    std::unordered_map<uint64_t, Word> words_;
    uint64_t cycle_ = 0, credit_ = 0, moved_ = 0;
    size_t first_ = 0;
};

}  // namespace dram

#endif
