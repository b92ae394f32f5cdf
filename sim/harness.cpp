// SPDX-License-Identifier: Apache-2.0
//
// Bulk simulation of an emitted top-level module: frames in, frames out, cycles stamped. Called by rtl4ml.simulation.bulk.
//
// Arguments are --name=value:
//   in, out, stamps, stats  files (below)          frames                frames in `in`
//   in_beats, out_beats     beats a frame          in_bytes, out_bytes   bytes of tdata a beat
//   stalls                  0 | 1                  seed                  of the stalls and of the initial state
//   patience                cycles without any beat taken after which the run is given up
//   latency, dram_bytes     of the memory behind spills (dram.h)
//
// in:     frames * in_beats * in_bytes bytes, tdata of each beat, little endian
// out:    the same for the output
// stamps: 3 uint64 a frame: cycle of its first input beat taken, of its last output beat taken, its last beat's tuser
// stats:  one JSON object: cycles, frame_errors, dram_bytes written and read, fifos {path below the top: peak}
//
// Cycle 0 is the first with aresetn high. Exit status 0; 3 and one line on stderr where the design breaks the protocol;
// 4 where a file cannot be read or written.

#include <cinttypes>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Vdut.h"
#include "clocks.h"
#include "dram.h"
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

template <typename Port>
void check_port(const Port& port, size_t bytes, const char* name) {
    const bool fits = bytes <= sizeof(port) && (sizeof(port) == 1 || bytes > sizeof(port) / 2 || sizeof(port) > 8);
    if (!fits) fail(kProtocolError, "%s must have %zu bytes, not %zu", name, bytes, sizeof(port));
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
    const uint64_t in_beats = number("in_beats"), out_beats = number("out_beats");
    const size_t in_bytes = number("in_bytes"), out_bytes = number("out_bytes");
    const bool stalls = number("stalls") != 0;

    File in(options.at("in"), "rb"), out(options.at("out"), "wb"), stamps(options.at("stamps"), "wb");

    const auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);  // registers start with anything: only what reset sets may matter
    context->randSeed(static_cast<int>(1 + seed % 0x7fffffff));
    const auto dut = std::make_unique<Vdut>(context.get());
    check_port(dut->s_axis_tdata, in_bytes, "s_axis_tdata");
    check_port(dut->m_axis_tdata, out_bytes, "m_axis_tdata");

    dut->s_axis_tvalid = 0;
    dut->s_axis_tlast = 0;
    std::memset(&dut->s_axis_tdata, 0, sizeof(dut->s_axis_tdata));
    dut->m_axis_tready = 0;
    Random seeds(seed);
    Stalls source(seeds.next()), sink(seeds.next());
    dram::Memory memory(dram::ports(*dut), number("latency"), number("dram_bytes"), stalls, seeds.next());
    dut->aresetn = 0;
    for (int i = 0; i < kResetCycles; ++i) {
        clocks::fall(*dut);
        clocks::rise(*dut);
    }
    dut->aresetn = 1;

    std::vector<uint8_t> frame(in_beats * in_bytes), held(out_bytes);
    std::vector<uint64_t> first_taken(frames);
    uint64_t in_frame = 0, in_beat = 0, out_frame = 0, out_beat = 0;
    uint64_t cycle = 0, idle = 0, tail = 0, cycles = 0, reported = 0;
    bool held_valid = false, held_last = false, held_user = false;
    if (frames > 0) in.read(frame.data(), frame.size());

    // Ends some cycles after the last frame, so that a beat too many is seen.
    while (out_frame < frames || tail > 0) {
        if (!dut->s_axis_tvalid && in_frame < frames && !(stalls && source.stalled())) {
            dut->s_axis_tvalid = 1;
            dut->s_axis_tlast = in_beat == in_beats - 1;
            std::memcpy(&dut->s_axis_tdata, frame.data() + in_beat * in_bytes, in_bytes);
        }
        dut->m_axis_tready = !(stalls && sink.stalled());
        memory.drive();
        clocks::fall(*dut);
        if (const std::string breach = memory.sample(); !breach.empty())
            fail(kProtocolError, "%s (cycle %" PRIu64 ")", breach.c_str(), cycle);

        const bool take = dut->s_axis_tvalid && dut->s_axis_tready;
        const bool give = dut->m_axis_tvalid && dut->m_axis_tready;
        if (held_valid) {
            if (!dut->m_axis_tvalid || dut->m_axis_tlast != held_last || dut->m_axis_tuser != held_user ||
                std::memcmp(&dut->m_axis_tdata, held.data(), out_bytes) != 0)
                fail(kProtocolError, "an offered beat must stay, not change (frame %" PRIu64 ", beat %" PRIu64
                     ", cycle %" PRIu64 ")", out_frame, out_beat, cycle);
        }
        held_valid = dut->m_axis_tvalid && !give;
        if (held_valid) {
            held_last = dut->m_axis_tlast;
            held_user = dut->m_axis_tuser;
            std::memcpy(held.data(), &dut->m_axis_tdata, out_bytes);
        }
        if (take && in_beat == 0) first_taken[in_frame] = cycle;
        if (give) {
            if (out_frame == frames || (out_frame > in_frame) || (out_frame == in_frame && in_beat == 0 && !take))
                fail(kProtocolError, "an output frame must follow its input frame, not come without one (frame %" PRIu64
                     ", cycle %" PRIu64 ")", out_frame, cycle);
            const bool last = out_beat == out_beats - 1;
            if (static_cast<bool>(dut->m_axis_tlast) != last)
                fail(kProtocolError, "m_axis_tlast must be %d, not %d (frame %" PRIu64 ", beat %" PRIu64 " of %" PRIu64
                     ")", last, !last, out_frame, out_beat, out_beats);
            out.write(&dut->m_axis_tdata, out_bytes);
            ++out_beat;
            if (last) {
                const uint64_t stamp[3] = {first_taken[out_frame], cycle, dut->m_axis_tuser};
                stamps.write(stamp, sizeof(stamp));
                out_beat = 0;
                if (++out_frame == frames) {
                    cycles = cycle + 1;
                    tail = 64 + cycle - first_taken[0];
                    if (tail > 100000) tail = 100000;
                }
                if (out_frame == frames || cycle - reported >= 100000) {
                    std::printf("frames %" PRIu64 "\n", out_frame);
                    std::fflush(stdout);
                    reported = cycle;
                }
            }
        }

        clocks::rise(*dut);
        if (context->gotFinish()) fail(kProtocolError, "the design must not stop by itself (cycle %" PRIu64 ")", cycle);
        ++cycle;

        if (take) {
            dut->s_axis_tvalid = 0;
            if (++in_beat == in_beats) {
                in_beat = 0;
                if (++in_frame < frames) in.read(frame.data(), frame.size());
            }
        }
        idle = take || give ? 0 : idle + 1;
        if (out_frame == frames) {
            if (tail > 0) --tail;
        } else if (idle > patience) {
            std::string fifos;
            for (const auto& [name, beats] : read_fifos(*context, "held_q"))
                if (beats > 0) fifos += (fifos.empty() ? "; FIFOs hold " : ", ") + name + " " + std::to_string(beats);
            fail(kProtocolError, "deadlock: some beat must move within %" PRIu64 " cycles, not none since cycle %" PRIu64
                 " (input frame %" PRIu64 " beat %" PRIu64 " of %" PRIu64 " %s; output frame %" PRIu64 " beat %" PRIu64
                 " of %" PRIu64 " not offered%s)", patience, cycle - idle, in_frame, in_beat, in_beats,
                 in_frame == frames ? "is past the end" : "not taken", out_frame, out_beat, out_beats, fifos.c_str());
        }
    }
    dut->final();
    out.close();
    stamps.close();

    File stats(options.at("stats"), "w");
    std::string text = "{\"cycles\": " + std::to_string(cycles) +
                       ", \"frame_errors\": " + std::to_string(dut->frame_errors_o) +
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
