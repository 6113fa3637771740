"""Joins of one row with a frame in memory: by key, and as of a time. The frame's rows stay where they are.

A place is the row's number in the frame. Indexes hold 8 bytes a row and one entry a key; a frame with more keys than
`MOST_KEYS` is left to Polars, so that memory stays bounded.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from trivium.core.values import EPOCH
from trivium.experiment.rowwise.values import TIMES, WHOLE, NotRowWiseError, NotSureError, Row

MOST_KEYS = 500_000
_KEYS = (*WHOLE, pl.String, pl.Boolean, pl.Date)
_MICROSECOND = timedelta(microseconds=1)
Find = Callable[[Row], int | None]


def only(left: pl.DataFrame, other: pl.DataFrame, *, on: Any, options: Mapping[str, Any]) -> Find:
    """Make what finds the one row with a row's key; a null key has none.

    Raises:
        NotRowWiseError: a key has several rows, or the join is of a form that is not known here.
    """
    _known(options, {"left_on", "right_on", "maintain_order", "suffix", "coalesce", "validate"})
    mine = _names(on if on is not None else options.get("left_on"))
    theirs = _names(on if on is not None else options.get("right_on"))
    _held_alike(left, other, mine, theirs)
    known = other.select(theirs).with_row_index("_place").drop_nulls(theirs)
    places = {tuple(key): place for place, *key in known.rows()}
    if len(places) < known.height:
        raise NotRowWiseError(f"a join with several rows for one {', '.join(theirs)}")
    if len(places) > MOST_KEYS:
        raise NotRowWiseError(f"a join with {len(places):,} keys, more than {MOST_KEYS:,}")

    def find(row: Row) -> int | None:
        return places.get(tuple([row[name] for name in mine]))

    return find


def latest(left: pl.DataFrame, other: pl.DataFrame, *, options: Mapping[str, Any]) -> Find:
    """Make what finds the last row at or before a row's time, among those with its key.

    Raises:
        NotRowWiseError: the frame is not in the order of time, or the join is of a form that is not known here.
    """
    _known(
        options,
        {"left_on", "right_on", "on", "by", "by_left", "by_right", "strategy", "suffix", "tolerance"}
        | {"allow_exact_matches", "check_sortedness", "coalesce"},
    )
    if options.get("strategy", "backward") != "backward":
        raise NotRowWiseError(f"a join as of a time that looks {options['strategy']!r}")
    mine, theirs = (str(options.get("on") or options.get(name)) for name in ("left_on", "right_on"))
    keys, of = (_names(options.get("by") or options.get(name)) for name in ("by_left", "by_right"))
    _held_alike(left, other, [mine, *keys], [theirs, *of], times=1)
    times, places = _by_key(other, theirs, of)
    tolerance = _micros(options.get("tolerance"))
    search = bisect_right if options.get("allow_exact_matches", True) else bisect_left

    def find(row: Row) -> int | None:
        at, key = row[mine], tuple([row[name] for name in keys])
        if at is None or None in key:
            raise NotSureError
        known = times.get(key)
        if known is None:
            return None
        at_us = (at - (EPOCH if at.tzinfo else _NAIVE)) // _MICROSECOND
        place = search(known, at_us) - 1
        if place < 0 or (tolerance is not None and at_us - known[place] > tolerance):
            return None
        return places[key][place]

    return find


# The epoch of columns without a time zone.
_NAIVE = datetime(1970, 1, 1)
Index = dict[tuple[Any, ...], "array[int]"]


def _by_key(other: pl.DataFrame, time: str, keys: Sequence[str]) -> tuple[Index, Index]:
    """Give the times, in microseconds since 1970, and the places of each key's rows."""
    frame = other.select(*keys, pl.col(time).to_physical().alias("_time")).with_row_index("_place")
    if frame["_time"].null_count():
        raise NotRowWiseError(f"a join as of {time!r}, which is null somewhere")
    parts = frame.partition_by(keys, as_dict=True, maintain_order=True) if keys else {(): frame}
    if len(parts) > MOST_KEYS:
        raise NotRowWiseError(f"a join with {len(parts):,} keys, more than {MOST_KEYS:,}")
    if not all(part["_time"].is_sorted() for part in parts.values()):
        raise NotRowWiseError(f"a join with a frame that is not in the order of {time!r}")
    times = {key: array("q", part["_time"].to_list()) for key, part in parts.items()}
    return times, {key: array("q", part["_place"].to_list()) for key, part in parts.items()}


def _known(options: Mapping[str, Any], names: set[str]) -> None:
    unknown = sorted(set(options) - names)
    if unknown:
        raise NotRowWiseError(f"a join with {', '.join(unknown)}")


def _names(given: Any) -> list[str]:
    if given is None:
        return []
    listed = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(one, str) for one in listed):
        raise NotRowWiseError("a join on an expression")
    return listed


def _held_alike(
    left: pl.DataFrame, other: pl.DataFrame, mine: Sequence[str], theirs: Sequence[str], *, times: int = 0
) -> None:
    """Hold both sides' keys to the same known types; the first `times` of them are times."""
    for place, (one, another) in enumerate(zip(mine, theirs, strict=True)):
        kinds = TIMES if place < times else _KEYS
        if left.schema[one] != other.schema[another] or left.schema[one] not in kinds:
            raise NotRowWiseError(f"a join of {one!r} ({left.schema[one]}) with {another!r} ({other.schema[another]})")


_UNITS_US = {"us": 1, "ms": 10**3, "s": 10**6, "m": 60 * 10**6, "h": 3_600 * 10**6}


def _micros(tolerance: Any) -> int | None:
    """Read how far apart two times may be, in microseconds."""
    if tolerance is None:
        return None
    if isinstance(tolerance, timedelta):
        return tolerance // _MICROSECOND
    number = str(tolerance).rstrip("mush")
    unit = str(tolerance)[len(number) :]
    if unit not in _UNITS_US or not number.isdecimal():
        raise NotRowWiseError(f"a tolerance of {tolerance!r}")
    return int(number) * _UNITS_US[unit]
