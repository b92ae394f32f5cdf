// SPDX-License-Identifier: Apache-2.0
//
// Bulk simulation of an emitted top-level module: frames in, frames out, cycles stamped. Called by rtl4ml.simulation.bulk.
//
// edges.h, written beside it, names the module's AXI4-Stream ports. Arguments are --name=value, those of streams with the
// number of the input or output behind the name, from 0 up:
//   in, out, stamps, stats  files (below)          frames                frames in `in`
//   in_beats, out_beats     beats a frame          in_bytes, out_bytes   bytes of tdata a beat
//   stalls                  0 | 1                  seed                  of the stalls and of the initial state
//   patience                cycles without any beat taken after which the run is given up
//   latency, dram_bytes     of the memory behind spills (dram.h)
//
// in:     frames * in_beats * in_bytes bytes, tdata of each beat, little endian
// out:    the same for an output
// stamps: uint64s a frame: cycle of its first input beat taken at any input, whether an output's last beat had tuser, and
//         of every output the cycle of its last beat taken
// stats:  one JSON object: cycles, frame_errors, dram_bytes written and read, fifos {path below the top: peak}
//
// Cycle 0 is the first with aresetn high. Exit status 0; 3 and one line on stderr where the design breaks the protocol;
// 4 where a file cannot be read or written.

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Vdut.h"
#include "clocks.h"
#include "dram.h"
#include "edges.h"
#include "random.h"
#include "verilated.h"
#include "verilated_syms.h"

namespace {

constexpr int kFileError = 4;
constexpr int kProtocolError = 3;
constexpr int kResetCycles = 8;

[[noreturn]] void fail(int status, const char* format, ...) {
    va_list args;
    va_start(args, format);
    std::vfprintf(stderr, format, args);
    va_end(args);
    std::fputc('\n', stderr);
    std::fflush(stderr);
    std::_Exit(status);
}

struct File {
    std::FILE* file;
    std::string path;
    File(const std::string& name, const char* mode) : file(std::fopen(name.c_str(), mode)), path(name) {
        if (!file) fail(kFileError, "%s: %s", path.c_str(), std::strerror(errno));
        std::setvbuf(file, nullptr, _IOFBF, 1 << 20);
    }
    void read(void* data, size_t size) {
        if (std::fread(data, 1, size, file) != size) fail(kFileError, "%s: too short", path.c_str());
    }
    void write(const void* data, size_t size) {
        if (std::fwrite(data, 1, size, file) != size) fail(kFileError, "%s: %s", path.c_str(), std::strerror(errno));
    }
    void close() {
        if (std::fclose(file) != 0) fail(kFileError, "%s: %s", path.c_str(), std::strerror(errno));
    }
};

// When one side stalls. Every 32 to 1024 cycles another manner is drawn: never (but not first), single cycles with a
// probability of 1/16 to 15/16, or bursts: runs of 1 to 64 cycles and stalls of 1 to 256 cycles in the mean.
class Stalls {
  public:
    explicit Stalls(uint64_t seed) : random(seed) {}
    bool stalled() {
        if (left == 0) redraw();
        --left;
        const uint32_t chance = static_cast<uint32_t>(random.next() >> 32);
        switch (manner) {
            case 0: return false;
            case 1: return chance < single;
            default:
                if (chance < (stalling ? resume : pause)) stalling = !stalling;
                return stalling;
        }
    }

  private:
    void redraw() {
        left = 32u << random.below(6);
        manner = static_cast<unsigned>(least + random.below(4 - least));
        least = 0;
        single = static_cast<uint32_t>(1 + random.below(15)) << 28;
        pause = 0xffffffffu >> random.below(7);
        resume = 0xffffffffu >> random.below(9);
    }
    Random random;
    uint64_t left = 0;
    unsigned least = 1;
    unsigned manner = 0;
    uint32_t single = 0, pause = 0, resume = 0;
    bool stalling = false;
};

std::string below_top(const std::string& scope) {  // "TOP.r4_top.u_fifo" -> "u_fifo"
    const size_t top = scope.find('.');
    const size_t name = top == std::string::npos ? top : scope.find('.', top + 1);
    return name == std::string::npos ? scope : scope.substr(name + 1);
}

std::map<std::string, uint32_t> read_fifos(const VerilatedContext& context, const char* variable) {
    std::map<std::string, uint32_t> out;
    const VerilatedScopeNameMap* scopes = const_cast<VerilatedContext&>(context).scopeNameMap();
    if (!scopes) return out;
    for (const auto& [name, scope] : *scopes) {
        const VerilatedVar* v = scope->varFind(variable);
        if (v) out[below_top(name)] = *static_cast<const uint32_t*>(v->datap());
    }
    return out;
}

// tdata of a port, and the bytes of the type that holds it.
struct Data {
    void* at;
    size_t holder;
    void check(size_t bytes, const char* port) const {
        const bool fits = bytes <= holder && (holder == 1 || bytes > holder / 2 || holder > 8);
        if (!fits) fail(kProtocolError, "%s_tdata must have %zu bytes, not %zu", port, bytes, holder);
    }
};

struct Source {
    const char* port;
    CData *valid, *ready, *last;
    Data data;
    uint64_t beats = 0, frame = 0, beat = 0;
    size_t bytes = 0;
    bool take = false;
    std::vector<uint8_t> held{};  // the frame that it is in
    std::unique_ptr<File> file{};
    std::unique_ptr<Stalls> stalls{};

    void read() { file->read(held.data(), held.size()); }
};

struct Sink {
    const char* port;
    CData *valid, *ready, *last, *user;
    Data data;
    uint64_t beats = 0, frame = 0, beat = 0;
    size_t bytes = 0;
    bool give = false, offered = false, held_last = false, held_user = false;
    std::vector<uint8_t> held{};   // the beat that was offered and not taken
    std::vector<uint64_t> ends{};  // of every frame
    std::unique_ptr<File> file{};
    std::unique_ptr<Stalls> stalls{};

    // A beat that was offered stays until it is taken.
    void check(uint64_t cycle) {
        if (offered && (!*valid || *last != held_last || *user != held_user || std::memcmp(data.at, held.data(), bytes)))
            fail(kProtocolError, "an offered beat must stay, not change (frame %" PRIu64 ", beat %" PRIu64
                 ", cycle %" PRIu64 ")", frame, beat, cycle);
        offered = *valid && !give;
        if (!offered) return;
        held_last = *last;
        held_user = *user;
        std::memcpy(held.data(), data.at, bytes);
    }
};

#define R4_SOURCE(p) Source{#p, &dut->p##_tvalid, &dut->p##_tready, &dut->p##_tlast, {&dut->p##_tdata, sizeof(dut->p##_tdata)}},
#define R4_SINK(p) Sink{#p, &dut->p##_tvalid, &dut->p##_tready, &dut->p##_tlast, &dut->p##_tuser, \
                        {&dut->p##_tdata, sizeof(dut->p##_tdata)}},
#define R4_COUNT(p) +dut->p

std::vector<Source> sources(Vdut* dut) {
    Source all[] = {R4_SOURCES(R4_SOURCE)};
    return {std::make_move_iterator(std::begin(all)), std::make_move_iterator(std::end(all))};
}

std::vector<Sink> sinks(Vdut* dut) {
    Sink all[] = {R4_SINKS(R4_SINK)};
    return {std::make_move_iterator(std::begin(all)), std::make_move_iterator(std::end(all))};
}

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string, std::string> options;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        const size_t equals = arg.find('=');
        if (arg.rfind("--", 0) == 0 && equals != std::string::npos)
            options[arg.substr(2, equals - 2)] = arg.substr(equals + 1);
    }
    const auto number = [&](const char* name) { return std::strtoull(options.at(name).c_str(), nullptr, 10); };
    const uint64_t frames = number("frames"), seed = number("seed"), patience = number("patience");
    const bool stalls = number("stalls") != 0;
    File stamps(options.at("stamps"), "wb");

    const auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);  // registers start with anything: only what reset sets may matter
    context->randSeed(static_cast<int>(1 + seed % 0x7fffffff));
    const auto dut = std::make_unique<Vdut>(context.get());
    std::vector<Source> into = sources(dut.get());
    std::vector<Sink> out = sinks(dut.get());
    Random seeds(seed);
    for (Source& s : into) {
        const std::string k = std::to_string(&s - into.data());
        s.beats = number(("in_beats" + k).c_str());
        s.bytes = number(("in_bytes" + k).c_str());
        s.data.check(s.bytes, s.port);
        s.file = std::make_unique<File>(options.at("in" + k), "rb");
        s.held.resize(s.beats * s.bytes);
        s.stalls = std::make_unique<Stalls>(seeds.next());
        *s.valid = *s.last = 0;
        std::memset(s.data.at, 0, s.data.holder);
    }
    for (Sink& s : out) {
        const std::string k = std::to_string(&s - out.data());
        s.beats = number(("out_beats" + k).c_str());
        s.bytes = number(("out_bytes" + k).c_str());
        s.data.check(s.bytes, s.port);
        s.file = std::make_unique<File>(options.at("out" + k), "wb");
        s.held.resize(s.bytes);
        s.ends.resize(frames);
        s.stalls = std::make_unique<Stalls>(seeds.next());
        *s.ready = 0;
    }
    dram::Memory memory(dram::ports(*dut), number("latency"), number("dram_bytes"), stalls, seeds.next());
    dut->aresetn = 0;
    for (int i = 0; i < kResetCycles; ++i) {
        clocks::fall(*dut);
        clocks::rise(*dut);
    }
    dut->aresetn = 1;

    std::vector<uint64_t> first_taken(frames, UINT64_MAX), marked(frames, 0);
    uint64_t out_frame = 0;  // frames that are out at all outputs
    uint64_t cycle = 0, idle = 0, tail = 0, cycles = 0, reported = 0;
    if (frames > 0)
        for (Source& s : into) s.read();

    // Ends some cycles after the last frame, so that a beat too many is seen.
    while (out_frame < frames || tail > 0) {
        for (Source& s : into)
            if (!*s.valid && s.frame < frames && !(stalls && s.stalls->stalled())) {
                *s.valid = 1;
                *s.last = s.beat == s.beats - 1;
                std::memcpy(s.data.at, s.held.data() + s.beat * s.bytes, s.bytes);
            }
        for (Sink& s : out) *s.ready = !(stalls && s.stalls->stalled());
        memory.drive();
        clocks::fall(*dut);
        if (const std::string breach = memory.sample(); !breach.empty())
            fail(kProtocolError, "%s (cycle %" PRIu64 ")", breach.c_str(), cycle);

        bool moved = false;
        for (Source& s : into) {
            s.take = *s.valid && *s.ready;
            moved |= s.take;
            if (s.take && s.beat == 0) first_taken[s.frame] = std::min(first_taken[s.frame], cycle);
        }
        for (Sink& s : out) {
            s.give = *s.valid && *s.ready;
            moved |= s.give;
            s.check(cycle);
            if (!s.give) continue;
            if (s.frame == frames || first_taken[s.frame] == UINT64_MAX)
                fail(kProtocolError, "an output frame must follow its input frame, not come without one (frame %" PRIu64
                     ", cycle %" PRIu64 ")", s.frame, cycle);
            const bool last = s.beat == s.beats - 1;
            if (static_cast<bool>(*s.last) != last)
                fail(kProtocolError, "%s_tlast must be %d, not %d (frame %" PRIu64 ", beat %" PRIu64 " of %" PRIu64 ")",
                     s.port, last, !last, s.frame, s.beat, s.beats);
            s.file->write(s.data.at, s.bytes);
            ++s.beat;
            if (!last) continue;
            marked[s.frame] |= *s.user;
            s.ends[s.frame++] = cycle;
            s.beat = 0;
        }
        uint64_t done = frames;
        for (const Sink& s : out) done = std::min(done, s.frame);
        for (; out_frame < done; ++out_frame) {
            const uint64_t stamp[2] = {first_taken[out_frame], marked[out_frame]};
            stamps.write(stamp, sizeof(stamp));
            for (const Sink& s : out) stamps.write(&s.ends[out_frame], sizeof(uint64_t));
            if (out_frame + 1 == frames) {
                cycles = cycle + 1;
                tail = std::min<uint64_t>(100000, 64 + cycle - first_taken[0]);
            }
            if (out_frame + 1 == frames || cycle - reported >= 100000) {
                std::printf("frames %" PRIu64 "\n", out_frame + 1);
                std::fflush(stdout);
                reported = cycle;
            }
        }

        clocks::rise(*dut);
        if (context->gotFinish()) fail(kProtocolError, "the design must not stop by itself (cycle %" PRIu64 ")", cycle);
        ++cycle;

        for (Source& s : into) {
            if (!s.take) continue;
            *s.valid = 0;
            if (++s.beat == s.beats) {
                s.beat = 0;
                if (++s.frame < frames) s.read();
            }
        }
        idle = moved ? 0 : idle + 1;
        if (out_frame == frames) {
            if (tail > 0) --tail;
        } else if (idle > patience) {
            std::string fifos, at;
            const auto add = [&](const char* what, const char* port, size_t streams, uint64_t frame, uint64_t beat,
                                 uint64_t beats, const char* how) {
                at += (at.empty() ? "" : "; ") + std::string(streams > 1 ? port : what) + " frame " +
                      std::to_string(frame) + " beat " + std::to_string(beat) + " of " + std::to_string(beats) + " " + how;
            };
            for (const Source& s : into)
                add("input", s.port, into.size(), s.frame, s.beat, s.beats,
                    s.frame == frames ? "is past the end" : "not taken");
            for (const Sink& s : out) add("output", s.port, out.size(), s.frame, s.beat, s.beats, "not offered");
            for (const auto& [name, beats] : read_fifos(*context, "held_q"))
                if (beats > 0) fifos += (fifos.empty() ? "; FIFOs hold " : ", ") + name + " " + std::to_string(beats);
            fail(kProtocolError, "deadlock: some beat must move within %" PRIu64 " cycles, not none since cycle %" PRIu64
                 " (%s%s)", patience, cycle - idle, at.c_str(), fifos.c_str());
        }
    }
    dut->final();
    for (Sink& s : out) s.file->close();
    stamps.close();

    File stats(options.at("stats"), "w");
    std::string text = "{\"cycles\": " + std::to_string(cycles) +
                       ", \"frame_errors\": " + std::to_string(0ull R4_ERRORS(R4_COUNT)) +
                       ", \"dram_bytes\": " + std::to_string(memory.moved()) + ", \"fifos\": {";
    const char* comma = "";
    for (const auto& [name, peak] : read_fifos(*context, "peak_q")) {
        text += std::string(comma) + "\"" + name + "\": " + std::to_string(peak);
        comma = ", ";
    }
    text += "}}\n";
    stats.write(text.data(), text.size());
    stats.close();
    return 0;
}
