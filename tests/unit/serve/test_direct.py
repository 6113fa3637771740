"""The short way of a prediction replies as uvicorn's own way does, byte by byte; what it may not take goes that way."""

import asyncio
import re
import socket
import threading
from contextlib import contextmanager
from itertools import zip_longest

import pytest
import uvicorn

from trivium.core.problems import Problem
from trivium.serve.access import Gate
from trivium.serve.app import App, Route
from trivium.serve.direct import protocol_of
from trivium.serve.exchange import Reply, json_reply
from trivium.serve.figures import Figures
from trivium.serve.pulse import Pulse
from trivium.serve.refusal import RefusedError

POST = b"POST /p HTTP/1.1\r\nhost: localhost\r\n"
# Set once a client has sent all its bytes.
SENT = threading.Event()


class Echo:
    """Says what it was sent, and notes by which way."""

    def __init__(self):
        self.ways = []

    def said(self, request):
        if request.body.endswith(b"bad"):
            raise RefusedError(422, Problem(code="TV-X-001", what="bad"), headers={"retry-after": "1"})
        if request.body.endswith(b"fault"):
            raise ZeroDivisionError
        return json_reply({"said": request.body.decode(), "as": request.headers.get(b"x-a", b"").decode()})

    async def __call__(self, request) -> Reply:
        self.ways.append("long")
        return self.said(request)

    def soon(self, request, then) -> Reply | bool:
        if request.body == b"slow":
            return False
        self.ways.append("short")
        if not request.body.startswith(b"later"):
            return self.said(request)
        self.wait(lambda: then(self.came(request)))
        return True

    def wait(self, then):
        """Call when all that the client has to say is on its way, and a little later."""
        loop = asyncio.get_running_loop()
        if SENT.is_set():
            loop.call_later(0.02, then)
        else:
            loop.call_later(0.002, self.wait, then)

    def came(self, request) -> Reply | Exception:
        try:
            return self.said(request)
        except (RefusedError, ZeroDivisionError) as error:
            return error


@contextmanager
def served(folder, *, is_short):
    """An application that echoes, on a free port; its ways."""
    echo = Echo()
    route = Route("POST /p", echo, "predict", "m", 100, echo.soon)
    gate = Gate({"m": None}, is_loopback=True, is_open=True, rates={})
    app = App({"/p": {"POST": route}}, gate=gate, figures=Figures(folder, "0"), pulse=Pulse(), worker="0")
    http = protocol_of(app) if is_short else "httptools"
    config = uvicorn.Config(
        app, http=http, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname(), echo.ways
    finally:
        server.should_exit = True
        thread.join(20)


def exchanged(address, sent):
    """Send bytes, and read as many replies as they are requests; ids and dates differ, so they are cut out."""
    wanted = sum(part.count(b"host: ") for part in sent)
    SENT.clear()
    with socket.create_connection(address, timeout=20) as line:
        for part in sent:
            line.sendall(part)
        SENT.set()
        got = b""
        while whole_replies(got) < wanted and (chunk := line.recv(65536)):
            got += chunk
    return re.sub(rb"(date: |x-request-id: |\"request_id\":\")[^\r\"]*", rb"\1", got)


def whole_replies(got):
    """Count the replies that are there to their last byte; `100 Continue` is none."""
    count = 0
    while (end := got.find(b"\r\n\r\n")) >= 0:
        length = re.search(rb"content-length: (\d+)", got[:end])
        if length is not None:
            end += int(length[1])
            count += len(got) >= end + 4
        got = got[end + 4 :]
    return count


def posted(body, *headers):
    lines = b"".join(header + b"\r\n" for header in (*headers, b"content-length: %d" % len(body)))
    return POST + lines + b"\r\n" + body


CASES = {
    "one": ([posted(b"x", b"x-a: 1")], ["short"]),
    "in pieces": ([posted(b"abcdef")[:60], posted(b"abcdef")[60:]], ["short"]),
    "chunked": ([POST + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n"], ["short"]),
    "three in one": ([posted(b"1") + posted(b"2") + posted(b"3")], ["short"] * 3),
    "a slow one between": ([posted(b"1") + posted(b"slow") + posted(b"3")], ["short", "long", "long"]),
    "a later one": ([posted(b"later")], ["short"]),
    # Reading is paused while one waits behind another; whether the third is read before the second is done is chance.
    "two behind a later one": ([posted(b"later") + posted(b"2"), posted(b"3")], ["short", "long", "either"]),
    "a later one that is refused": ([posted(b"later bad") + posted(b"x")], ["short", "long"]),
    "a later one that is a fault": ([posted(b"later fault") + posted(b"x")], ["short", "long"]),
    "a refused one": ([posted(b"bad") + posted(b"x")], ["short"] * 2),
    "too long": ([posted(b"x" * 101)], []),
    "to be closed": ([posted(b"x", b"connection: close")], ["long"]),
    "asked before": ([posted(b"x", b"expect: 100-continue")], ["long"]),
    "of old": ([posted(b"x").replace(b"HTTP/1.1", b"HTTP/1.0")], ["long"]),
    "another path": ([posted(b"x").replace(b"/p ", b"/q ")], []),
    "a query": ([posted(b"x").replace(b"/p ", b"/p?a=1 ")], ["long"]),
}


@pytest.fixture(scope="module")
def short_way(tmp_path_factory):
    with served(tmp_path_factory.mktemp("short"), is_short=True) as found:
        yield found


@pytest.fixture(scope="module")
def long_way(tmp_path_factory):
    with served(tmp_path_factory.mktemp("long"), is_short=False) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_both_ways_reply_alike(short_way, long_way, case):
    """The same bytes come back, whichever way they went, and the way is the one that may be taken."""
    sent, expected = CASES[case]
    address, ways = short_way
    ways.clear()
    assert exchanged(address, sent) == exchanged(long_way[0], sent)
    assert [way if wanted != "either" else wanted for way, wanted in zip_longest(ways, expected)] == expected


def test_a_fault_is_a_500_with_its_id(short_way, caplog):
    """What nobody foresaw is logged in full under the id that the client got, and the connection lives on."""
    address, ways = short_way
    ways.clear()
    got = exchanged(address, [posted(b"fault", b"x-request-id: q1") + posted(b"x")])
    assert got.count(b"HTTP/1.1 500") == got.count(b"HTTP/1.1 200") == 1
    assert [record.request_id for record in caplog.records if record.message == "fault"] == ["q1"]
    assert ways == ["short"] * 2
