"""Laws of what is measured of a candidate."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.project import Release
from trivium.release.evidence import (
    ALL,
    BLOCK_ROWS,
    ERRORS,
    LOSS,
    SHIFT,
    Arms,
    Pairs,
    Seen,
    complete_blocks,
    findings,
)

PAIRS = st.builds(
    lambda worse, better, same: Pairs(worse, better, worse + better + same),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 2000),
)
LOSSES = st.lists(st.floats(-2, 2), min_size=0, max_size=60).map(np.array)
SHIFTS = st.lists(st.floats(-1, 1), min_size=2, max_size=80).map(np.array)


def found(seen, slices=("north",)):
    margins = {ALL: 0.01, **dict.fromkeys(slices, 0.02)}
    made = findings(seen, rule=Release(), task="binary", margins=margins, slices=slices)
    return {(one.measure, one.slice): one for one in made}


@settings(max_examples=80, deadline=None)
@given(pairs=PAIRS)
def test_worse_rows_speak_against_and_better_ones_for(pairs):
    """One more row on which the candidate alone fails raises the bound, one on which live alone does lowers it."""
    now = found(Seen(errors=pairs)).get((ERRORS, ALL))
    worse = found(Seen(errors=Pairs(pairs.worse + 1, pairs.better, pairs.rows + 1)))[ERRORS, ALL]
    better = found(Seen(errors=Pairs(pairs.worse, pairs.better + 1, pairs.rows + 1)))[ERRORS, ALL]
    assert better.low <= worse.low
    if now is not None:
        assert better.low - 1e-5 <= now.low <= worse.low + 1e-5
        assert now.low - 1e-5 <= now.worse_by <= now.high + 1e-5


@settings(max_examples=60, deadline=None)
@given(shift=SHIFTS)
def test_a_shift_has_no_side(shift):
    """A shift up is as much of a shift as the same one down, and never less than its bound."""
    up, down = found(Seen(shift=shift))[SHIFT, ALL], found(Seen(shift=-shift))[SHIFT, ALL]
    assert (up.low, up.high, up.worse_by) == (down.low, down.high, down.worse_by)
    assert up.low <= up.worse_by + 1e-5


@settings(max_examples=80, deadline=None)
@given(pairs=PAIRS, losses=LOSSES, shift=SHIFTS, names=st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_the_chance_is_never_overspent(pairs, losses, shift, names):
    """Whatever is measured, and however many slices there are, the parts add up to no more than the whole."""
    arms = Arms(slow=1, rows=10, live_slow=1, live_rows=90, share=0.1)
    seen = Seen(errors=pairs, guardrails=pairs, latency=arms, shift=shift, losses=dict.fromkeys((ALL, *names), losses))
    spent = sum(one.alpha for one in found(seen, tuple(names)).values())
    assert spent <= Release().false_rollbacks + 1e-12


@settings(max_examples=60, deadline=None)
@given(losses=st.lists(st.floats(-2, 2), min_size=25, max_size=60).map(np.array), seed=st.integers(0, 9))
def test_the_order_of_blocks_makes_no_difference(losses, seed):
    """A bound on a mean is of the blocks, whichever came first; adding to all of them moves it by as much."""
    shuffled = np.random.default_rng(seed).permutation(losses)
    one, other = found(Seen(losses={ALL: losses}))[LOSS, ALL], found(Seen(losses={ALL: shuffled}))[LOSS, ALL]
    assert np.isclose(one.low, other.low) and np.isclose(one.high, other.high)
    moved = found(Seen(losses={ALL: losses + 0.5}))[LOSS, ALL]
    assert np.isclose(moved.low, one.low + 0.5)


@settings(max_examples=80, deadline=None)
@given(known=st.lists(st.booleans(), max_size=120), share=st.floats(0.05, 1.0))
def test_outcomes_that_come_never_undo_a_block(known, share):
    """The more outcomes have come, the more blocks there are; once all have, every whole block is one."""
    came = np.array(known, dtype=bool)
    values, never = np.arange(len(came), dtype=float), np.zeros(len(came), dtype=bool)
    now = complete_blocks(came, values, share=share, is_due=never)
    more = came.copy()
    more[: len(more) // 2] = True
    assert len(now) <= len(complete_blocks(more, values, share=share, is_due=never))
    assert len(complete_blocks(~never, values, share=share, is_due=never)) == len(came) // BLOCK_ROWS
