"""Rows sampled twice."""

import numpy as np

from trivium.core.summary import Joint, Sample
from trivium.monitor.samples import Samples, overlap


def test_overlap_counts_hashes_that_both_samples_reach() -> None:
    """2 of 4; nothing of an empty sample."""
    mine, other = np.array([1, 2, 3, 4], dtype=np.uint64), np.array([2, 4, 6], dtype=np.uint64)
    assert overlap(mine, other) == 0.5
    assert overlap(mine, np.empty(0, dtype=np.uint64)) == 0.0


def test_rows_that_come_again_under_new_keys_are_found() -> None:
    """The greater of both shares counts, asked once or twice; whoever sampled nothing repeats nothing."""
    whole = Sample(rows=2, hashes=(1, 2), counts=(1, 1))
    again = Sample(rows=2, hashes=(3, 4), counts=(1, 1))
    contents = Sample(rows=2, hashes=(8, 9), counts=(1, 1))
    one = Samples(Joint(sample_of_rows=whole, sample_of_contents=contents))
    other = Samples(Joint(sample_of_rows=again, sample_of_contents=contents))
    assert [one.repeated_in(other), one.repeated_in(other), other.repeated_in(Samples())] == [1.0, 1.0, 0.0]
    assert len(Samples()) == 0
