"""The raw ASGI application: which route a request is for, whether it may, what it replies, and who is told of it.

No framework stands on the way of a request: a dictionary finds the route. What a route does is in the modules beside.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from trivium.core.problems import Problem, TriviumError, nearest_first
from trivium.core.tokens import Role
from trivium.serve.access import Gate
from trivium.serve.exchange import (
    ClientGoneError,
    Receive,
    Reply,
    Request,
    Send,
    given_id,
    problem_reply,
    read_body,
)
from trivium.serve.figures import Figures
from trivium.serve.lines import LOG
from trivium.serve.pulse import Pulse
from trivium.serve.refusal import FAULT, NOT_ALLOWED, NOT_FOUND, RefusedError, refusal_of
from trivium.serve.spans import Spans

Handler = Callable[[Request], Awaitable[Reply]]
# Replies at once, by what it gives; or later, by what it was handed (True); or cannot, and the handler must (False).
Soon = Callable[[Request, Callable[[Reply | Exception], None]], Reply | bool]
UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `role` None: anybody may. `most_bytes` 0: no body is read.

    `soon` replies as `handler` does, without a task of its own to wait in.
    """

    name: str
    handler: Handler
    role: Role | None = None
    model: str | None = None
    most_bytes: int = 0
    soon: Soon | None = None


class App:
    """The routes by path and method. A path that ends in `/*` stands for all that have one more part there."""

    def __init__(
        self,
        routes: Mapping[str, Mapping[str, Route]],
        *,
        gate: Gate,
        figures: Figures,
        pulse: Pulse,
        worker: str,
        spans: Spans | None = None,
        says_each: bool = False,
    ) -> None:
        self._routes = {path: dict(methods) for path, methods in routes.items()}
        self._gate, self._figures, self._spans, self._says_each = gate, figures, spans, says_each
        self._ids = (f"{worker}-{number:x}" for number in count(int(time.time() * 1000) << 12))
        self.pulse = pulse

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Reply to one request."""
        if scope["type"] != "http":
            return
        started, began_ns = time.perf_counter(), time.time_ns()
        headers = dict(scope["headers"])
        request = Request(
            scope["method"], scope["path"], headers, (scope["client"] or ("",))[0], given_id(headers) or next(self._ids)
        )
        route: Route | None = None
        try:
            route = self._find(request)
            reply = await self._replied(route, request, receive)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - the edge of a request: our fault, told in the log under its id
            reply = self._refused(request, error)
        await self._send(send, request, reply)
        self._tell(request, reply, route, took_s=time.perf_counter() - started, began_ns=began_ns)

    def direct(self, path: str) -> Route | None:
        """Find the route of a POST that may be replied to soon."""
        route = self._routes.get(path, {}).get("POST")
        may = route is not None and route.soon is not None and self._spans is None and not self._says_each
        return route if may and not self.pulse.is_draining else None

    def reply_soon(self, route: Route, request: Request, then: Callable[[Reply], None]) -> bool:
        """Reply to a request whose body is there as `__call__` would, by `then`, now or later in the event loop.

        False where it has to go that way; `then` is not called.
        """
        assert route.soon is not None
        started = time.perf_counter()

        def replied(came: Reply | Exception) -> None:
            reply = came if isinstance(came, Reply) else self._refused(request, came)
            self._tell(request, reply, route, took_s=time.perf_counter() - started, began_ns=0)
            then(reply)

        try:
            request.id = given_id(request.headers) or next(self._ids)
            request.actor = self._gate.enter(request, role=route.role, model=route.model)
            came: Reply | Exception | bool = route.soon(request, replied)
        except Exception as error:  # noqa: BLE001 - the edge of a request, as above
            came = error
        if not isinstance(came, bool):
            replied(came)
        return came is not False

    def _refused(self, request: Request, error: Exception) -> Reply:
        """Reply with what kept a request from its answer; what nobody foresaw is our fault."""
        if isinstance(error, TriviumError):
            return problem_reply(refusal_of(error), request_id=request.id)
        return self._faulty(request, error)

    def _faulty(self, request: Request, error: Exception) -> Reply:
        LOG.error("fault", exc_info=error, extra={"request_id": request.id, "path": request.path})
        return problem_reply(RefusedError(FAULT, _fault(error)), request_id=request.id)

    def _find(self, request: Request) -> Route:
        """Find a request's route.

        Raises:
            RefusedError: TV-SERVE-030 no such path, -031 another method.
        """
        methods = self._routes.get(request.path)
        if methods is None:
            before, _, tail = request.path.rpartition("/")
            methods = self._routes.get(f"{before}/*")
            request.tail = tail
        if methods is None:
            raise RefusedError(NOT_FOUND, self._no_path(request.path))
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            problem = Problem(
                code="TV-SERVE-031",
                what=f"{request.path[:100]} is not asked by {request.method[:20]}",
                where=request.path[:100],
                seen=request.method[:20],
                fix=f"use {allowed}",
            )
            raise RefusedError(NOT_ALLOWED, problem, headers={"allow": allowed})
        return route

    def _no_path(self, path: str) -> Problem:
        near = nearest_first(path[:100], self._routes)
        return Problem(
            code="TV-SERVE-030",
            what=f"there is no {path[:100]!r} here",
            where="path",
            seen=path[:100],
            fix=f"did you mean {near[0]}? /openapi.json lists all routes",
        )

    async def _replied(self, route: Route, request: Request, receive: Receive) -> Reply:
        request.actor = self._gate.enter(request, role=route.role, model=route.model)
        if route.most_bytes:
            request.body = await read_body(receive, request.headers, most=route.most_bytes)
        return await route.handler(request)

    async def _send(self, send: Send, request: Request, reply: Reply) -> None:
        headers = [
            (b"content-type", reply.media),
            (b"content-length", str(len(reply.body)).encode()),
            (b"x-request-id", request.id.encode()),
            *reply.headers,
        ]
        if self.pulse.is_draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _tell(self, request: Request, reply: Reply, route: Route | None, *, took_s: float, began_ns: int) -> None:
        name = UNMATCHED if route is None else route.name
        self._figures.add("trivium_requests", (name, str(reply.status)))
        self._figures.observe("trivium_request_seconds", (name,), took_s)
        if reply.status >= 400:
            self._figures.add("trivium_problems", (str(reply.facts.get("code", "")),))
        if self._spans is not None:
            self._spans.record(request, reply, name=name, began_ns=began_ns, took_s=took_s)
        if self._says_each:
            extra = {
                "request_id": request.id,
                "route": name,
                "status": reply.status,
                "ms": round(took_s * 1000, 3),
                "client": request.client,
                "actor": request.actor,
                **reply.facts,
            }
            LOG.info("request", extra=extra)


def _fault(error: Exception) -> Problem:
    return Problem(
        code="TV-SERVE-090",
        what="a fault in trivium itself",
        where="server",
        seen=type(error).__name__,
        fix="look for the request's id in the server's log, and report what stands there",
    )
