// SPDX-License-Identifier: Apache-2.0
//
// What sim/board.cpp runs jobs on: the compiled shell, an AXI4 memory that checks the rules, and an AXI4-Lite master.
//
// Memory is DRAM and what the CPU sees of it through its cache; only flush and invalidate copy between them, by lines.
// A burst's words are answered in order, `latency` to `latency + jitter` cycles after its address; what is written
// is in DRAM from the cycle on in which its response is offered. The rules that every cycle is held to: addresses, data and responses
// wait unchanged; bursts are INCR of whole words, aligned, at most 16, within 4 KiB; WLAST ends what AW has announced;
// WSTRB is full but with a burst's last word; reads and writes stay within the job's buffers (a word may reach
// beyond the counts); RREADY is constantly high; nothing is outstanding when a job is done.
#ifndef BOARD_H
#define BOARD_H

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "Vdut.h"
#include "clocks.h"
#include "dram.h"
#include "r4.h"
#include "r4_regs.h"
#include "random.h"
#include "verilated.h"

constexpr int kFileError = 4;
constexpr int kProtocolError = 3;
constexpr int kResetCycles = 8;
constexpr uint64_t kBase = 0x7'FFFF'F000;  // above 4 GiB, and addresses carry into the upper word
constexpr uint64_t kPage = 4096;
constexpr uint64_t kLine = 64;
constexpr uint64_t kWord = 16;

[[noreturn]] inline void fail(int status, const char* format, ...) {
    va_list args;
    va_start(args, format);
    std::vfprintf(stderr, format, args);
    va_end(args);
    std::fputc('\n', stderr);
    std::fflush(stderr);
    std::_Exit(status);
}

inline uint64_t round_up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

// When a channel pauses. Every 32 to 1024 cycles another manner is drawn: never, single cycles with a probability of
// 1/16 to 15/16, or runs and pauses of 1 to 64 cycles in the mean.
class Pauses {
  public:
    Pauses(uint64_t seed, bool on) : random(seed), on(on) {}
    bool paused() {
        if (!on) return false;
        if (left == 0) {
            left = 32u << random.below(6);
            manner = random.below(3);
            single = static_cast<uint32_t>(1 + random.below(15)) << 28;
            pause = 0xffffffffu >> random.below(7);
            resume = 0xffffffffu >> random.below(7);
        }
        --left;
        const auto chance = static_cast<uint32_t>(random.next() >> 32);
        if (manner < 2) return manner == 1 && chance < single;
        if (chance < (pausing ? resume : pause)) pausing = !pausing;
        return pausing;
    }

  private:
    Random random;
    bool on, pausing = false;
    uint64_t left = 0, manner = 0;
    uint32_t single = 0, pause = 0, resume = 0;
};

class Memory {
  public:
    explicit Memory(uint64_t size) : cpu_(size), dram_(size) {}
    uint64_t size() const { return dram_.size(); }
    bool holds(uint64_t address, uint64_t bytes) const {
        return address >= kBase && address - kBase + bytes <= dram_.size();
    }
    uint8_t* cpu(uint64_t address) { return &cpu_.at(address - kBase); }
    uint8_t* dram(uint64_t address) { return &dram_.at(address - kBase); }
    void flush(uint64_t address, uint64_t bytes) { copy(cpu_, dram_, address, bytes); }
    void invalidate(uint64_t address, uint64_t bytes) { copy(dram_, cpu_, address, bytes); }
    // Both views hold anything, and not the same, so that a job whose copies are missing is wrong.
    void soil(uint64_t seed) {
        Random random(seed ^ 0x5011);
        for (auto* view : {&cpu_, &dram_})
            for (size_t i = 0; i + 8 <= view->size(); i += 8) {
                const uint64_t word = random.next();
                std::memcpy(&(*view)[i], &word, 8);
            }
    }

  private:
    void copy(const std::vector<uint8_t>& from, std::vector<uint8_t>& to, uint64_t address, uint64_t bytes) {
        if (bytes == 0 || !holds(address, bytes)) return;
        const uint64_t first = (address - kBase) / kLine * kLine;
        const uint64_t end = std::min<uint64_t>(round_up(address - kBase + bytes, kLine), dram_.size());
        std::copy(from.begin() + static_cast<long>(first), from.begin() + static_cast<long>(end),
                  to.begin() + static_cast<long>(first));
    }
    std::vector<uint8_t> cpu_, dram_;
};

struct Settings {
    uint64_t seed = 0, latency = 100, jitter = 0, outstanding = 16, spill_bytes = 0;
    bool stalls = false, refresh = true;
};

class Bus {
  public:
    Bus(const Settings& settings, Memory& memory);
    void reset();
    void clock(uint64_t cycles);
    uint32_t read32(uint32_t offset);
    void write32(uint32_t offset, uint32_t value, uint8_t strobes = 15);
    int wait_irq(uint64_t cycles);  // 1 once irq_o is high, 0 where it is not within so many cycles
    void begin_job(uint64_t source, uint64_t bytes, uint64_t target, uint64_t result, uint64_t read_error,
                   uint64_t write_error, uint8_t code);
    void end_job(size_t index, uint32_t status);
    void finish() { dut->final(); }

    Memory& memory;
    uint64_t cycle = 0, deadline = UINT64_MAX, words_read = 0, words_written = 0;

  private:
    struct Burst {
        uint64_t address, words, ready;
    };
    struct Held {  // what a channel offered and was not taken
        bool valid = false;
        uint64_t address = 0;
        uint8_t length = 0;
    };
    void tick();
    void offer();
    void check_address(const char* name, uint64_t address, unsigned length, unsigned size, unsigned burst);
    uint64_t answer_at() { return cycle + settings.latency + (settings.jitter ? random.below(settings.jitter + 1) : 0); }
    [[noreturn]] void broken(const char* rule);

    Settings settings;
    Random random;
    Pauses ar, r, aw, w, b;
    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vdut> dut;
    std::unique_ptr<dram::Memory> spills;
    std::deque<Burst> reads, writes, answers;
    std::vector<std::pair<uint64_t, uint8_t>> pending;  // bytes of the burst whose words arrive
    std::deque<std::vector<std::pair<uint64_t, uint8_t>>> arrived;
    Held ar_held, aw_held;
    bool w_held = false;
    uint8_t w_data[kWord] = {};
    uint32_t w_strb = 0;
    bool w_last = false;
    uint64_t read_word = 0, write_word = 0, answered = 0;
    uint64_t source = 0, bytes = 0, target = 0, result = 0, read_error = 0, write_error = 0;
    uint8_t code = 2;
};

inline Bus::Bus(const Settings& s, Memory& m)
    : memory(m), settings(s), random(s.seed), ar(random.next(), s.stalls), r(random.next(), s.stalls),
      aw(random.next(), s.stalls), w(random.next(), s.stalls), b(random.next(), s.stalls),
      context(std::make_unique<VerilatedContext>()) {
    context->randReset(2);  // registers start with anything: only what reset sets may matter
    context->fatalOnError(false);  // an assertion that fails ends the run by `broken`
    context->randSeed(static_cast<int>(1 + s.seed % 0x7fffffff));
    dut = std::make_unique<Vdut>(context.get());
    const uint64_t latency = std::max<uint64_t>(1, s.latency);
    spills = std::make_unique<dram::Memory>(dram::ports(*dut), latency, 64, s.stalls, random.next(), s.spill_bytes);
}

inline void Bus::broken(const char* rule) {
    fail(kProtocolError, "%s (cycle %" PRIu64 ")", rule, cycle);
}

inline void Bus::reset() {
    dut->s_axil_awvalid = dut->s_axil_wvalid = dut->s_axil_bready = dut->s_axil_arvalid = dut->s_axil_rready = 0;
    dut->m_axi_arready = dut->m_axi_rvalid = dut->m_axi_awready = dut->m_axi_wready = dut->m_axi_bvalid = 0;
    dut->aresetn = 0;
    context->assertOn(false);  // before the first edge the network's reset is anything
    for (int i = 0; i < kResetCycles; ++i) {
        clocks::fall(*dut);
        clocks::rise(*dut);
    }
    context->assertOn(true);
    dut->aresetn = 1;
}

inline void Bus::begin_job(uint64_t source_, uint64_t bytes_, uint64_t target_, uint64_t result_, uint64_t read_error_,
                           uint64_t write_error_, uint8_t code_) {
    source = source_, bytes = bytes_, target = target_, result = result_;
    read_error = read_error_, write_error = write_error_, code = code_;
    words_read = words_written = answered = 0;
}

inline void Bus::end_job(size_t index, uint32_t status) {
    if (!reads.empty() || !writes.empty() || !answers.empty() || !pending.empty() || !arrived.empty() ||
        dut->m_axi_arvalid || dut->m_axi_awvalid || dut->m_axi_wvalid || dut->m_axi_rvalid || dut->m_axi_bvalid || spills->busy())
        fail(kProtocolError, "nothing may be outstanding when a job is done (job %zu, status 0x%x)", index, status);
}

inline void Bus::check_address(const char* name, uint64_t address, unsigned length, unsigned size, unsigned burst) {
    const uint64_t words = length + 1;
    if (size != 4 || burst != 1 || words > 16 || address % kWord || address / kPage != (address + words * kWord - 1) / kPage)
        fail(kProtocolError, "%s must announce 1 to 16 whole words within 4 KiB, INCR, not %" PRIu64 " at 0x%" PRIx64
             " (size %u, burst %u, cycle %" PRIu64 ")", name, words, address, size, burst, cycle);
    const bool read = name[1] == 'R';
    const uint64_t low = (read ? source : target) / kWord * kWord;
    const uint64_t high = round_up((read ? source + bytes : target + result), kWord);
    if (address < low || address + words * kWord > high)
        fail(kProtocolError, "%s must stay within the job's buffer 0x%" PRIx64 " to 0x%" PRIx64 ", not be 0x%" PRIx64
             " for %" PRIu64 " words (cycle %" PRIu64 ")", name, low, high, address, words, cycle);
}

inline void Bus::offer() {  // what memory says in this cycle
    const bool rest = settings.refresh && cycle % 1950 < 88;
    dut->m_axi_arready = reads.size() < settings.outstanding && !rest && !ar.paused();
    dut->m_axi_awready = writes.size() + answers.size() < settings.outstanding && !rest && !aw.paused();
    dut->m_axi_wready = !rest && arrived.size() < settings.outstanding && !w.paused();
    if (!dut->m_axi_rvalid && !reads.empty() && reads.front().ready <= cycle && !rest && !r.paused()) {
        const Burst& burst = reads.front();
        const uint64_t address = burst.address + read_word * kWord;
        const bool here = memory.holds(address, kWord);
        if (here) std::memcpy(&dut->m_axi_rdata, memory.dram(address), kWord);
        else std::memset(&dut->m_axi_rdata, 0xEE, kWord);
        ++words_read;
        dut->m_axi_rresp = words_read == read_error ? code : here ? 0 : 2;
        dut->m_axi_rlast = read_word == burst.words - 1;
        dut->m_axi_rvalid = 1;
    }
    if (!dut->m_axi_bvalid && !answers.empty() && answers.front().ready <= cycle && !b.paused()) {
        bool here = true;
        for (const auto& [address, value] : arrived.front()) {
            if (memory.holds(address, 1)) *memory.dram(address) = value;
            else here = false;
        }
        arrived.pop_front();
        answers.pop_front();
        ++answered;
        dut->m_axi_bresp = answered == write_error ? code : here ? 0 : 2;
        dut->m_axi_bvalid = 1;
    }
}

inline void Bus::tick() {
    offer();
    spills->drive();
    clocks::fall(*dut);
    if (const std::string breach = spills->sample(); !breach.empty()) broken(breach.c_str());

    if (ar_held.valid && (!dut->m_axi_arvalid || dut->m_axi_araddr != ar_held.address || dut->m_axi_arlen != ar_held.length))
        broken("an offered AR must stay, not change");
    if (aw_held.valid && (!dut->m_axi_awvalid || dut->m_axi_awaddr != aw_held.address || dut->m_axi_awlen != aw_held.length))
        broken("an offered AW must stay, not change");
    if (w_held && (!dut->m_axi_wvalid || std::memcmp(&dut->m_axi_wdata, w_data, kWord) != 0 ||
                   dut->m_axi_wstrb != w_strb || dut->m_axi_wlast != w_last))
        broken("an offered W must stay, not change");
    if (!dut->m_axi_rready) broken("RREADY must be high in every cycle");

    ar_held = {static_cast<bool>(dut->m_axi_arvalid) && !dut->m_axi_arready, dut->m_axi_araddr, dut->m_axi_arlen};
    aw_held = {static_cast<bool>(dut->m_axi_awvalid) && !dut->m_axi_awready, dut->m_axi_awaddr, dut->m_axi_awlen};
    w_held = dut->m_axi_wvalid && !dut->m_axi_wready;
    std::memcpy(w_data, &dut->m_axi_wdata, kWord);
    w_strb = dut->m_axi_wstrb;
    w_last = dut->m_axi_wlast;

    const bool r_taken = dut->m_axi_rvalid && dut->m_axi_rready, b_taken = dut->m_axi_bvalid && dut->m_axi_bready;
    if (dut->m_axi_arvalid && dut->m_axi_arready) {
        check_address("AR", dut->m_axi_araddr, dut->m_axi_arlen, dut->m_axi_arsize, dut->m_axi_arburst);
        reads.push_back({dut->m_axi_araddr, dut->m_axi_arlen + 1u, answer_at()});
    }
    if (dut->m_axi_awvalid && dut->m_axi_awready) {
        check_address("AW", dut->m_axi_awaddr, dut->m_axi_awlen, dut->m_axi_awsize, dut->m_axi_awburst);
        writes.push_back({dut->m_axi_awaddr, dut->m_axi_awlen + 1u, 0});
    }
    if (dut->m_axi_wvalid && dut->m_axi_wready) {
        const bool full = w_strb == 0xffff;
        if (w_strb == 0 || (w_strb & (w_strb + 1)) != 0 || (!full && !w_last))
            broken("WSTRB must be full, or the low bytes of a burst's last word");
        for (unsigned i = 0; i < kWord; ++i)
            if (w_strb >> i & 1) pending.emplace_back(write_word * kWord + i, w_data[i]);
        ++write_word;
        ++words_written;
        if (w_last) {
            arrived.push_back(std::move(pending));
            pending.clear();
            // its number of words, for the address that it belongs to
            arrived.back().emplace_back(UINT64_MAX, static_cast<uint8_t>(write_word));
            write_word = 0;
        }
    }
    // The first of `arrived` wait for their answers; the next belongs to the oldest address without data.
    while (!writes.empty() && arrived.size() > answers.size()) {
        auto& data = arrived[answers.size()];
        Burst burst = writes.front();
        if (data.back().second != burst.words) broken("WLAST must come with the word that AWLEN announces");
        data.pop_back();
        for (auto& [address, value] : data) {
            address += burst.address;
            if (address < target || address >= target + result) broken("no byte beside the job's result may be written");
        }
        burst.ready = answer_at();
        answers.push_back(burst);
        writes.pop_front();
    }

    clocks::rise(*dut);
    if (context->gotFinish()) broken("every assertion must hold");
    ++cycle;
    if (cycle > deadline) broken("a job must end, not go on");
    if (r_taken) {
        dut->m_axi_rvalid = 0;
        if (++read_word == reads.front().words) {
            reads.pop_front();
            read_word = 0;
        }
    }
    if (b_taken) dut->m_axi_bvalid = 0;
}

inline void Bus::clock(uint64_t cycles) {
    for (uint64_t i = 0; i < cycles; ++i) tick();
}

inline int Bus::wait_irq(uint64_t cycles) {
    for (uint64_t i = 0; !dut->irq_o; ++i) {
        if (i >= cycles) return 0;
        tick();
    }
    return 1;
}

inline uint32_t Bus::read32(uint32_t offset) {
    if (settings.stalls) clock(random.below(4));
    dut->s_axil_araddr = static_cast<uint16_t>(offset);
    dut->s_axil_arvalid = 1;
    dut->s_axil_rready = !settings.stalls;
    for (bool taken = false; !taken;) {
        taken = dut->s_axil_arready;
        tick();
    }
    dut->s_axil_arvalid = 0;
    while (!dut->s_axil_rvalid) tick();
    const uint32_t value = dut->s_axil_rdata;
    if (settings.stalls) clock(random.below(4));
    if (dut->s_axil_rresp || (settings.stalls && (!dut->s_axil_rvalid || dut->s_axil_rdata != value)))
        broken("a read of a register must be answered OKAY, and its answer must wait");
    dut->s_axil_rready = 1;
    tick();
    dut->s_axil_rready = 0;
    return value;
}

inline void Bus::write32(uint32_t offset, uint32_t value, uint8_t strobes) {
    const uint64_t ahead = settings.stalls ? random.below(8) : 0;  // of one of the two channels
    const bool data_first = settings.stalls && random.below(2);
    dut->s_axil_awaddr = static_cast<uint16_t>(offset);
    dut->s_axil_wdata = value;
    dut->s_axil_wstrb = strobes;
    bool address = false, data = false;
    for (uint64_t i = 0; !address || !data; ++i) {
        dut->s_axil_awvalid = !address && (!data_first || i >= ahead);
        dut->s_axil_wvalid = !data && (data_first || i >= ahead);
        const bool a = dut->s_axil_awvalid && dut->s_axil_awready, d = dut->s_axil_wvalid && dut->s_axil_wready;
        tick();
        address |= a;
        data |= d;
    }
    dut->s_axil_awvalid = dut->s_axil_wvalid = 0;
    while (!dut->s_axil_bvalid) tick();
    if (settings.stalls) clock(random.below(4));
    if (dut->s_axil_bresp) broken("a write of a register must be answered OKAY");
    dut->s_axil_bready = 1;
    tick();
    dut->s_axil_bready = 0;
}

#endif
