// SPDX-License-Identifier: Apache-2.0
//
// Steps through the cycles of a netlist without data, on the rules that rtl4ml.netlist.Timing states. Called by
// rtl4ml.cycles through its C interface; the fields of Cell are declared there once more.

#include <cstdint>
#include <vector>

namespace {

// A slot of a plain cell, one byte: which inputs it takes, which must be offered, whether it makes an output.
constexpr uint8_t kTakes[2] = {1, 2}, kWaits[2] = {4, 8}, kEmits = 16;

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
// from wire 0, which always offers, or beat i from cycle i * pace / cells[0].slots on, to wire `sink`, which always takes.
// `peaks` gets the depth with which each FIFO would have taken all that it took, when it took it.
int64_t rtl4ml_step(int64_t count, const Cell* cells, int64_t wires, int64_t sink, int64_t out_beats, int64_t pace,
                    int64_t frames, int64_t limit, int64_t* ends, int64_t* peaks) {
    struct Hot {  // a cell and where it stands
        Cell c;
        uint64_t top, mask;          // of its pipelines: the beat that is offered, all beats
        int64_t slot, taken, given;  // a FIFO: `taken` is what it holds
        uint64_t pipe[2];            // a fork: whether an output has had the beat that still stands at the input
        int64_t peak;
    };
    std::vector<Hot> hot(count);
    std::vector<Hot*> forks;
    for (int64_t i = 0; i < count; ++i) {
        const uint64_t top = uint64_t{1} << (cells[i].latency - 1);
        hot[i] = Hot{cells[i], top, top | (top - 1), 0, 0, 0, {0, 0}, 0};
        if (cells[i].kind == kFork) forks.push_back(&hot[i]);
    }
    std::vector<uint8_t> valid_(wires, 0), ready_(wires, 1);  // a wire that nobody reads is taken
    uint8_t *const valid = valid_.data(), *const ready = ready_.data();
    int64_t done = 0, beats = 0, offered = 0;  // `offered`: beats that the source has handed over
    const auto leave = [&] {
        for (int64_t i = 0; i < count; ++i) peaks[i] = hot[i].peak;
        return done;
    };
    for (int64_t cycle = 0; cycle < limit; ++cycle) {
        valid[0] = cycle * cells[0].slots >= offered * pace;
        if (valid[sink] && ++beats == out_beats) {
            beats = 0;
            ends[done++] = cycle;
            if (done == frames) return leave();
            if (done > 3) {
                const int64_t gap = ends[done - 1] - ends[done - 2];
                if (gap == ends[done - 2] - ends[done - 3] && gap == ends[done - 3] - ends[done - 4]) return leave();
            }
        }
        bool moved = !valid[0];
        // Backwards, so that `ready` of what reads a cell is known; a cell's new `valid` is for the next cycle, and all
        // that read it have been here before.
        for (Hot* h = hot.data() + count - 1; h >= hot.data(); --h) {
            const Cell& c = h->c;
            switch (c.kind) {
                case kFifo: {
                    const bool room = h->taken < c.depth;
                    const bool give = h->taken > 0 && ready[c.out[0]];
                    const bool take = room && valid[c.in[0]];
                    ready[c.in[0]] = room;
                    if (take && h->taken >= h->peak) h->peak = h->taken + 1;
                    h->taken += take - give;
                    valid[c.out[0]] = h->taken > 0;
                    moved |= take || give;
                    if (h == hot.data()) offered += take;
                    break;
                }
                case kFork: {
                    bool all = true;
                    for (int o = 0; o < c.outputs; ++o) all &= h->pipe[o] || ready[c.out[o]];
                    ready[c.in[0]] = all;
                    if (!valid[c.in[0]]) break;
                    moved |= all;
                    for (int o = 0; o < c.outputs; ++o) {
                        const bool had = !all && (h->pipe[o] || ready[c.out[o]]);
                        moved |= had != (h->pipe[o] != 0);
                        h->pipe[o] = had;
                    }
                    break;
                }
                case kRing: {
                    const bool room = h->taken - h->given < c.depth;
                    const int64_t before = h->taken;
                    ready[c.in[0]] = room;
                    if (room && valid[c.in[0]]) {
                        ++h->taken;
                        moved = true;
                    }
                    if ((h->pipe[0] & h->top) && !ready[c.out[0]]) break;
                    const bool go = before >= c.need[h->slot];
                    moved |= h->pipe[0] != 0 || go;
                    h->pipe[0] = ((h->pipe[0] << 1) | go) & h->mask;
                    valid[c.out[0]] = (h->pipe[0] & h->top) != 0;
                    if (go) {
                        h->given = c.free[h->slot];
                        if (++h->slot == c.slots) {
                            h->slot = 0;
                            h->taken -= c.beats;
                            h->given = 0;
                        }
                    }
                    break;
                }
                default: {
                    const bool en = ready[c.out[0]] || !(h->pipe[0] & h->top);
                    const uint8_t f = c.flags[h->slot];
                    bool go = en && (valid[c.in[0]] || !(f & kWaits[0]));
                    if (c.inputs == 2) {
                        go = go && (valid[c.in[1]] || !(f & kWaits[1]));
                        ready[c.in[1]] = go && (f & kTakes[1]);
                    }
                    ready[c.in[0]] = go && (f & kTakes[0]);
                    if (en) {
                        moved |= h->pipe[0] != 0;
                        h->pipe[0] = ((h->pipe[0] << 1) | (go && (f & kEmits))) & h->mask;
                        valid[c.out[0]] = (h->pipe[0] & h->top) != 0;
                    }
                    if (go) {
                        moved = true;
                        if (++h->slot == c.slots) h->slot = 0;
                    }
                }
            }
        }
        for (Hot* h : forks)
            for (int o = 0; o < h->c.outputs; ++o) valid[h->c.out[o]] = valid[h->c.in[0]] && !h->pipe[o];
        if (!moved) return leave();
    }
    return leave();
}

}  // extern "C"
