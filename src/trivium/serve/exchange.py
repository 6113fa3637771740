"""One request and its reply, between the network and the routes; and how a body is read within its limits."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trivium.core.problems import Problem
from trivium.serve.refusal import BAD_REQUEST, TITLES, TOO_LARGE, UNREADABLE, RefusedError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
PROBLEM = b"application/problem+json"
ARROW = b"application/vnd.apache.arrow.stream"
encode = msgspec.json.Encoder().encode
# A body that has not come whole by then is not waited for: a slow sender must not hold its place for ever.
BODY_TIMEOUT_S = 30.0
_REQUEST_ID = re.compile(rb"[\w.:/+=@-]{1,128}")


class ClientGoneError(Exception):
    """The client hung up: there is nobody to reply to."""


class Line:
    """The connection that a request came by, as far as a route must know: whether the client has hung up."""

    __slots__ = ("disconnected",)

    disconnected: bool


@dataclass(slots=True)
class Request:
    """What a route reads. `headers` are in lower case, the last of a name; `tail` is what the path ends in."""

    method: str
    path: str
    headers: Mapping[bytes, bytes]
    client: str
    id: str
    body: bytes = b""
    tail: str = ""
    actor: str = ""
    line: Line | None = None

    @property
    def media(self) -> bytes:
        """The body's type, without its parameters, in lower case."""
        given = self.headers.get(b"content-type", b"")
        return JSON if given == JSON else given.partition(b";")[0].strip().lower()


@dataclass(slots=True)
class Reply:
    """What a route gives. `facts` are for the metrics, the trace and the log, not for the client."""

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)


def json_reply(document: Any, *, status: int = 200) -> Reply:
    """Reply with a document."""
    return Reply(encode(document), status)


def problem_reply(refused: RefusedError, *, request_id: str) -> Reply:
    """Reply with a problem (RFC 9457): our five fields, the status, its title, and the id to ask about."""
    problem = refused.problems[0]
    document = {
        "title": TITLES[refused.status],
        "status": refused.status,
        **msgspec.structs.asdict(problem),
        "request_id": request_id,
    }
    if len(refused.problems) > 1:
        document["problems"] = refused.problems
    # Clients of the Open Inference Protocol look for the text under this name.
    document["error"] = problem.what
    headers = [(name.encode(), value.encode()) for name, value in refused.headers.items()]
    return Reply(encode(document), refused.status, PROBLEM, headers, {"code": problem.code})


def given_id(headers: Mapping[bytes, bytes]) -> str | None:
    """Take the caller's own id of the request, if it is one that may stand in a log and a header."""
    given = headers.get(b"x-request-id")
    return given.decode("ascii") if given is not None and _REQUEST_ID.fullmatch(given) else None


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, most: int) -> bytes:
    """Read a whole body, no longer than `most` bytes.

    Raises:
        RefusedError: TV-SERVE-020 it is longer; TV-SERVE-021 it did not come in time; TV-SERVE-022 it is encoded.
        ClientGoneError: the client hung up.
    """
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > most:
        raise _too_long(most, f"{int(length):,} bytes")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise RefusedError(
            415,
            Problem(
                code="TV-SERVE-022",
                what="an encoded body is not read",
                where="Content-Encoding",
                seen=headers[b"content-encoding"].decode("latin-1")[:40],
                fix="send the body as it is",
            ),
        )
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGoneError
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > most:
            raise _too_long(most, f"{len(body):,} bytes")
        return body
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _rest(receive, body, most=most)
    except TimeoutError:
        raise RefusedError(
            BAD_REQUEST,
            Problem(
                code="TV-SERVE-021",
                what=f"the body did not come whole within {BODY_TIMEOUT_S:.0f} s",
                where="body",
                fix="send it again over a steadier line",
            ),
            headers={"connection": "close"},
        ) from None


async def _rest(receive: Receive, first: bytes, *, most: int) -> bytes:
    parts, size = [first], len(first)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_long(most, f"more than {most:,} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_long(most: int, seen: str) -> RefusedError:
    return RefusedError(
        TOO_LARGE,
        Problem(
            code="TV-SERVE-020",
            what=f"the body is longer than {most:,} bytes",
            where="body",
            seen=seen,
            fix="send fewer rows, or raise serve.max_body_bytes in trivium.toml",
        ),
        # What is left of the body is not read, so the connection is of no more use.
        headers={"connection": "close"},
    )


def decoded(decoder: "msgspec.json.Decoder[Any]", body: bytes, *, shape: str) -> Any:
    """Decode a JSON body.

    Raises:
        RefusedError: TV-SERVE-001 it is no JSON, -002 it is not of the shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RefusedError(UNREADABLE, misshapen(str(error), shape=shape)) from None
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        problem = Problem(
            code="TV-SERVE-001", what="the body is not JSON", where="body", seen=str(error)[:200], fix="send JSON"
        )
        raise RefusedError(BAD_REQUEST, problem) from None


def misshapen(seen: str, *, shape: str) -> Problem:
    """Say that a body is JSON, and not what the route reads."""
    return Problem(
        code="TV-SERVE-002",
        what="the body is not of the shape that this route reads",
        where="body",
        seen=seen[:200],
        fix=f"send {shape}",
    )
