// Strikes one verilated accelerator at clock cycles: stored bits, registers and voter inputs.
//
//   strikes JOB RESULT
//
// JOB and RESULT are the binary files of netsurf/cosim/strike_job.py. Each fault runs one sample:
//
//   reset; the sample once without a fault, so that every register holds what an inference leaves;
//   one cycle that clears the error flags; then WINDOW cycles in which the sample is offered, the sink
//   is always ready, and the strikes happen.
//
// Cycle 0 is the first in which the sample is offered, and it is accepted in it. A strike at cycle t is an
// exclusive-or just before the rising edge that ends cycle t; whatever hangs on the bit is evaluated
// again before that edge. A voter input is struck by upsetting the stored bit that it shows in that cycle,
// before the edge, and undoing it behind the edge: reads are combinational, so that the voter, and nobody
// else, sees one wrong bit for one cycle. After each fault the struck stored bits are undone, and at the
// end all banks must be as they were loaded.
//
// design.h is generated (netsurf/cosim/strike_header.py).

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <vector>

#include "Vaccelerator.h"
#include "Vaccelerator___024root.h"

namespace harness {

using Model = Vaccelerator;

enum ExitCode { BAD_JOB = 2, BAD_DEPOSIT = 4, NO_OUTPUT = 5 };

template <class... Values>
[[noreturn]] void fail(ExitCode code, const char* format, Values... values) {
  std::fputs("error: ", stderr);
  if constexpr (sizeof...(values) == 0) std::fputs(format, stderr);
  else std::fprintf(stderr, format, values...);
  std::fputc('\n', stderr);
  std::exit(code);
}

// Bits that Verilator keeps: the words of a bank, or a register, which is one word. On a little-endian host
// bit b of a word is bit b % 8 of byte b / 8, whatever its C++ type is.
static_assert(std::endian::native == std::endian::little, "NetSurf's harness needs a little-endian host");

struct Bits {
  std::uint8_t* base;
  std::size_t stride, words, width;
  void flip(std::size_t word, std::size_t bit) const { base[word * stride + bit / 8] ^= std::uint8_t(1 << bit % 8); }
};

template <std::size_t WORDS, std::size_t WIDTH, class Word, std::size_t DEPTH>
Bits bank(VlUnpacked<Word, DEPTH>& memory) {
  static_assert(DEPTH == WORDS && WIDTH <= 8 * sizeof(Word), "the memory is not as the site map says");
  return {reinterpret_cast<std::uint8_t*>(&memory[0]), sizeof(Word), WORDS, WIDTH};
}

template <std::size_t WIDTH, class Word>
Bits variable(Word& word) {
  static_assert(WIDTH <= 8 * sizeof(Word), "the register is not as the site map says");
  return {reinterpret_cast<std::uint8_t*>(&word), sizeof(Word), 1, WIDTH};
}

template <class Port>
std::uint64_t low64(const Port& port) {
  std::uint64_t value = 0;
  std::memcpy(&value, &port, std::min(sizeof(value), sizeof(port)));
  return value;
}

}  // namespace harness

#include "design.h"

namespace harness {

constexpr std::uint64_t JOB_MAGIC = 0x314b5254534653ULL;  // "SFSTRK1"
constexpr std::uint32_t NONE = ~std::uint32_t{0};
enum What : std::uint32_t { REGISTER = 0, STORED = 1, VOTER = 2 };

struct Job {
  std::vector<std::uint64_t> bytes;
  std::size_t position = 0;
  std::uint64_t window = 0, frame_bytes = 0;
  std::span<const std::uint32_t> addresses, data, samples, what, where, word, bit, rows;
  std::span<const std::uint8_t> frames;
  std::span<const std::uint64_t> offsets;
  std::span<const std::int64_t> cycles;

  explicit Job(const char* path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) fail(BAD_JOB, "%s cannot be read", path);
    const auto size = file.tellg();
    bytes.resize((static_cast<std::size_t>(size) + 7) / 8);
    file.seekg(0).read(reinterpret_cast<char*>(bytes.data()), size);
    const auto counts = take<std::uint64_t>(8);
    if (counts[0] != JOB_MAGIC) fail(BAD_JOB, "%s is no job of strikes", path);
    if (counts[1] != design::DIGEST) fail(BAD_JOB, "%s was written for another design", path);
    window = counts[6];
    frame_bytes = counts[7];
    if (frame_bytes != design::BEATS * sizeof(Model::s_axis_tdata))
      fail(BAD_JOB, "a frame has %zu bytes, not %zu", design::BEATS * sizeof(Model::s_axis_tdata), frame_bytes);
    addresses = take<std::uint32_t>(counts[2]);
    data = take<std::uint32_t>(counts[2]);
    frames = take<std::uint8_t>(counts[3] * frame_bytes);
    samples = take<std::uint32_t>(counts[4]);
    offsets = take<std::uint64_t>(counts[4] + 1);
    cycles = take<std::int64_t>(counts[5]);
    what = take<std::uint32_t>(counts[5]);
    where = take<std::uint32_t>(counts[5]);
    word = take<std::uint32_t>(counts[5]);
    bit = take<std::uint32_t>(counts[5]);
    rows = take<std::uint32_t>(counts[5] * 4);
  }

 private:
  template <class T>
  std::span<const T> take(std::uint64_t count) {
    const std::size_t words = (count * sizeof(T) + 7) / 8;
    if (words > bytes.size() - position) fail(BAD_JOB, "the job file ends too early");
    const auto* start = reinterpret_cast<const T*>(bytes.data() + position);
    position += words;
    return {start, count};
  }
};

// What one struck inference gave.
struct Output {
  std::uint64_t count = 0;
  std::int64_t when = -1;
  std::uint64_t errors = 0, decision = 0;
  std::uint64_t codes[design::OUTPUTS] = {};
};

std::uint64_t field(const std::uint8_t* bytes, std::size_t low, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t byte = low / 8, shift = 0; shift < width + low % 8; ++byte, shift += 8) {
    const std::uint64_t part = bytes[byte];
    value |= shift < low % 8 ? part >> (low % 8) : part << (shift - low % 8);
  }
  return width == 64 ? value : value & ((std::uint64_t{1} << width) - 1);
}

class Machine {
 public:
  explicit Machine(const Job& job)
      : job_(job), top_(&context_), banks_(design::banks(*top_.rootp)), registers_(design::registers(*top_.rootp)) {
    top_.aclk = 0;
    top_.s_axis_tvalid = 0;
    top_.s_axis_tlast = 0;
    top_.cfg_we_i = 0;
    top_.tmr_clear_i = 0;
    top_.m_axis_tready = 1;
    reset();
    top_.cfg_we_i = 1;
    for (std::size_t i = 0; i < job.addresses.size(); ++i) {
      top_.cfg_addr_i = job.addresses[i];
      top_.cfg_data_i = job.data[i];
      clock();
    }
    top_.cfg_we_i = 0;
    clock();
  }

  Output run(std::size_t fault) {
    reset();
    watch(job_.samples[fault], 0, 0);
    top_.tmr_clear_i = 1;
    clock();
    top_.tmr_clear_i = 0;
    const Output output = watch(job_.samples[fault], job_.offsets[fault], job_.offsets[fault + 1]);
    for (const auto& [bank, word, bit] : stored_) banks_[bank].flip(word, bit);
    stored_.clear();
    settle();
    return output;
  }

  const std::vector<Bits>& banks() const { return banks_; }

 private:
  struct Place {
    std::size_t bank, word, bit;
  };

  void settle() { design::settle(*top_.rootp); }
  void clock() { low(); high(); }
  void low() { top_.aclk = 0; top_.eval(); }
  void high() { top_.aclk = 1; top_.eval(); }

  void reset() {
    top_.s_axis_tvalid = 0;
    top_.aresetn = 0;
    for (int i = 0; i < 3; ++i) clock();
    top_.aresetn = 1;
    clock();
  }

  // Offers a sample and watches the window; strikes `first` up to `end` of the job happen in it.
  Output watch(std::uint32_t sample, std::uint64_t first, std::uint64_t end) {
    constexpr std::size_t BEAT = sizeof(top_.s_axis_tdata);
    if ((sample + std::uint64_t{1}) * job_.frame_bytes > job_.frames.size()) fail(BAD_JOB, "no sample %u", sample);
    const std::uint8_t* frame = job_.frames.data() + sample * job_.frame_bytes;
    Output output;
    std::size_t beat = 0;
    for (std::uint64_t cycle = 0; cycle < job_.window; ++cycle) {
      const bool sending = beat < design::BEATS;
      top_.s_axis_tvalid = sending;
      if (sending) std::memcpy(&top_.s_axis_tdata, frame + beat * BEAT, BEAT);
      top_.s_axis_tlast = beat == design::BEATS - 1;
      low();
      if (strike(cycle, first, end)) settle();
      const bool accepted = sending && top_.s_axis_tready;
      if (top_.m_axis_tvalid && output.count++ == 0) collect(output, std::int64_t(cycle));
      high();
      beat += accepted;
      if (!shown_.empty()) {
        for (const auto& [bank, word, bit] : shown_) banks_[bank].flip(word, bit);
        shown_.clear();
        settle();
      }
    }
    top_.s_axis_tvalid = 0;
    output.errors = low64(top_.tmr_error_o);
    return output;
  }

  bool strike(std::uint64_t cycle, std::uint64_t first, std::uint64_t end) {
    bool struck = false;
    for (std::uint64_t i = first; i < end; ++i)
      if (job_.cycles[i] == std::int64_t(cycle) && job_.what[i] != VOTER) struck |= one(i);
    // What a voter shows depends on the row that is read, which a strike of this very cycle may have changed.
    for (std::uint64_t i = first; i < end; ++i)
      if (job_.cycles[i] == std::int64_t(cycle) && job_.what[i] == VOTER) struck |= one(i);
    return struck;
  }

  bool one(std::uint64_t i) {
    std::size_t word = job_.word[i], bit = job_.bit[i];
    const auto& bits = job_.what[i] == REGISTER ? registers_ : banks_;
    if (job_.what[i] == VOTER) {
      const Bits& bank = banks_[job_.where[i]];
      word = row(i) * word + bit / bank.width;
      bit %= bank.width;
    }
    if (job_.where[i] >= bits.size()) fail(BAD_JOB, "strike %zu: no bank or register %u", std::size_t(i), job_.where[i]);
    const Bits& target = bits[job_.where[i]];
    if (target.base == nullptr || word >= target.words || bit >= target.width)
      fail(BAD_JOB, "strike %zu: no bit %zu of word %zu", std::size_t(i), bit, word);
    target.flip(word, bit);
    if (job_.what[i] == STORED) stored_.push_back({job_.where[i], word, bit});
    if (job_.what[i] == VOTER) shown_.push_back({job_.where[i], word, bit});
    return true;
  }

  // The row that a store reads: its counter, or the majority of three, up to the last row.
  std::uint64_t row(std::uint64_t i) const {
    const auto rows = job_.rows.subspan(4 * i, 4);
    if (rows[0] == NONE) return 0;
    std::uint64_t value[3];
    for (int c = 0; c < 3; ++c) {
      const Bits& counter = registers_[rows[c]];
      value[c] = std::min<std::uint64_t>(field(counter.base, 0, counter.width), rows[3]);
    }
    return std::min<std::uint64_t>((value[0] & value[1]) | (value[0] & value[2]) | (value[1] & value[2]), rows[3]);
  }

  void collect(Output& output, std::int64_t cycle) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&top_.m_axis_tdata);
    for (std::size_t i = 0; i < design::OUTPUTS; ++i)
      output.codes[i] = field(bytes, i * design::OUTPUT_WIDTH, design::OUTPUT_WIDTH);
    output.decision = low64(top_.m_axis_tuser);
    output.when = cycle;
  }

  const Job& job_;
  VerilatedContext context_;
  Model top_;
  std::vector<Bits> banks_, registers_;
  std::vector<Place> stored_, shown_;
};

std::vector<std::vector<std::uint8_t>> images(const std::vector<Bits>& banks) {
  std::vector<std::vector<std::uint8_t>> copies;
  for (const Bits& bank : banks)
    copies.emplace_back(bank.base, bank.base == nullptr ? bank.base : bank.base + bank.words * bank.stride);
  return copies;
}

int run(const char* job_path, const char* result_path) {
  const Job job(job_path);
  Machine machine(job);
  const auto loaded = images(machine.banks());
  std::vector<Output> outputs;
  for (std::size_t fault = 0; fault < job.samples.size(); ++fault) {
    outputs.push_back(machine.run(fault));
    if (fault % 256 == 255) std::fprintf(stderr, "progress %zu %zu\n", fault + 1, job.samples.size());
  }
  if (images(machine.banks()) != loaded) fail(BAD_DEPOSIT, "the store is not as it was loaded");
  std::ofstream file(result_path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(outputs.data()), std::streamsize(outputs.size() * sizeof(Output)));
  if (!file.flush()) fail(BAD_JOB, "%s cannot be written", result_path);
  return 0;
}

}  // namespace harness

int main(int argc, char** argv) {
  if (argc != 3) harness::fail(harness::BAD_JOB, "usage: strikes JOB RESULT");
  return harness::run(argv[1], argv[2]);
}
