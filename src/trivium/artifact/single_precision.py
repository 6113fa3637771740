"""Single precision without rounding: thresholds of models that round what they read, moved so that doubles go alike."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

# The smallest number that single precision cannot hold: what rounds to infinity there.
BEYOND_FLOAT32 = float.fromhex("0x1.ffffffp+127")


def at_single_precision(threshold: "Array") -> "Array":
    """Find the largest x with float32(x) <= threshold, so that x itself need not be rounded.

    Rounding is to the nearest, ties to even (IEEE 754): half way from the largest single number that is not above the
    threshold to the next one, or just below that where the tie goes up.
    """
    import numpy as np

    threshold = np.asarray(threshold, dtype=np.float64)
    with np.errstate(over="ignore"):
        low = threshold.astype(np.float32)
    low = np.where(low.astype(np.float64) > threshold, np.nextafter(low, np.float32(-np.inf)), low)
    high = np.nextafter(low, np.float32(np.inf))
    with np.errstate(invalid="ignore"):
        half = low.astype(np.float64) / 2 + high.astype(np.float64) / 2
    tie_goes_up = (low.view(np.int32) & 1) == 1
    found = np.where(tie_goes_up, np.nextafter(half, -np.inf), half)
    # The largest single number of all: what is nearer to infinity becomes infinite.
    found = np.where(np.isinf(high), np.nextafter(BEYOND_FLOAT32, 0), found)
    return np.where(np.isinf(threshold), np.where(threshold > 0, np.inf, -BEYOND_FLOAT32), found)


def below_at_single_precision(threshold: "Array") -> "Array":
    """Find the largest x with float32(x) < threshold, which is itself a single number above negative infinity."""
    import numpy as np

    return at_single_precision(np.nextafter(np.asarray(threshold, dtype=np.float32), np.float32(-np.inf)))


def rounded_into(low: "Array", high: "Array") -> "tuple[Array, Array]":
    """Find the closed span of doubles that single precision rounds to between `low` and `high`, single numbers both."""
    import numpy as np

    first = np.where(np.isneginf(low), -np.inf, np.nextafter(below_at_single_precision(low), np.inf))
    return first, at_single_precision(high)
