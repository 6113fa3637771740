"""What speaks for and against a candidate: figures by hand, edges, and the chance that is spent."""

import math

import numpy as np
import pytest

from trivium.core.project import Release
from trivium.release.betting import least_mean, log_purses
from trivium.release.evidence import (
    ALL,
    BLOCK_ROWS,
    ERRORS,
    GUARDRAILS,
    LATENCY,
    LEAST_BLOCKS,
    LOSS,
    SHIFT,
    TIGHTEST_AT,
    Arms,
    Pairs,
    Seen,
    complete_blocks,
    findings,
)
from trivium.release.sequential import lower_bound

RULE = Release()
SLICES = ("north", "south")
MARGINS = {ALL: 0.01, "north": 0.02, "south": 0.02}


def found(seen, *, task="binary", rule=RULE, slices=SLICES):
    return {
        (one.measure, one.slice): one for one in findings(seen, rule=rule, task=task, margins=MARGINS, slices=slices)
    }


def test_nothing_is_found_of_nothing():
    """Without an answer there is no finding, and without a measure none of it."""
    assert findings(Seen(), rule=RULE, task="binary", margins=MARGINS, slices=()) == ()
    assert set(found(Seen(answers=9, errors=Pairs(0, 0, 9)))) == {(ERRORS, ALL)}


def test_the_chance_is_spent_once():
    """All measures and slices together have the chance that the project allows, and no more."""
    blocks = np.zeros(30)
    seen = Seen(
        errors=Pairs(0, 0, 9),
        guardrails=Pairs(0, 0, 9),
        latency=Arms(slow=0, rows=3, live_slow=0, live_rows=6, share=0.3),
        shift=np.zeros(9),
        losses={ALL: blocks, "north": blocks, "south": blocks},
    )
    spent = {key: one.alpha for key, one in found(seen).items()}
    assert math.fsum(spent.values()) == pytest.approx(RULE.false_rollbacks)
    assert spent[LOSS, ALL] == pytest.approx(0.005) and spent[LOSS, "south"] == pytest.approx(0.0025)
    alone = findings(Seen(losses={ALL: blocks}), rule=RULE, task="binary", margins=MARGINS, slices=())
    assert alone[0].alpha == pytest.approx(0.01)


def test_harm_is_where_the_purse_is_full():
    """The least failures that are harm are the least with which a bet against the margin wins 1 / alpha."""
    by_bound = next(n for n in range(1, 200) if found(Seen(errors=Pairs(n, 2, 500)))[ERRORS, ALL].is_harm)
    values = np.array([1.0, -1.0, 0.0])
    counts = np.array([[n, 2.0, 498.0 - n] for n in range(1, 200)]).T
    purses = log_purses(values, counts, np.array([0.01]), low=-1.0)[0]
    assert by_bound == 1 + next(place for place, purse in enumerate(purses) if purse >= math.log(100))
    finding = found(Seen(errors=Pairs(40, 2, 500)))[ERRORS, ALL]
    assert finding.worse_by == pytest.approx(38 / 500)
    assert 0.01 < finding.low < 38 / 500 < finding.high


def test_what_both_fail_on_is_nobodys_harm():
    """Rows on which both fail, or live alone, never count against the candidate."""
    assert not found(Seen(errors=Pairs(0, 0, 100_000)))[ERRORS, ALL].is_harm
    assert not found(Seen(errors=Pairs(200, 200, 1000)))[ERRORS, ALL].is_harm
    assert found(Seen(guardrails=Pairs(100, 0, 1000)))[GUARDRAILS, ALL].is_harm


def test_slow_arms_are_weighed_by_their_share():
    """Ten slow of a hundred, beside one of 900: 0.1 - 0.001 at a share of a tenth, and harm; alike is none."""
    slow = found(Seen(latency=Arms(slow=10, rows=100, live_slow=1, live_rows=900, share=0.1)))[LATENCY, ALL]
    assert slow.worse_by == pytest.approx(10 / 0.1 / 1000 - 1 / 0.9 / 1000)
    assert slow.is_harm
    alike = Arms(slow=50, rows=100, live_slow=450, live_rows=900, share=0.1)
    assert not found(Seen(latency=alike))[LATENCY, ALL].is_harm


@pytest.mark.parametrize("side", [1, -1])
def test_a_shift_to_either_side_is_harm(side):
    """Answers a quarter off on the mean are harm at a margin of a tenth; a twentieth off is not, however many."""
    draw = np.random.default_rng(1)
    far = found(Seen(shift=np.clip(side * 0.25 + draw.normal(0, 0.1, 400), -1, 1)))[SHIFT, ALL]
    assert far.is_harm and far.low < far.worse_by < far.high
    near = found(Seen(shift=np.full(100_000, side * 0.05)))[SHIFT, ALL]
    assert not near.is_harm and near.high < 0.1


def test_shifts_are_counted_on_the_safe_side():
    """Counting by steps proves no more than the values themselves do."""
    draw = np.random.default_rng(2)
    values = np.clip(draw.normal(0.2, 0.2, 500), -1, 1)
    exact = least_mean(values, np.ones(500), low=-1.0, high=1.0, alpha=0.005)
    assert exact - 0.02 < found(Seen(shift=values))[SHIFT, ALL].low <= exact


def test_losses_are_bounded_in_blocks():
    """From 20 blocks on the bound is the sequence's; before that nothing is proven."""
    blocks = np.random.default_rng(3).normal(0.2, 0.1, 40)
    finding = found(Seen(losses={ALL: blocks}))[LOSS, ALL]
    low = lower_bound(40, blocks.mean(), blocks.var(ddof=1), alpha=0.005, tightest_at=TIGHTEST_AT)
    assert finding.low == pytest.approx(low) and finding.is_harm and finding.rows == 40 * BLOCK_ROWS
    few = found(Seen(losses={ALL: blocks[: LEAST_BLOCKS - 1]}))[LOSS, ALL]
    assert (few.low, few.high) == (-math.inf, math.inf)


def test_a_block_counts_once_its_outcomes_have_come():
    """By hand: three blocks and a rest; the first has all outcomes, the second too few, the third is due."""
    rows = 3 * BLOCK_ROWS + 7
    known, due = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
    known[30:34] = False
    known[55:70] = False
    due[50:75] = True
    means = complete_blocks(known, np.arange(rows, dtype=float), share=0.95, is_due=due)
    assert means.tolist() == [12.0, (50 + 51 + 52 + 53 + 54 + 70 + 71 + 72 + 73 + 74) / 10]
    assert complete_blocks(known, np.arange(rows, dtype=float), share=0.8, is_due=due).shape == (3,)


def test_blocks_without_outcomes_are_none():
    """What is due and never came is no block, nor are fewer rows than one holds."""
    due = np.ones(50, dtype=bool)
    assert complete_blocks(~due, np.zeros(50), share=0.95, is_due=due).shape == (0,)
    assert complete_blocks(due[:24], np.zeros(24), share=0.95, is_due=due[:24]).shape == (0,)
