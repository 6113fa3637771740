"""Rows as an Arrow IPC stream, in and out. What a stream claims is looked at before anything is made of it.

A compressed stream is refused: a few bytes of it may claim gigabytes.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from trivium.core.answers import Answered
from trivium.core.problems import Problem
from trivium.serve.refusal import BAD_REQUEST, TOO_LARGE, RefusedError

_CONTINUES = b"\xff\xff\xff\xff"
# Message.fbs and Schema.fbs of the Arrow format, version 5: which field of a table is which.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_DICTIONARY, _RECORDS = 2, 3
_LENGTH, _COMPRESSION, _DATA_OF_DICTIONARY = 0, 3, 1


def rows_of(body: bytes, *, most_rows: int) -> list[dict[str, Any]]:
    """Read the rows of a stream; NaN becomes null.

    Raises:
        RefusedError: TV-SERVE-070 it is no Arrow IPC stream, -071 it is compressed, -003 too many rows.
    """
    _look_at(body, most_rows=most_rows)
    import polars as pl
    import polars.selectors as cs

    try:
        frame = pl.read_ipc_stream(io.BytesIO(body))
        return frame.with_columns(cs.float().fill_nan(None)).to_dicts()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError) as error:
        raise RefusedError(BAD_REQUEST, _no_stream(str(error).splitlines()[0] if str(error) else "")) from None


def stream_of(answers: Sequence[Answered | dict[str, Any]]) -> bytes:
    """Write answers as a stream: a column for each field of SURFACE's reply, `problem` as its code and text."""
    import polars as pl

    def value(answer: Any, name: str) -> Any:
        return answer.get(name) if isinstance(answer, dict) else getattr(answer, name)

    kinds: dict[str, pl.DataType] = {
        **dict.fromkeys(("id", "row_id"), pl.String()),
        "prediction": pl.Float64(),
        **dict.fromkeys(("version", "stage", "source"), pl.String()),
        "checks": pl.List(pl.String()),
        "review": pl.Boolean(),
    }
    columns: dict[str, Any] = {
        name: pl.Series(name, [value(answer, name) for answer in answers], dtype=kind) for name, kind in kinds.items()
    }
    problems = [value(answer, "problem") for answer in answers]
    told = [None if problem is None else f"{problem.code} {problem.what}" for problem in problems]
    columns["problem"] = pl.Series("problem", told, dtype=pl.String())
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_ipc_stream(buffer)
    return buffer.getvalue()


def _look_at(body: bytes, *, most_rows: int) -> None:
    rows = 0
    try:
        for message in _messages(body):
            kind = message.u8(_HEADER_TYPE)
            if kind not in (_RECORDS, _DICTIONARY):
                continue
            batch = message.table(_HEADER)
            if batch is not None and kind == _DICTIONARY:
                batch = batch.table(_DATA_OF_DICTIONARY)
            if batch is None:
                continue
            if batch.table(_COMPRESSION) is not None:
                raise RefusedError(BAD_REQUEST, _COMPRESSED)
            rows += batch.i64(_LENGTH) if kind == _RECORDS else 0
    except struct.error:
        raise RefusedError(BAD_REQUEST, _no_stream("its messages are cut off")) from None
    if rows > most_rows:
        problem = Problem(
            code="TV-SERVE-003",
            what=f"the request has more than {most_rows:,} rows",
            where="body",
            seen=f"{rows:,} rows",
            fix="send them in several requests, or raise serve.max_rows in trivium.toml",
        )
        raise RefusedError(TOO_LARGE, problem)


def _messages(body: bytes) -> "Iterator[_Table]":
    place = 0
    while place < len(body):
        if body[place : place + 4] != _CONTINUES:
            raise RefusedError(BAD_REQUEST, _no_stream("it does not begin as one"))
        (size,) = struct.unpack_from("<i", body, place + 4)
        if size == 0:  # the end of the stream
            return
        if size < 0 or place + 8 + size > len(body):
            raise struct.error
        head = body[place + 8 : place + 8 + size]
        message = _Table(head, struct.unpack_from("<I", head)[0])
        length = message.i64(_BODY_LENGTH)
        if length < 0:
            raise struct.error
        yield message
        place += 8 + size + length


class _Table:
    """A table of a flatbuffer: fields by their number, looked up through its table of offsets."""

    def __init__(self, buffer: bytes, at: int) -> None:
        self._buffer, self._at = buffer, at
        self._fields = at - struct.unpack_from("<i", buffer, at)[0]
        if self._fields < 0:
            raise struct.error
        (self._size,) = struct.unpack_from("<H", buffer, self._fields)

    def _place(self, field: int) -> int | None:
        offset = 4 + 2 * field
        if offset + 2 > self._size:
            return None
        (inside,) = struct.unpack_from("<H", self._buffer, self._fields + offset)
        return self._at + inside if inside else None

    def u8(self, field: int) -> int:
        place = self._place(field)
        return 0 if place is None else int(struct.unpack_from("<B", self._buffer, place)[0])

    def i64(self, field: int) -> int:
        place = self._place(field)
        return 0 if place is None else int(struct.unpack_from("<q", self._buffer, place)[0])

    def table(self, field: int) -> "_Table | None":
        place = self._place(field)
        if place is None:
            return None
        return _Table(self._buffer, place + struct.unpack_from("<I", self._buffer, place)[0])


def _no_stream(seen: str) -> Problem:
    return Problem(
        code="TV-SERVE-070",
        what="the body is not an Arrow IPC stream",
        where="body",
        seen=seen[:200],
        fix="write it with an Arrow library's stream writer",
    )


_COMPRESSED = Problem(
    code="TV-SERVE-071",
    what="a compressed Arrow stream is not read",
    where="body",
    seen="its batches are compressed",
    fix="write it without compression",
)
