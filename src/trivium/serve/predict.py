"""`POST /models/{m}/predict`: rows in, answers out; JSON or an Arrow IPC stream, by content type."""

from collections.abc import Callable, Sequence
from typing import Any

from trivium.core.answers import Answered
from trivium.core.problems import Problem
from trivium.serve import arrow
from trivium.serve.exchange import ARROW, JSON, Reply, Request, encode
from trivium.serve.refusal import UNKNOWN_MEDIA, UNREADABLE, RefusedError
from trivium.serve.rows import Batch
from trivium.serve.service import Service
from trivium.serve.turns import Call

Answers = Sequence[Answered | dict[str, Any]]


class Predict:
    """The route of one model."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, request: Request) -> Reply:
        """Reply to a request; rows that cannot be taken get their problem, unless there are no others."""
        media = request.media
        if media == JSON:
            batch = self._service.reader.read(request.body)
        elif media == ARROW:
            rows = arrow.rows_of(request.body, most_rows=self._service.project.serve.max_rows)
            batch = self._service.reader.of_plain(rows)
        else:
            raise unknown_media(media, (JSON, ARROW))
        answers, call_s = await answered(self._service, batch)
        accept = request.headers.get(b"accept", b"")
        if ARROW in accept or (media == ARROW and JSON not in accept):
            return Reply(arrow.stream_of(answers), media=ARROW, facts={"rows": batch.count, "call_s": call_s})
        return _json(batch, answers, call_s)

    def soon(self, request: Request, then: Callable[[Reply | Exception], None]) -> Reply | bool:
        """Reply as `__call__` would, without a task; False where only that can."""
        headers = request.headers
        is_plain = request.media == JSON and ARROW not in headers.get(b"accept", b"")
        if not is_plain or b"content-encoding" in headers or not self._service.is_soon:
            return False
        batch = self._service.reader.read(request.body)
        self._service.counted_refusals(batch)
        if not batch.rows:
            return _json(batch, placed(batch, ()), 0.0)
        line = request.line

        def came(call: Call | Exception) -> None:
            then(_of_call(batch, call) if isinstance(call, Call) else call)

        def is_gone() -> bool:
            return line is not None and line.disconnected

        self._service.answer_soon(batch.rows, came, is_gone=is_gone)
        return True


def _of_call(batch: Batch, call: Call) -> Reply:
    return _json(batch, placed(batch, call.answers), call.took_s)


def _json(batch: Batch, answers: Answers, call_s: float) -> Reply:
    return Reply(encode({"predictions": answers}), facts={"rows": batch.count, "call_s": call_s})


async def answered(service: Service, batch: Batch) -> tuple[Answers, float]:
    """Answer the good rows of a batch, and put each bad one's problem in its place; how long the call took.

    Raises:
        RefusedError: with the problem of each row, where no row could be taken.
    """
    service.counted_refusals(batch)
    if not batch.rows:
        return placed(batch, ()), 0.0
    call = await service.answer(batch.rows)
    return placed(batch, call.answers), call.took_s


def placed(batch: Batch, answers: Sequence[Answered]) -> Answers:
    """Put answers and problems in the order of the rows that they are about.

    Raises:
        RefusedError: with the problem of each row, where no row could be taken.
    """
    if not batch.problems:
        return answers
    if not answers:
        raise RefusedError(UNREADABLE, *(batch.problems[place] for place in range(batch.count)))
    found: list[Any] = [None] * batch.count
    for place, answer in zip(batch.places, answers, strict=True):
        found[place] = answer
    for place, problem in batch.problems.items():
        found[place] = _unanswered(batch.row_ids.get(place), problem)
    return found


def _unanswered(row_id: str | None, problem: Problem) -> dict[str, Any]:
    """Say of a row that it has no answer, in the shape of an answer."""
    nothing = {"id": None, "row_id": row_id, "prediction": None, "version": None, "stage": None}
    return {**nothing, "source": "refused", "checks": (), "review": False, "problem": problem}


def unknown_media(media: bytes, known: Sequence[bytes]) -> RefusedError:
    """Refuse a body of a type that is not read (TV-SERVE-023).

    A body without a type is not taken for JSON: a foreign page's form could send it unasked.
    """
    names = " or ".join(name.decode() for name in known)
    problem = Problem(
        code="TV-SERVE-023",
        what="a body of this type is not read here",
        where="Content-Type",
        seen=media.decode("latin-1")[:40] or "no type",
        fix=f"send Content-Type: {names}",
    )
    return RefusedError(UNKNOWN_MEDIA, problem)
