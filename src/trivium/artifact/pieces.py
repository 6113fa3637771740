"""Functions of one number that are constant in pieces: how a category gets its code, its column or its weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nextafter


@dataclass(frozen=True)
class Pieces:
    """`values[i]` holds for `x <= ends[i]` that no earlier end holds; `ends` rise, and the last value has no end.

    A missing value (NaN) gets `missing`.
    """

    ends: Sequence[float]
    values: Sequence[float]
    missing: float


def at_keys(keys: Sequence[float], values: Sequence[float], *, other: float, missing: float) -> Pieces:
    """Make the function that is `values[i]` at exactly `keys[i]` and `other` between them. Keys need no order."""
    spans = [(key, key, value) for key, value in zip(keys, values, strict=True)]
    return over_spans(spans, other=other, missing=missing)


def over_spans(spans: Sequence[tuple[float, float, float]], *, other: float, missing: float) -> Pieces:
    """Make the function that is `value` over each closed span `(low, high, value)` and `other` between the spans."""
    ends: list[float] = []
    values: list[float] = []
    for low, high, value in sorted(spans):
        below = nextafter(low, -inf)
        if low > -inf and (not ends or below > ends[-1]):
            ends.append(below)
            values.append(other)
        if high < inf:
            ends.append(high)
            values.append(value)
        else:
            return Pieces(ends, [*values, value], missing)
    return Pieces(ends, [*values, other], missing)
