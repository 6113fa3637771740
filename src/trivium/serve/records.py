"""The routes of one model that read or write its records: outcomes in, an answer with its lineage out."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from trivium.core.posted import Outcome
from trivium.core.problems import Problem, ProjectError
from trivium.loop.find_answer import find
from trivium.loop.lineage import verdict_on, version_story
from trivium.loop.take_outcomes import Desk
from trivium.serve.exchange import JSON, Reply, Request, decoded, json_reply
from trivium.serve.figures import Figures
from trivium.serve.predict import unknown_media
from trivium.serve.refusal import NOT_FOUND, UNREADABLE, RefusedError
from trivium.serve.reviews import author
from trivium.serve.rows import shallow
from trivium.serve.service import Service

SHAPE = '{"outcomes": [{"row_id": …, "label": …, "at": …}]}'


class Outcomes(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /models/{m}/outcomes`."""

    outcomes: list[Outcome]


_DECODER = msgspec.json.Decoder(Outcomes)


class Records:
    """Reads and writes in the model's own thread for such things, off the event loop."""

    def __init__(self, service: Service, figures: Figures) -> None:
        self._service, self._figures = service, figures
        self._desk = Desk(service.ws)
        service.at_the_end(self._desk.close)

    async def outcomes(self, request: Request) -> Reply:
        """`POST /models/{m}/outcomes`: how many are new, were known, are about rows not answered (yet)."""
        if request.media != JSON:
            raise unknown_media(request.media, (JSON,))
        shallow(request.body, self._service.project.serve.max_depth)
        posted = decoded(_DECODER, request.body, shape=SHAPE).outcomes
        self._service.reader.count(len(posted))
        by = author(request, None)
        taken = await self._service.desk.do(lambda: self._desk.take(posted, at=datetime.now(UTC), by=by))
        counts = {"accepted": taken.accepted, "duplicate": taken.duplicate, "unknown": taken.unknown}
        for kind, number in counts.items():
            self._figures.add("trivium_outcomes", (self._service.name, kind), number)
        if len(taken.problems) == len(posted) > 0:
            raise RefusedError(UNREADABLE, *(problem for _, problem in taken.problems))
        problems = [{"place": place, "problem": problem} for place, problem in taken.problems]
        return json_reply({**counts, **({"problems": problems} if problems else {})})

    async def prediction(self, request: Request) -> Reply:
        """`GET /models/{m}/predictions/{id}`: one answer, its request, and how its version came to be."""
        try:
            told = await self._service.desk.do(lambda: self._told(request.tail))
        except ProjectError:
            told = None
        if told is None:
            problem = Problem(
                code="TV-SERVE-032",
                what=f"there is no prediction {request.tail[:60]!r}",
                where="path",
                seen=request.tail[:60],
                fix="ask by an id that this model's server gave; the log keeps them for serve.keep_days",
            )
            raise RefusedError(NOT_FOUND, problem)
        return json_reply(told)

    def _told(self, name: str) -> dict[str, Any] | None:
        ws = self._service.ws
        ws.refresh()
        found = find(ws, name)
        if found is None:
            return None
        ref = found.answer["version"]
        story = {} if ref is None else version_story(ws, ref)
        return {
            "answer": found.answer,
            "request": found.request,
            "review": verdict_on(ws, name),
            "version": {key: value for key, value in story.items() if key != "answered"} or None,
            "sealed": found.part is not None,
        }
