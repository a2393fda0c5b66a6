// Steps and decisions, as every native kernel of this folder takes them: netsurf/inject/steps.py in C++.
#pragma once

#include <algorithm>
#include <cstdint>

namespace {

// One encoded step, as netsurf.inject.steps.COLUMNS.
struct Step {
    int64_t rectify, shift, rounding, overflow, minimum, maximum, width, is_signed;
};

// One step on a row. Rounding is one addition and one shift; see netsurf.inject.portable_chain.step_row.
void apply(const Step& step, int32_t* __restrict row, int64_t count) {
    if (step.rectify)
        for (int64_t j = 0; j < count; ++j) row[j] = row[j] < 0 ? 0 : row[j];
    const int shift = static_cast<int>(step.shift);
    if (shift < 0) {
        for (int64_t j = 0; j < count; ++j)
            row[j] = static_cast<int32_t>(static_cast<uint32_t>(row[j]) << -shift);
    } else if (shift > 0) {
        const int32_t half = (1 << (shift - 1)) - 1;
        switch (step.rounding) {
            case 0: for (int64_t j = 0; j < count; ++j) row[j] >>= shift; break;
            case 1: for (int64_t j = 0; j < count; ++j) row[j] = (row[j] + ((row[j] >> 31) & (2 * half + 1))) >> shift; break;
            case 2: for (int64_t j = 0; j < count; ++j) row[j] = (row[j] + half + 1) >> shift; break;
            case 3: for (int64_t j = 0; j < count; ++j) row[j] = (row[j] + half - (row[j] >> 31)) >> shift; break;
            case 4: for (int64_t j = 0; j < count; ++j) row[j] = (row[j] + half + 1 + (row[j] >> 31)) >> shift; break;
            case 5: for (int64_t j = 0; j < count; ++j) row[j] = (row[j] + half) >> shift; break;
            default: for (int64_t j = 0; j < count; ++j) row[j] = (row[j] + half + ((row[j] >> shift) & 1)) >> shift;
        }
    }
    const int32_t low = static_cast<int32_t>(std::max<int64_t>(step.minimum, INT32_MIN));
    const int32_t high = static_cast<int32_t>(std::min<int64_t>(step.maximum, INT32_MAX));
    if (step.overflow == 0) {
        if (step.width > 31) return;  // the caller has proved that no code leaves 32 bits
        const int32_t mask = static_cast<int32_t>((int64_t{1} << step.width) - 1);
        const int32_t sign = step.is_signed ? 1 << (step.width - 1) : 0;
        for (int64_t j = 0; j < count; ++j) row[j] = ((row[j] & mask) ^ sign) - sign;
    } else if (step.overflow == 2) {
        for (int64_t j = 0; j < count; ++j) row[j] = (row[j] < low || row[j] > high) ? 0 : row[j];
    } else {
        for (int64_t j = 0; j < count; ++j) row[j] = row[j] < low ? low : row[j] > high ? high : row[j];
    }
}

// One code of any width through one step: what a bias goes through on its way to a sum.
int64_t cast(const Step& step, int64_t code) {
    if (step.rectify && code < 0) code = 0;
    const int64_t shift = step.shift;
    if (shift <= 0) {
        if (step.overflow != 0) {  // what saturates all the same must stay inside 64 bits
            const int64_t limit = int64_t{1} << (62 + shift);
            code = std::min(std::max(code, -limit), limit);
        }
        code = static_cast<int64_t>(static_cast<uint64_t>(code) << -shift);
    } else {
        const int64_t half = (int64_t{1} << (shift - 1)) - 1, negative = code < 0;
        const int64_t add[] = {0,    negative * (2 * half + 1),     half + 1, half + negative, half + 1 - negative,
                               half, half + ((code >> shift) & 1)};
        code = (code + add[step.rounding]) >> shift;
    }
    if (step.minimum <= code && code <= step.maximum) return code;
    if (step.overflow == 0) {
        const int64_t mask = (int64_t{1} << step.width) - 1, sign = step.is_signed ? int64_t{1} << (step.width - 1) : 0;
        return ((code & mask) ^ sign) - sign;
    }
    if (step.overflow == 2) return 0;
    return code < step.minimum ? step.minimum : step.maximum;
}

// Index of the largest, the first of equals, without a branch: the key orders by value, then by place.
int64_t largest(const int32_t* row, int64_t count) {
    int64_t best = INT64_MIN;
    for (int64_t k = 0; k < count; ++k) best = std::max(best, int64_t{row[k]} * (int64_t{1} << 32) + (INT32_MAX - k));
    return INT32_MAX - (best & 0xffffffff);
}

}  // namespace
