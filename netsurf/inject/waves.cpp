// What one upset does to a graph of convolutions, poolings and dense layers, sample by sample, fault by fault.
// netsurf/inject/program.py lowers the layers to the tables below and proves every number that is assumed
// here; netsurf/inject/waves.py compiles this file for an instruction set and calls it.
//
// A sample's golden tensors lie in one worker's cache while all faults run over it. A fault moves one channel
// of one layer by (change of a code) x (a shifted plane of its input): the *front*, computed for all positions
// at once, pooling included. What differs behind it is a few rows (all channels of one position) of one
// tensor; each later operation recomputes only the rows that read one that differs, its sums as golden sums
// plus products of differences, and a fault whose rows are golden again stops there. If all that differs is one
// element, its value decides the outcome, which is kept (the *memo*) for every later fault of the sample.
//
// Integers only; sums are proved to fit 32 bits, codes and differences 16. Rows are padded to 16 lanes.
#include <cstdlib>
#include <cstring>
#include <utility>

#include "steps.hpp"

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

constexpr int LANES = 16;
constexpr int64_t MEMOS = 8;  // places of the memo that one pair may fill
constexpr int ROWS_BITS = 13;  // rows that are remembered while a sample is worked on
constexpr int64_t SPARSE = 8;  // differences are looked for one by one if fewer than one in so many lanes differ

enum Kind : int64_t { FULL, EACH, MAXIMUM, AVERAGE, ADD, COPY };

// The same fields, in this order, as in netsurf/inject/program.py.
struct Tensor {
    int64_t positions, channels, padded, at, low, values, memo_at;
};

struct Link {
    int64_t scale_at, start_at, shift, add, even, low, high, step_at, steps, table_at, table_low;
};

struct Op {
    int64_t kind, source, other, target, outputs, window, sum_at, list_at, touch_at, words, weight_at, start_at,
        link_at, links, lift, other_lift;
};

struct Entry {
    int32_t from, weight;  // where the source row begins in its tensor, and where the tap's weights do
};

struct Front {
    int64_t target, inputs, channels, rows, groups, taps, lanes, places, link_at, links, each;
};

// Everything that never changes, as netsurf.inject.waves.PROGRAM lists it.
struct Program {
    int64_t tensors_count, ops_count, elements, sums_size, memo_size, outsides_count, output;
    int64_t remembered;  // tensor of one row whose whole row decides, or -1
    const Tensor* tensors;
    const Op* ops;
    const Link* links;
    const Step* steps;
    const int32_t* tables;
    const int32_t* affine;   // scales and starts of a link, one a padded channel
    const int64_t* lists;    // for each operation, where the entries of each sum begin; outputs * window + 1
    const Entry* entries;
    const uint64_t* touch;   // for each source row, the target rows that read it; then the rows that are needed
    const int16_t* weights;  // [block][pair of channels][output][2]
    const int32_t* each;     // [block][channel]
    const int32_t* starts;   // sums that biases start; positions that a window averages
    const int64_t* outsides;             // tensors that come from outside,
    const int32_t* const* outside_codes;  // and their codes, (samples, positions * channels)
};

struct Upsets {
    Front front;
    const int16_t* x;        // (samples, inputs): codes of the front's input
    const int32_t* gather;   // (rows / groups, taps, lanes): position in it, or -1 for padding
    const int32_t* weights;  // (rows, channels), or (rows) if each channel has its own
    const int32_t* starts;   // (channels)
    const int32_t* places;   // row of the target that each lane is
    const int32_t *row, *channel, *change;  // of each fault; row == rows is the bias, whose input is always 1
    int64_t faults;
};

struct Sink {
    const int64_t* labels;   // (samples), or null
    int64_t *correct, *sdc;  // (faults), added to; null if something else is asked for
    int64_t capacity, kept;
    int64_t *fault, *sample, *outputs;  // pairs that show, and their outputs; or null
    int64_t sample_at, fault_at;  // where to go on
    int64_t *first, *open;        // (faults) the first sample that shows a fault, if that is all that is asked
    int64_t open_count;           // for; and the faults that none has shown yet
};

// ---- sixteen lanes -----------------------------------------------------------------------------------------
typedef int32_t Vec __attribute__((vector_size(64), aligned(64)));

inline Vec load(const int32_t* p) {
    Vec v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
inline void store(int32_t* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec splat(int32_t x) { return Vec{} + x; }
inline Vec larger(Vec a, Vec b) { return a > b ? a : b; }
inline Vec smaller(Vec a, Vec b) { return a < b ? a : b; }

// sum + pair[0] * w[even] + pair[1] * w[odd], in each lane.
inline Vec multiply(Vec sum, int32_t pair, const int16_t* w) {
#if defined(__AVX512VNNI__)
    return (Vec)_mm512_dpwssd_epi32((__m512i)sum, _mm512_set1_epi32(pair), _mm512_loadu_si512(w));
#elif defined(__AVX2__)
    __m256i half[2];
    std::memcpy(half, &sum, sizeof sum);
    const __m256i x = _mm256_set1_epi32(pair);
    for (int h = 0; h < 2; ++h)
        half[h] = _mm256_add_epi32(
            half[h], _mm256_madd_epi16(x, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + h * LANES))));
    std::memcpy(&sum, half, sizeof sum);
    return sum;
#else
    const int32_t low = static_cast<int16_t>(pair & 0xffff), high = static_cast<int16_t>(pair >> 16);
    for (int j = 0; j < LANES; ++j) sum[j] += low * w[2 * j] + high * w[2 * j + 1];
    return sum;
#endif
}

// Sixteen 16-bit codes, as 32-bit lanes.
inline Vec widen(const int16_t* p) {
#if defined(__AVX512F__)
    return (Vec)_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#else
    Vec v;
    for (int j = 0; j < LANES; ++j) v[j] = p[j];
    return v;
#endif
}

inline void narrow(int16_t* p, Vec v) {
#if defined(__AVX512F__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16((__m512i)v));
#else
    for (int j = 0; j < LANES; ++j) p[j] = static_cast<int16_t>(v[j]);
#endif
}

// Whether sixteen 16-bit codes are the same.
inline bool same(const int16_t* a, const int16_t* b) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    return !_mm256_cmpneq_epi16_mask(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a)),
                                     _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)));
#else
    return !std::memcmp(a, b, sizeof(int16_t) * LANES);
#endif
}

inline uint32_t total(Vec v) {
#if defined(__AVX512F__)
    return static_cast<uint32_t>(_mm512_reduce_add_epi32((__m512i)v));
#else
    uint32_t sum = 0;
    for (int j = 0; j < LANES; ++j) sum += static_cast<uint32_t>(v[j]);
    return sum;
#endif
}

inline unsigned differ(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_cmpneq_epi32_mask((__m512i)a, (__m512i)b);
#else
    unsigned mask = 0;
    for (int j = 0; j < LANES; ++j) mask |= static_cast<unsigned>(a[j] != b[j]) << j;
    return mask;
#endif
}

// clip((v + add + (even and the bit above those dropped)) >> shift, low, high): what most steps come to.
struct Short {
    int shift;
    Vec add, even, low, high;
    explicit Short(const Link& link)
        : shift(static_cast<int>(link.shift)), add(splat(static_cast<int32_t>(link.add))),
          even(splat(static_cast<int32_t>(link.even))), low(splat(static_cast<int32_t>(link.low))),
          high(splat(static_cast<int32_t>(link.high))) {}
    Vec operator()(Vec v) const { return smaller(larger((v + add + ((v >> shift) & even)) >> shift, low), high); }
};

template <class T>
struct Memory {  // aligned to a cache line, zeroed
    T* data;
    explicit Memory(int64_t count) {
        const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + 127) / 64 * 64;
        data = static_cast<T*>(std::aligned_alloc(64, bytes));
        std::memset(static_cast<void*>(data), 0, bytes);
    }
    ~Memory() { std::free(data); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    operator T*() const { return data; }
};

// An odd number for each lane, to mix rows with.
const Vec ODD = {1623850013, 1174640201, 2042337043, 1375480861, 1812433253, 1566083941, 1099087573, 2127912213,
                 1640531527, 1025202363, 1332534557, 1983234591, 1274126177, 1779033703, 1150833019, 1541459225};

// ---- one worker --------------------------------------------------------------------------------------------
class Worker {
  public:
    explicit Worker(const Program& program)
        : p(program), gold(p.elements), now(p.elements), sums(p.sums_size), code(p.elements), delta(p.elements),
          mask(p.elements / LANES), rows(p.elements / LANES), dirty(p.tensors_count), changed(p.tensors_count),
          touched(most_words()), row(widest()), memo(p.memo_size), flat(output_size()),
          remembered(p.remembered < 0 ? 1 : 1 << ROWS_BITS),
          keys(p.remembered < 0 ? 1 : p.tensors[p.remembered].padded << ROWS_BITS) {}

    // The golden tensors of a sample, from those that come from outside and those already there.
    void run(int64_t sample) {
        for (int64_t k = 0; k < p.outsides_count; ++k) {
            const Tensor& t = p.tensors[p.outsides[k]];
            const int32_t* codes = p.outside_codes[k] + sample * t.positions * t.channels;
            for (int64_t i = 0; i < t.positions; ++i) {
                std::memcpy(gold + t.at + i * t.padded, codes + i * t.channels, sizeof(int32_t) * t.channels);
                keep(t, i);
            }
        }
        for (int64_t o = 0; o < p.ops_count; ++o) {
            const Op& op = p.ops[o];
            const Tensor& t = p.tensors[op.target];
            const uint64_t* needed = p.touch + op.touch_at + p.tensors[op.source].positions * op.words;
            each_bit(needed, op.words, [&](int64_t q) {
                compute<true>(op, t, q, -1);
                std::memcpy(gold + t.at + q * t.padded, row, sizeof(int32_t) * t.padded);
                keep(t, q);
            });
        }
    }

    // A golden row is complete: what later operations read of it.
    void keep(const Tensor& t, int64_t i) {
        const int64_t at = t.at + i * t.padded;
        for (int64_t b = 0; b < t.padded; b += LANES) {
            const Vec v = load(gold + at + b);
            store(now + at + b, v);
            narrow(code + at + b, v);
        }
    }

    // One element of the front's tensor differs.
    void touch_one(const Tensor& t, int64_t tensor, int64_t i, int64_t channel, int32_t value) {
        const int64_t at = t.at + i * t.padded + channel;
        now[at] = value;
        // The pair at once: a load that is wider than the last store to it would wait for that store.
        const uint32_t difference = static_cast<uint32_t>(value - gold[at]);
        const uint32_t pair = at % 2 ? difference << 16 : difference & 0xffff;
        std::memcpy(delta + at / 2 * 2, &pair, sizeof pair);
        mask[at / LANES] = static_cast<uint16_t>(1 << (at % LANES));
        push(tensor, i, 1);
    }

    void untouch_one(const Tensor& t, int64_t tensor, int64_t channel) {
        for (int64_t k = 0; k < dirty[tensor]; ++k) {
            const int64_t at = t.at + rows[t.at / LANES + k] * t.padded + channel;
            now[at] = gold[at];
            std::memset(delta + at / 2 * 2, 0, sizeof(uint32_t));
            mask[at / LANES] = 0;
        }
        dirty[tensor] = changed[tensor] = 0;
    }

    void untouch(int64_t tensor) {
        const Tensor& t = p.tensors[tensor];
        for (int64_t k = 0; k < dirty[tensor]; ++k) {
            const int64_t at = t.at + rows[t.at / LANES + k] * t.padded;
            std::memcpy(now + at, gold + at, sizeof(int32_t) * t.padded);
            std::memset(delta + at, 0, sizeof(int16_t) * t.padded);
            std::memset(mask + at / LANES, 0, sizeof(uint16_t) * (t.padded / LANES));
        }
        dirty[tensor] = changed[tensor] = 0;
    }

    // Place in the memo of a tensor of which one element differs, or null.
    int16_t* place(int64_t tensor) {
        const Tensor& t = p.tensors[tensor];
        if (t.memo_at < 0 || changed[tensor] != 1) return nullptr;
        const int64_t i = rows[t.at / LANES], at = t.at + i * t.padded;
        for (int64_t b = 0; b < t.padded; b += LANES)
            if (const unsigned m = mask[(at + b) / LANES]) {
                const int64_t c = b + __builtin_ctz(m);
                return memo + t.memo_at + (i * t.channels + c) * t.values + (now[at + c] - t.low);
            }
        return nullptr;
    }

    // Place for the decision of the whole row of the remembered tensor: one that equals it, or one to be taken over.
    struct Remembered {
        int32_t sample;
        int32_t decision;  // -1: not known yet
    };
    Remembered* recall(int64_t sample) {
        const Tensor& t = p.tensors[p.remembered];
        const int32_t* values = now + t.at;
        Vec mixed{};
        alignas(64) int16_t key[4 * LANES];
        for (int64_t b = 0; b < t.padded; b += LANES) {
            const Vec v = load(values + b);
            narrow(key + b, v);
            mixed = (mixed ^ v) * ODD;
            mixed ^= mixed >> 15;
        }
        const uint32_t slot = (total(mixed * ODD) * 0x85EBCA6Bu) >> (32 - ROWS_BITS);
        Remembered& found = remembered[slot];
        int16_t* kept = keys + slot * t.padded;
        bool equal = found.sample == sample + 1;
        for (int64_t b = 0; b < t.padded; b += LANES) equal = equal && same(kept + b, key + b);
        if (!equal) {
            std::memcpy(kept, key, sizeof(int16_t) * t.padded);
            found = {static_cast<int32_t>(sample + 1), -1};
        }
        return &found;
    }

    // Recompute what reads a row that differs; column is the pair of channels in which alone the source differs.
    void wave(const Op& op, int64_t column) {
        const Tensor& t = p.tensors[op.target];
        const auto redo = [&](int64_t q) {
            compute<false>(op, t, q, column);
            settle(t, op.target, q);
        };
        if (op.words == 1 && op.other < 0) {  // most operations: the bits stay in a register
            const int32_t* list = rows + p.tensors[op.source].at / LANES;
            const uint64_t* words = p.touch + op.touch_at;
            uint64_t reads = 0;
            for (int64_t k = 0; k < dirty[op.source]; ++k) reads |= words[list[k]];
            return each_bit(&reads, 1, redo);
        }
        uint64_t* reads = touched;
        std::memset(reads, 0, sizeof(uint64_t) * op.words);
        bool any = false;
        for (const int64_t source : {op.source, op.other}) {
            if (source < 0) continue;
            const int32_t* list = rows + p.tensors[source].at / LANES;
            any |= dirty[source] > 0;
            for (int64_t k = 0; k < dirty[source]; ++k) {
                const uint64_t* words = p.touch + op.touch_at + list[k] * op.words;
                for (int64_t w = 0; w < op.words; ++w) reads[w] |= words[w];
            }
        }
        if (any) each_bit(reads, op.words, redo);
    }

    // The output tensor's codes, without padding.
    const int32_t* output() {
        const Tensor& t = p.tensors[p.output];
        if (t.positions == 1) return now + t.at;
        for (int64_t i = 0; i < t.positions; ++i)
            std::memcpy(flat + i * t.channels, now + t.at + i * t.padded, sizeof(int32_t) * t.channels);
        return flat;
    }

    // Values behind the links of one row of lanes; channel >= 0 if all lanes are of one channel.
    void apply_links(int64_t link_at, int64_t links, int32_t* values, int64_t count, int64_t channel) const {
        for (const Link* link = p.links + link_at; link < p.links + link_at + links; ++link) {
            if (link->scale_at >= 0) {
                const int32_t *scale = p.affine + link->scale_at, *start = p.affine + link->start_at;
                for (int64_t j = 0; j < count; ++j) {
                    const int64_t c = channel < 0 ? j : channel;
                    values[j] = values[j] * scale[c] + start[c];
                }
            } else if (link->table_at >= 0) {
                const int32_t* table = p.tables + link->table_at - link->table_low;
                for (int64_t j = 0; j < count; ++j)
                    values[j] = table[std::min<int64_t>(std::max<int64_t>(values[j], link->low), link->high)];
            } else if (link->steps > 0) {
                for (int64_t s = 0; s < link->steps; ++s) apply(p.steps[link->step_at + s], values, count);
            } else {
                const Short form(*link);
                for (int64_t j = 0; j < count; j += LANES) store(values + j, form(load(values + j)));
            }
        }
    }

    const Program& p;
    Memory<int32_t> gold, now, sums;
    Memory<int16_t> code, delta;
    Memory<uint16_t> mask;   // lanes of each block of a row that differ
    Memory<int32_t> rows;    // rows of each tensor that differ, from its place on
    Memory<int64_t> dirty, changed;
    Memory<uint64_t> touched;
    Memory<int32_t> row;
    Memory<int16_t> memo;
    Memory<int32_t> flat;
    Memory<Remembered> remembered;
    Memory<int16_t> keys;

    int64_t output_size() const { return p.tensors[p.output].positions * p.tensors[p.output].channels; }

  private:
    int64_t most_words() const {
        int64_t most = 1;
        for (int64_t o = 0; o < p.ops_count; ++o) most = std::max(most, p.ops[o].words);
        return most;
    }
    int64_t widest() const {
        int64_t most = LANES;
        for (int64_t t = 0; t < p.tensors_count; ++t) most = std::max(most, p.tensors[t].padded);
        return most;
    }

    template <class Do>
    static void each_bit(const uint64_t* words, int64_t count, Do&& work) {
        for (int64_t w = 0; w < count; ++w)
            for (uint64_t bits = words[w]; bits; bits &= bits - 1) work(w * 64 + __builtin_ctzll(bits));
    }

    void push(int64_t tensor, int64_t i, int64_t lanes) {
        rows[p.tensors[tensor].at / LANES + dirty[tensor]++] = static_cast<int32_t>(i);
        changed[tensor] += lanes;
    }

    // Keep a recomputed row if it differs from the golden one.
    void settle(const Tensor& t, int64_t tensor, int64_t q) {
        const int64_t at = t.at + q * t.padded;
        int64_t lanes = 0;
        for (int64_t b = 0; b < t.padded; b += LANES) {
            const Vec v = load(row + b), g = load(gold + at + b);
            const unsigned m = differ(v, g);
            if (!m && !lanes) continue;
            lanes += __builtin_popcount(m);
            store(now + at + b, v);
            narrow(delta + at + b, v - g);
            mask[(at + b) / LANES] = static_cast<uint16_t>(m);
        }
        if (lanes) push(tensor, q, lanes);
    }

    // Row q of an operation, in full or from golden sums and differences, into `row`.
    template <bool WHOLE>
    void compute(const Op& op, const Tensor& t, int64_t q, int64_t column) {
        const Tensor& s = p.tensors[op.source];
        if (op.kind == FULL) {
            full<WHOLE>(op, s, t, q, column);
        } else if (op.kind == EACH) {
            each<WHOLE>(op, s, t, q);
        } else if (op.kind == ADD) {
            const Tensor& o = p.tensors[op.other];
            const int32_t *a = now + s.at + q * t.padded, *b = now + o.at + q * t.padded;
            for (int64_t j = 0; j < t.padded; ++j) row[j] = a[j] * (1 << op.lift) + b[j] * (1 << op.other_lift);
        } else {
            reduce(op, s, t, q);
        }
        apply_links(op.link_at, op.links, row, t.padded, -1);
    }

    void reduce(const Op& op, const Tensor& s, const Tensor& t, int64_t q) {
        const Entry *first = entries(op, q), *last = entries(op, q + 1);
        for (int64_t b = 0; b < t.padded; b += LANES) {
            if (first == last) {
                store(row + b, Vec{});
                continue;
            }
            Vec v = load(now + s.at + first->from + b);
            for (const Entry* e = first + 1; e < last; ++e) {
                const Vec other = load(now + s.at + e->from + b);
                v = op.kind == AVERAGE ? v + other : larger(v, other);
            }
            store(row + b, v);
        }
        if (op.kind != AVERAGE) return;
        const int32_t count = p.starts[op.start_at + q];
        for (int64_t j = 0; j < t.padded; ++j) row[j] = row[j] * (1 << op.lift) / count;  // towards zero
    }

    const Entry* entries(const Op& op, int64_t sum) const { return p.entries + p.lists[op.list_at + sum]; }

    // The largest of a window's sums, channel by channel.
    template <bool WHOLE>
    void each(const Op& op, const Tensor& s, const Tensor& t, int64_t q) {
        for (int64_t b = 0; b < t.padded; b += LANES) {
            Vec most{};
            for (int64_t k = 0; k < op.window; ++k) {
                int32_t* kept = sums + op.sum_at + (q * op.window + k) * t.padded + b;
                Vec v = load(WHOLE ? p.starts + op.start_at + b : kept);
                for (const Entry *e = entries(op, q * op.window + k), *last = entries(op, q * op.window + k + 1);
                     e < last; ++e) {
                    const int64_t at = s.at + e->from + b;
                    const Vec x = WHOLE ? load(now + at) : load(now + at) - load(gold + at);
                    v += x * load(p.each + op.weight_at + e->weight + b);
                }
                if (WHOLE) store(kept, v);
                most = k ? larger(most, v) : v;
            }
            store(row + b, most);
        }
    }

    // The largest of a window's sums, over all channels of the source: of all its codes (WHOLE), of all their
    // differences (EVERY), of the differences that are not zero (SOME), or of one pair of channels (column).
    template <bool WHOLE>
    void full(const Op& op, const Tensor& s, const Tensor& t, int64_t q, int64_t column) {
        const int64_t lanes = s.positions * s.padded;
        if (WHOLE) tiles<0>(op, s, t, q, column);
        else if (column >= 0) tiles<3>(op, s, t, q, column);
        else if (SPARSE * changed[op.source] < lanes) tiles<2>(op, s, t, q, column);
        else tiles<1>(op, s, t, q, column);
    }

    template <int MODE>
    void tiles(const Op& op, const Tensor& s, const Tensor& t, int64_t q, int64_t column) {
        int64_t b = 0;
        for (; b + 4 * LANES <= t.padded; b += 4 * LANES) tile<MODE, 4>(op, s, t, q, column, b);
        switch ((t.padded - b) / LANES) {
            case 3: tile<MODE, 3>(op, s, t, q, column, b); break;
            case 2: tile<MODE, 2>(op, s, t, q, column, b); break;
            case 1: tile<MODE, 1>(op, s, t, q, column, b); break;
        }
    }

    template <int MODE, int BLOCKS>
    void tile(const Op& op, const Tensor& s, const Tensor& t, int64_t q, int64_t column, int64_t b) {
        const int16_t *weights = p.weights + op.weight_at + 2 * b, *x = (MODE == 0 ? code : delta) + s.at;
        const auto pair_at = [](const int16_t* pair) {
            int32_t both;
            std::memcpy(&both, pair, sizeof both);
            return both;
        };
        Vec most[BLOCKS];
        for (int64_t k = 0; k < op.window; ++k) {
            int32_t* kept = sums + op.sum_at + (q * op.window + k) * t.padded + b;
            Vec v[BLOCKS];
            for (int i = 0; i < BLOCKS; ++i) v[i] = load((MODE == 0 ? p.starts + op.start_at + b : kept) + i * LANES);
            const auto take = [&](int32_t pair, const int16_t* w) {
                for (int i = 0; i < BLOCKS; ++i) v[i] = multiply(v[i], pair, w + 2 * LANES * i);
            };
            const Entry *e = entries(op, q * op.window + k), *last = entries(op, q * op.window + k + 1);
            for (; e < last; ++e) {
                const int16_t *w = weights + e->weight, *pairs = x + e->from;
                if constexpr (MODE == 3) {
                    take(pair_at(pairs + 2 * column), w + column * 2 * t.padded);
                } else if constexpr (MODE == 2) {
                    for (int64_t c = 0; c < s.padded; c += LANES, w += LANES * t.padded) {
                        unsigned lanes = mask[(s.at + e->from + c) / LANES];
                        for (lanes = (lanes | lanes >> 1) & 0x5555; lanes; lanes &= lanes - 1) {
                            const int j = __builtin_ctz(lanes);
                            take(pair_at(pairs + c + j), w + j * t.padded);
                        }
                    }
                } else {
                    for (int64_t c = 0; c < s.channels; c += 2, w += 2 * t.padded) take(pair_at(pairs + c), w);
                }
            }
            for (int i = 0; i < BLOCKS; ++i) {
                if (MODE == 0) store(kept + i * LANES, v[i]);
                most[i] = k ? larger(most[i], v[i]) : v[i];
            }
        }
        for (int i = 0; i < BLOCKS; ++i) store(row + b + i * LANES, most[i]);
    }
};

// ---- the layer that is upset -------------------------------------------------------------------------------
class Planes {
  public:
    Planes(const Program& program, const Upsets& upsets)
        : p(program), u(upsets), f(upsets.front), size(f.taps * f.lanes), x((f.rows + 1) * size), sums(f.channels * size),
          gold(f.channels * f.lanes), line(f.lanes), zero(f.rows + 1) {
        const Link& link = p.links[f.link_at];
        simple = f.links == 1 && link.scale_at < 0 && link.table_at < 0 && link.steps == 0;
        for (int64_t k = 0; k < f.taps; ++k)
            for (int64_t l = 0; l < f.places; ++l) x[f.rows * size + k * f.lanes + l] = 1;
    }

    // Planes of a sample, and the golden rows of the front's tensor in the worker.
    void run(Worker& worker, int64_t sample) {
        const int16_t* codes = u.x + sample * f.inputs;
        for (int64_t r = 0; r < f.rows; ++r) {
            const int32_t* places = u.gather + r / f.groups * size;
            int16_t *plane = x + r * size, any = 0;
            for (int64_t i = 0; i < size; ++i) {
                plane[i] = places[i] < 0 ? 0 : codes[places[i] * f.groups + r % f.groups];
                any |= plane[i];
            }
            zero[r] = any == 0;
        }
        for (int64_t c = 0; c < f.channels; ++c) sum(c);
        const Tensor& t = p.tensors[f.target];
        for (int64_t c = 0; c < f.channels; ++c) {
            change(c, f.rows, 0, [](int64_t, int32_t) {}, gold + c * f.lanes);
            for (int64_t l = 0; l < f.places; ++l)
                worker.gold[t.at + u.places[l] * t.padded + c] = gold[c * f.lanes + l];
        }
        for (int64_t l = 0; l < f.places; ++l) worker.keep(t, u.places[l]);
    }

    // Call found(lane, value) for every element that differs when row x change is added to a channel's sums.
    template <class Found>
    void change(int64_t channel, int64_t r, int32_t by, Found&& found, int32_t* keep = nullptr) {
        const int32_t* s = sums + channel * size;
        const int16_t* plane = x + r * size;
        const Link& link = p.links[f.link_at];
        const Vec d = splat(by);
        const auto most = [&](int64_t l) {  // links are monotone where there is a window: the largest sum is enough
            Vec v = load(s + l) + widen(plane + l) * d;
            for (int64_t k = f.lanes + l; k < size; k += f.lanes) v = larger(v, load(s + k) + widen(plane + k) * d);
            return v;
        };
        if (simple) {
            const Short form(link);
            for (int64_t l = 0; l < f.lanes; l += LANES) emit(channel, l, form(most(l)), found, keep);
            return;
        }
        for (int64_t l = 0; l < f.lanes; l += LANES) store(line + l, most(l));
        worker->apply_links(f.link_at, f.links, line, f.lanes, channel);
        for (int64_t l = 0; l < f.lanes; l += LANES) emit(channel, l, load(line + l), found, keep);
    }

    Worker* worker = nullptr;

  private:
    template <class Found>
    void emit(int64_t channel, int64_t l, Vec v, Found&& found, int32_t* keep) {
        if (keep) return store(keep + l, v);
        unsigned m = differ(v, load(gold + channel * f.lanes + l));
        if (l + LANES > f.places) m &= (1u << (f.places - l)) - 1;
        for (; m; m &= m - 1) {
            const int j = __builtin_ctz(m);
            found(l + j, v[j]);
        }
    }

    void sum(int64_t c) {
        int32_t* s = sums + c * size;
        for (int64_t i = 0; i < size; ++i) s[i] = u.starts[c];
        for (int64_t r = f.each ? c : 0; r < f.rows; r += f.each ? f.channels : 1) {
            const int32_t w = f.each ? u.weights[r] : u.weights[r * f.channels + c];
            if (zero[r] || !w) continue;
            const int16_t* plane = x + r * size;
            for (int64_t i = 0; i < size; ++i) s[i] += w * plane[i];
        }
    }

    const Program& p;
    const Upsets& u;
    const Front& f;
    int64_t size;
    Memory<int16_t> x;
    Memory<int32_t> sums, gold, line;
    bool simple;

  public:
    Memory<uint8_t> zero;
};

}  // namespace

extern "C" {

// Every fault over the samples up to end: counts, or first samples, or the outputs of the pairs that changed until
// there is no room for more; returns whether there is more to do.
int64_t netsurf_waves(const Program* program, const Upsets* upsets, int64_t end, Sink* sink, int64_t* work) {
    const Program& p = *program;
    const Upsets& u = *upsets;
    const Front& f = u.front;
    Worker worker(p);
    Planes planes(p, u);
    planes.worker = &worker;
    const Tensor& t = p.tensors[f.target];
    int16_t* places[MEMOS];
    int64_t open = 0;
    for (; sink->sample_at < end; ++sink->sample_at, sink->fault_at = 0) {
        const int64_t n = sink->sample_at;
        planes.run(worker, n);
        worker.run(n);
        if (p.memo_size) std::memset(worker.memo, 0, sizeof(int16_t) * p.memo_size);
        const int64_t size = worker.output_size(), golden = largest(worker.output(), size);
        const int64_t label = sink->labels ? sink->labels[n] : golden;
        const int64_t faults = sink->first ? sink->open_count : u.faults;
        if (!faults) break;
        for (int64_t& next = sink->fault_at; next < faults; ++next) {
            const int64_t fault = sink->first ? sink->open[next] : next;
            const int64_t r = u.row[fault], channel = u.channel[fault];
            if (planes.zero[r]) continue;
            if (sink->outputs && sink->kept == sink->capacity) return 1;
            planes.change(channel, r, u.change[fault], [&](int64_t l, int32_t value) {
                worker.touch_one(t, f.target, u.places[l], channel, value);
            });
            if (!worker.dirty[f.target]) continue;
            int64_t decision = -1, o = 0;
            Worker::Remembered* row = nullptr;
            open = 0;
            const auto known = [&](int64_t tensor) {
                if (!sink->correct || !worker.dirty[tensor]) return false;
                if (int16_t* place = worker.place(tensor)) {
                    if (*place) decision = *place - 1;
                    else if (open < MEMOS) places[open++] = place;
                } else if (tensor == p.remembered) {
                    row = worker.recall(n);
                    decision = row->decision;
                }
                return decision >= 0;
            };
            bool done = known(f.target);
            for (; o < p.ops_count && !done; ++o) {
                worker.wave(p.ops[o], p.ops[o].source == f.target ? channel / 2 : -1);
                done = known(p.ops[o].target);
            }
            ++work[0];
            work[1] += !done;
            const bool shows = worker.dirty[p.output] > 0;
            if (sink->correct) {
                if (!done) decision = shows ? largest(worker.output(), size) : golden;
                for (int64_t k = 0; k < open; ++k) *places[k] = static_cast<int16_t>(decision + 1);
                if (row) row->decision = static_cast<int32_t>(decision);
                sink->correct[fault] += (decision == label) - (golden == label);
                sink->sdc[fault] += decision != golden;
            } else if (sink->first) {
                if (shows) sink->first[fault] = n;
            } else if (shows) {
                const int32_t* outputs = worker.output();
                sink->fault[sink->kept] = fault;
                sink->sample[sink->kept] = n;
                for (int64_t k = 0; k < size; ++k) sink->outputs[sink->kept * size + k] = outputs[k];
                ++sink->kept;
            }
            worker.untouch_one(t, f.target, channel);
            for (int64_t k = 0; k < o; ++k) worker.untouch(p.ops[k].target);
        }
        if (sink->first) {
            const auto seen = [sink](int64_t fault) { return sink->first[fault] >= 0; };
            sink->open_count = std::remove_if(sink->open, sink->open + faults, seen) - sink->open;
        }
    }
    return 0;
}

// Outputs of the samples begin .. end, everything from outside; (samples, outputs), written.
void netsurf_forward(const Program* program, int64_t begin, int64_t end, int64_t* outputs) {
    Worker worker(*program);
    for (int64_t n = begin; n < end; ++n) {
        worker.run(n);
        const int32_t* codes = worker.output();
        for (int64_t k = 0; k < worker.output_size(); ++k) outputs[n * worker.output_size() + k] = codes[k];
    }
}

}  // extern "C"
