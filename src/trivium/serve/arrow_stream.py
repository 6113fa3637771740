"""Reads an Arrow IPC stream from somebody whom nobody knows: flat columns, nothing taken at its word.

Our own reader, since those of the libraries trust their input: of 3,000 streams with a few bytes changed one made
Polars ask for so much memory that the process was ended. Here each length and offset is held against the bytes
that are there, and all values together against the size of the stream.

Source:
    Apache Arrow, "Columnar format" 1.5 and "IPC streaming format"; Message.fbs, Schema.fbs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import numpy as np

from trivium.serve.flatbuffer import Broken, Table, number

MOST_COLUMNS = 1000
_CONTINUES = b"\xff\xff\xff\xff"
_SCHEMA, _DICTIONARY, _RECORDS = 1, 2, 3
_NULL, _INT, _FLOAT, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LARGE_UTF8, _UTF8_VIEW = 1, 2, 3, 5, 6, 8, 10, 20, 24
_FLOATS = {0: "<f2", 1: "<f4", 2: "<f8"}
_PER_SECOND = {0: 1, 1: 1_000, 2: 1_000_000, 3: 1_000_000_000}
_EPOCH, _DAY_ZERO = datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1)

Array = np.ndarray[Any, Any]


class NotRead(Exception):  # noqa: N818 - named for what became of the stream
    """The stream is broken, or holds what is not read; its text says which."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the schema: `buffers` is how many it has besides its bitmap, None for one without any."""

    name: str
    kind: int
    make: Callable[["_Buffers", int], list[Any]]


def columns_of(body: bytes, *, most_rows: int) -> tuple[dict[str, list[Any]], int]:
    """Read a stream: its columns as plain values, null as None, times aware, and how many rows it has.

    Raises:
        NotRead: it is no such stream, it is compressed, or a column is of a kind that is not read.
        OverflowError: it has more than `most_rows` rows; the number is its argument.
    """
    try:
        return _read(body, most_rows)
    except (Broken, UnicodeDecodeError, ValueError) as error:
        raise NotRead(f"it is broken: {error}") from None


def _read(body: bytes, most_rows: int) -> tuple[dict[str, list[Any]], int]:
    columns: list[_Column] | None = None
    found: dict[str, list[Any]] = {}
    rows, left = 0, 8 * len(body) + 64 * MOST_COLUMNS
    for message, data in _messages(body):
        kind, header = message.value(1, "<B"), message.table(2)
        if kind == _DICTIONARY:
            raise NotRead("a column is encoded by a dictionary; write it plain")
        if header is None or kind not in (_SCHEMA, _RECORDS):
            continue
        if kind == _SCHEMA:
            if columns is not None:
                raise NotRead("it has two schemas")
            columns = _columns(header)
            found = {column.name: [] for column in columns}
            continue
        if columns is None:
            raise NotRead("it has rows before a schema")
        count = header.value(0, "<q")
        if not 0 <= rows + count <= most_rows:
            raise OverflowError(rows + count)
        rows += count
        left = _take(header, data, columns, count=count, into=found, left=left)
    if columns is None:
        raise NotRead("it has no schema")
    return found, rows


def _messages(body: bytes) -> Iterator[tuple[Table, bytes]]:
    place = 0
    while place < len(body):
        if body[place : place + 4] != _CONTINUES:
            raise NotRead("it does not begin as one")
        size = number(body, "<i", place + 4)
        if size == 0:  # the end of the stream
            return
        head = body[place + 8 : place + 8 + size]
        if size < 0 or len(head) < size:
            raise NotRead("it is cut off")
        message = Table.root(head)
        length = message.value(3, "<q")
        place += 8 + size
        if not 0 <= length <= len(body) - place:
            raise NotRead("it is cut off")
        yield message, body[place : place + length]
        place += length


def _columns(schema: Table) -> list[_Column]:
    if schema.value(0, "<h") != 0:
        raise NotRead("its bytes are in another order")
    found = [_column(field) for field in islice(schema.tables(1), MOST_COLUMNS + 1)]
    if len(found) > MOST_COLUMNS:
        raise NotRead(f"it has more than {MOST_COLUMNS} columns")
    if len({column.name for column in found}) < len(found):
        raise NotRead("two columns have one name")
    return found


def _column(field: Table) -> _Column:
    name, kind, of = field.text(0), field.value(2, "<B"), field.table(3)
    if field.table(4) is not None:
        raise NotRead(f"column {name[:40]!r} is encoded by a dictionary; write it plain")
    make = _maker(kind, of)
    if make is None:
        raise NotRead(f"column {name[:40]!r} is of a kind that is not read: write numbers, texts, booleans or times")
    return _Column(name, kind, make)


def _maker(kind: int, of: Table | None) -> "Callable[[_Buffers, int], list[Any]] | None":
    """Choose how a column's values are made of its buffers, by its type."""
    if kind == _NULL:
        return lambda buffers, count: [None] * count
    if of is None:
        return None
    if kind == _INT and of.value(0, "<i") in (8, 16, 32, 64):
        return _numbers(f"<{'i' if of.value(1, '<B') else 'u'}{of.value(0, '<i') // 8}")
    if kind == _FLOAT and of.value(0, "<h") in _FLOATS:
        return _numbers(_FLOATS[of.value(0, "<h")])
    if kind == _DATE:
        return _dates("<i4", 1) if of.value(0, "<h", 1) == 0 else _dates("<i8", 86_400_000)
    if kind == _TIMESTAMP and of.value(0, "<h") in _PER_SECOND:
        return _times(_PER_SECOND[of.value(0, "<h")])
    plain = {_BOOL: _booleans, _UTF8: _texts("<i4"), _LARGE_UTF8: _texts("<i8"), _UTF8_VIEW: _views}
    return plain.get(kind)


class _Buffers:
    """The buffers of a batch in their order, and how many bytes of values may still be made of them."""

    def __init__(self, header: Table, data: bytes, *, left: int) -> None:
        self._places, self._data = header.pairs(2), data
        self.variadic = header.numbers(4)
        self.left = left

    def next(self) -> bytes:
        """Take the next one."""
        offset, length = next(self._places, (-1, 0))
        if offset < 0 or length < 0 or offset + length > len(self._data):
            raise Broken("a buffer outside of its batch")
        return self._data[offset : offset + length]

    def array(self, dtype: str, count: int) -> Array:
        """Take the next one as so many numbers."""
        content = self.next()
        self.spend(count * np.dtype(dtype).itemsize)
        return np.frombuffer(content, dtype=dtype, count=count) if count else np.zeros(0, dtype)

    def spend(self, size: int) -> None:
        """Count what is made, so that a few bytes cannot become many."""
        self.left -= size
        if self.left < 0:
            raise NotRead("its values overlap")


def _take(
    header: Table, data: bytes, columns: list[_Column], *, count: int, into: dict[str, list[Any]], left: int
) -> int:
    """Read one batch; give how many bytes of values the rest may make."""
    if header.table(3) is not None:
        raise NotRead("it is compressed; write it without")
    buffers = _Buffers(header, data, left=left)
    nodes = header.pairs(1)
    for column in columns:
        length, nulls = next(nodes, (-1, 0))
        if length != count:
            raise Broken("a column is not as long as its batch")
        if column.kind == _NULL:
            buffers.spend(count)
            into[column.name] += [None] * count
            continue
        bitmap = buffers.next()
        values = column.make(buffers, count)
        if nulls and bitmap:
            is_there = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=count, bitorder="little")
            if len(bitmap) * 8 < count:
                raise Broken("a bitmap is too short")
            values = [value if there else None for value, there in zip(values, is_there.tolist(), strict=True)]
        into[column.name] += values
    return buffers.left


def _numbers(dtype: str) -> Callable[[_Buffers, int], list[Any]]:
    return lambda buffers, count: list(buffers.array(dtype, count).tolist())


def _booleans(buffers: _Buffers, count: int) -> list[Any]:
    content = buffers.array("u1", -(-count // 8))
    return list(np.unpackbits(content, count=count, bitorder="little").astype(bool).tolist()) if count else []


def _dates(dtype: str, per_day: int) -> Callable[[_Buffers, int], list[Any]]:
    def make(buffers: _Buffers, count: int) -> list[Any]:
        return [
            _made(lambda n: _DAY_ZERO + timedelta(days=n // per_day), n) for n in buffers.array(dtype, count).tolist()
        ]

    return make


def _times(per_second: int) -> Callable[[_Buffers, int], list[Any]]:
    def moment(n: int) -> datetime:
        return _EPOCH + timedelta(microseconds=n * 1_000_000 // per_second)

    return lambda buffers, count: [_made(moment, n) for n in buffers.array("<i8", count).tolist()]


def _made(make: Callable[[int], Any], n: int) -> Any:
    """Make a time of a number; one that no calendar holds stays the number, which no contract takes for a time."""
    try:
        return make(n)
    except OverflowError:
        return n


def _texts(dtype: str) -> Callable[[_Buffers, int], list[Any]]:
    def make(buffers: _Buffers, count: int) -> list[Any]:
        ends = buffers.array(dtype, count + 1).tolist() if count else []
        content = buffers.next()
        found = []
        for start, end in pairwise(ends):
            if not 0 <= start <= end <= len(content):
                raise Broken("a text outside of its buffer")
            buffers.spend(end - start)
            found.append(content[start:end].decode())
        return found

    return make


def _views(buffers: _Buffers, count: int) -> list[Any]:
    """Read texts of which the short ones stand in place, the others in further buffers."""
    views = buffers.next()
    if len(views) < 16 * count:
        raise Broken("too few views")
    further = next(buffers.variadic, 0)
    if not 0 <= further <= len(views) + MOST_COLUMNS:
        raise Broken("too many buffers")
    contents = [buffers.next() for _ in range(further)]
    return [_view(views, 16 * place, contents, buffers) for place in range(count)]


def _view(views: bytes, at: int, contents: list[bytes], buffers: _Buffers) -> str:
    size = number(views, "<i", at)
    buffers.spend(max(size, 16))
    if 0 <= size <= 12:
        return views[at + 4 : at + 4 + size].decode()
    which, start = number(views, "<i", at + 8), number(views, "<i", at + 12)
    if size < 0 or not 0 <= which < len(contents) or not 0 <= start <= len(contents[which]) - size:
        raise Broken("a text outside of its buffer")
    return contents[which][start : start + size].decode()
