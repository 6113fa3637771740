"""Rows made to find where a compiled model differs from its original: what data seldom holds, and models trip over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

ROWS_EACH = 3
EDGES_A_COLUMN = 6
# Each was a real model's fault in some library: the first and last numbers that single precision holds apart or at
# all, an id beyond 2**53, epochs in seconds and milliseconds, numbers that no category has, between categories, below.
VALUES = (
    float("nan"),
    float("inf"),
    float("-inf"),
    *(0.0, -0.0, -0.5, -1.0, 0.5, 2.5, 64.5, 255.0, 256.0, 65536.0),
    *(2.0**24 + 1, 2.0**31, 2.0**53 + 2, 1_700_000_000.0, 1_700_000_000_001.0, 123_456_789_012_345.0),
    *(1e-40, 3.4028235e38, 3.5e38, 1e300, -1e300),
)


def probes(rows: "Array") -> Iterator["Array"]:
    """Make batches of probes from rows of data, shape (rows, columns): each differs from a real row in one column.

    A batch holds one kind of oddity for every column, so that a model that refuses a kind refuses one batch. The last
    ones sit on and beside the data's own values and half way between them, where trees split.
    """
    import numpy as np

    count, width = rows.shape
    if not count or not width:
        return
    chosen = rows[np.unique(np.linspace(0, count - 1, ROWS_EACH).astype(int))]
    for value in VALUES:
        yield _replaced(chosen, np.full(width, value))
    yield np.full((1, width), np.nan)
    columns = [_edges(rows[:, place]) for place in range(width)]
    for place in range(max(map(len, columns))):
        yield _replaced(chosen[:1], np.array([edges[place % len(edges)] for edges in columns]))


def _replaced(rows: "Array", values: "Array") -> "Array":
    """Repeat the rows once for each column, with the column's value put in its place."""
    import numpy as np

    width = rows.shape[1]
    made = np.repeat(rows, width, axis=0)
    places = np.tile(np.arange(width), len(rows))
    made[np.arange(len(made)), places] = values[places]
    return made


def _edges(column: "Array") -> "Array":
    """List some of a column's values, the half ways between neighbours, their neighbours, and one past each end."""
    import numpy as np

    known = np.unique(column[np.isfinite(column)])
    if not len(known):
        return np.zeros(1)
    some = known[np.unique(np.linspace(0, len(known) - 1, EDGES_A_COLUMN).astype(int))]
    following = known[np.minimum(np.searchsorted(known, some) + 1, len(known) - 1)]
    half = some / 2 + following / 2
    around = [np.nextafter(at, to) for at in (some, half) for to in (-np.inf, np.inf)]
    return np.concatenate([some, half, *around, [known[0] - 1, known[-1] + 1]])
