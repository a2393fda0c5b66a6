// Runs a fault list in one verilated accelerator: one process, one thread, no Python in the loop.
//
//   harness JOB RESULT
//
// JOB and RESULT are the binary files of netsurf/cosim/job.py. The store is loaded once, through the
// configuration port. Each fault is an exclusive-or into memory words that the site map names; it is
// undone before the next one. Nothing about a deposit is taken for granted: after the samples of a
// fault every upset bit must still hold the faulty value, after the undo the loaded one, and at the
// end all banks must equal what was loaded.
//
// The memories are marked public for reading only, so that Verilator does not evaluate everything
// that hangs on them twice more a cycle. It does not expect them to change between clock edges
// either; after a deposit the model is settled explicitly (see settle()).
//
// design.h is generated (netsurf/cosim/header.py): sizes, cycles, and where the banks are in the model.
// It needs bank() and low64(), and the model before them.

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "Vaccelerator.h"
#include "Vaccelerator___024root.h"

namespace harness {

using Model = Vaccelerator;

enum ExitCode { BAD_JOB = 2, WRONG_TIMING = 3, BAD_DEPOSIT = 4, NO_OUTPUT = 5 };

template <class... Values>
[[noreturn]] void fail(ExitCode code, const char* format, Values... values) {
  std::fputs("error: ", stderr);
  if constexpr (sizeof...(values) == 0) std::fputs(format, stderr);
  else std::fprintf(stderr, format, values...);
  std::fputc('\n', stderr);
  std::exit(code);
}

// A replica of a stored tensor. Verilator's words are little-endian arrays of 1, 2, 4, 8 or n * 4
// bytes, so that on a little-endian host bit b of any of them is bit b % 8 of byte b / 8.
static_assert(std::endian::native == std::endian::little, "NetSurf's harness needs a little-endian host");

struct Bank {
  std::uint8_t* base = nullptr;                          // of word 0; null where there is no bank
  std::size_t stride = 0, words = 0, width = 0;
  std::vector<std::uint8_t*> apart{};                    // words that do not lie one behind the other (netlists)

  std::uint8_t* word(std::size_t number) const { return apart.empty() ? base + number * stride : apart[number]; }
};

template <std::size_t WORDS, std::size_t WIDTH, class Word, std::size_t DEPTH>
Bank bank(VlUnpacked<Word, DEPTH>& memory) {
  static_assert(DEPTH == WORDS && WIDTH <= 8 * sizeof(Word), "the memory is not as the site map says");
  return {reinterpret_cast<std::uint8_t*>(&memory[0]), sizeof(Word), WORDS, WIDTH};
}

// The low 64 bits of a port.
template <class Port>
std::uint64_t low64(const Port& port) {
  std::uint64_t value = 0;
  std::memcpy(&value, &port, std::min(sizeof(value), sizeof(port)));
  return value;
}

}  // namespace harness

#include "design.h"

namespace harness {

constexpr std::uint64_t JOB_MAGIC = 0x31424f4a5346534eULL;     // "NSFSJOB1"
constexpr std::uint64_t RESULT_MAGIC = 0x315345525346534eULL;  // "NSFSRES1"
constexpr std::uint64_t NEVER = ~std::uint64_t{0};
enum Kind : std::uint8_t { FLIP = 0, STUCK0 = 1, STUCK1 = 2 };

// The job file: eight counts, then arrays, each starting at a multiple of 8 bytes.
class Job {
 public:
  explicit Job(const char* path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) fail(BAD_JOB, "%s cannot be read", path);
    bytes_.resize((static_cast<std::size_t>(file.tellg()) + 7) / 8);
    const auto size = file.tellg();
    file.seekg(0).read(reinterpret_cast<char*>(bytes_.data()), size);
    const auto counts = take<std::uint64_t>(8);
    if (counts[0] != JOB_MAGIC) fail(BAD_JOB, "%s is no job file", path);
    if (counts[1] != design::DIGEST) fail(BAD_JOB, "%s was written for another design", path);
    const auto writes = counts[2], samples = counts[3], faults = counts[4], sites = counts[5];
    per_fault = counts[6];
    frame_bytes = counts[7];
    if (frame_bytes != design::BEATS * sizeof(Model::s_axis_tdata))
      fail(BAD_JOB, "a frame has %zu bytes, not %zu", design::BEATS * sizeof(Model::s_axis_tdata), frame_bytes);
    addresses = take<std::uint32_t>(writes);
    data = take<std::uint32_t>(writes);
    frames = take<std::uint8_t>(samples * frame_bytes);
    kinds = take<std::uint8_t>(faults);
    cycles = take<std::int64_t>(faults);
    offsets = take<std::uint64_t>(faults + 1);
    banks = take<std::uint32_t>(sites);
    words = take<std::uint32_t>(sites);
    bits = take<std::uint32_t>(sites);
    chosen = take<std::uint32_t>(faults * per_fault);
    if (samples == 0) fail(BAD_JOB, "%s has no samples", path);
  }

  std::uint64_t per_fault, frame_bytes;
  std::span<const std::uint32_t> addresses, data, banks, words, bits, chosen;
  std::span<const std::uint8_t> frames, kinds;
  std::span<const std::int64_t> cycles;
  std::span<const std::uint64_t> offsets;

 private:
  template <class T>
  std::span<const T> take(std::uint64_t count) {
    const std::size_t words = (count * sizeof(T) + 7) / 8;
    if (words > bytes_.size() - position_) fail(BAD_JOB, "the job file ends too early");
    const auto* start = reinterpret_cast<const T*>(bytes_.data() + position_);
    position_ += words;
    return {start, count};
  }

  std::vector<std::uint64_t> bytes_;
  std::size_t position_ = 0;
};

// What one inference gave: raw output codes, the index of the largest, one error bit a tensor.
struct Output {
  std::uint64_t codes[design::OUTPUTS];
  std::uint64_t errors;
  std::uint64_t decision;
};

std::uint64_t field(const std::uint8_t* bytes, std::size_t low, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t byte = low / 8, shift = 0; shift < width + low % 8; ++byte, shift += 8) {
    const std::uint64_t part = bytes[byte];
    value |= shift < low % 8 ? part >> (low % 8) : part << (shift - low % 8);
  }
  return width == 64 ? value : value & ((std::uint64_t{1} << width) - 1);
}

// The accelerator with its clock, its streams and its configuration port.
class Machine {
 public:
  explicit Machine(const Job& job) : job_(job), top_(&context_), banks_(design::banks(*top_.rootp)) {
    idle();
    top_.m_axis_tready = 1;
    top_.aresetn = 0;
    for (int i = 0; i < 4; ++i) clock();
    top_.aresetn = 1;
    clock();
    load();
  }

  // Runs samples back to back; sink(n, cycle) is called in the cycle in which output n is valid, and
  // deposit() just before the rising edge that ends cycle `at`. Cycle 0 accepts the first beat.
  template <class Sink, class Deposit>
  void stream(std::span<const std::uint32_t> samples, Sink&& sink, std::uint64_t at, Deposit&& deposit) {
    constexpr std::size_t BEAT = sizeof(top_.s_axis_tdata);
    const std::uint64_t limit = design::LATENCY + (samples.size() + 1) * (design::INTERVAL + design::BEATS) + 64;
    std::size_t sample = 0, beat = 0, received = 0;
    const std::uint8_t* next = frame(samples[0]);
    std::uint64_t cycle = 0;
    bool started = false;
    // An output may come before the last pixels of its sample, if no window looks at those: they are sent too.
    for (std::uint64_t waited = 0; received < samples.size() || sample < samples.size(); ++waited) {
      if (waited > limit) fail(NO_OUTPUT, "output %zu did not come within %zu cycles", received, std::size_t(limit));
      const bool sending = sample < samples.size();
      top_.s_axis_tvalid = sending;
      if (sending) std::memcpy(&top_.s_axis_tdata, next, BEAT);
      top_.s_axis_tlast = beat == design::BEATS - 1;
      low();
      const bool accepted = sending && top_.s_axis_tready;
      started |= accepted;
      if (cycle == at && started) deposit();
      if (top_.m_axis_tvalid) sink(received++, cycle);
      high();
      cycle += started;
      if (!accepted) continue;
      next += BEAT;
      if (++beat == design::BEATS) {
        beat = 0;
        if (++sample < samples.size()) next = frame(samples[sample]);
      }
    }
    top_.s_axis_tvalid = 0;
  }

  void collect(Output& output) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&top_.m_axis_tdata);
    for (std::size_t i = 0; i < design::OUTPUTS; ++i)
      output.codes[i] = field(bytes, i * design::OUTPUT_WIDTH, design::OUTPUT_WIDTH);
    output.errors = low64(top_.tmr_error_o);
    output.decision = low64(top_.m_axis_tuser);
  }

  void clear_errors() {
    top_.tmr_clear_i = 1;
    clock();
    top_.tmr_clear_i = 0;
  }

  // Back to rest: the control of the design, not the store. Behind an output there may still be patches on the
  // way that no output needs, and a scrubber walks by itself (netsurf/harden/scrub.py, LEAD); where all of them
  // stand in cycle 0 of a transient upset is a fact then.
  void restart() {
    top_.aresetn = 0;
    clock();
    top_.aresetn = 1;
  }

  // Re-evaluates all combinational logic: what a deposit changed is seen by the next clock edge.
  void settle() { design::settle(*top_.rootp); }

  std::uint64_t errors() const { return low64(top_.tmr_error_o); }
  const std::vector<Bank>& banks() const { return banks_; }

 private:
  void low() { top_.aclk = 0; top_.eval(); }
  void high() { top_.aclk = 1; top_.eval(); }
  void clock() { low(); high(); }

  void idle() {
    top_.aclk = 0;
    top_.s_axis_tvalid = 0;
    top_.s_axis_tlast = 0;
    top_.cfg_we_i = 0;
    top_.tmr_clear_i = 0;
  }

  void load() {
    top_.cfg_we_i = 1;
    for (std::size_t i = 0; i < job_.addresses.size(); ++i) {
      top_.cfg_addr_i = job_.addresses[i];
      top_.cfg_data_i = job_.data[i];
      clock();
    }
    top_.cfg_we_i = 0;
    clock();
  }

  const std::uint8_t* frame(std::uint32_t sample) const {
    if ((sample + std::uint64_t{1}) * job_.frame_bytes > job_.frames.size())
      fail(BAD_JOB, "sample %u is not in the job", sample);
    return job_.frames.data() + sample * job_.frame_bytes;
  }

  const Job& job_;
  VerilatedContext context_;
  Model top_;
  std::vector<Bank> banks_;
};

// The upset bits of one fault.
class Upset {
 public:
  Upset(const Job& job, const std::vector<Bank>& banks, std::size_t fault) : kind_(job.kinds[fault]), fault_(fault) {
    for (std::uint64_t i = job.offsets[fault]; i < job.offsets[fault + 1]; ++i) {
      if (job.banks[i] >= banks.size() || banks[job.banks[i]].base == nullptr)
        fail(BAD_JOB, "fault %zu: bank %u does not exist", fault, job.banks[i]);
      const Bank& bank = banks[job.banks[i]];
      if (job.words[i] >= bank.words || job.bits[i] >= bank.width)
        fail(BAD_JOB, "fault %zu: bank %u has no bit %u of word %u", fault, job.banks[i], job.bits[i], job.words[i]);
      bits_.push_back({bank.word(job.words[i]) + job.bits[i] / 8, std::uint8_t(1 << job.bits[i] % 8)});
    }
  }

  void deposit() {
    for (Bit& bit : bits_) {
      bit.loaded = *bit.byte & bit.mask;
      const bool keeps = kind_ != FLIP && (bit.loaded != 0) == (kind_ == STUCK1);
      if (!keeps) *bit.byte ^= bit.mask;
      bit.faulty = keeps ? bit.loaded : bit.loaded ^ bit.mask;
    }
    deposited_ = true;
  }

  // After an inference of a scrubbed design: upsets may have been repaired, or spread to other copies. The
  // whole store is restored instead.
  void forget() { deposited_ = false; }

  // Reads every upset bit back, restores it, and reads it back again. Word by word other bits of the
  // fault may share a byte, so restoring is a write of one bit.
  void undo() {
    if (!deposited_) return;
    for (const Bit& bit : bits_)
      if ((*bit.byte & bit.mask) != bit.faulty) fail(BAD_DEPOSIT, "fault %zu: a deposit did not hold", fault_);
    for (const Bit& bit : bits_) *bit.byte = (*bit.byte & ~bit.mask) | bit.loaded;
    for (const Bit& bit : bits_)
      if ((*bit.byte & bit.mask) != bit.loaded) fail(BAD_DEPOSIT, "fault %zu: an upset was not undone", fault_);
    deposited_ = false;
  }

 private:
  struct Bit {
    std::uint8_t* byte;
    std::uint8_t mask, loaded = 0, faulty = 0;
  };
  std::vector<Bit> bits_;
  std::uint8_t kind_;
  std::size_t fault_;
  bool deposited_ = false;
};

void nothing() {}

// Latency and initiation interval, measured without a fault, must be what the emitter stated.
void check_timing(Machine& machine) {
  std::uint64_t latency = 0;
  const std::vector<std::uint32_t> one(1, 0), many(6, 0);
  machine.stream(one, [&](std::size_t, std::uint64_t cycle) { latency = cycle; }, NEVER, nothing);
  if (latency != design::LATENCY)
    fail(WRONG_TIMING, "latency is %zu cycles, design.json states %zu", std::size_t(latency), std::size_t(design::LATENCY));
  std::uint64_t previous = 0, interval = 0;
  machine.stream(many, [&](std::size_t, std::uint64_t cycle) { interval = cycle - previous; previous = cycle; }, NEVER,
                 nothing);
  if (interval != design::INTERVAL)
    fail(WRONG_TIMING, "interval is %zu cycles, design.json states %zu", std::size_t(interval), std::size_t(design::INTERVAL));
}

// A persistent fault is there before its first sample; its samples follow each other without a gap.
// The store is constant meanwhile and every inference reads all of it, so that a voter that sees the
// fault sees it in every sample: one sticky flag serves them all.
void run_persistent(Machine& machine, Upset& upset, std::span<const std::uint32_t> samples, Output* outputs) {
  upset.deposit();
  machine.settle();
  machine.clear_errors();
  machine.stream(samples, [&](std::size_t n, std::uint64_t) { machine.collect(outputs[n]); }, NEVER, nothing);
  for (std::size_t n = 0; n < samples.size(); ++n) outputs[n].errors = machine.errors();
  upset.undo();
  machine.settle();
}

using Images = std::vector<std::vector<std::uint8_t>>;

Images images(const std::vector<Bank>& banks) {
  Images copies;
  for (const Bank& bank : banks) {
    auto& copy = copies.emplace_back();
    for (std::size_t n = 0; n < bank.words; ++n) copy.insert(copy.end(), bank.word(n), bank.word(n) + bank.stride);
  }
  return copies;
}

void restore(const std::vector<Bank>& banks, const Images& loaded) {
  for (std::size_t i = 0; i < banks.size(); ++i) std::copy(loaded[i].begin(), loaded[i].end(), banks[i].base);
}

// A transient upset strikes cycle `at` of each sample anew, in a freshly restored store.
void run_transient(Machine& machine, Upset& upset, std::span<const std::uint32_t> samples, std::uint64_t at,
                   Output* outputs, const Images& loaded) {
  for (std::size_t n = 0; n < samples.size(); ++n) {
    machine.restart();
    machine.clear_errors();
    machine.stream(
        samples.subspan(n, 1), [&](std::size_t, std::uint64_t) { machine.collect(outputs[n]); }, at,
        [&] { upset.deposit(); machine.settle(); });
    if constexpr (design::SCRUBBED) {
      upset.forget();
      restore(machine.banks(), loaded);
    } else {
      upset.undo();
    }
    machine.settle();
  }
}

class Progress {
 public:
  explicit Progress(std::size_t total) : total_(total) {}
  void done(std::size_t pairs) {
    done_ += pairs;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(200) && done_ != total_) return;
    last_ = now;
    std::fprintf(stderr, "progress %zu %zu\n", done_, total_);
  }

 private:
  std::size_t total_, done_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void write_results(const char* path, const std::vector<Output>& outputs) {
  const std::uint64_t header[] = {RESULT_MAGIC, outputs.size(), design::OUTPUTS};
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(header), sizeof header);
  file.write(reinterpret_cast<const char*>(outputs.data()), std::streamsize(outputs.size() * sizeof(Output)));
  if (!file.flush()) fail(BAD_JOB, "%s cannot be written", path);
}

int run(const char* job_path, const char* result_path) {
  const Job job(job_path);
  Machine machine(job);
  check_timing(machine);
  const auto loaded = images(machine.banks());
  std::vector<Output> outputs(job.chosen.size());
  Progress progress(outputs.size());
  for (std::size_t fault = 0; fault < job.kinds.size() && job.per_fault > 0; ++fault) {
    Upset upset(job, machine.banks(), fault);
    const auto samples = job.chosen.subspan(fault * job.per_fault, job.per_fault);
    Output* results = outputs.data() + fault * job.per_fault;
    if (job.cycles[fault] < 0) run_persistent(machine, upset, samples, results);
    else run_transient(machine, upset, samples, std::uint64_t(job.cycles[fault]), results, loaded);
    progress.done(job.per_fault);
  }
  if (images(machine.banks()) != loaded) fail(BAD_DEPOSIT, "the store is not as it was loaded after %zu faults", job.kinds.size());
  write_results(result_path, outputs);
  return 0;
}

}  // namespace harness

int main(int argc, char** argv) {
  if (argc != 3) harness::fail(harness::BAD_JOB, "usage: harness JOB RESULT");
  return harness::run(argv[1], argv[2]);
}
