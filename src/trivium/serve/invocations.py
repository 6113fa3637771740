"""`POST /invocations`: the bodies of `mlflow models serve`, so that its clients need another address alone."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trivium.core.problems import Problem
from trivium.serve.exchange import JSON, Reply, Request, decoded, json_reply, misshapen
from trivium.serve.predict import answered, unknown_media
from trivium.serve.refusal import BAD_REQUEST, UNREADABLE, RefusedError
from trivium.serve.rows import shallow
from trivium.serve.service import Service

CSV = b"text/csv"
SHAPE = (
    '{"dataframe_split": {"columns": […], "data": [[…]]}}, {"dataframe_records": [{…}]}, {"inputs": …} or '
    '{"instances": …}'
)


class Split(msgspec.Struct):
    """A frame as pandas writes it with `orient="split"`."""

    columns: list[str]
    data: list[list[Any]]


class Invocation(msgspec.Struct, forbid_unknown_fields=True):
    """A request: one of the four. `params` are read by other flavours, and ignored."""

    dataframe_split: Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: Any = None
    inputs: Any = None
    params: Any = None


_DECODER = msgspec.json.Decoder(Invocation)


class Invocations:
    """The route of one model."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, request: Request) -> Reply:
        """Reply with the predictions in the rows' order; a row without one is null, and told of under `problems`."""
        if request.media == JSON:
            shallow(request.body, self._service.project.serve.max_depth)
            rows = _rows(decoded(_DECODER, request.body, shape=SHAPE))
            batch = self._service.reader.of_plain(rows)
        elif request.media == CSV:
            batch = self._service.reader.of_texts(_table(request.body))
        else:
            raise unknown_media(request.media, (JSON, CSV))
        answers, call_s = await answered(self._service, batch)
        predictions = [one["prediction"] if isinstance(one, Mapping) else one.prediction for one in answers]
        document: dict[str, Any] = {"predictions": predictions}
        problems = {
            str(place): problem
            for place, one in enumerate(answers)
            if (problem := one["problem"] if isinstance(one, Mapping) else one.problem)
        }
        if problems:
            document["problems"] = problems
        reply = json_reply(document)
        reply.facts = {"rows": batch.count, "call_s": call_s}
        return reply


def _rows(asked: Invocation) -> Sequence[Any]:
    forms = (asked.dataframe_split, asked.dataframe_records, asked.instances, asked.inputs)
    given = [one for one in forms if one is not None]
    if len(given) != 1:
        raise RefusedError(UNREADABLE, misshapen(f"{len(given)} of them", shape=f"one of {SHAPE}"))
    (one,) = given
    if isinstance(one, Split):
        if any(len(row) != len(one.columns) for row in one.data):
            seen = f"a row that has not the {len(one.columns)} values of the columns"
            raise RefusedError(UNREADABLE, misshapen(seen, shape=SHAPE))
        return [dict(zip(one.columns, row, strict=True)) for row in one.data]
    if isinstance(one, dict):
        return _of_columns(one)
    if isinstance(one, list):
        return one
    raise RefusedError(UNREADABLE, misshapen(type(one).__name__, shape=SHAPE))


def _of_columns(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Lay a mapping of columns out as rows; values that are no lists make one row."""
    if not any(isinstance(values, list) for values in columns.values()):
        return [columns]
    lists = [values for values in columns.values() if isinstance(values, list)]
    if len(lists) != len(columns) or len({len(values) for values in lists}) != 1:
        raise RefusedError(UNREADABLE, misshapen("columns of different lengths", shape=SHAPE))
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def _table(body: bytes) -> list[dict[str, str]]:
    """Read CSV with a header.

    Raises:
        RefusedError (TV-SERVE-075): it is no text, or a row has not as many fields as the header.
    """
    try:
        header, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        return [dict(zip(header, row, strict=True)) for row in rows]
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        problem = Problem(
            code="TV-SERVE-075",
            what="the body is not CSV with a header",
            where="body",
            seen=str(error)[:200],
            fix="send UTF-8, the columns' names first, and as many fields in each row",
        )
        raise RefusedError(BAD_REQUEST, problem) from None
