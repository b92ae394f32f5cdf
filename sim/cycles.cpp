// SPDX-License-Identifier: Apache-2.0
//
// Steps through the cycles of a netlist without data, on the rules that rtl4ml.netlist.Timing states. Called by
// rtl4ml.cycles through its C interface; the fields of Cell are declared there once more.

#include <cstdint>
#include <vector>

namespace {

// A slot of a plain cell, one byte: which inputs it takes, which must be offered, which outputs it makes.
constexpr uint8_t kTakes[2] = {1, 2}, kWaits[2] = {4, 8}, kEmits[2] = {16, 32};

enum Kind : int32_t { kPlain = 0, kRing = 1, kFifo = 2, kFork = 3 };

}  // namespace

extern "C" {

struct Cell {
    int32_t kind, inputs, outputs, latency;
    int32_t in[2], out[2];   // wires
    int64_t slots, depth, beats;
    const uint8_t* flags;    // plain: (slots,)
    const int32_t* need;     // ring: (slots,) beats of the frame that a slot must have
    const int32_t* free;     // ring: (slots,) beats given back once a slot is done
};

// Returns the frames that came out, their last beats' cycles in `ends`: up to `frames` of them, or fewer once the last
// three intervals are equal, nothing can move any more or `limit` cycles are over. `cells` are in topological order
// from wire 0, which always offers, to wire `sink`, which always takes. `peaks` gets the most beats that each FIFO held.
int64_t rtl4ml_step(int64_t count, const Cell* cells, int64_t wires, int64_t sink, int64_t out_beats, int64_t frames,
                    int64_t limit, int64_t* ends, int64_t* peaks) {
    struct State {
        int64_t slot = 0, taken = 0, given = 0;
        uint64_t pipe[2] = {0, 0};
    };
    std::vector<State> states(count);
    std::vector<uint8_t> valid(wires, 0), ready(wires, 0);
    valid[0] = 1;
    ready[sink] = 1;
    for (int64_t i = 0; i < count; ++i) peaks[i] = 0;
    int64_t done = 0, beats = 0;
    for (int64_t cycle = 0; cycle < limit; ++cycle) {
        for (int64_t i = 0; i < count; ++i) {
            const Cell& c = cells[i];
            const State& s = states[i];
            if (c.kind == kFifo) {
                valid[c.out[0]] = s.taken > 0;
            } else if (c.kind == kFork) {  // no register; pipe[o]: output o has had the beat that still stands here
                for (int o = 0; o < c.outputs; ++o) valid[c.out[o]] = valid[c.in[0]] && !s.pipe[o];
            } else {
                for (int o = 0; o < c.outputs; ++o) valid[c.out[o]] = (s.pipe[o] >> (c.latency - 1)) & 1;
            }
        }
        if (valid[sink] && ++beats == out_beats) {
            beats = 0;
            ends[done++] = cycle;
            if (done == frames) return done;
            if (done > 3) {
                const int64_t gap = ends[done - 1] - ends[done - 2];
                if (gap == ends[done - 2] - ends[done - 3] && gap == ends[done - 3] - ends[done - 4]) return done;
            }
        }
        bool moved = false;
        for (int64_t i = count - 1; i >= 0; --i) {
            const Cell& c = cells[i];
            State& s = states[i];
            if (c.kind == kFifo) {  // `taken`: beats held
                const bool room = s.taken < c.depth;
                const bool give = s.taken > 0 && ready[c.out[0]];
                const bool take = room && valid[c.in[0]];
                ready[c.in[0]] = room;
                s.taken += take - give;
                if (s.taken > peaks[i]) peaks[i] = s.taken;
                moved |= take || give;
                continue;
            }
            if (c.kind == kFork) {
                bool all = true;
                for (int o = 0; o < c.outputs; ++o) all &= s.pipe[o] || ready[c.out[o]];
                ready[c.in[0]] = all;
                if (!valid[c.in[0]]) continue;
                moved |= all;
                for (int o = 0; o < c.outputs; ++o) {
                    const bool had = !all && (s.pipe[o] || ready[c.out[o]]);
                    moved |= had != (s.pipe[o] != 0);
                    s.pipe[o] = had;
                }
                continue;
            }
            const uint64_t top = uint64_t{1} << (c.latency - 1);
            const uint64_t mask = top | (top - 1);
            bool en = true;
            for (int o = 0; o < c.outputs; ++o) en &= ready[c.out[o]] || !(s.pipe[o] & top);
            if (c.kind == kRing) {
                const bool room = s.taken - s.given < c.depth;
                const int64_t before = s.taken;
                ready[c.in[0]] = room;
                if (room && valid[c.in[0]]) {
                    ++s.taken;
                    moved = true;
                }
                if (!en) continue;
                const bool go = before >= c.need[s.slot];
                moved |= s.pipe[0] != 0 || go;
                s.pipe[0] = ((s.pipe[0] << 1) | go) & mask;
                if (go) {
                    s.given = c.free[s.slot];
                    if (++s.slot == c.slots) {
                        s.slot = 0;
                        s.taken -= c.beats;
                        s.given = 0;
                    }
                }
                continue;
            }
            const uint8_t f = c.flags[s.slot];
            bool here = true;
            for (int p = 0; p < c.inputs; ++p) here &= valid[c.in[p]] || !(f & kWaits[p]);
            const bool go = en && here;
            for (int p = 0; p < c.inputs; ++p) ready[c.in[p]] = go && (f & kTakes[p]);
            if (en) {
                for (int o = 0; o < c.outputs; ++o) {
                    moved |= s.pipe[o] != 0;
                    s.pipe[o] = ((s.pipe[o] << 1) | (go && (f & kEmits[o]))) & mask;
                }
            }
            if (go) {
                moved = true;
                if (++s.slot == c.slots) s.slot = 0;
            }
        }
        if (!moved) return done;
    }
    return done;
}

}  // extern "C"
