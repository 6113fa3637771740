"""Reliability: what came of answers, by what was answered. A small table per period that merges by adding.

From it come the calibration of probabilities and the usual errors of numbers, which is what an estimate before the
labels stands on. It knows of no features and decides nothing.

Source:
    Reliability tables: Murphy and Winkler (1977), Applied Statistics 26(1). Isotonic calibration by pooling adjacent
    violators: Zadrozny and Elkan (2002), KDD; Ayer et al. (1955), Annals of Mathematical Statistics 26(4).
"""

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Of a probability: equal widths. Of a number: two bins an octave of its size, on either side of zero.
PROBABILITY_BINS = 40
BINS_PER_OCTAVE = 2
# Each bin of probabilities is held to its own mean by so many rows, so that one row of a bin does not make it certain.
PRIOR_ROWS = 4.0
# A bin of numbers with fewer rows than this takes the errors of all bins.
LEAST_ROWS = 20


class Bin(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The rows of one bin and their sums; an error is the prediction less the label."""

    rows: int
    prediction: float
    label: float
    error_size: float
    error_square: float


class Reliability(msgspec.Struct, frozen=True, kw_only=True):
    """Bins by number, and whether predictions are probabilities."""

    is_probability: bool
    bins: dict[str, Bin]

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(held.rows for held in self.bins.values())


def measure(label: Array, prediction: Array, *, is_probability: bool) -> Reliability:
    """Count rows by what was predicted; rows whose prediction or label is not finite are left out."""
    sound = np.isfinite(label) & np.isfinite(prediction)
    truth, said = label[sound], prediction[sound]
    bins: dict[str, Bin] = {}
    numbers = bins_of(said, is_probability=is_probability)
    error = said - truth
    for number in np.unique(numbers):
        mine = numbers == number
        bins[str(number)] = Bin(
            rows=int(mine.sum()),
            prediction=float(said[mine].sum()),
            label=float(truth[mine].sum()),
            error_size=float(np.abs(error[mine]).sum()),
            error_square=float((error[mine] ** 2).sum()),
        )
    return Reliability(is_probability=is_probability, bins=bins)


def bins_of(prediction: Array, *, is_probability: bool) -> npt.NDArray[np.int64]:
    """Number the bin of each prediction; the grid never changes, so that tables of any two periods merge."""
    if is_probability:
        return np.clip((prediction * PROBABILITY_BINS).astype(np.int64), 0, PROBABILITY_BINS - 1)
    size = np.abs(prediction)
    octave = np.log2(np.maximum(size, np.finfo(np.float64).tiny)) * BINS_PER_OCTAVE
    # From 1 up for everything above 2^-510, with zero, and what is as good as zero, in the middle.
    rank = np.maximum(np.floor(octave).astype(np.int64) + 1021, 0)
    signed: npt.NDArray[np.int64] = np.sign(prediction).astype(np.int64) * rank
    return signed


def merge(tables: Sequence[Reliability]) -> Reliability:
    """Add tables up, in any order; to be had for no tables too, as one of probabilities."""
    names = sorted({name for table in tables for name in table.bins})
    bins = {}
    for name in names:
        held = [table.bins[name] for table in tables if name in table.bins]
        bins[name] = Bin(
            rows=sum(one.rows for one in held),
            prediction=_sum(one.prediction for one in held),
            label=_sum(one.label for one in held),
            error_size=_sum(one.error_size for one in held),
            error_square=_sum(one.error_square for one in held),
        )
    return Reliability(is_probability=all(table.is_probability for table in tables), bins=bins)


def _sum(values: Iterable[float]) -> float:
    """Add up exactly, so that the order does not matter."""
    return math.fsum(values)


def calibrated(table: Reliability, prediction: Array) -> Array:
    """Tell how often the label was 1 where so much was predicted: rising with the prediction, between 0 and 1.

    Each bin's share, drawn a little to the bin's mean prediction, is made to rise by pooling adjacent violators;
    between the bins' mean predictions it is interpolated. A table without rows returns the predictions.
    """
    held = [table.bins[name] for name in sorted(table.bins, key=int)]
    if not held:
        return prediction
    rows = np.array([one.rows for one in held], dtype=np.float64)
    at = np.array([one.prediction for one in held]) / rows
    share = (np.array([one.label for one in held]) + PRIOR_ROWS * at) / (rows + PRIOR_ROWS)
    rising = pooled(share, rows + PRIOR_ROWS)
    return np.clip(np.interp(prediction, at, rising), 0.0, 1.0)


def pooled(values: Array, weights: Array) -> Array:
    """Find the rising sequence nearest to `values` in weighted least squares (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, count = value, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, its_mass, its_count = blocks.pop()
            mean = (mean * mass + before * its_mass) / (mass + its_mass)
            mass, count = mass + its_mass, count + its_count
        blocks.append((mean, mass, count))
    return np.repeat([mean for mean, _, _ in blocks], [count for _, _, count in blocks])


def usual_errors(table: Reliability, prediction: Array) -> tuple[Array, Array, Array]:
    """Tell, for each prediction, the mean error, its mean size and its mean square in the past.

    By the prediction's bin; a bin with fewer than 20 rows takes those of all bins. Without rows: NaN.
    """
    whole = merge_bins(list(table.bins.values()))
    numbers = bins_of(prediction, is_probability=table.is_probability)
    found = np.empty((3, len(prediction)))
    for number in np.unique(numbers):
        held = table.bins.get(str(number))
        found[:, numbers == number] = np.array(_means(held if held and held.rows >= LEAST_ROWS else whole))[:, None]
    return found[0], found[1], found[2]


def merge_bins(bins: Sequence[Bin]) -> Bin:
    """Add bins up."""
    return Bin(
        rows=sum(one.rows for one in bins),
        prediction=_sum(one.prediction for one in bins),
        label=_sum(one.label for one in bins),
        error_size=_sum(one.error_size for one in bins),
        error_square=_sum(one.error_square for one in bins),
    )


def _means(held: Bin) -> tuple[float, float, float]:
    if not held.rows:
        return (float("nan"),) * 3
    return (held.prediction - held.label) / held.rows, held.error_size / held.rows, held.error_square / held.rows
