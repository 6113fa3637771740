"""Rows as an Arrow IPC stream on their way in, answers as one on their way out."""

import io
from collections.abc import Sequence
from typing import Any

from trivium.core.answers import Answered
from trivium.core.problems import Problem
from trivium.serve.arrow_stream import NotRead, columns_of
from trivium.serve.refusal import BAD_REQUEST, TOO_LARGE, RefusedError


def rows_of(body: bytes, *, most_rows: int) -> list[dict[str, Any]]:
    """Read the rows of a stream.

    Raises:
        RefusedError: TV-SERVE-070 it is no Arrow IPC stream of flat columns, -003 too many rows.
    """
    try:
        columns, count = columns_of(body, most_rows=most_rows)
    except NotRead as error:
        raise RefusedError(BAD_REQUEST, _no_stream(str(error))) from None
    except OverflowError as error:
        problem = Problem(
            code="TV-SERVE-003",
            what=f"the request has more than {most_rows:,} rows",
            where="body",
            seen=f"{error} rows",
            fix="send them in several requests, or raise serve.max_rows in trivium.toml",
        )
        raise RefusedError(TOO_LARGE, problem) from None
    return [{name: values[place] for name, values in columns.items()} for place in range(count)]


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


def _no_stream(seen: str) -> Problem:
    return Problem(
        code="TV-SERVE-070",
        what="the body is not an Arrow IPC stream that is read here",
        where="body",
        seen=seen[:200],
        fix="write numbers, texts, booleans and times with an Arrow library's stream writer, without compression",
    )
