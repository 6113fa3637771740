"""Summarise one column of rows. What several columns are together is `joint.py`'s."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from trivium.core.summary import (
    DECIMALS,
    FOLDS,
    LOG_RATIO,
    MOST_GROUPS,
    PATTERNS_KEPT,
    TOP_KEPT,
    ColumnSummary,
    Kind,
    bucket_middle,
)
from trivium.data.hashing import NULL, Hashes, joined_bytes, mixed, of_bytes, of_integers, of_numbers, of_texts
from trivium.data.moments import LARGEST, power_sums, sum_of, within
from trivium.data.sketches import distinct_of, distinct_sketch, fitted, frequent

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
_TEXT = (pl.String, pl.Categorical, pl.Enum)
_MOMENTS = (pl.Datetime, pl.Date)
_DAY = 86_400_000_000
# A longer value stands in a summary as its beginning and its hash, so that `top` stays small.
_LONGEST_BYTES = 28
_LONGEST_PATTERN = 24
_ASCII = 127
# Multiplied by a power of 10, what was typed as a decimal lies this near to a whole number.
_ROUNDED_OFF = 1e-6
_BLOCK = 1 << 15  # rows that stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Read:
    """A column in the form in which it is counted; the joint part goes on from here.

    `hashes` has one for each row, `values` the numbers (NaN for none); of text, `texts` are its distinct values and
    `codes` each row's place among them (-1 for null).
    """

    kind: Kind
    summary: ColumnSummary
    hashes: Hashes
    values: Floats | None = None
    texts: tuple[str, ...] = ()
    codes: npt.NDArray[np.int64] | None = None


def read(column: pl.Series, *, private: bool = False) -> Read:
    """Summarise a column. A private one leaves no value behind: see `summary.summarise`."""
    dtype = column.dtype
    if dtype == pl.Boolean or dtype.is_numeric():
        return _read_numbers(column, private=private)
    if dtype in _TEXT:
        return _read_text(column, private=private)
    if dtype in _MOMENTS:
        return _read_moments(column, private=private)
    nulls = column.null_count()
    hashes = np.where(column.is_null().to_numpy(), NULL, np.uint64(0))
    return Read("other", ColumnSummary(rows=column.len(), kind="other", nulls=nulls), hashes)


def _read_numbers(column: pl.Series, *, private: bool) -> Read:
    kind: Kind = "bool" if column.dtype == pl.Boolean else "number"
    values = column.cast(pl.Float64).to_numpy()
    finite = np.isfinite(values)
    is_whole = bool(finite.all())
    if not is_whole:
        values = np.where(finite, values, np.nan)
    hashes = _hashes_of_numbers(column, values)
    if not is_whole:
        hashes[~finite] = NULL
    held = values if is_whole else values[finite]
    seen = distinct_sketch(hashes if is_whole else hashes[finite], coarse=private)
    if private and kind == "number":
        values, held = _rounded(values), _rounded(held)
    counts = _of_numbers(held)
    if held.size and not (private and kind == "number"):
        counts["decimals"] = {0: held.size} if column.dtype.is_integer() or kind == "bool" else _decimals(held)
    nulls = column.len() - held.size
    summary = ColumnSummary(rows=column.len(), kind=kind, nulls=nulls, distinct=distinct_of(seen), seen=seen, **counts)
    return Read(kind, summary, hashes, values=values)


def _hashes_of_numbers(column: pl.Series, values: Floats) -> Hashes:
    if column.dtype.is_integer() and values.size and np.nanmax(np.abs(values), initial=0) >= 2.0**53:
        wide = pl.UInt64 if column.dtype == pl.UInt64 else pl.Int64
        return of_integers(column.cast(wide, strict=False).fill_null(0).to_numpy())
    return of_numbers(values)


def _rounded(values: Floats) -> Floats:
    """Put each number at the middle of its bucket."""
    with np.errstate(divide="ignore", invalid="ignore"):
        buckets = np.ceil(np.log(np.abs(values)) / LOG_RATIO)
        return np.where(
            values == 0,
            0.0,
            np.copysign(np.minimum(np.exp(buckets * LOG_RATIO + math.log(bucket_middle(0))), LARGEST), values),
        )


def _of_numbers(held: Floats) -> dict[str, Any]:
    if not held.size:
        return {}
    least, most = float(held.min()), float(held.max())
    zeros = int(np.count_nonzero(held == 0))
    signs = [held] if least >= 0 else [-held] if most <= 0 else [held[held > 0], -held[held < 0]]
    buckets = [_buckets(size) for size in signs]
    positive = buckets[0] if most > 0 else {}
    negative = buckets[-1] if least < 0 else {}
    positive, negative, coarseness = fitted(positive, negative)
    moments = _moments(held, least=least, most=most)
    return {
        "minimum": least,
        "maximum": most,
        **moments,
        "zeros": zeros,
        "positive": positive,
        "negative": negative,
        "coarseness": coarseness,
    }


def _buckets(sizes: Floats) -> dict[int, int]:
    """Count magnitudes by log bucket, leaving zeros out."""
    parts = []
    for start in range(0, sizes.size, _BLOCK):
        block = sizes[start : start + _BLOCK]
        logs = np.log(block[block > 0])
        if logs.size:
            logs /= LOG_RATIO
            places = np.ceil(logs, out=logs).astype(np.int64)
            lowest = int(places.min())
            parts.append((lowest, np.bincount(places - lowest)))
    if not parts:
        return {}
    first = min(lowest for lowest, _ in parts)
    counts = np.zeros(max(lowest + part.size for lowest, part in parts) - first, dtype=np.int64)
    for lowest, part in parts:
        counts[lowest - first : lowest - first + part.size] += part
    held = np.flatnonzero(counts)
    return dict(zip((held + first).tolist(), counts[held].tolist(), strict=True))


def _decimals(held: Floats) -> dict[int, int]:
    """Count numbers by the least of `DECIMALS` that holds their decimal places, but for what a float rounds off."""
    counts = np.zeros(len(DECIMALS), dtype=np.int64)
    for start in range(0, held.size, _BLOCK):
        left = held[start : start + _BLOCK]
        for place, decimals in enumerate(DECIMALS[:-1]):
            with np.errstate(over="ignore", invalid="ignore"):
                tens = left * 10.0**decimals
                # Past the largest float there is nothing behind the point.
                far = ~(np.abs(tens - np.rint(tens)) <= _ROUNDED_OFF) & np.isfinite(tens)
            counts[place] += left.size - np.count_nonzero(far)
            left = left[far]
            if not left.size:
                break
        counts[-1] += left.size
    return {decimals: count for decimals, count in zip(DECIMALS, counts.tolist(), strict=True) if count}


def _moments(held: Floats, *, least: float, most: float) -> dict[str, Any]:
    blocks = [held[start : start + _BLOCK] for start in range(0, held.size, _BLOCK)]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = within(sum_of(float(block.sum()) for block in blocks) / held.size, least, most)
        parts = [_powers(block - mean) for block in blocks]
    powers = tuple(_capped(sum_of(terms)) for terms in zip(*parts, strict=True))
    sums = power_sums(held.size, mean, powers)
    return {"mean": mean, "m2": powers[0], "m3": powers[1], "m4": powers[2], "sums": sums}


def _powers(away: Floats) -> tuple[float, float, float]:
    squares = away * away
    away *= squares
    second = float(squares.sum())
    squares *= squares
    # Not by np.dot: what a threaded BLAS gives may differ from run to run.
    return second, float(away.sum()), float(squares.sum())


def _capped(value: float) -> float:
    return min(max(value, -LARGEST), LARGEST) if not math.isnan(value) else LARGEST


def _read_text(column: pl.Series, *, private: bool) -> Read:
    text = column if column.dtype == pl.String else column.cast(pl.String)
    texts, codes = _coded(text)
    hashes_of_texts = of_texts(texts)
    rows = np.bincount(codes[codes >= 0], minlength=texts.len()) if texts.len() else np.empty(0, dtype=np.int64)
    hashes = np.append(hashes_of_texts, NULL)[codes]
    seen = distinct_sketch(hashes_of_texts, coarse=private)
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    patterns, patterns_error = _patterns(texts, lengths, rows)
    names = _tokens(hashes_of_texts) if private else texts
    top, top_error = _top(names, hashes_of_texts, rows)
    summary = ColumnSummary(
        rows=column.len(),
        kind="text",
        nulls=column.null_count(),
        distinct=distinct_of(seen),
        seen=seen,
        top=top,
        top_error=top_error,
        other=max(0, int(rows.sum()) - sum(top.values())),
        folds=_tallied((hashes_of_texts >> np.uint64(64 - int(math.log2(FOLDS)))).astype(np.int64), rows),
        lengths=_lengths(lengths, rows),
        patterns=patterns,
        patterns_error=patterns_error,
        marks=_marks(texts, rows),
    )
    few = tuple(texts) if not private and texts.len() <= MOST_GROUPS else ()
    return Read("text", summary, hashes, texts=few, codes=codes)


def _coded(text: pl.Series) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """Return the distinct texts, and each row's place among them, -1 for null."""
    coded = text.cast(pl.Categorical(pl.Categories.random()))
    distinct = coded.drop_nulls().unique()
    codes = coded.to_physical().cast(pl.Int64)
    places = distinct.to_physical().to_numpy()
    if not places.size:
        return distinct.cast(pl.String), np.full(text.len(), -1, dtype=np.int64)
    place_of = np.empty(int(places.max()) + 1, dtype=np.int64)
    place_of[places] = np.arange(places.size)
    found = np.append(place_of, -1)[codes.fill_null(place_of.size).to_numpy()]
    return distinct.cast(pl.String), found


def _tokens(hashes: Hashes) -> pl.Series:
    """Name private values by 16 bits of their hash: too few to tell which of many possible values it was."""
    return pl.Series([f"#{token:04x}" for token in (hashes >> np.uint64(48)).tolist()], dtype=pl.String)


def _top(texts: pl.Series, hashes: Hashes, rows: Counts) -> tuple[dict[str, int], int]:
    if rows.size > TOP_KEPT:  # of very many values only those that may stand out become Python's
        bar = np.partition(rows, rows.size - TOP_KEPT - 1)[rows.size - TOP_KEPT - 1]
        near = np.flatnonzero(rows > bar)
        rest, texts, hashes, rows = int(bar), texts.gather(near), hashes[near], rows[near]
    else:
        rest = 0
    counts: dict[str, int] = {}
    for value, held, times in zip(texts.to_list(), hashes.tolist(), rows.tolist(), strict=True):
        name = _short(value, held)
        counts[name] = counts.get(name, 0) + times
    return frequent(counts, most=TOP_KEPT, error=rest)


def _short(value: str, held: int) -> str:
    content = value.encode()
    if len(content) <= _LONGEST_BYTES:
        return value
    return f"{content[:15].decode(errors='ignore')}…{held >> 24:010x}"


def _lengths(lengths: Counts, rows: Counts) -> dict[int, int]:
    """Count rows by number of characters; past 32 rounded up to 4 significant bits, at most an eighth too long."""
    with np.errstate(divide="ignore"):
        shift = np.maximum(np.frexp(np.maximum(lengths - 1, 0).astype(np.float64))[1] - 4, 0)
    step = np.left_shift(1, shift)
    return _tallied(np.where(lengths <= 32, lengths, -(-lengths // step) * step), rows)


def _tallied(keys: Counts, rows: Counts) -> dict[int, int]:
    held, places = np.unique(keys, return_inverse=True)
    counts = np.bincount(places, weights=rows, minlength=held.size).astype(np.int64)
    return dict(zip(held.tolist(), counts.tolist(), strict=True))


def _shapes() -> npt.NDArray[np.uint8]:
    table = np.arange(_ASCII + 1, dtype=np.uint8)
    table[ord("A") : ord("Z") + 1] = ord("A")
    table[ord("a") : ord("z") + 1] = ord("a")
    table[ord("0") : ord("9") + 1] = ord("9")
    return table


_SHAPES = _shapes()


def _patterns(texts: pl.Series, lengths: Counts, rows: Counts) -> tuple[dict[str, int], int]:
    """Count rows by the shape of a text's first 24 characters: A, a and 9 for letters and digits, ~ past ASCII."""
    short = texts.str.slice(0, _LONGEST_PATTERN) if lengths.size and lengths.max() > _LONGEST_PATTERN else texts
    content, ends = joined_bytes(short)
    if content.size and content.max() > _ASCII:
        content, ends = joined_bytes(short.str.replace_all(r"[^\x00-\x7F]", "~"))
    shapes = _SHAPES[content]
    _, firsts, places = np.unique(of_bytes(shapes, ends), return_index=True, return_inverse=True)
    counts = np.bincount(places, weights=rows, minlength=firsts.size).astype(np.int64)
    near = np.argsort(-counts, kind="stable")[: 2 * PATTERNS_KEPT]
    bar = int(counts[near[-1]]) if counts.size > near.size else 0
    named = {
        bytes(shapes[ends[place] : ends[place + 1]]).decode(): int(count)
        for place, count in zip(firsts[near], counts[near], strict=True)
    }
    return frequent(named, most=PATTERNS_KEPT, error=bar)


def _marks(texts: pl.Series, rows: Counts) -> dict[str, int]:
    """Count rows by each character they hold that is neither letter nor digit; all past ASCII are one, "~"."""
    content, _ = joined_bytes(texts)
    held = np.flatnonzero(np.bincount(content, minlength=_ASCII + 1)[: _ASCII + 1])
    marks = {chr(byte): texts.str.contains(chr(byte), literal=True) for byte in held if not chr(byte).isalnum()}
    if content.size and content.max() > _ASCII:
        marks["~"] = marks.get("~", False) | texts.str.contains(r"[^\x00-\x7F]")
    return {mark: int(rows[holds.to_numpy()].sum()) for mark, holds in sorted(marks.items())}


def _read_moments(column: pl.Series, *, private: bool) -> Read:
    at = micros(column)
    if private:
        at = at // _DAY * _DAY
    whole = at.fill_null(0).to_numpy()
    hashes = mixed(whole.view(np.uint64))
    is_null = at.is_null().to_numpy()
    hashes[is_null] = NULL
    held = whole[~is_null]
    seen = distinct_sketch(hashes[~is_null], coarse=private)
    hours = np.bincount(held // 3_600_000_000 % 24, minlength=24).tolist() if held.size else []
    summary = ColumnSummary(
        rows=column.len(),
        kind="moment",
        nulls=column.len() - held.size,
        distinct=distinct_of(seen),
        seen=seen,
        minimum=float(held.min()) / 1e6 if held.size else None,
        maximum=float(held.max()) / 1e6 if held.size else None,
        hours=tuple(hours),
    )
    return Read("moment", summary, hashes)


def micros(column: pl.Series) -> pl.Series:
    """Return moments in time in microseconds since 1970-01-01 UTC."""
    return column.cast(pl.Datetime("us")).dt.epoch("us")
