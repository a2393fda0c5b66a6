// Whole faulty models, one call each: vote a fault, invert the stored bits that it inverts, run every
// sample through a chain of matrix products, and count. netsurf/inject/native.py compiles this file
// once for an instruction set (AVX-512 VNNI, AVX2 or none) and calls it; netsurf/inject/portable_chain.py
// is the same in Numba, and tests hold both to equal integers.
//
// Products are taken PAIR at a time: PAIR = 4 multiplies unsigned bytes by signed bytes (vpdpbusd), PAIR = 2
// signed 16-bit words (vpdpwssd, or vpmaddwd and an addition). Neither instruction saturates, and the
// caller has proved that no sum leaves 32 bits. Weights lie [group of PAIR inputs][output][input of group],
// so that one load serves 16 (or 8) outputs of two samples that go side by side. The network's input comes
// as the groups in which either of the two has an input that is not zero.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "steps.hpp"

#if defined(__AVX512VNNI__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

constexpr int LANES = 16;  // outputs are padded to a multiple of this
constexpr int BATCH = 16;  // samples that go through a stage together; netsurf.inject.native.BATCH
constexpr int INVALID = -1;

// One stage; the same fields, in this order, as netsurf.inject.native.FIELDS.
struct Stage {
    int64_t inputs, outputs, padded, gain, weight_at, start_at, step_at, steps, groups;
};

// One stored tensor, as netsurf.inject.chain.Chain.tensors.
struct Tensor {
    int64_t first, elements, width, is_signed, stage, is_bias;
};

#if defined(__AVX512VNNI__)
constexpr int TILE = 4;  // blocks of LANES outputs whose sums, of two samples, stay in registers

template <int PAIR>
inline __m512i multiply(__m512i sum, __m512i x, __m512i weights) {
    if constexpr (PAIR == 4) return _mm512_dpbusd_epi32(sum, x, weights);
    return _mm512_dpwssd_epi32(sum, x, weights);
}

// Sums of BLOCKS * LANES outputs of two samples over the groups index[0..count), value[2 * g + sample].
template <int PAIR, int BLOCKS>
void block(const int32_t* index, const uint32_t* value, int64_t count, const int8_t* weights, int64_t stride,
           int32_t* even, int32_t* odd) {
    __m512i sums[2][BLOCKS];
    for (auto& sample : sums)
        for (auto& sum : sample) sum = _mm512_setzero_si512();
    for (int64_t g = 0; g < count; ++g) {
        const int8_t* w = weights + index[g] * stride;
        const __m512i x = _mm512_set1_epi32(static_cast<int32_t>(value[2 * g]));
        const __m512i y = _mm512_set1_epi32(static_cast<int32_t>(value[2 * g + 1]));
        for (int b = 0; b < BLOCKS; ++b) {
            const __m512i loaded = _mm512_loadu_si512(w + b * 64);
            sums[0][b] = multiply<PAIR>(sums[0][b], x, loaded);
            sums[1][b] = multiply<PAIR>(sums[1][b], y, loaded);
        }
    }
    for (int b = 0; b < BLOCKS; ++b) {
        _mm512_storeu_si512(even + b * LANES, sums[0][b]);
        _mm512_storeu_si512(odd + b * LANES, sums[1][b]);
    }
}
#elif defined(__AVX2__)
constexpr int TILE = 2;

template <int PAIR, int BLOCKS>
void block(const int32_t* index, const uint32_t* value, int64_t count, const int8_t* weights, int64_t stride,
           int32_t* even, int32_t* odd) {
    static_assert(PAIR == 2, "bytes would saturate in vpmaddubsw");
    __m256i sums[2][2 * BLOCKS];
    for (auto& sample : sums)
        for (auto& sum : sample) sum = _mm256_setzero_si256();
    for (int64_t g = 0; g < count; ++g) {
        const int8_t* w = weights + index[g] * stride;
        const __m256i x = _mm256_set1_epi32(static_cast<int32_t>(value[2 * g]));
        const __m256i y = _mm256_set1_epi32(static_cast<int32_t>(value[2 * g + 1]));
        for (int b = 0; b < 2 * BLOCKS; ++b) {
            const __m256i loaded = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + b * 32));
            sums[0][b] = _mm256_add_epi32(sums[0][b], _mm256_madd_epi16(x, loaded));
            sums[1][b] = _mm256_add_epi32(sums[1][b], _mm256_madd_epi16(y, loaded));
        }
    }
    for (int b = 0; b < 2 * BLOCKS; ++b) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(even + b * 8), sums[0][b]);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(odd + b * 8), sums[1][b]);
    }
}
#else
constexpr int TILE = 2;

template <int PAIR, int BLOCKS>
void block(const int32_t* index, const uint32_t* value, int64_t count, const int8_t* weights, int64_t stride,
           int32_t* even, int32_t* odd) {
    static_assert(PAIR == 2, "bytes are for VNNI");
    for (int sample = 0; sample < 2; ++sample) {
        int32_t* total = sample ? odd : even;
        std::memset(total, 0, sizeof(int32_t) * BLOCKS * LANES);
        for (int64_t g = 0; g < count; ++g) {
            const uint32_t x = value[2 * g + sample];
            const int32_t low = static_cast<int16_t>(x & 0xffff), high = static_cast<int16_t>(x >> 16);
            const auto* w = reinterpret_cast<const int16_t*>(weights + index[g] * stride);
            for (int j = 0; j < BLOCKS * LANES; ++j) total[j] += low * w[2 * j] + high * w[2 * j + 1];
        }
    }
}
#endif

template <int PAIR>
void sums(const int32_t* index, const uint32_t* value, int64_t count, const int8_t* weights, int64_t padded,
          int32_t* even, int32_t* odd) {
    const int64_t stride = padded * 4;  // bytes of one group: PAIR inputs of 4 / PAIR bytes, for every output
    int64_t done = 0;
    for (; done + TILE * LANES <= padded; done += TILE * LANES)
        block<PAIR, TILE>(index, value, count, weights + done * 4, stride, even + done, odd + done);
    for (; done < padded; done += LANES)
        block<PAIR, 1>(index, value, count, weights + done * 4, stride, even + done, odd + done);
}

// Elements of two samples as the packed groups of the next stage. The last group is filled up with what
// lies behind, which meets weights that are zero.
template <int PAIR>
void pack(const int32_t* __restrict even, const int32_t* __restrict odd, int64_t groups, uint32_t* __restrict packed) {
    constexpr uint32_t MASK = PAIR == 4 ? 0xff : 0xffff;
    for (int64_t g = 0; g < groups; ++g) {
        uint32_t x = 0, y = 0;
        for (int k = 0; k < PAIR; ++k) {
            x |= (static_cast<uint32_t>(even[g * PAIR + k]) & MASK) << (k * (32 / PAIR));
            y |= (static_cast<uint32_t>(odd[g * PAIR + k]) & MASK) << (k * (32 / PAIR));
        }
        packed[2 * g] = x;
        packed[2 * g + 1] = y;
    }
}

// One stored bit of one packed code.
template <class Code>
void toggle(Code* code, int64_t plane, int64_t width, bool is_signed) {
    const int64_t mask = (int64_t{1} << width) - 1, sign = is_signed ? int64_t{1} << (width - 1) : 0;
    *code = static_cast<Code>((((*code & mask) ^ (int64_t{1} << plane)) ^ sign) - sign);
}

// All samples, BATCH at a time: what happens after the sums is a few vector operations on many rows at once.
// Sample n of the packed order is row order[n] of the outputs; a last one may be there only to fill a pair.
template <int PAIR>
void run(const int64_t* starts, const int32_t* index, const uint32_t* value, const int64_t* order, int64_t samples,
         const Stage* stages, int64_t count, const int8_t* weights, const int32_t* first, const Step* steps,
         int32_t* scratch, int64_t widest, const int64_t* labels, const int64_t* decisions, int64_t* outputs,
         int64_t* tally) {
    int32_t *rows = scratch, *next = rows + BATCH * widest, *places = next + BATCH * widest;
    auto* packed = reinterpret_cast<uint32_t*>(places + widest);
    for (int64_t g = 0; g < widest; ++g) places[g] = static_cast<int32_t>(g);
    const Stage& last = stages[count - 1];
    for (int64_t begin = 0; begin < samples; begin += BATCH) {
        const int64_t batch = std::min<int64_t>(BATCH, samples - begin);
        for (int64_t s = 0; s < count; ++s) {
            const Stage& stage = stages[s];
            for (int64_t b = 0; b < batch; b += 2) {
                int32_t *even = next + b * stage.padded, *odd = even + stage.padded;
                if (s == 0) {
                    const int64_t pair = (begin + b) / 2, from = starts[pair], groups = starts[pair + 1] - from;
                    sums<PAIR>(index + from, value + 2 * from, groups, weights + stage.weight_at, stage.padded, even, odd);
                } else {
                    const int64_t width = stages[s - 1].padded;
                    pack<PAIR>(rows + b * width, rows + (b + 1) * width, stage.groups, packed);
                    sums<PAIR>(places, packed, stage.groups, weights + stage.weight_at, stage.padded, even, odd);
                }
                for (int32_t* row : {even, odd})
                    for (int64_t j = 0; j < stage.padded; ++j)
                        row[j] = row[j] * (1 << stage.gain) + first[stage.start_at + j];
            }
            for (int64_t k = 0; k < stage.steps; ++k)
                apply(steps[stage.step_at + k], next, (batch + 1) / 2 * 2 * stage.padded);
            std::swap(rows, next);
        }
        for (int64_t b = 0; b < batch; ++b) {
            const int64_t n = order[begin + b];
            const int32_t* row = rows + b * last.padded;
            if (outputs)
                for (int64_t k = 0; k < last.outputs; ++k) outputs[n * last.outputs + k] = row[k];
            if (labels) {
                const int64_t best = largest(row, last.outputs);
                tally[0] += best == labels[n];
                tally[1] += best != decisions[n];
            }
        }
    }
}

}  // namespace

extern "C" {

// Bits that a fault inverts after the vote, into bits; their number, or INVALID if a site does not exist.
// marks: S zeros, left as zeros.
int64_t netsurf_vote(const int64_t* sites, int64_t count, int64_t kind, int64_t size, const uint8_t* is_protected,
                     const uint8_t* values, int64_t ideal, uint8_t* marks, int64_t* bits, uint8_t* detected) {
    bool valid = true, seen = false;
    const auto split = [size](int64_t site) { return site < size ? 0 : site < 2 * size ? 1 : site < 3 * size ? 2 : 3; };
    for (int64_t s = 0; s < count; ++s) {
        const int replica = split(sites[s]);
        const int64_t bit = sites[s] - replica * size;
        if (sites[s] < 0 || replica == 3 || (replica > 0 && !is_protected[bit])) valid = false;
        else if (!((ideal && is_protected[bit]) || (kind > 0 && values[bit] == kind - 1))) marks[bit] |= 1 << replica;
    }
    int64_t found = 0;
    for (int64_t s = 0; s < count; ++s) {
        const int replica = split(sites[s]);
        if (sites[s] < 0 || replica == 3) continue;
        const int64_t bit = sites[s] - replica * size;
        const uint8_t mark = marks[bit];
        if (!mark) continue;
        marks[bit] = 0;
        const int upset = (mark & 1) + ((mark >> 1) & 1) + ((mark >> 2) & 1);
        seen |= is_protected[bit] && upset < 3;
        if (!is_protected[bit] || upset > 1) bits[found++] = bit;
    }
    *detected = seen;
    return valid ? found : INVALID;
}

// Invert stored bits, best in ascending order, in packed weights and biases.
void netsurf_invert(const int64_t* bits, int64_t found, const Tensor* tensors, int64_t count, const Stage* stages,
                    int64_t pair, int8_t* weights, int64_t* biases) {
    const Tensor* tensor = tensors;
    for (int64_t k = 0; k < found; ++k) {
        if (bits[k] < tensor->first) tensor = tensors;
        while (tensor + 1 < tensors + count && tensor[1].first <= bits[k]) ++tensor;
        const uint32_t place = static_cast<uint32_t>(bits[k] - tensor->first), width = static_cast<uint32_t>(tensor->width);
        const int64_t element = place / width, plane = place % width;
        const Stage& stage = stages[tensor->stage];
        if (tensor->is_bias) {
            toggle(biases + stage.start_at + element, plane, width, tensor->is_signed);
            continue;
        }
        const auto outputs = static_cast<uint32_t>(stage.outputs);
        const int64_t i = static_cast<uint32_t>(element) / outputs, j = static_cast<uint32_t>(element) % outputs;
        const int64_t at = (i / pair * stage.padded + j) * pair + i % pair;
        if (pair == 4) toggle(weights + stage.weight_at + at, plane, width, tensor->is_signed);
        else toggle(reinterpret_cast<int16_t*>(weights + stage.weight_at) + at, plane, width, tensor->is_signed);
    }
}

// The sums that biases start: each stage's biases through its one bias step.
void netsurf_starts(const Stage* stages, int64_t count, const int64_t* biases, const Step* bias_steps, int32_t* first) {
    for (int64_t s = 0; s < count; ++s)
        for (int64_t j = stages[s].start_at; j < stages[s].start_at + stages[s].outputs; ++j)
            first[j] = static_cast<int32_t>(cast(bias_steps[s], biases[j]));
}

// Run every sample; tally: correct and changed decisions, added to. labels and outputs may be null.
void netsurf_run([[maybe_unused]] int64_t pair, const int64_t* starts, const int32_t* index, const uint32_t* value,
                 const int64_t* order, int64_t samples, const Stage* stages, int64_t count, const int8_t* weights,
                 const int32_t* first, const Step* steps, int32_t* scratch, int64_t widest, const int64_t* labels,
                 const int64_t* decisions, int64_t* outputs, int64_t* tally) {
#if defined(__AVX512VNNI__)
    if (pair == 4)
        return run<4>(starts, index, value, order, samples, stages, count, weights, first, steps, scratch, widest,
                      labels, decisions, outputs, tally);
#endif
    run<2>(starts, index, value, order, samples, stages, count, weights, first, steps, scratch, widest, labels,
           decisions, outputs, tally);
}

// What this processor can do at best with the instruction that the kernels live on, from registers alone:
// multiplications done (each with its addition), and a number that keeps them from being left out.
int64_t netsurf_limit_multiply(int64_t rounds, int64_t* sink) {
    constexpr int CHAINS = 12;  // independent sums: more than the latency of one
#if defined(__AVX512VNNI__)
    __m512i sums[CHAINS], x = _mm512_set1_epi8(3), w = _mm512_set1_epi8(1);
    for (auto& sum : sums) sum = _mm512_setzero_si512();
    for (int64_t r = 0; r < rounds; ++r) {
        for (auto& sum : sums) sum = _mm512_dpbusd_epi32(sum, x, w);
        asm volatile("" : "+v"(x), "+v"(w));
    }
    for (auto& sum : sums) *sink += _mm512_reduce_add_epi32(sum);
    return rounds * CHAINS * 64;
#elif defined(__AVX2__)
    __m256i sums[CHAINS], x = _mm256_set1_epi16(3), w = _mm256_set1_epi16(1);
    for (auto& sum : sums) sum = _mm256_setzero_si256();
    for (int64_t r = 0; r < rounds; ++r) {
        asm volatile("" : "+x"(x), "+x"(w));
        for (auto& sum : sums) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
    }
    for (auto& sum : sums) *sink += _mm256_extract_epi32(sum, 0);
    return rounds * CHAINS * 16;
#else
    int32_t sums[CHAINS] = {}, x = 3, w = 1;
    for (int64_t r = 0; r < rounds; ++r) {
        asm volatile("" : "+r"(x), "+r"(w));
        for (auto& sum : sums) sum += x * w;
    }
    for (auto sum : sums) *sink += sum;
    return rounds * CHAINS;
#endif
}

// Bytes compared with a threshold and counted, from a buffer that fits the first-level cache.
int64_t netsurf_limit_compare(int64_t rounds, const uint8_t* bytes, int64_t count, int64_t* sink) {
    for (int64_t r = 0; r < rounds; ++r) {
        const auto threshold = static_cast<uint8_t>(r);
        int64_t below = 0;
        for (int64_t begin = 0; begin < count; begin += 4096) {
            uint8_t part[64] = {};
            for (int64_t i = begin; i < std::min(begin + 4096, count); i += 64)
                for (int k = 0; k < 64; ++k) part[k] = static_cast<uint8_t>(part[k] + (bytes[i + k] <= threshold));
            for (auto tally : part) below += tally;
        }
        *sink += below;
    }
    return rounds * count;
}

}  // extern "C"
