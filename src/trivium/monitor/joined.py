"""The joined table: what was asked, what was answered and what came of it, measured for one period.

One row per answer that met its outcome. A table's own decision sees its columns; what binds the columns of two tables
is seen here alone: outcomes that were handed to the wrong rows leave every column as it was and tear these bonds.
It measures; `monitor/bonds.py` decides.

Source:
    Rank correlation: Spearman (1904), American Journal of Psychology 15(1).
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from trivium.monitor.reliability import Reliability, measure

Array = npt.NDArray[np.float64]

PREDICTION = "prediction"
LABEL = "label"
# Fewer complete rows tell nothing of a period.
LEAST_ROWS = 30
# A column of numbers that is null in more than this share of the rows is left out, else it would leave few complete.
MOST_NULLS = 0.3
# The covariances grow with the square of the columns; those of each side beyond this many are left out.
MOST_COLUMNS = 12
# The thirds of the answers by what was predicted.
THIRDS = 3


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """One period's joined rows, measured.

    `columns` are the columns of numbers over which `means` and `covariance` are taken, on rows that are complete in
    them: first those of the requests and the prediction, `asked` in number, then those of the outcomes. `ranks` holds
    the rank correlation of each of the first with each of the second and with the label, by "one|other". `agree` is
    the share of rows in which a column that both tables have is the same. `thirds` is the mean of label less prediction
    in the third of the answers with the lowest, the middle and the highest prediction; () with too few rows.
    """

    rows: int
    label: float
    prediction: float
    answers: Reliability
    columns: tuple[str, ...] = ()
    asked: int = 0
    means: tuple[float, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    ranks: dict[str, float] = {}
    agree: dict[str, float] = {}
    thirds: tuple[float, ...] = ()


def join(
    label: Array,
    prediction: Array,
    *,
    requests: Mapping[str, Array],
    outcomes: Mapping[str, Array],
    agree: Mapping[str, float],
    is_probability: bool,
) -> Joined:
    """Measure one period's answers that met their outcomes; all arrays have one value a row, NaN for null.

    Args:
        label: the truth.
        prediction: what was served.
        requests: the watched columns of numbers of the requests.
        outcomes: the same of the outcomes; one of the same name as a request's is told by `agree`.
        agree: see `Joined`.
        is_probability: whether predictions are probabilities.
    """
    asked = {**_kept(requests), PREDICTION: prediction}
    came = {name: values for name, values in _kept(outcomes).items() if name not in asked}
    columns = [*asked, *came]
    whole = np.column_stack([*asked.values(), *came.values()])
    complete = np.isfinite(whole).all(axis=1)
    held = whole[complete]
    found = Joined(
        rows=len(label),
        label=float(label.mean()) if len(label) else 0.0,
        prediction=float(prediction.mean()) if len(label) else 0.0,
        answers=measure(label, prediction, is_probability=is_probability),
        agree=dict(agree),
        thirds=_thirds(label, prediction),
    )
    if len(held) < LEAST_ROWS:
        return found
    return msgspec.structs.replace(
        found,
        columns=tuple(columns),
        asked=len(asked),
        means=tuple(held.mean(axis=0).tolist()),
        covariance=tuple(tuple(row) for row in np.atleast_2d(np.cov(held.T)).tolist()),
        ranks=_ranks(held, label[complete], columns, asked=len(asked)),
    )


def _kept(columns: Mapping[str, Array]) -> dict[str, Array]:
    held = [name for name, values in columns.items() if np.isnan(values).sum() <= MOST_NULLS * len(values)]
    return {name: columns[name] for name in held[:MOST_COLUMNS]}


def _ranks(held: Array, label: Array, columns: Sequence[str], *, asked: int) -> dict[str, float]:
    ranked = [rank(held[:, place]) for place in range(held.shape[1])]
    after = [*zip(columns[asked:], ranked[asked:], strict=True), (LABEL, rank(label))]
    return {
        f"{columns[place]}|{name}": _correlation(ranked[place], other)
        for place in range(asked)
        for name, other in after
    }


def rank(values: Array) -> Array:
    """Rank values from 0; ties share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middles = ends - (counts + 1) / 2
    return np.asarray(middles[inverse.reshape(-1)], dtype=np.float64)


def _correlation(one: Array, other: Array) -> float:
    """Correlate; 0 where one side is constant, for then it is bound to nothing."""
    left, right = one - one.mean(), other - other.mean()
    size = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / size if size > 0 else 0.0


def _thirds(label: Array, prediction: Array) -> tuple[float, ...]:
    if len(label) < LEAST_ROWS:
        return ()
    order = np.argsort(prediction, kind="stable")
    return tuple(float((label - prediction)[part].mean()) for part in np.array_split(order, THIRDS))
