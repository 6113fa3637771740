"""The truth on a few rows, looked up without holding what is known of all the others.

`outcomes` remembers the labels of whole partitions, as whoever trains or scores needs them. A server that asks about
the rows of its review queue remembers eight bytes of each outcome, a hash of its row, and the words on the rows that it
asked about.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.loop.outcomes import REMEMBERED, labels_in, outcome_blobs
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Word = tuple[datetime, float]


@dataclass
class _Known:
    """One blob of outcomes: the sorted hashes of its rows, and the words of it on rows that were asked about."""

    hashes: "Hashes"
    words: dict[str, list[Word]] = field(default_factory=dict)


def truth_on(ws: Workspace, rows: Sequence[str], *, since: datetime, until: datetime) -> dict[str, Word]:
    """Tell what came true of some rows, as `outcomes.truth` does of all: since when it is known, and the label.

    Args:
        ws: the project.
        rows: their ids.
        since: from when on to look for what became known.
        until: what becomes known after it is not known yet.

    Returns:
        The last word on each row; rows of which nobody knows are left out.
    """
    import polars as pl

    hashes = dict(zip(rows, pl.Series(rows, dtype=pl.String).hash().to_list(), strict=True))
    held: dict[str, _Known] = ws.cache.setdefault("truth_on", {})
    found: dict[str, Word] = {}
    for blob, is_posted in outcome_blobs(ws, since=since, until=until):
        read = partial(_labels, ws, blob, is_posted)
        known = held[blob] = held.pop(blob) if blob in held else _Known(_hashes(read()))
        _ask(known, [row for row, hash_ in hashes.items() if _holds(known, hash_)], read)
        for row, word in _said(known, hashes, until=until):
            # Of equal times the one read last counts.
            if row not in found or word[0] >= found[row][0]:
                found[row] = word
    while len(held) > REMEMBERED:
        held.pop(next(iter(held)))
    return found


def _labels(ws: Workspace, blob: str, is_posted: bool) -> "pl.DataFrame":
    rows = ws.blobs.get_frame(blob)
    known = rows.select("row_id", "label", "known_at") if is_posted else labels_in(ws, rows)
    return known.drop_nulls("label")


def _hashes(known: "pl.DataFrame") -> "Hashes":
    return np.sort(known["row_id"].hash().to_numpy())


def _holds(known: _Known, hash_: int) -> bool:
    place = int(np.searchsorted(known.hashes, np.uint64(hash_)))
    return place < len(known.hashes) and int(known.hashes[place]) == hash_


def _ask(known: _Known, rows: Sequence[str], read: "Callable[[], pl.DataFrame]") -> None:
    """Read the words on rows that were not asked about before, all at once."""
    new = [row for row in rows if row not in known.words]
    if not new:
        return
    held = read()
    held = held.filter(held["row_id"].is_in(new))
    known.words.update({row: [] for row in new})  # two rows of one hash: there is nothing on this one
    for row, label, at in held.iter_rows():
        known.words[row].append((at, label))


def _said(known: _Known, rows: "dict[str, int]", *, until: datetime) -> Iterator[tuple[str, Word]]:
    for row in known.words.keys() & rows.keys():
        for at, label in known.words[row]:
            if at <= until:
                yield row, (at, label)
