"""The accelerator, register by register: one clock cycle after the other, compiled with Numba.

A state is one row of slots, one slot a register element, for each copy of the datapath (three if it is
triplicated). Every cycle has two passes over the stages, both from the last to the first: readiness runs
backwards through the chain in the same cycle, and a stage that is updated before the one in front of it
reads what that one held before the clock edge.

:mod:`netsurf.inject.cycle` builds the tables; the column numbers below are theirs too.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from netsurf.inject.portable import cast_one

# Columns of a stage.
KIND, INPUTS, OUTPUTS, PER_BEAT, BEATS = 0, 1, 2, 3, 4
SUMS, DONE, INPUT, WORDS, ROW, MAC, FIRST, LAST = 5, 6, 7, 8, 9, 10, 11, 12  # slots of a dense stage
DATA, VALID, BEAT = 5, 6, 7  # slots of a feed
KERNEL, BIAS = 13, 14  # tensors
IN_STEPS, PRODUCT_STEPS, SUM_STEPS, BIAS_STEPS = 15, 17, 19, 21  # first and end row of the step table
EXACT, SHIFT, ROW_BITS = 23, 24, 25
STAGE_COLUMNS = 26

PARALLEL, SERIAL, FEED = 0, 1, 2

# Columns of a tensor.
OFFSET, WIDTH, SIGNED, SPAN, FLAG = 0, 1, 2, 3, 4

# Columns of a strike: when, on what, and where.
AT, WHAT, WHO, WHERE, PLACE, PLANE = 0, 1, 2, 3, 4, 5
ON_REGISTER, ON_STORED, ON_VOTER, ON_FLAG = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def _flipped(code, bit, width, signed):
    """A code with one bit inverted."""
    pattern = (code & ((np.int64(1) << width) - 1)) ^ (np.int64(1) << bit)
    if signed and pattern >> (width - 1):
        return pattern - (np.int64(1) << width)
    return pattern


@njit(cache=True, nogil=True)
def _majority(values):
    """Bitwise majority of one or three values."""
    if len(values) == 1:
        return values[0]
    a, b, c = values[0], values[1], values[2]
    return (a & b) | (a & c) | (b & c)


@njit(cache=True, nogil=True)
def _place(strike, tensor, row):
    """Element that a strike on stored bits or voters acts on while ``row`` is read; -1 if none."""
    if strike[WHAT] == ON_VOTER:
        return row * tensor[SPAN] + strike[PLACE]
    return strike[PLACE] if strike[PLACE] // tensor[SPAN] == row else np.int64(-1)


@njit(cache=True, nogil=True)
def _votes(number, tensors, weights, protected, strikes, active, row):
    """Invert in ``weights`` what the voters of a tensor let through while ``row`` is read.

    Called twice it undoes itself. Returns whether some voter sees replicas that differ.
    """
    tensor = tensors[number]
    disagree = False
    for e in range(len(strikes)):
        if not active[e] or strikes[e, WHERE] != number or strikes[e, WHAT] not in (ON_STORED, ON_VOTER):
            continue
        element, bit = _place(strikes[e], tensor, row), strikes[e, PLANE]
        if element < 0:
            continue
        upset = np.zeros(3, np.int64)
        seen = False
        for f in range(len(strikes)):
            if not active[f] or strikes[f, WHERE] != number or strikes[f, WHAT] not in (ON_STORED, ON_VOTER):
                continue
            if strikes[f, PLANE] == bit and _place(strikes[f], tensor, row) == element:
                seen |= f < e
                upset[strikes[f, WHO]] ^= 1
        if seen:
            continue
        place = tensor[OFFSET] + element
        inverted = upset[0] == 1
        if protected[place] >> bit & 1:
            inverted = upset.sum() >= 2
            disagree |= 0 < upset.sum() < 3
        if inverted:
            weights[place] = _flipped(weights[place], bit, tensor[WIDTH], tensor[SIGNED] != 0)
    return disagree


@njit(cache=True, nogil=True)
def _add(stage, steps, sums, start_at_bias, bias, state, x, kernel):
    """Accumulate one beat: ``state[sums + j]`` for every output; ``x`` the inputs, ``kernel`` their words."""
    outputs = stage[OUTPUTS]
    for j in range(outputs):
        if start_at_bias:
            total = cast_one(bias[j], steps[stage[BIAS_STEPS] : stage[BIAS_STEPS + 1]])
        else:
            total = state[sums + j]
        if stage[EXACT]:
            part = np.int64(0)
            for k in range(stage[PER_BEAT]):
                part += x[k] * kernel[k * outputs + j]
            total = cast_one(total + (part << stage[SHIFT]), steps[stage[SUM_STEPS] : stage[SUM_STEPS + 1]])
        else:
            for k in range(stage[PER_BEAT]):
                term = cast_one(
                    x[k] * kernel[k * outputs + j], steps[stage[PRODUCT_STEPS] : stage[PRODUCT_STEPS + 1]]
                )
                total = cast_one(total + term, steps[stage[SUM_STEPS] : stage[SUM_STEPS + 1]])
        state[sums + j] = total


@njit(cache=True, nogil=True)
def _offer(stages, s, state, sample, sent):
    """What is in front of stage ``s``: valid, last, and the slot of its first element (-1: the source)."""
    if s == 0:
        beats = len(sample) // stages[0, PER_BEAT] if stages[0, KIND] != FEED else 1
        return sent < beats, sent == beats - 1, np.int64(-1)
    before = stages[s - 1]
    if before[KIND] == FEED:
        last = before[BEATS] == 1 or state[before[BEAT]] == before[BEATS] - 1
        return state[before[VALID]] != 0, last, before[DATA]
    return state[before[DONE]] != 0, True, before[SUMS]


@njit(cache=True, nogil=True)
def _taken(stage, steps, state, sample, sent, slot, into):
    """The elements of the beat in front of a stage, through the layers between."""
    first = sent * len(into) if slot < 0 else slot
    for k in range(len(into)):
        code = sample[first + k] if slot < 0 else state[first + k]
        into[k] = cast_one(code, steps[stage[IN_STEPS] : stage[IN_STEPS + 1]])


@njit(cache=True, nogil=True)
def _clock_feed(stage, steps, state, sample, sent, valid, slot, ready):
    """The clock edge of a vector register."""
    n, beats = stage[OUTPUTS], stage[BEATS]
    last = beats == 1 or state[stage[BEAT]] == beats - 1
    held = state[stage[VALID]] != 0
    takes = not held or (last and ready)
    if beats > 1:
        if held and ready:
            counter = (state[stage[BEAT]] + 1) & ((np.int64(1) << stage[ROW_BITS]) - 1)
            state[stage[BEAT]] = 0 if last else counter
        if held and ready and not (valid and takes):
            step = stage[PER_BEAT]
            for i in range(n):
                state[stage[DATA] + i] = state[stage[DATA] + i + step] if i + step < n else 0
    if takes:
        if valid:
            _taken(stage, steps, state, sample, sent, slot, state[stage[DATA] : stage[DATA] + n])
        state[stage[VALID]] = np.int64(valid)


@njit(cache=True, nogil=True)
def _row(stage, state):
    """Row of words that a serial stage asks for, and whether it is the last."""
    row = state[stage[ROW]]
    last = row >= stage[BEATS] - 1
    return (stage[BEATS] - 1 if last else row), last


@njit(cache=True, nogil=True)
def _clock_dense(stage, steps, state, sample, sent, valid, end, slot, ready, words, bias):
    """The clock edge of a dense layer; ``words`` and ``bias`` are what the voters show."""
    advance = state[stage[DONE]] == 0 or ready
    if not advance:
        return
    if stage[KIND] == PARALLEL:
        if valid:
            x = np.empty(stage[INPUTS], np.int64)
            _taken(stage, steps, state, sample, sent, slot, x)
            _add(stage, steps, stage[SUMS], True, bias, state, x, words)
        state[stage[DONE]] = np.int64(valid)
        return
    held = state[stage[MAC]] != 0
    n, per_beat = stage[OUTPUTS], stage[PER_BEAT]
    if held:
        x = state[stage[INPUT] : stage[INPUT] + per_beat]
        kernel = state[stage[WORDS] : stage[WORDS] + per_beat * n]
        _add(stage, steps, stage[SUMS], state[stage[FIRST]] != 0, bias, state, x, kernel)
    state[stage[DONE]] = np.int64(held and state[stage[LAST]] != 0)
    state[stage[MAC]] = np.int64(valid)
    if valid:
        _, last = _row(stage, state)
        _taken(stage, steps, state, sample, sent, slot, state[stage[INPUT] : stage[INPUT] + per_beat])
        state[stage[WORDS] : stage[WORDS] + per_beat * n] = words
        state[stage[FIRST]] = np.int64(state[stage[ROW]] == 0)
        state[stage[LAST]] = np.int64(last)
        counter = (state[stage[ROW]] + 1) & ((np.int64(1) << stage[ROW_BITS]) - 1)
        state[stage[ROW]] = 0 if last or end else counter


@njit(cache=True, nogil=True)
def _read(number, tensors, weights, row):
    """The words of a row of a tensor."""
    tensor = tensors[number]
    start = tensor[OFFSET] + row * tensor[SPAN]
    return weights[start : start + tensor[SPAN]]


@njit(cache=True, nogil=True)
def _strike(cycle, strikes, active, state, flags, slots):
    """Apply the strikes of a cycle; those on the store and on voters are marked active."""
    struck = False
    for e in range(len(strikes)):
        if strikes[e, AT] != cycle:
            continue
        struck = True
        if strikes[e, WHAT] == ON_REGISTER:
            slot = strikes[e, WHERE]
            code = state[strikes[e, WHO], slot]
            state[strikes[e, WHO], slot] = _flipped(
                code, strikes[e, PLANE], slots[slot, 0], slots[slot, 1] != 0
            )
        elif strikes[e, WHAT] == ON_FLAG:
            flags[strikes[e, WHERE]] ^= 1
        else:
            active[e] = True
    return struck


@njit(cache=True, nogil=True)
def _ready(stages, state, ready):
    """Readiness in front of each stage, ``ready[s]``, and of the sink, ``ready[-1]``, which always is."""
    count = len(stages)
    ready[count] = True
    for s in range(count - 1, -1, -1):
        stage = stages[s]
        if stage[KIND] == FEED:
            last = stage[BEATS] == 1 or state[stage[BEAT]] == stage[BEATS] - 1
            ready[s] = state[stage[VALID]] == 0 or (last and ready[s + 1])
        else:
            ready[s] = state[stage[DONE]] == 0 or ready[s + 1]


@njit(cache=True, nogil=True)
def _output(stages, steps, final, state, outputs):
    """The output beat of one copy: whether it is valid, and its codes (0 if a requantiser stands idle)."""
    stage = stages[len(stages) - 1]
    slot, valid = (stage[DATA], stage[VALID]) if stage[KIND] == FEED else (stage[SUMS], stage[DONE])
    for j in range(len(outputs)):
        code = cast_one(state[slot + j], steps[final[0] : final[1]])
        outputs[j] = code if state[valid] != 0 or final[3] == 0 else 0
    return state[valid]


@njit(cache=True, nogil=True)
def _differ(values):
    """Whether copies differ."""
    for c in range(1, len(values)):  # noqa: SIM110 - Numba has no generators here
        if values[c] != values[0]:
            return True
    return False


@njit(cache=True, nogil=True)
def _wants(stage, stages, s, state, ready, sample, sent):
    """Whether a dense stage of one copy reads its kernel and its bias, and which row."""
    valid, _, _ = _offer(stages, s, state, sample, sent)
    advance = state[stage[DONE]] == 0 or ready[s + 1]
    if stage[KIND] == PARALLEL:
        return np.int64(valid and advance), np.int64(valid and advance), np.int64(0)
    bias = state[stage[MAC]] != 0 and advance and state[stage[FIRST]] != 0
    return np.int64(valid and advance), np.int64(bias), np.int64(_row(stage, state)[0])


@njit(cache=True, nogil=True)
def advance(tables, state, flags, sample, sent, strikes, active, outputs):
    """One clock cycle, strikes of this cycle already applied: the state after its rising edge.

    Returns how many beats the source has sent then, and whether an output was valid (in ``outputs``).
    """
    stages, steps, final, tensors, weights, protected, _ = tables
    copies, count = len(state), len(stages)
    ready = np.zeros((copies, count + 1), np.bool_)
    shown = np.empty((copies, len(outputs)), np.int64)
    valid = np.empty(copies, np.int64)
    accepts = np.empty(copies, np.int64)
    for c in range(copies):
        _ready(stages, state[c], ready[c])
        valid[c] = _output(stages, steps, final, state[c], shown[c])
        accepts[c] = np.int64(ready[c, 0])
    differ = _differ(valid) or _differ(accepts)
    for j in range(len(outputs)):
        outputs[j] = _majority(shown[:, j])
        differ |= _majority(valid) != 0 and _differ(shown[:, j])
    sending, _, _ = _offer(stages, 0, state[0], sample, sent)
    reads, starts, rows = np.empty(copies, np.int64), np.empty(copies, np.int64), np.empty(copies, np.int64)
    for s in range(count - 1, -1, -1):
        stage = stages[s]
        if stage[KIND] == FEED:
            for c in range(copies):
                ahead, _, slot = _offer(stages, s, state[c], sample, sent)
                _clock_feed(stage, steps, state[c], sample, sent, ahead, slot, ready[c, s + 1])
            continue
        for c in range(copies):
            reads[c], starts[c], rows[c] = _wants(stage, stages, s, state[c], ready[c], sample, sent)
        differ |= _differ(reads) or _differ(starts) or _differ(rows)
        kernel, bias = stage[KERNEL], stage[BIAS]
        # Copies that disagree three ways can vote for a row that is not there.
        row = min(_majority(rows), stage[BEATS] - 1)
        differ_kernel = _votes(kernel, tensors, weights, protected, strikes, active, row)
        differ_bias = _votes(bias, tensors, weights, protected, strikes, active, 0)
        words, start = _read(kernel, tensors, weights, row), _read(bias, tensors, weights, 0)
        for c in range(copies):
            ahead, end, slot = _offer(stages, s, state[c], sample, sent)
            _clock_dense(
                stage, steps, state[c], sample, sent, ahead, end, slot, ready[c, s + 1], words, start
            )
        if differ_kernel and _majority(reads):
            flags[tensors[kernel, FLAG]] = 1
        if differ_bias and _majority(starts):
            flags[tensors[bias, FLAG]] = 1
        _votes(kernel, tensors, weights, protected, strikes, active, row)
        _votes(bias, tensors, weights, protected, strikes, active, 0)
    if differ:
        flags[len(flags) - 1] = 1
    for e in range(len(strikes)):
        if strikes[e, WHAT] == ON_VOTER:
            active[e] = False
    return sent + np.int64(sending and _majority(accepts) != 0), _majority(valid) != 0


@njit(cache=True, nogil=True)
def trace(tables, state, sample, cycles, states, sent, counts):
    """The fault-free run that :func:`run` starts from; returns codes and cycle of the first output."""
    none = np.empty((0, 6), np.int64)
    active = np.zeros(0, np.bool_)
    flags = np.zeros(len(tables[3]) + 1, np.int64)
    outputs, first = np.empty(tables[2][2], np.int64), np.zeros(tables[2][2], np.int64)
    beats, when = np.int64(0), np.int64(-1)
    for t in range(cycles):
        states[t] = state[0]
        sent[t] = beats
        beats, valid = advance(tables, state, flags, sample, beats, none, active, outputs)
        counts[t + 1] = counts[t] + np.int64(valid)
        if valid and when < 0:
            when = np.int64(t)
            first[:] = outputs
    states[cycles] = state[0]
    sent[cycles] = beats
    return first, when


@njit(cache=True, nogil=True)
def _same(state, golden, hint):
    """Whether all copies hold the golden state; ``hint`` remembers where they last differed."""
    for c in range(len(state)):
        if state[c, hint[0]] != golden[hint[0]]:
            return False
    for c in range(len(state)):
        for i in range(len(golden)):
            if state[c, i] != golden[i]:
                hint[0] = i
                return False
    return True


@njit(cache=True, nogil=True)
def run(tables, copies, sample, golden, offsets, all_strikes, codes, counts, when, flagged):
    """Every fault on one sample: fault ``i`` is ``all_strikes[offsets[i]:offsets[i+1]]``.

    ``golden`` is what :func:`trace` left: states, beats sent, outputs so far, first codes, their cycle. A
    fault starts from the golden state of its first strike, and ends where it is back in it.
    Writes codes of the first output, number of outputs, cycle of the first (-1: none) and error flags.
    """
    states, sent, golden_counts, golden_codes, golden_when = golden
    cycles = len(states) - 1
    outputs = np.empty(codes.shape[1], np.int64)
    hint = np.zeros(1, np.int64)
    for i in range(len(offsets) - 1):
        strikes = all_strikes[offsets[i] : offsets[i + 1]]
        active = np.zeros(len(strikes), np.bool_)
        begin, last, lasting = np.int64(cycles), np.int64(0), False
        for e in range(len(strikes)):
            begin, last = min(begin, strikes[e, AT]), max(last, strikes[e, AT])
            lasting |= strikes[e, WHAT] == ON_STORED
        begin = max(begin, 0)
        state = np.empty((copies, states.shape[1]), np.int64)
        for c in range(copies):
            state[c] = states[begin]
        beats, count, first = sent[begin], golden_counts[begin], np.int64(-1)
        if count > 0:
            first = golden_when
            codes[i] = golden_codes
        flags = flagged[i]
        for t in range(begin, cycles):
            if t > last and not lasting and beats == sent[t] and _same(state, states[t], hint):
                if count == 0 and golden_when >= t:
                    first = golden_when
                    codes[i] = golden_codes
                count += golden_counts[cycles] - golden_counts[t]
                break
            _strike(t, strikes, active, state, flags, tables[6])
            beats, valid = advance(tables, state, flags, sample, beats, strikes, active, outputs)
            if valid:
                if count == 0:
                    first = np.int64(t)
                    codes[i] = outputs
                count += 1
        counts[i] = count
        when[i] = first
