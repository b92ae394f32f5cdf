// SPDX-License-Identifier: Apache-2.0
//
// Jobs on a board's shell (r4_board) by the C driver or by plain register writes, with a model of memory that keeps a
// CPU's view and a DRAM's view of it apart. Called by rtl4ml.board.bulk.
//
// Arguments are --name=value:
//   jobs, out, results   files (below)
//   design               the numbers of r4_interface
//   seed, stalls         of the pauses on all five channels (0 | 1), and of the initial state
//   latency, jitter      cycles from an address to its first word, and how many more at most, drawn a burst
//   refresh              1: memory stands still for 88 of every 1950 cycles (350 ns of 7.8 us at 250 MHz)
//   outstanding          bursts that memory accepts a direction
//   patience             cycles after which a job that has not ended is given up
//
// jobs: a line a job, words key=value, all numbers but `in`:
//   driver      1: by r4_run of r4.c; 0: by register writes
//   rows, columns, layout (0 BIP, 1 BIL, 2 BSQ), in (file of counts), bytes (of them), result (bytes)
//   skew        bytes that the counts begin after a page                abort     cycles after the start; 0: none
//   read_error, write_error   the how-manieth word or response is an error; 0: none         code   2 SLVERR, 3 DECERR
//   outside     1: the counts lie where there is no memory              timeout   ns, for the driver
//   frames, row_stride, row_bytes, band_stride    for register writes; the driver computes its own
//   misplaced   bytes added to the address of the result
//   accesses    of register writes, once the job is started: 36r reads address 36, 36w15=7 writes 7 there, strobes 15
// out:     result bytes of every job, as the CPU sees them afterwards
// results: a line of JSON a job
//
// Exit status 0; 3 and one line on stderr where a rule of AXI4 or of the shell is broken; 4 for files.

#include "board.h"

namespace {

std::map<std::string, std::string> words(const std::string& line) {
    std::map<std::string, std::string> found;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) {
        const size_t equals = word.find('=');
        if (equals != std::string::npos) found[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return found;
}

// Does the accesses of a job and gives what was read, as the elements of a list of JSON.
std::string access(Bus& bus, const std::string& text) {
    std::string found;
    std::istringstream stream(text);
    for (std::string one; std::getline(stream, one, ',');) {
        char* rest = nullptr;
        const auto address = static_cast<uint32_t>(std::strtoul(one.c_str(), &rest, 0));
        if (*rest == 'w') {
            const auto strobes = static_cast<uint8_t>(std::strtoul(rest + 1, &rest, 0));
            bus.write32(address, static_cast<uint32_t>(std::strtoul(rest + 1, nullptr, 0)), strobes);
        } else {
            found += (found.empty() ? "" : ", ") + std::to_string(bus.read32(address));
        }
    }
    return found;
}

std::string json_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

// The driver's functions: they clock the model. Times are nanoseconds at the design's clock.
struct Host {
    Bus& bus;
    uint64_t clock_khz;
    uint64_t cycles(uint64_t ns) const { return ns >= UINT64_MAX / clock_khz ? UINT64_MAX : ns * clock_khz / 1000000; }
};
Host& host(void* context) { return *static_cast<Host*>(context); }
uint32_t io_read(void* c, uint32_t offset) { return host(c).bus.read32(offset); }
void io_write(void* c, uint32_t offset, uint32_t value) { host(c).bus.write32(offset, value); }
int io_wait(void* c, uint64_t timeout) { return host(c).bus.wait_irq(host(c).cycles(timeout)); }
uint64_t io_now(void* c) { return host(c).bus.cycle * 1000000 / host(c).clock_khz; }
void io_sleep(void* c, uint64_t ns) { host(c).bus.clock(std::max<uint64_t>(1, host(c).cycles(ns))); }
void io_flush(void* c, const r4_buffer* b, size_t n) { host(c).bus.memory.flush(b->address, n); }
void io_invalidate(void* c, const r4_buffer* b, size_t n) { host(c).bus.memory.invalidate(b->address, n); }

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string, std::string> options;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        const size_t equals = arg.find('=');
        if (arg.rfind("--", 0) == 0 && equals != std::string::npos)
            options[arg.substr(2, equals - 2)] = arg.substr(equals + 1);
    }
    const auto number = [&](const char* name) { return std::strtoull(options.at(name).c_str(), nullptr, 0); };

    r4_interface design{};
    {
        std::string text = options.at("design");
        std::replace(text.begin(), text.end(), ',', ' ');
        std::istringstream values(text);
        for (uint32_t& word : design.signature) values >> word;
        values >> design.bands >> design.count_bytes >> design.frame_rows >> design.frame_columns >>
            design.frame_bytes >> design.kind >> design.banded >> design.data_bytes >> design.clock_khz >>
            design.spill_bytes;
        if (!values) fail(kFileError, "design must have 14 numbers");
    }

    std::vector<std::map<std::string, std::string>> jobs;
    {
        std::ifstream file(options.at("jobs"));
        if (!file) fail(kFileError, "%s: %s", options.at("jobs").c_str(), std::strerror(errno));
        for (std::string line; std::getline(file, line);)
            if (!line.empty()) jobs.push_back(words(line));
    }
    uint64_t counts_room = kPage, result_room = kPage;
    const auto of = [](const std::map<std::string, std::string>& job, const char* name) -> uint64_t {
        const auto at = job.find(name);
        return at == job.end() ? 0 : std::strtoull(at->second.c_str(), nullptr, 0);
    };
    for (const auto& job : jobs) {
        counts_room = std::max(counts_room, round_up(of(job, "bytes") + of(job, "skew"), kPage));
        result_room = std::max(result_room, round_up(of(job, "result") + 64, kPage));
    }

    Settings settings;
    settings.seed = number("seed");
    settings.stalls = number("stalls") != 0;
    settings.latency = number("latency");
    settings.jitter = number("jitter");
    settings.refresh = number("refresh") != 0;
    settings.outstanding = number("outstanding");
    settings.spill_bytes = design.spill_bytes;
    const uint64_t patience = number("patience");

    Memory memory(counts_room + result_room);
    Bus bus(settings, memory);
    Host self{bus, design.clock_khz};
    std::ofstream out(options.at("out"), std::ios::binary), results(options.at("results"));
    if (!out || !results) fail(kFileError, "%s: %s", options.at("out").c_str(), std::strerror(errno));

    r4_io io{&self, io_read, io_write, io_wait, io_now, io_sleep, io_flush, io_invalidate};
    r4_device device;
    bus.reset();
    if (r4_open(&device, &io, &design, 40000) != R4_OK) fail(kProtocolError, "driver: %s", r4_message(&device));
    const r4_buffer spill{nullptr, dram::kBoard, design.spill_bytes};
    if (design.spill_bytes && r4_reserve(&device, &spill) != R4_OK) fail(kProtocolError, "driver: %s", r4_message(&device));

    for (size_t index = 0; index < jobs.size(); ++index) {
        const auto& job = jobs[index];
        const uint64_t bytes = of(job, "bytes"), size = of(job, "result"), skew = of(job, "skew");
        // Counts first, the result behind them; or the counts where memory has ended.
        const uint64_t source = (of(job, "outside") ? kBase + memory.size() : kBase) + skew;
        const uint64_t target = kBase + counts_room + of(job, "misplaced");
        memory.soil(settings.seed + index);
        if (!of(job, "outside")) {
            std::ifstream in(job.at("in"), std::ios::binary);
            if (!in.read(reinterpret_cast<char*>(memory.cpu(source)), static_cast<std::streamsize>(bytes)))
                fail(kFileError, "%s: too short", job.at("in").c_str());
        }
        bus.begin_job(source, bytes, target, size, of(job, "read_error"), of(job, "write_error"),
                      static_cast<uint8_t>(of(job, "code") ? of(job, "code") : 2));
        bus.deadline = bus.cycle + patience;

        const r4_cube cube{static_cast<uint32_t>(of(job, "rows")), static_cast<uint32_t>(of(job, "columns")),
                           static_cast<r4_layout>(of(job, "layout"))};
        uint32_t status = 0;
        int code = -1;
        std::string message, read;
        r4_buffer counts{of(job, "outside") ? nullptr : memory.cpu(source), source, bytes};
        r4_buffer result{memory.cpu(target), target, size};
        if (of(job, "driver")) {
            const uint64_t timeout = of(job, "timeout") ? of(job, "timeout") : UINT64_MAX / 4;
            code = r4_run(&device, &cube, &counts, &result, timeout);
            message = r4_message(&device);
            status = device.status;
        } else {
            const bool banded = cube.layout != R4_BIP;
            memory.flush(source, bytes);
            memory.flush(target, size);
            const uint32_t registers[][2] = {
                {R4_SRC_LOW, static_cast<uint32_t>(source)}, {R4_SRC_HIGH, static_cast<uint32_t>(source >> 32)},
                {R4_DST_LOW, static_cast<uint32_t>(target)}, {R4_DST_HIGH, static_cast<uint32_t>(target >> 32)},
                {R4_SPILL_LOW, static_cast<uint32_t>(dram::kBoard)},
                {R4_SPILL_HIGH, static_cast<uint32_t>(dram::kBoard >> 32)},
                {R4_FRAMES, static_cast<uint32_t>(of(job, "frames"))}, {R4_ROWS, cube.rows},
                {R4_COLUMNS, cube.columns}, {R4_ROW_STRIDE, static_cast<uint32_t>(of(job, "row_stride"))},
                {R4_ROW_BYTES, static_cast<uint32_t>(of(job, "row_bytes"))},
                {R4_BAND_STRIDE, static_cast<uint32_t>(of(job, "band_stride"))},
                {R4_LAYOUT, banded ? R4_LAYOUT_BANDED : 0}, {R4_CONTROL, R4_CONTROL_START | R4_CONTROL_IRQ_ENABLE}};
            for (const auto& r : registers) bus.write32(r[0], r[1]);
            if (job.count("accesses")) read = access(bus, job.at("accesses"));
            if (const uint64_t cycles = of(job, "abort")) {
                bus.clock(cycles);
                bus.write32(R4_CONTROL, R4_CONTROL_ABORT | R4_CONTROL_IRQ_ENABLE);
            }
            if (bus.wait_irq(patience) != 1) fail(kProtocolError, "a job must end, not go on (job %zu)", index);
            status = bus.read32(R4_STATUS);
            bus.write32(R4_CONTROL, R4_CONTROL_CLEAR);
            memory.invalidate(target, size);
        }
        if (bus.read32(R4_STATUS) & (R4_STATUS_BUSY | R4_STATUS_DONE))
            fail(kProtocolError, "a job that ended and was cleared must be neither busy nor done (job %zu)", index);
        r4_read_counters(&device);
        bus.end_job(index, status);
        const r4_counters& c = device.counters;
        results << "{\"code\": " << code << ", \"message\": " << json_text(message) << ", \"status\": " << status
                << ", \"cycles\": " << c.cycles << ", \"starved\": " << c.starved << ", \"blocked\": " << c.blocked
                << ", \"frames_done\": " << c.frames_done << ", \"first_frame\": " << c.first_frame
                << ", \"frame_errors\": " << c.frame_errors << ", \"axi_errors\": " << c.axi_errors
                << ", \"words_read\": " << bus.words_read << ", \"words_written\": " << bus.words_written
                << ", \"read\": [" << read << "], \"simulated\": " << bus.cycle << "}\n";
        out.write(reinterpret_cast<const char*>(memory.cpu(target)), static_cast<std::streamsize>(size));
        std::printf("jobs %zu\n", index + 1);
        std::fflush(stdout);
    }
    bus.finish();
    if (!out.flush() || !results.flush()) fail(kFileError, "%s: %s", options.at("out").c_str(), std::strerror(errno));
    return 0;
}
