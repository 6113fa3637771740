"""Parity measures the worst disagreement, and NaN is never agreement."""

import math

import numpy as np
import pytest

from trivium.artifact.parity import disagreement, worst_rows
from trivium.core.problems import StepError

A = np.array([0.1, 0.5, 0.9])


def test_by_hand():
    """The greatest difference, wherever it is and whichever way round."""
    assert disagreement(A, A + np.array([0, -0.25, 0.125])) == 0.25
    assert disagreement(A, A) == 0 and disagreement(A[:0], A[:0]) == 0


def test_nan_is_infinitely_far_even_from_itself():
    """Two bodies that both fail to answer do not agree."""
    broken = np.array([0.1, math.nan, 0.9])
    assert disagreement(A, broken) == math.inf and disagreement(broken, broken) == math.inf
    assert disagreement(np.array([math.inf]), np.array([math.inf])) == math.inf


def test_shapes_must_fit():
    """A row too few is the model's fault, not a disagreement."""
    with pytest.raises(StepError, match="TV-ART-004"):
        disagreement(A, A[:2])


def test_the_worst_rows_come_first_and_agreement_is_left_out():
    """Ties by row."""
    assert [each.row for each in worst_rows(A, A + np.array([0.5, 0, 0.5]))] == [0, 2]
    assert [each.row for each in worst_rows(np.zeros(9), np.arange(9), count=2)] == [8, 7]
