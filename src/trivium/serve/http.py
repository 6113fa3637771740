"""The HTTP server: uvicorn on the inherited socket, how it begins, beats and drains."""

import asyncio
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from trivium.serve.app import App
from trivium.serve.direct import protocol_of
from trivium.serve.orders import Orders

BEAT_S = 1.0
# How long a worker that ends still takes connections, each closed after its reply, so that whoever sends them here can
# turn elsewhere; and then how long those that it has taken may still ask, for to close one unasked cuts off a request.
FAREWELL_S = 0.3
LAST_WORDS_S = 0.5
KEEP_ALIVE_S = 75


def run(app: App, *, orders: Orders, beat: Callable[[bytes], bool]) -> None:
    """Answer until told to stop, and then finish what has begun."""
    config = uvicorn.Config(
        app,
        http=protocol_of(app),
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=orders.drain_s,
    )
    server = _Server(config, app=app, beat=beat)
    listening = socket.socket(fileno=orders.listen_fd)
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn's server, which says farewell before it drains and tells the supervisor how it is."""

    def __init__(self, config: uvicorn.Config, *, app: App, beat: Callable[[bytes], bool]) -> None:
        super().__init__(config)
        self._app, self._beat = app, beat
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets=sockets)
        self._loop = asyncio.get_running_loop()
        self._app.pulse.start(self._loop)
        self._beat(b"r")
        self._loop.call_later(BEAT_S, self._beats)

    def _beats(self) -> None:
        assert self._loop is not None
        if not self._beat(b"."):
            self._farewell()
        self._loop.call_later(BEAT_S, self._beats)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGTERM or SIGINT as the wish to end after what has begun is finished."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._farewell)

    def _farewell(self) -> None:
        """Tell clients to close; take no new ones a little later, and end once the last have had their say."""
        assert self._loop is not None
        if not self._app.pulse.is_draining:
            self._app.pulse.is_draining = True
            self._loop.call_later(FAREWELL_S, self._take_no_more)

    def _take_no_more(self) -> None:
        assert self._loop is not None
        for server in self.servers:
            server.close()
        self._loop.call_later(LAST_WORDS_S, setattr, self, "should_exit", True)
