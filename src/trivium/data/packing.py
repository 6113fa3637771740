"""Write a summary to bytes and read it back: small, and the same bytes for the same summary, for ever.

A mark, then MessagePack. Histograms lie as steps and counts, sums past 64 bits as bytes. Summaries written before
there was a mark are JSON, and are read on; what they do not hold has its default.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import accumulate, pairwise

import msgspec
import numpy as np

from trivium.core.summary import ColumnSummary, Comoments, Group, Groups, Joint, Kind, Sample, Summary
from trivium.data.sketches import REGISTERS

_MARK = b"TVS1"
_Whole = int | bytes
_Wholes = tuple[_Whole, ...]
_Buckets = tuple[int, tuple[int, ...], tuple[int, ...]]
_Sample = tuple[int, bytes, tuple[int, ...]]
_Group = tuple[int, _Wholes, _Wholes, _Wholes]
_Groups = tuple[tuple[str, ...], bool, dict[str, _Group]]


class _Column(msgspec.Struct, array_like=True, omit_defaults=True):
    """`ColumnSummary` as it is written; new fields go to the end."""

    rows: int
    kind: Kind
    nulls: int = 0
    distinct: int = 0
    seen: bytes = b""
    minimum: float | None = None
    maximum: float | None = None
    moments: tuple[float, ...] = ()
    sums: tuple[tuple[_Whole, int], ...] = ()
    zeros: int = 0
    coarseness: int = 0
    positive: _Buckets | None = None
    negative: _Buckets | None = None
    top: dict[str, int] = {}
    top_error: int = 0
    other: int = 0
    folds: _Buckets | None = None
    lengths: _Buckets | None = None
    patterns: dict[str, int] = {}
    patterns_error: int = 0
    hours: tuple[int, ...] = ()
    decimals: _Buckets | None = None
    marks: dict[str, int] = {}


class _Joint(msgspec.Struct, array_like=True):
    """`Joint` as it is written; new fields go to the end."""

    comoments: tuple[tuple[str, ...], _Wholes, _Wholes, _Wholes] | None
    groups: dict[str, _Groups]
    rows: _Sample | None
    contents: _Sample | bool | None  # True: those of `rows`
    keys: _Sample | None
    phases: tuple[int, ...]


class _Summary(msgspec.Struct, array_like=True):
    rows: int
    columns: dict[str, _Column]
    breaks: dict[str, int]
    first_at: datetime | None
    last_at: datetime | None
    joint: _Joint | None
    held_back: int = 0


def encode(summary: Summary) -> bytes:
    """Write a summary; at most some 10 KB a column, whatever it holds."""
    packed = _Summary(
        rows=summary.rows,
        columns={name: _packed(column) for name, column in summary.columns.items()},
        breaks=summary.breaks,
        first_at=summary.first_at,
        last_at=summary.last_at,
        joint=None if summary.joint is None else _packed_joint(summary.joint),
        held_back=summary.held_back,
    )
    return _MARK + msgspec.msgpack.encode(packed)


def decode(content: bytes) -> Summary:
    """Read what `encode` wrote, or the JSON of summaries from before there was a mark.

    Raises:
        msgspec.DecodeError: these bytes are no summary.
    """
    if not content.startswith(_MARK):
        return msgspec.json.decode(content, type=Summary)
    packed = msgspec.msgpack.decode(memoryview(content)[len(_MARK) :], type=_Summary)
    return Summary(
        rows=packed.rows,
        columns={name: _unpacked(column) for name, column in packed.columns.items()},
        breaks=packed.breaks,
        held_back=packed.held_back,
        first_at=packed.first_at,
        last_at=packed.last_at,
        joint=None if packed.joint is None else _unpacked_joint(packed.joint),
    )


def _packed(column: ColumnSummary) -> _Column:
    moments = (column.mean, column.m2, column.m3, column.m4)
    return _Column(
        rows=column.rows,
        kind=column.kind,
        nulls=column.nulls,
        distinct=column.distinct,
        seen=_packed_sketch(column.seen),
        minimum=column.minimum,
        maximum=column.maximum,
        moments=moments if any(moments) else (),
        sums=tuple((_narrow(number), exponent) for number, exponent in column.sums),
        zeros=column.zeros,
        coarseness=column.coarseness,
        positive=_steps(column.positive),
        negative=_steps(column.negative),
        top=column.top,
        top_error=column.top_error,
        other=column.other,
        folds=_steps(column.folds),
        lengths=_steps(column.lengths),
        patterns=column.patterns,
        patterns_error=column.patterns_error,
        hours=column.hours,
        decimals=_steps(column.decimals),
        marks=column.marks,
    )


def _unpacked(column: _Column) -> ColumnSummary:
    mean, m2, m3, m4 = column.moments or (0.0, 0.0, 0.0, 0.0)
    return ColumnSummary(
        rows=column.rows,
        kind=column.kind,
        nulls=column.nulls,
        distinct=column.distinct,
        seen=_unpacked_sketch(column.seen),
        minimum=column.minimum,
        maximum=column.maximum,
        mean=mean,
        m2=m2,
        m3=m3,
        m4=m4,
        sums=tuple((_wide(number), exponent) for number, exponent in column.sums),
        zeros=column.zeros,
        coarseness=column.coarseness,
        positive=_unstepped(column.positive),
        negative=_unstepped(column.negative),
        top=column.top,
        top_error=column.top_error,
        other=column.other,
        folds=_unstepped(column.folds),
        lengths=_unstepped(column.lengths),
        patterns=column.patterns,
        patterns_error=column.patterns_error,
        hours=column.hours,
        decimals=_unstepped(column.decimals),
        marks=column.marks,
    )


def _steps(histogram: Mapping[int, int]) -> _Buckets | None:
    """Write ascending keys as the first and the steps between, most of which take one byte."""
    if not histogram:
        return None
    keys = sorted(histogram)
    return keys[0], tuple(after - before for before, after in pairwise(keys)), tuple(histogram[key] for key in keys)


def _unstepped(packed: _Buckets | None) -> dict[int, int]:
    if packed is None:
        return {}
    first, steps, counts = packed
    return dict(zip(accumulate(steps, initial=first), counts, strict=True))


def _narrow(number: int) -> _Whole:
    return number if -(2**63) <= number < 2**63 else number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def _wide(number: _Whole) -> int:
    return number if isinstance(number, int) else int.from_bytes(number, "big", signed=True)


def _all_narrow(numbers: Iterable[int]) -> _Wholes:
    return tuple(map(_narrow, numbers))


def _all_wide(numbers: Iterable[_Whole]) -> tuple[int, ...]:
    return tuple(map(_wide, numbers))


def _packed_sketch(seen: bytes) -> bytes:
    """Write registers as half bytes above the lowest, and apart the few that lie 15 or more above it."""
    if len(seen) != REGISTERS:
        return seen
    registers = np.frombuffer(seen, dtype=np.uint8)
    lowest = registers.min()
    above = registers - lowest
    halves = np.minimum(above, 15)
    far = np.flatnonzero(above >= 15)
    apart = np.array([(place, registers[place]) for place in far], dtype=[("place", "<u2"), ("held", "u1")])
    paired: bytes = (halves[::2] | halves[1::2] << 4).tobytes()
    return bytes([lowest]) + paired + apart.tobytes()


def _unpacked_sketch(packed: bytes) -> bytes:
    if len(packed) <= REGISTERS // 2:
        return packed
    halves = np.frombuffer(packed, dtype=np.uint8, count=REGISTERS // 2, offset=1)
    registers = np.empty(REGISTERS, dtype=np.uint8)
    registers[::2], registers[1::2] = halves & 15, halves >> 4
    registers += packed[0]
    apart = np.frombuffer(packed, dtype=[("place", "<u2"), ("held", "u1")], offset=1 + REGISTERS // 2)
    registers[apart["place"]] = apart["held"]
    return registers.tobytes()


def _packed_joint(joint: Joint) -> _Joint:
    held = joint.comoments
    return _Joint(
        comoments=None
        if held is None
        else (held.columns, _all_narrow(held.rows), _all_narrow(held.sums), _all_narrow(held.products)),
        groups={name: _packed_groups(groups) for name, groups in joint.groups.items()},
        rows=_packed_sample(joint.sample_of_rows),
        contents=True if joint.sample_of_contents == joint.sample_of_rows else _packed_sample(joint.sample_of_contents),
        keys=_packed_sample(joint.sample_of_keys),
        phases=joint.phases,
    )


def _packed_sample(kept: Sample | None) -> _Sample | None:
    return None if kept is None else (kept.rows, np.array(kept.hashes, dtype="<u8").tobytes(), kept.counts)


def _unpacked_sample(packed: _Sample | None) -> Sample | None:
    if packed is None:
        return None
    rows, hashes, counts = packed
    return Sample(rows=rows, hashes=tuple(np.frombuffer(hashes, dtype="<u8").tolist()), counts=counts)


def _packed_groups(groups: Groups) -> _Groups:
    values = {
        value: (group.rows, _all_narrow(group.held), _all_narrow(group.sums), _all_narrow(group.squares))
        for value, group in groups.values.items()
    }
    return groups.columns, groups.is_full, values


def _unpacked_joint(packed: _Joint) -> Joint:
    rows = _unpacked_sample(packed.rows)
    return Joint(
        comoments=None if packed.comoments is None else _unpacked_comoments(*packed.comoments),
        groups={name: _unpacked_groups(*groups) for name, groups in packed.groups.items()},
        sample_of_rows=rows,
        sample_of_contents=rows if isinstance(packed.contents, bool) else _unpacked_sample(packed.contents),
        sample_of_keys=_unpacked_sample(packed.keys),
        phases=packed.phases,
    )


def _unpacked_comoments(columns: tuple[str, ...], rows: _Wholes, sums: _Wholes, products: _Wholes) -> Comoments:
    return Comoments(columns=columns, rows=_all_wide(rows), sums=_all_wide(sums), products=_all_wide(products))


def _unpacked_groups(columns: tuple[str, ...], is_full: bool, values: Mapping[str, _Group]) -> Groups:
    groups = {
        value: Group(rows=rows, held=_all_wide(held), sums=_all_wide(sums), squares=_all_wide(squares))
        for value, (rows, held, sums, squares) in values.items()
    }
    return Groups(columns=columns, values=groups, is_full=is_full)
