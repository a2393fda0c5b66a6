"""Plans from a budget: the exact one equals every subset tried; greedy never overspends; fronts hold."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.errors import PlanError
from netsurf.harden import ProtectionPlan
from netsurf.harden.budget import Point, exact, expected_change, front, greedy, pareto, residual, smallest
from netsurf.harden.knapsack import knapsack
from tests.ranking import mixed_network

NETWORK = mixed_network()
SIZE = NETWORK.stored_bits


def by_trying(gains, costs, budget):
    """Largest gain over every subset."""
    sizes = range(len(gains) + 1)
    sets = (chosen for count in sizes for chosen in combinations(range(len(gains)), count))
    return max(sum(gains[i] for i in chosen) for chosen in sets if sum(costs[i] for i in chosen) <= budget)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(-3, 12), st.integers(1, 6)), min_size=0, max_size=10), st.integers(0, 30)
)
def test_knapsack_equals_every_subset_tried(items, budget):
    gains = np.array([gain for gain, _ in items], float)
    costs = np.array([cost for _, cost in items], np.int64)
    chosen = knapsack(gains, costs, budget)
    assert costs[chosen].sum() <= budget
    assert gains[chosen].sum() == by_trying(gains, costs, budget)


def test_knapsack_of_many_items_equals_a_plain_table():
    rng = np.random.default_rng(0)
    gains, costs, budget = rng.exponential(size=300), rng.choice([2, 3, 7, 11], 300), 400
    table = np.zeros(budget + 1)
    for gain, cost in zip(gains, costs, strict=True):
        table[cost:] = np.maximum(table[cost:], table[:-cost] + gain)
    chosen = knapsack(gains, costs, budget)
    assert gains[chosen].sum() == pytest.approx(table[budget], rel=1e-12)
    assert costs[chosen].sum() <= budget


def test_exact_is_never_worse_than_greedy_and_equal_at_equal_costs():
    rng = np.random.default_rng(1)
    better = 0
    for budget in range(5, 200, 7):
        scores, costs = rng.normal(size=SIZE), rng.integers(1, 9, SIZE)
        one, two = greedy(NETWORK, scores, budget, costs), exact(NETWORK, scores, budget, costs)
        assert costs[one.bits].sum() <= budget >= costs[two.bits].sum()
        assert scores[two.bits].sum() >= scores[one.bits].sum() - 1e-12
        better += scores[two.bits].sum() > scores[one.bits].sum() + 1e-12
        assert greedy(NETWORK, scores, budget).bits.tolist() == exact(NETWORK, scores, budget).bits.tolist()
    assert better > 5


@given(st.integers(0, 2**32 - 1), st.floats(0, 60))
def test_greedy_takes_one_bit_after_the_other(seed, budget):
    rng = np.random.default_rng(seed)
    scores, costs = rng.normal(size=SIZE).round(1), rng.integers(1, 5, SIZE) / 2
    left, expected = budget, []
    for bit in sorted(range(SIZE), key=lambda b: (-scores[b] / costs[b], b)):
        if scores[bit] > 0 and costs[bit] <= left + 1e-9:
            expected.append(bit)
            left -= costs[bit]
    assert greedy(NETWORK, scores, budget, costs).bits.tolist() == sorted(expected)


def test_bits_that_are_worth_nothing_are_not_protected():
    scores = np.full(SIZE, -1.0)
    scores[[3, 8]] = 0.0, 2.0
    assert greedy(NETWORK, scores, SIZE).bits.tolist() == [8]
    assert exact(NETWORK, scores, SIZE).bits.tolist() == [8]


def test_expected_change_counts_what_is_left_of_protection():
    scores = np.arange(SIZE, dtype=float)
    plan = ProtectionPlan(NETWORK.digest, SIZE, np.array([SIZE - 1]))
    expected = sum(0.01 * s for s in scores[:-1]) + (3 * 0.01**2 - 2 * 0.01**3) * scores[-1]
    assert expected_change(scores, plan, 0.01) == pytest.approx(expected)


def test_residual_equals_two_of_three_upset_counted_out():
    ber = 0.3
    chances = [ber**k * (1 - ber) ** (3 - k) for k in (0, 1, 1, 2, 1, 2, 2, 3)]
    counts = [bin(pattern).count("1") for pattern in range(8)]
    assert residual(ber) == pytest.approx(sum(c for c, k in zip(chances, counts, strict=True) if k > 1))


@given(st.integers(0, SIZE), st.integers(0, 2**32 - 1))
def test_smallest_finds_the_edge(edge, seed):
    ranking = np.random.default_rng(seed).permutation(SIZE)

    def judge(plan):
        return float(len(plan.bits) >= edge)

    found = smallest(NETWORK, ranking, judge, 1.0, resolution=0.0, ranker="x")
    assert len(found.plan.bits) == edge
    assert found.plan.bits.tolist() == sorted(ranking[:edge].tolist())
    assert found.value == found.tried[edge] == 1.0
    assert len(found.tried) <= 3 + SIZE.bit_length()


def test_a_target_out_of_reach_is_refused_with_what_is_in_reach():
    with pytest.raises(PlanError, match=r"all \d+ ranked bits reaches 0.7000, not 0.9000"):
        smallest(NETWORK, np.arange(SIZE), lambda plan: 0.7, 0.9)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_front_is_what_no_point_beats(pairs):
    points = [Point(None, float(cost), float(value)) for cost, value in pairs]
    expected = {
        (p.cost, p.value)
        for p in points
        if not any(
            q.cost <= p.cost and q.value >= p.value and (q.cost, q.value) != (p.cost, p.value) for q in points
        )
    }
    found = [(p.cost, p.value) for p in pareto(points)]
    assert found == sorted(expected)


def test_front_is_measured_again():
    rng = np.random.default_rng(0)
    rankings = {"a": np.arange(SIZE), "b": np.arange(SIZE)[::-1]}

    def lucky(plan):
        return len(plan.bits) / SIZE + rng.normal(0, 0.2)

    chosen = front(NETWORK, rankings, [0, 0.25, 0.5, 1], lucky, remeasure=lambda plan: len(plan.bits) / SIZE)
    assert all(point.value == point.cost / SIZE for point in chosen)
    assert {point.plan.notes["ranker"] for point in chosen} <= {"a", "b"}


def test_budgets_and_costs_that_make_no_sense():
    scores = np.ones(SIZE)
    with pytest.raises(PlanError, match="budget -1 is negative"):
        greedy(NETWORK, scores, -1)
    with pytest.raises(PlanError, match="costs must be above 0"):
        greedy(NETWORK, scores, 1, np.zeros(SIZE))
    with pytest.raises(PlanError, match="whole numbers"):
        exact(NETWORK, scores, 3, np.full(SIZE, 0.5))
    with pytest.raises(PlanError, match="must be"):
        greedy(NETWORK, scores[1:], 1)
