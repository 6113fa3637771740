"""The average-kNN method: a partition far from its nearest neighbours among the earlier ones is an alarm.

Redyuk, Kaoudi, Markl and Schelter (2021), Automating data quality validation for dynamic data ingestion, EDBT, with
their settings: statistics of each column, scaled to 0..1 over the history; the mean Euclidean distance to 5
neighbours; a threshold that 1 % of the history itself would pass. It decides on the partition and names no column.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from alarm_study.faults import WARM_UP
from alarm_study.tables import Table
from alarm_study.verdicts import Verdict

NEIGHBOURS = 5
CONTAMINATION = 0.01


def features(rows: pl.DataFrame, table: Table) -> np.ndarray:
    """Describe a partition by the method's statistics, column by column; a column that is gone counts as all null."""
    found: list[float] = []
    for name in table.columns:
        is_number = table.rows[name].dtype.is_numeric()
        column = rows[name] if name in rows.columns else pl.Series(name, [], table.rows[name].dtype)
        held = column.drop_nulls()
        counts = held.value_counts(sort=True)
        top = float(counts["count"][0]) / held.len() if held.len() else 0.0
        found += [held.len() / max(rows.height, 1), float(held.n_unique()), top]
        if is_number:
            wide = held.cast(pl.Float64)
            found += [float(value or 0.0) for value in (wide.max(), wide.mean(), wide.min(), wide.std())]
        elif held.dtype == pl.String:
            found.append(peculiarity(dict(counts.iter_rows())))
    return np.array(found)


def peculiarity(counts: Mapping[str, int]) -> float:
    """Measure how odd the letters of a column's texts are among themselves: its most peculiar trigram.

    Of a trigram xyz the index is (log n(xy) + log n(yz)) / 2 - log n(xyz), n counting over all texts.

    Source:
        Morris and Cherry (1975), Computer detection of typographical errors, as Redyuk et al. use it.
    """
    pairs: Counter[str] = Counter()
    triples: Counter[str] = Counter()
    for text, times in counts.items():
        for place in range(len(text) - 1):
            pairs[text[place : place + 2]] += times
        for place in range(len(text) - 2):
            triples[text[place : place + 3]] += times
    indices = [
        (math.log(pairs[triple[:2]]) + math.log(pairs[triple[1:]])) / 2 - math.log(n) for triple, n in triples.items()
    ]
    return max(indices, default=0.0)


def is_outlier(history: np.ndarray, seen: np.ndarray) -> bool:
    """Hold a partition's statistics, shape (features,), to those of its history, shape (partitions, features)."""
    least, most = history.min(axis=0), history.max(axis=0)
    width = np.where(most > least, most - least, 1.0)
    past, now = (history - least) / width, (seen - least) / width
    squares = (past**2).sum(axis=1)
    among = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * past @ past.T, 0.0))
    np.fill_diagonal(among, np.inf)
    k = min(NEIGHBOURS, len(past) - 1)
    scores = np.sort(among, axis=1)[:, :k].mean(axis=1)
    score = np.sort(np.sqrt(((past - now) ** 2).sum(axis=1)))[:k].mean()
    return bool(score > np.quantile(scores, 1 - CONTAMINATION))


def judged(
    clean: Sequence[np.ndarray], struck: Mapping[int, np.ndarray], *, feedback: bool, warm_up: int = WARM_UP
) -> Iterator[Verdict]:
    """Walk through the days. A day joins the history if it raised no alarm or, with feedback, if a person says so."""
    held = list(clean[:warm_up])
    for day in range(warm_up, len(clean)):
        seen = struck.get(day, clean[day])
        alarm = is_outlier(np.array(held), seen)
        if not alarm or (feedback and day not in struck):
            held.append(seen)
        yield Verdict(day, alarm, messages=int(alarm))
