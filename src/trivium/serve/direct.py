"""The short way of a prediction: from the parsed HTTP message to the reply, past tasks and ASGI messages.

A subclass of uvicorn's protocol. It takes only what can be replied to without a task: a POST to a predict path, whole,
on a connection with nothing else under way. All else goes uvicorn's own way to the same application, and gets the same
reply, to which `tests/unit/serve/test_direct.py` holds both, byte by byte.
"""

from functools import partial

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from trivium.serve.app import App, Route
from trivium.serve.exchange import Line, Reply, Request


class Pending(Line):
    """A reply that is under way, with what uvicorn asks of one: is it over, and does the connection stay?"""

    __slots__ = ("keep_alive", "response_complete")

    def __init__(self) -> None:
        self.disconnected = self.response_complete = False
        self.keep_alive = True

    @property
    def message_event(self) -> "Pending":
        """Be what is told that the client has gone; `disconnected` says so already."""
        return self

    def set(self) -> None:
        """Do nothing: nobody waits."""


class Direct(HttpToolsProtocol):
    """uvicorn's protocol with a short way; `_route` is set while a message is on it."""

    application: App
    _route: Route | None = None

    def on_headers_complete(self) -> None:
        """Take the short way, or uvicorn's."""
        self._route = self._short_way()
        if self._route is None:
            super().on_headers_complete()
        else:
            self._parts: list[bytes] = []
            self._size = 0

    def _short_way(self) -> Route | None:
        parser, cycle = self.parser, self.cycle
        is_free = (cycle is None or cycle.response_complete) and not self.pipeline and not self.flow.write_paused
        is_plain = parser.get_method() == b"POST" and parser.get_http_version() == "1.1" and parser.should_keep_alive()
        if not is_free or not is_plain or self.expect_100_continue or parser.should_upgrade():
            return None
        return self.application.direct(self.url.decode("latin-1"))

    def on_body(self, body: bytes) -> None:
        """Gather the body, as long as it is within the limit."""
        if self._route is None:
            super().on_body(body)
            return
        self._parts.append(body)
        self._size += len(body)
        if self._size > self._route.most_bytes:
            self._divert()

    def _divert(self) -> None:
        """Go uvicorn's way after all, with what has come so far."""
        self._route = None
        super().on_headers_complete()
        for part in self._parts:
            super().on_body(part)

    def on_message_complete(self) -> None:
        """Reply, now or once the model was asked; what comes on the connection meanwhile waits, as uvicorn has it."""
        route = self._route
        if route is None:
            super().on_message_complete()
            return
        if self.transport.is_closing():
            return
        client = self.client[0] if self.client else ""
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        request = Request("POST", self.url.decode("latin-1"), dict(self.headers), client, "", body)
        pending = request.line = Pending()
        if not self.application.reply_soon(route, request, partial(self._reply, request, pending)):
            self._divert()
            super().on_message_complete()
            return
        self._route = None
        if not pending.response_complete:
            self.cycle = pending  # type: ignore[assignment]  # it stands for uvicorn's own where that asks about one

    def _reply(self, request: Request, pending: Pending, reply: Reply) -> None:
        pending.response_complete = True
        if self.transport.is_closing():
            return
        if self.application.pulse.is_draining:
            pending.keep_alive = False
            reply.headers.append((b"connection", b"close"))
        self.transport.write(self._written(request, reply))
        if not pending.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _written(self, request: Request, reply: Reply) -> bytes:
        lines = [
            STATUS_LINE[reply.status],
            *(b"%b: %b\r\n" % header for header in self.server_state.default_headers),
            b"content-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n"
            % (reply.media, len(reply.body), request.id.encode()),
            *(b"%b: %b\r\n" % header for header in reply.headers),
            b"\r\n",
            reply.body,
        ]
        return b"".join(lines)


def protocol_of(app: App) -> type[Direct]:
    """Make the protocol of an application."""
    return type("DirectProtocol", (Direct,), {"application": app})
