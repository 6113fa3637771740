"""Maturity: how much of a cohort's truth has come, class by class, and what the rows that came stand for.

Classes come in at different speeds: a cancelled booking is known at once, a kept one on the day. What has come of a
young cohort therefore holds too many of the quick class, and so does what has come of young cohorts when delays are
learnt from them. The first is undone by weights, the second by the reverse-time hazard, which lets each cohort speak
only of delays that it is old enough to have seen.

Not a decision: which cohort is scored when is the loop's.

Source:
    Lagakos, Barraj and De Gruttola (1988), "Nonparametric analysis of truncated survival data, with application to
    AIDS", Biometrika 75(3): right truncation by the hazard in reversed time. Kalbfleisch and Lawless (1989), "Inference
    based on retrospective ascertainment", JASA 84(406). Weights: Horvitz and Thompson (1952), JASA 47(260).
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Delays are counted on a grid of so many steps up to the longest delay that counts: 15 minutes of a day.
STEPS = 96
# A class is believed once so many of its outcomes were seen in cohorts old enough to have seen all.
LEAST_SEEN = 50
# No row stands for more than so many; a class of which less than this share has come is not there to be weighted.
MOST_WEIGHT = 20.0


class Delays(msgspec.Struct, frozen=True, kw_only=True):
    """The delays seen of one cohort: {class: {step: outcomes}}, and the `age` of its youngest row then, in steps.

    Step 0 holds what was known at the event or before; step s what came within ((s - 1), s] steps after it.
    """

    counts: dict[str, dict[str, int]]
    age: int


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """The share of each class's outcomes that come within 0..STEPS steps, rising to 1; () of a class not known yet."""

    shares: dict[str, tuple[float, ...]]

    def share(self, name: str, ages: Array) -> Array:
        """Tell which share of a class has come at ages in steps, shape as `ages`; 0 of a class that is not known."""
        known = self.shares.get(name, ())
        if not known:
            return np.zeros(len(ages))
        return np.asarray(np.interp(ages, np.arange(STEPS + 1), known, left=0.0, right=1.0))


def classes_of(label: Array, edges: Sequence[float]) -> Counts:
    """Number the class of each label: how many edges lie below it. Of a binary label the edge is 0.5."""
    return np.searchsorted(np.asarray(edges), label, side="left")


def edges_of(label: Array, *, task: str) -> tuple[float, ...]:
    """Choose the edges between the classes: one for a binary label, the terciles of a number (long waits come late)."""
    if task == "binary" or not len(label):
        return (0.5,)
    return tuple(float(edge) for edge in np.unique(np.quantile(label, [1 / 3, 2 / 3])))


def steps_of(delays: Array, *, longest: float) -> Counts:
    """Put delays on the grid, in the unit of `longest`; what took longer than that gets STEPS + 1."""
    return np.clip(np.ceil(delays / longest * STEPS - 1e-9), 0, STEPS + 1).astype(np.int64)


def seen(steps: Counts, classes: Counts, *, count: int, age: float) -> Delays:
    """Count a cohort's delays by class, those the youngest row has not lived to see left out, and overdue ones.

    Args:
        steps: from `steps_of`, shape (outcomes,).
        classes: from `classes_of`, shape (outcomes,).
        count: how many classes there are.
        age: of the youngest row, in steps.
    """
    limit = int(np.clip(np.floor(age), -1, STEPS))
    counts = {}
    for name in range(count):
        held = np.bincount(steps[(classes == name) & (steps <= limit)], minlength=1)
        counts[str(name)] = {str(step): int(held[step]) for step in np.flatnonzero(held)}
    return Delays(counts=counts, age=limit)


def learn(cohorts: Sequence[Delays]) -> Arrival:
    """Estimate how each class arrives, from cohorts of any age.

    Going back from the longest delay, the share that has come by step s - 1 is the share by s, less the hazard in
    reversed time: outcomes at s over outcomes up to s, both in cohorts at least s old. A class with fewer than 50
    outcomes in cohorts that are old enough to have seen all is not known.
    """
    names = sorted({name for cohort in cohorts for name in cohort.counts})
    return Arrival(shares={name: _learnt(name, cohorts) for name in names})


def _learnt(name: str, cohorts: Sequence[Delays]) -> tuple[float, ...]:
    at = np.zeros(STEPS + 1)
    up_to = np.zeros(STEPS + 1)
    whole = 0.0
    for cohort in cohorts:
        held = np.zeros(STEPS + 1)
        for step, outcomes in cohort.counts.get(name, {}).items():
            held[int(step)] = outcomes
        lived = np.arange(STEPS + 1) <= cohort.age
        at += held * lived
        up_to += np.cumsum(held) * lived
        whole += held.sum() if cohort.age >= STEPS else 0.0
    if whole < LEAST_SEEN:
        return ()
    hazard = np.divide(at, up_to, out=np.zeros(STEPS + 1), where=up_to > 0)
    backwards = np.cumprod(1.0 - hazard[:0:-1])
    return (*(float(share) for share in backwards[::-1]), 1.0)


def matured(arrival: Arrival, ages: Array, *, count: int) -> float:
    """Tell the share that has come of the class that is furthest behind, of rows with these ages in steps, 0 to 1."""
    if not len(ages):
        return 0.0
    return min(float(arrival.share(str(name), ages).mean()) for name in range(count))


def weights(arrival: Arrival, ages: Array, classes: Counts) -> Array:
    """Tell how many rows of its class and age each row that came stands for, 1 to MOST_WEIGHT.

    Within a class, what comes early must be like what comes late; a class of which nothing can have come yet is not
    made up for.
    """
    found = np.ones(len(ages))
    for name in np.unique(classes):
        mine = classes == name
        share = arrival.share(str(name), ages[mine])
        found[mine] = 1.0 / np.maximum(share, 1.0 / MOST_WEIGHT)
    return found


def copies(weight: Array, *, classes: Counts, prediction: Array) -> Counts:
    """Turn weights into whole numbers of copies, so that any metric can be worked out on weighted rows.

    Systematic sampling along class and prediction: each row gets its weight rounded up or down, every run of rows
    that are neighbours in both its sum of weights to within one, and the whole is as reproducible as its input.

    Source:
        Madow and Madow (1944), "On the theory of systematic sampling", Annals of Mathematical Statistics 15(1).
    """
    order = np.lexsort((prediction, classes))
    ends = np.floor(np.cumsum(weight[order]) + 0.5 - 1e-9).astype(np.int64)
    found = np.empty(len(weight), dtype=np.int64)
    found[order] = np.diff(ends, prepend=0)
    return found


def by_class(weight: Array, classes: Counts) -> Mapping[str, float]:
    """Tell the mean weight of each class that came."""
    return {str(name): float(weight[classes == name].mean()) for name in np.unique(classes)}
