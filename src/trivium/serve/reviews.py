"""The routes of one model's review queue: what waits, taking some of it, and saying what is true of an answer."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from trivium.core.problems import ProjectError
from trivium.loop.review import NOT_YOURS, decide, skip, take
from trivium.loop.review_queue import NOT_QUEUED, entry_of, queue_page, shown_entry
from trivium.serve.access import is_loopback
from trivium.serve.exchange import JSON, Reply, Request, decoded, json_reply, misshapen
from trivium.serve.predict import unknown_media
from trivium.serve.refusal import CONFLICT, NOT_FOUND, UNREADABLE, RefusedError
from trivium.serve.rows import shallow
from trivium.serve.service import Service

MOST_LISTED = 100
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Take(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /models/{m}/reviews/take`; `by` names the person, where several share a token or have none."""

    most: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    by: Name | None = None


class Verdict(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /models/{m}/reviews/{id}`: a label, or `skip` where nobody can tell; and why."""

    because: Reason
    label: float | bool | None = None
    skip: bool = False
    by: Name | None = None


_TAKE = msgspec.json.Decoder(Take)
_VERDICT = msgspec.json.Decoder(Verdict)
TAKE_SHAPE = '{"most": 1, "by": "ann"}'
VERDICT_SHAPE = '{"label": 1, "because": …, "by": …}, or "skip": true for a label'
_STATUS = {NOT_QUEUED: NOT_FOUND, NOT_YOURS: CONFLICT}


class Reviews:
    """Reads and decides in the model's own thread for such things, off the event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def listed(self, request: Request) -> Reply:
        """`GET /models/{m}/reviews`: how many wait, since when, and the first 100 of them."""
        return await self._reply(lambda ws: queue_page(ws, most=MOST_LISTED))

    async def one(self, request: Request) -> Reply:
        """`GET /models/{m}/reviews/{id}`: one answer of the queue, with what others would have said of its row."""
        return await self._reply(lambda ws: shown_entry(ws, entry_of(ws, request.tail)))

    async def take(self, request: Request) -> Reply:
        """`POST /models/{m}/reviews/take`: the first that nobody has in hand, kept for who asks."""
        asked = self._read(_TAKE, request, TAKE_SHAPE)
        by = author(request, asked.by)
        return await self._reply(lambda ws: {"by": by, "reviews": take(ws, by=by, most=asked.most)})

    async def decide(self, request: Request) -> Reply:
        """`POST /models/{m}/reviews/{id}`: what is true of the answer's row, or that nobody can tell."""
        said = self._read(_VERDICT, request, VERDICT_SHAPE)
        by = author(request, said.by)
        if (said.label is None) != said.skip:
            seen = "label and skip" if said.skip else "neither label nor skip"
            raise RefusedError(UNREADABLE, misshapen(seen, shape=VERDICT_SHAPE))
        if said.label is None:
            return await self._reply(lambda ws: skip(ws, request.tail, by=by, because=said.because))
        label = said.label
        return await self._reply(lambda ws: decide(ws, request.tail, label, by=by, because=said.because))

    def _read(self, decoder: "msgspec.json.Decoder[Any]", request: Request, shape: str) -> Any:
        if request.media != JSON:
            raise unknown_media(request.media, (JSON,))
        shallow(request.body, self._service.project.serve.max_depth)
        return decoded(decoder, request.body, shape=shape)

    async def _reply(self, work: Callable[[Any], dict[str, Any]]) -> Reply:
        def done() -> dict[str, Any]:
            self._service.ws.refresh()
            return work(self._service.ws)

        try:
            return json_reply(await self._service.desk.do(done))
        except ProjectError as error:
            status = _STATUS.get(error.problems[0].code, UNREADABLE)
            raise RefusedError(status, *error.problems) from None


def author(request: Request, by: str | None) -> str:
    """Name who says something: the token, else where it came from; and before it the person whom the request names."""
    nobody = "anybody on this machine" if is_loopback(request.client) else f"anybody at {request.client}"
    known = request.actor or nobody
    return known if by is None else f"{by} ({known})"
