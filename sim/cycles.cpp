// SPDX-License-Identifier: Apache-2.0
//
// Steps through the cycles of a netlist without data, on the rules that rtl4ml.netlist.netlist.Timing states. Called by
// rtl4ml.timing.stepper through its C interface; the fields of Cell are declared there once more.
//
// A cell is looked at in a cycle only where something may be new for it: a `valid` or `ready` that it sees has changed,
// or its own state leads to a change. In all cycles between it does what it did last (`Hot::go` and so on), which is
// made up for in one step.

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace {

// A slot of a plain cell: which inputs it takes, which must be offered, whether it makes an output.
constexpr uint8_t kTakes[2] = {1, 2}, kWaits[2] = {4, 8}, kInputs = 15, kEmits = 16;
// Of a ring: makes the beat of the frame before that its last slot of this number would have made.
constexpr uint8_t kJoins = 32;

enum Kind : int32_t { kPlain = 0, kRing = 1, kFifo = 2, kFork = 3 };

constexpr int64_t kWheel = 256;  // cycles ahead that a cell may be called for
constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kFar = 64;  // frames by which an output is ahead
constexpr int64_t kEndless = 1 << 30;  // more beats than a FIFO ever holds
// Fewer beats than a ring ever has: below 0 while those of the last frame that no slot needed are still to come.
constexpr int32_t kFewest = INT32_MIN / 2;

struct Cell {
    int32_t kind, inputs, outputs, latency;
    int32_t in[2], out[2];  // wires
    int32_t free_in, free_out;  // whether what it reads, and what it makes, runs freely: see r4_gate
    int64_t wait;           // a FIFO: cycles from a beat's taking to its being offered, 1 or 2; more: a spill's
    int64_t slack;          // a FIFO: beats that may still come once it is not ready
    int64_t slots, depth, beats, runs;
    int64_t behind, ahead;  // ring: last slots that the next frame's first may stand for, beats that must be there then
    int64_t group, pace;    // spill: beats that are offered together, cycles from one beat to the next at least
    // Slots come in runs that are alike; a run ends before slot `end`.
    const int32_t* end;
    const uint8_t* flags;  // plain; ring: kEmits and kJoins alone
    const int32_t* need;   // ring: beats of the frame that a slot must have, 0: none, as of taps on padding alone
    const int32_t* free;   // ring: beats given back once a slot is done
};

struct alignas(64) Hot {  // a cell and where it stands: two cache lines
    uint8_t kind, inputs, outputs, latency;
    bool go, take, shift, full;  // what it did when it was seen: a slot, a beat taken, the pipeline moved, full of beats
    int32_t gain;                // a FIFO: beats that it holds more after a cycle
    // flags: of the slot. had: a fork: whether an output has had the beat that is at the input; a ring: [0] whether the
    // frame's first slots make the beats of the last slots of the frame before.
    uint8_t flags, had[2];
    bool late;                   // a FIFO that offers a beat two cycles after it was taken, not one
    uint16_t from[2], to[2];     // cells that write its inputs and read its outputs
    int32_t in[2], out[2];
    int64_t seen;  // the last cycle that it was brought up to
    uint64_t pipe, mask;
    int32_t slot, stop, run, slots;       // `stop`: the end of the run
    int32_t taken, given, depth, beats;   // a FIFO: `taken` is what it holds
    int32_t need, free, peak;             // a ring: of the slot
    int16_t slack;                        // a FIFO
    bool free_in, free_out;
    int64_t dry;                          // a FIFO: the cycle from which on it always offered a beat, if it does now
    const Cell* c;

    uint64_t top() const { return mask ^ (mask >> 1); }
    void enter(int64_t r) {
        run = r;
        stop = c->end[r];
        flags = c->flags[r];
        if (kind == kRing) need = c->need[r] ? c->need[r] : kFewest, free = c->free[r];
    }
};

static_assert(sizeof(Hot) == 128);

// What a spill, a FIFO that offers its beats late, has besides.
struct Late {
    std::deque<int64_t> due;  // of every group on its way, the first cycle in which it is offered
    int64_t there = 0;        // beats that may be offered
    int64_t part = 0;         // beats of a group of which others are to come
    int64_t takes = 0, gives = 0;  // cycles from which on it takes, and offers, another beat
};

// Sets of cells, one for every cycle ahead; the cell of the highest number first.
class Calls {
  public:
    explicit Calls(int64_t cells) : words_((cells + 63) / 64 + 1), bits_(kWheel * words_, 0) {}
    uint32_t nobody() const { return 64 * (words_ - 1); }
    void add(int64_t cycle, uint32_t cell, bool really = true) {  // a branch would often be guessed wrong
        bits_[(cycle & (kWheel - 1)) * words_ + cell / 64] |= uint64_t{really} << (cell % 64);
    }
    template <class Visit>
    bool each(int64_t cycle, Visit&& visit) {
        uint64_t* here = &bits_[(cycle & (kWheel - 1)) * words_];
        bool any = false;
        for (int64_t w = words_ - 2; w >= 0; --w) {
            while (here[w]) {  // a visit may call cells of lower numbers
                any = true;
                const int bit = 63 - __builtin_clzll(here[w]);
                here[w] &= ~(uint64_t{1} << bit);
                visit(static_cast<int32_t>(w * 64 + bit));
            }
        }
        return any;
    }

  private:
    int64_t words_;
    std::vector<uint64_t> bits_;
};

// An edge: for an input the first cells, which read the first wires; for an output the last cells.
struct Input {
    int64_t offered = 0;  // beats that the source has handed over
    int64_t last = 0;     // the cycle in which the input took the last of them
};

struct Output {
    int64_t wire = 0, beats = 0;   // beats of a frame
    int64_t beat = 0, frames = 0;  // how many of the frame, and how many frames, are out
    int64_t gated = -1;            // the last cycle in which a frame waited for a flag
    std::vector<int64_t> origins;  // inputs for whose flags it waits
    std::vector<int64_t> ahead;    // of each, beats that it has taken, those of frames that are out here not counted
};

class Netlist {
  public:
    Netlist(int64_t count, const Cell* cells, int64_t wires, int64_t inputs, int64_t outputs, const int64_t* sinks,
            int64_t pace, int64_t paced)
        : hot_(count), valid_(wires, 0), ready_(wires, 1), calls_(count), inputs_(inputs), outputs_(outputs),
          pace_(pace), paced_(paced) {
        for (Output& o : outputs_) {  // wire, beats, number of its inputs, and these
            o.wire = *sinks++;
            o.beats = *sinks++;
            o.origins.resize(*sinks++);
            for (int64_t& i : o.origins) i = *sinks++;
            o.ahead.resize(o.origins.size());
        }
        std::vector<uint32_t> writer(wires, calls_.nobody()), reader(wires, calls_.nobody());
        for (int32_t i = 0; i < count; ++i) {
            for (int k = 0; k < cells[i].inputs; ++k) reader[cells[i].in[k]] = i;
            for (int k = 0; k < cells[i].outputs; ++k) writer[cells[i].out[k]] = i;
        }
        for (int64_t w = inputs; w < wires; ++w) valid_[w] = writer[w] == calls_.nobody();  // always offered
        for (int32_t i = 0; i < count; ++i) {
            Hot& h = hot_[i];
            const Cell& c = cells[i];
            h = Hot{};
            h.c = &c;
            h.kind = c.kind;
            h.inputs = c.inputs;
            h.outputs = c.outputs;
            h.latency = c.latency;
            h.slots = c.slots;
            h.depth = std::min<int64_t>(c.depth, kEndless);
            h.beats = c.beats;
            h.late = c.wait > 1;
            h.slack = c.slack;
            h.free_in = c.free_in;
            h.free_out = c.free_out;
            h.mask = ~uint64_t{0} >> (64 - c.latency);
            h.seen = -1;
            for (int k = 0; k < 2; ++k) {
                h.in[k] = c.in[k];
                h.out[k] = c.out[k];
                h.from[k] = k < c.inputs ? writer[c.in[k]] : calls_.nobody();
                h.to[k] = k < c.outputs ? reader[c.out[k]] : calls_.nobody();
            }
            if (h.kind == kPlain) h.enter(0);
            if (h.kind == kFork) forks_.push_back(i);
            h.need = h.kind == kFifo && c.wait > 2 ? static_cast<int32_t>(late_.size()) : -1;
            if (h.need >= 0) late_.emplace_back();
            if (h.kind == kRing) h.enter(0);  // sets `need`
            calls_.add(0, i);
        }
    }

    // One cycle; returns whether anything was new.
    bool step(int64_t cycle) {
        cycle_ = cycle;
        for (size_t i = 0; i < inputs_.size(); ++i) {
            valid_[i] = cycle * paced_ * hot_[i].slots >= inputs_[i].offered * pace_;
            if (pace_) calls_.add(cycle, i);
        }
        // Backwards, so that `ready` of what reads a cell is known; a cell's new `valid` is for the next cycle, and all
        // that read it have been here before.
        const bool any = calls_.each(cycle, [&](int32_t i) { look(i); });
        for (const int32_t i : forks_) {
            const Hot& h = hot_[i];
            for (int o = 0; o < h.outputs; ++o) offers(h, o, valid_[h.in[0]] && !h.had[o]);
        }
        return any;
    }

    // What each source is behind its pace, in parts of a beat.
    void debts(int64_t cycle, std::vector<int64_t>& to) const {
        for (size_t i = 0; i < inputs_.size(); ++i)
            to.push_back(pace_ ? cycle * paced_ * hot_[i].slots - inputs_[i].offered * pace_ : 0);
    }

    const std::vector<uint8_t>& valid() const { return valid_; }
    bool taken(int64_t wire) const { return ready_[wire]; }

    // Beats that have left at an output, and its wire.
    int64_t given(size_t output) const { return outputs_[output].frames * outputs_[output].beats + outputs_[output].beat; }
    int64_t wire(size_t output) const { return outputs_[output].wire; }

    // Whether all sources offer a beat: what stands still then stands still for ever.
    bool offering() const { return std::all_of(valid_.begin(), valid_.begin() + inputs_.size(), [](uint8_t v) { return v; }); }

    // Takes beats at the outputs; whether there was one. A frame is out once it is at all of them.
    bool give(int64_t cycle) {
        bool any = false;
        for (size_t k = 0; k < outputs_.size(); ++k) {
            Output& o = outputs_[k];
            if (!valid_[o.wire] || (o.beat + 1 == o.beats && !leaves(o, k, cycle))) continue;
            any = true;
            if (++o.beat == o.beats) {
                o.beat = 0;
                ++o.frames;
            }
        }
        return any;
    }

    // Frames that are out at an output, and at all of them.
    int64_t frames(size_t output) const { return outputs_[output].frames; }
    int64_t frames() const {
        int64_t least = kNever;
        for (const Output& o : outputs_) least = std::min(least, o.frames);
        return least;
    }

    // Whether a frame's last beat, which stands in the cell of an output, may leave in `cycle`: the flags of its frame
    // are there two cycles after the inputs have taken the frame's last beats. Else it is held, and that cell takes
    // nothing.
    bool leaves(Output& o, size_t number, int64_t cycle) {
        bool flag = true;
        for (size_t k = 0; k < o.origins.size(); ++k) {
            const int64_t i = o.origins[k], slots = hot_[i].slots;
            follow(hot_[i], cycle);
            flag &= o.ahead[k] > slots || (o.ahead[k] == slots && cycle - inputs_[i].last >= 2);
        }
        if (!flag) o.gated = cycle;
        if (flag != (ready_[o.wire] != 0)) calls_.add(cycle, hot_.size() - outputs_.size() + number);
        ready_[o.wire] = flag;
        for (size_t k = 0; k < o.origins.size() && flag; ++k) o.ahead[k] -= hot_[o.origins[k]].slots;
        return flag;
    }

    // All that the future depends on, before `cycle`.
    std::vector<int64_t> state(int64_t cycle) {
        std::vector<int64_t> s;
        for (Hot& h : hot_) {
            follow(h, cycle);
            const int64_t had = spills(h) ? mark(late_[h.need], cycle) : h.had[0] + 2 * h.had[1];
            for (const int64_t v : {int64_t{h.slot}, int64_t{h.taken}, int64_t{h.given}, int64_t(h.pipe), had})
                s.push_back(v);
        }
        s.insert(s.end(), valid_.begin(), valid_.end());
        for (const Output& o : outputs_) s.insert(s.end(), o.ahead.begin(), o.ahead.end());
        std::vector<int64_t> late(inputs_.size(), 0);
        for (const Output& o : outputs_)
            for (size_t k = 0; k < o.origins.size(); ++k) {
                const int64_t i = o.origins[k];
                late[i] |= o.ahead[k] == hot_[i].slots && cycle - inputs_[i].last < 2;
            }
        s.insert(s.end(), late.begin(), late.end());
        const int64_t out = frames();
        for (const Output& o : outputs_) s.insert(s.end(), {o.beat, o.frames - out});
        return s;
    }

    // Whether all goes on after `now` as it did after `then`, the state before cycle `since`. A FIFO without end that
    // holds more may offer beats for longer, but has offered some all the time since; and an input that is further ahead
    // has its flags there for longer, but no frame has waited for one since.
    bool repeats(const std::vector<int64_t>& then, const std::vector<int64_t>& now, int64_t since) const {
        for (size_t i = 0; i < now.size(); ++i) {
            if (now[i] == then[i]) continue;
            if (now[i] > then[i] && spare(i, then[i], since)) continue;
            if (i >= 5 * hot_.size() || i % 5 != 1 || now[i] < then[i]) return false;
            const Hot& h = hot_[i / 5];
            if (h.kind != kFifo || h.depth < kEndless || h.dry > since || !valid_[h.out[0]]) return false;
        }
        return true;
    }

    // Goes on from such a state; false where a cell cannot hold what it holds there.
    bool resume(const int64_t* s) {
        for (Hot& h : hot_) {
            h.slot = s[0];
            h.taken = s[1];
            h.given = s[2];
            h.pipe = s[3];
            if (spills(h)) {  // all that it holds is there
                late_[h.need] = Late{};
                late_[h.need].part = s[4] & kPart;
                late_[h.need].there = h.taken - late_[h.need].part;
            } else {
                h.had[0] = s[4] & 1;
                h.had[1] = s[4] >> 1;
            }
            s += 5;
            if (h.kind == kFifo && h.taken > h.depth - h.slack) return false;
            if (h.kind == kPlain || h.kind == kRing)
                h.enter(std::upper_bound(h.c->end, h.c->end + h.c->runs, h.slot) - h.c->end);
        }
        std::copy(s, s + valid_.size(), valid_.begin());
        s += valid_.size();
        for (Output& o : outputs_)
            for (int64_t& ahead : o.ahead) ahead = *s++;
        for (Input& i : inputs_) i.last = *s++ - 2;  // the cycles are counted anew
        for (Output& o : outputs_) {
            o.beat = *s++;
            o.frames = *s++;
        }
        return true;
    }

    void peaks(int64_t cycle, int64_t* to) {
        for (Hot& h : hot_) {
            follow(h, cycle);
            *to++ = h.peak;
        }
    }

  private:
    std::vector<Hot> hot_;
    std::vector<uint8_t> valid_, ready_;  // of wires; one that nobody reads is taken, one that nobody writes offered
    std::vector<int32_t> forks_;
    std::vector<Late> late_;
    Calls calls_;
    std::vector<Input> inputs_;
    std::vector<Output> outputs_;
    int64_t pace_, paced_, cycle_ = 0;

    // Whether number `i` of a state says how far an input is ahead at an output whose frames have waited for no flag, or
    // how far an output is ahead of the others, so far that no frame ends there last: it may depend on inputs of its own.
    bool spare(size_t i, int64_t then, int64_t since) const {
        size_t at = 5 * hot_.size() + valid_.size();
        for (const Output& o : outputs_) {
            if (i >= at && i < at + o.ahead.size()) return o.gated < since;
            at += o.ahead.size();
        }
        at += inputs_.size();
        return i > at && i < at + 2 * outputs_.size() && (i - at) % 2 == 1 && then >= kFar;
    }

    void taken(size_t input, int64_t beats, int64_t last) {
        inputs_[input].last = last;
        for (Output& o : outputs_)
            for (size_t k = 0; k < o.origins.size(); ++k)
                if (o.origins[k] == static_cast<int64_t>(input)) o.ahead[k] += beats;
    }

    static constexpr int64_t kPart = 0xffff;

    static bool spills(const Hot& h) { return h.kind == kFifo && h.need >= 0; }

    // All that a spill's future depends on besides what it holds, in a number: the part of a group that is there, below a
    // hash of how long the others take.
    static int64_t mark(const Late& l, int64_t cycle) {
        uint64_t hash = 0xcbf29ce484222325;
        const auto add = [&](int64_t v) { hash = (hash ^ static_cast<uint64_t>(v)) * 0x100000001b3; };
        for (const int64_t d : l.due) add(d - cycle);
        add(std::max<int64_t>(0, l.takes - cycle));
        add(std::max<int64_t>(0, l.gives - cycle));
        return static_cast<int64_t>((hash >> 17 << 16) | static_cast<uint64_t>(l.part));
    }

    void offers(const Hot& h, int o, bool now) {
        uint8_t& v = valid_[h.out[o]];
        calls_.add(cycle_ + 1, h.to[o], v != now);
        v = now;
    }

    void accepts(const Hot& h, int k, bool now) {
        uint8_t& r = ready_[h.in[k]];
        calls_.add(cycle_, h.from[k], r != now);
        r = now;
    }

    void again(int32_t i, int64_t after) {
        calls_.add(cycle_ + std::clamp<int64_t>(after, 1, kWheel - 1), i, after != kNever);
    }

    // Does in all cycles before `cycle` what was done in the last one.
    static void catch_up(Hot& h, int64_t cycle) {
        const int64_t n = cycle - h.seen - 1;
        if (n <= 0) return;
        if (h.kind == kFifo) {
            h.taken += n * h.gain;
            if (h.take) h.peak = std::max(h.peak, h.gain > 0 ? h.taken : h.taken + 1);
            return;
        }
        if (h.take) h.taken += n;
        if (h.go) {
            h.slot += n;
            if (h.slot == h.stop) h.enter(h.run + 1);
        }
        if (h.shift && !h.full) h.pipe = n < 64 ? (h.pipe << n) & h.mask : 0;
    }

    static void next_slot(Hot& h) {
        if (++h.slot != h.stop) return;
        if (h.slot == h.slots) h.slot = 0;
        h.enter(h.slot ? h.run + 1 : 0);
    }

    // Cycles in which slots like the next one follow each other; a frame's last slot is looked at alone.
    static int64_t alike(const Hot& h) { return h.stop - h.slot - (h.stop == h.slots); }

    // Cycles until the first beat in the pipeline is offered.
    static int64_t arrives(const Hot& h) {
        return h.pipe ? h.latency - 1 - (63 - __builtin_clzll(h.pipe)) : kNever;
    }

    // Brings a cell up to `cycle`, which is still to come.
    void follow(Hot& h, int64_t cycle) {
        const size_t i = &h - hot_.data();
        if (i < inputs_.size() && h.take && cycle - h.seen > 1) taken(i, cycle - h.seen - 1, cycle - 1);
        catch_up(h, cycle);
        h.seen = cycle - 1;
    }

    void look(int32_t i) {
        Hot& h = hot_[i];
        follow(h, cycle_);
        h.seen = cycle_;
        switch (h.kind) {
            case kFifo: return spills(h) ? spill(h, i) : fifo(h, i);
            case kFork: return fork(h, i);
            case kRing: return ring(h, i);
            default: return plain(h, i);
        }
    }

    void fifo(Hot& h, int32_t i) {
        const bool out = ready_[h.out[0]], in = valid_[h.in[0]], some = valid_[h.out[0]];
        const int64_t offered = h.depth - h.slack;
        const bool room = h.taken < offered, give = some && out, take = in && (room || h.free_in);
        const int64_t left = h.taken - give;  // what is offered next where a beat comes late
        accepts(h, 0, room);
        if (take && h.taken >= h.peak) h.peak = h.taken + 1;
        h.taken += take - give;
        h.take = take;
        h.gain = take - give;
        if (static_cast<size_t>(i) < inputs_.size() && take) {
            ++inputs_[i].offered;
            taken(i, 1, cycle_);
        }
        const bool next = h.late ? left > 0 : h.taken > 0;
        offers(h, 0, next);
        if (!some || !next) h.dry = cycle_ + 1;
        const bool same = (h.taken < offered) == room && (next && out) == give && (next || h.taken == 0);
        const int64_t fills = room ? 1 + offered - h.taken : kNever, drains = room ? h.taken : h.taken - offered;
        again(i, !same ? 1 : h.gain > 0 ? fills : h.gain < 0 ? drains : kNever);
    }

    void spill(Hot& h, int32_t i) {
        Late& l = late_[h.need];
        const bool out = ready_[h.out[0]], in = valid_[h.in[0]], some = valid_[h.out[0]];
        const bool room = h.taken < h.depth && cycle_ >= l.takes, give = some && out, take = in && room;
        accepts(h, 0, room);
        if (take && h.taken >= h.peak) h.peak = h.taken + 1;
        h.taken += take - give;
        if (give) {
            --l.there;
            l.gives = cycle_ + h.c->pace;
        }
        if (take) {
            l.takes = cycle_ + h.c->pace;
            if (++l.part == h.c->group) {
                l.part = 0;
                l.due.push_back(cycle_ + h.c->wait);
            }
        }
        for (; !l.due.empty() && l.due.front() <= cycle_ + 1; l.due.pop_front()) l.there += h.c->group;
        const bool next = l.there > 0 && cycle_ + 1 >= l.gives;
        offers(h, 0, next);
        if (l.there == 0) h.dry = cycle_ + 1;
        int64_t after = take || give || (next && out) ? 1 : kNever;
        if (l.takes > cycle_) after = std::min(after, l.takes - cycle_);
        if (l.there > 0 && !next) after = std::min(after, l.gives - 1 - cycle_);
        if (!l.due.empty()) after = std::min(after, l.due.front() - 1 - cycle_);
        again(i, after);
    }

    void fork(Hot& h, int32_t i) {
        bool all = true;
        for (int o = 0; o < h.outputs; ++o) all &= h.had[o] || ready_[h.out[o]];
        accepts(h, 0, all);
        if (h.free_out) return;
        if (!valid_[h.in[0]]) return;
        bool changed = false;
        for (int o = 0; o < h.outputs; ++o) {
            const bool had = !all && (h.had[o] || ready_[h.out[o]]);
            changed |= had != (h.had[o] != 0);
            h.had[o] = had;
        }
        if (changed) again(i, 1);
    }

    void ring(Hot& h, int32_t i) {
        const bool out = ready_[h.out[0]];
        const bool room = h.taken - h.given < h.depth, take = room && valid_[h.in[0]];
        const int64_t before = h.taken;
        accepts(h, 0, room);
        h.taken += take;
        h.take = take;
        h.go = h.shift = h.full = false;
        const bool held = (h.pipe & h.top()) && !out;
        const bool go = !held && before >= h.need;
        if (!held) {
            const bool makes = go && (h.flags & (h.had[0] ? kEmits | kJoins : kEmits));
            h.pipe = ((h.pipe << 1) | makes) & h.mask;
            offers(h, 0, (h.pipe & h.top()) != 0);
            if (go) {
                h.given = h.free;
                const int64_t behind = h.c->behind;
                const bool last = behind && h.slot == h.slots - behind - 1;
                if (last && before >= h.c->ahead) {
                    h.slot = 0;
                    h.had[0] = true;
                    h.enter(0);
                } else {
                    next_slot(h);
                    if (h.slot == 0) h.had[0] = false;
                }
                if (h.slot == 0) {
                    h.taken -= h.beats;
                    h.given = 0;
                }
            }
        }
        // When something else will happen: the ring is full, has what a slot waits for, or comes to another run.
        const int64_t filled = take ? 1 + h.depth - (h.taken - h.given) : kNever;
        const bool same = (h.taken - h.given < h.depth) == room;
        if (!same) return again(i, 1);
        if (held) return again(i, filled);
        if (!go) {
            if (h.pipe) return again(i, 1);
            const int64_t lacks = h.need - h.taken;
            if (lacks <= 0) return again(i, 1);
            return again(i, take ? std::min(filled, 1 + lacks) : kNever);
        }
        if (h.pipe != h.mask || !out || h.need > h.taken || h.free != h.given || !(h.flags & kEmits)) return again(i, 1);
        h.go = h.shift = h.full = true;
        again(i, std::min(filled, 1 + alike(h)));
    }

    void plain(Hot& h, int32_t i) {
        const bool out = ready_[h.out[0]], en = h.free_out || out || !(h.pipe & h.top());
        const uint8_t f = h.flags;
        bool go = en && (valid_[h.in[0]] || !(f & kWaits[0])) && (out || !h.free_out || h.free_in);
        if (h.inputs == 2) {
            go = go && (valid_[h.in[1]] || !(f & kWaits[1]));
            accepts(h, 1, go && (f & kTakes[1]));
        }
        accepts(h, 0, h.free_in ? out : go && (f & kTakes[0]));
        h.go = h.shift = h.full = false;
        if (!en) return;  // until its output is taken
        h.pipe = ((h.pipe << 1) | (go && (f & kEmits))) & h.mask;
        offers(h, 0, (h.pipe & h.top()) != 0);
        if (go) next_slot(h);
        const int64_t beat = arrives(h);
        if (!go) {
            if (beat == 0) return again(i, 1);
            h.shift = true;
            return again(i, beat);
        }
        const uint8_t next = h.flags;
        if ((next & kInputs) != (f & kInputs)) return again(i, 1);
        if (next & kEmits) {
            if (!(f & kEmits) || h.pipe != h.mask || !(out || h.free_out)) return again(i, 1);
            h.full = true;
        } else if (beat == 0) {
            return again(i, 1);
        }
        h.go = h.shift = true;
        again(i, h.full ? 1 + alike(h) : std::min(beat, 1 + alike(h)));
    }
};

}  // namespace

extern "C" {

// Returns the frames that came out, their last beats' cycles in `ends`: up to `frames` of them, or fewer once nothing can
// move any more or `limit` cycles are over. `cells` are in topological order from the first wires, those of the inputs
// that the first cells read, which always offer, or beat i from cycle i * pace / (paced * slots of that cell) on, to the
// wires of the outputs that the last cells make, which always take, but a frame's last beat only once its inputs have the
// whole frame (`Netlist::leaves`). `sinks`: of every output its wire, its beats a frame, how many inputs it depends on, and
// their numbers. `firsts` gets the cycle in which the first frame ends at each output.
// `peaks` gets the depth with which each FIFO would have taken all that it took, when it took it.
// `state`: 5 * count + wires + inputs + 2 * outputs numbers, and one for each input of each output, unless null; the run goes on from there if `resume`, else from reset, and it
// gets the state at the end of the last frame. -1: the cells cannot hold what they hold there.
// A state that comes again at the end of a frame (`Netlist::repeats`) is followed by the intervals that followed it
// before; `period` gets the frames in between, or 0 where none came again. Equal intervals alone prove nothing: FIFOs may
// be running dry meanwhile. The first `kept` states are all remembered; of later ones one at a time, for twice as many
// frames as the last (Brent 1980), so that a repetition however late and long is found.
int64_t rtl4ml_step(int64_t count, const Cell* cells, int64_t wires, int64_t inputs, int64_t outputs,
                    const int64_t* sinks, int64_t pace, int64_t paced, int64_t frames, int64_t kept, int64_t limit,
                    int64_t* ends, int64_t* firsts, int64_t* peaks, int64_t* state, int64_t resume, int64_t* period) {
    Netlist net(count, cells, wires, inputs, outputs, sinks, pace, paced);
    if (resume && !net.resume(state)) return -1;
    std::vector<std::vector<int64_t>> past;
    std::vector<int64_t> late;
    int64_t done = 0, still = 0, cycle = 0, mark = kept;
    *period = 0;
    for (; cycle < limit; ++cycle) {
        const bool out = net.give(cycle);
        if (out && !done)
            for (int64_t o = 0; o < outputs; ++o)
                if (firsts[o] < 0 && net.frames(o)) firsts[o] = cycle;
        if (out && net.frames() > done) {
            ends[done++] = cycle;
            std::vector<int64_t> now = net.state(cycle);
            if (state) std::copy(now.begin(), now.end(), state);
            if (done == frames) break;
            net.debts(cycle, now);
            if (!late.empty() && net.repeats(late, now, ends[mark - 1])) *period = done - mark;
            for (int64_t k = std::min<int64_t>(done - 2, past.size() - 1); k >= 0 && !*period; --k)
                if (net.repeats(past[k], now, ends[k])) *period = done - 1 - k;
            if (*period) break;
            if (done < kept) past.push_back(std::move(now));
            else if (late.empty() || done == 2 * mark) mark = done, late = std::move(now);
        }
        const bool any = net.step(cycle);
        still = any || out || !net.offering() ? 0 : still + 1;
        if (still > kWheel) break;
    }
    net.peaks(cycle, peaks);
    return done;
}

// Follows the first frame from reset; returns the cycle of its last beat at the last of the outputs, or -1 where that does
// not come within `limit` cycles. `beats`: of a frame, by wire; `freely`: whether what reads a wire takes every beat that
// is offered. `first` and `last` get the cycles in which the frame's first and last beat were taken from every wire, -1:
// none was.
int64_t rtl4ml_trace(int64_t count, const Cell* cells, int64_t wires, int64_t inputs, int64_t outputs, const int64_t* sinks,
                     int64_t limit, const int64_t* beats, const uint8_t* freely, int64_t* first, int64_t* last) {
    Netlist net(count, cells, wires, inputs, outputs, sinks, 0, 1);
    std::vector<int64_t> passed(wires, 0);
    std::vector<uint8_t> leaves(wires, 0);
    for (int64_t k = 0; k < outputs; ++k) leaves[net.wire(k)] = 1;
    const auto pass = [&](int64_t wire, int64_t cycle) {
        if (++passed[wire] == 1) first[wire] = cycle;
        if (passed[wire] == beats[wire]) last[wire] = cycle;
    };
    std::fill(first, first + wires, -1);
    std::fill(last, last + wires, -1);
    for (int64_t cycle = 0; cycle < limit; ++cycle) {
        net.give(cycle);
        for (int64_t k = 0; k < outputs; ++k)
            if (net.given(k) > passed[net.wire(k)]) pass(net.wire(k), cycle);
        const std::vector<uint8_t> offered = net.valid();  // what a step sets is offered in the next cycle
        net.step(cycle);
        for (int64_t w = 0; w < wires; ++w)
            if (!leaves[w] && (w < inputs ? net.valid()[w] : offered[w]) && (freely[w] || net.taken(w))) pass(w, cycle);
        if (net.frames()) return cycle;
    }
    return -1;
}

}  // extern "C"
