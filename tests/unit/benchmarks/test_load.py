"""The load generator counts what a server really said: every answer once, every lost request, waits included."""

import socket
import socketserver
import sys
import threading
from contextlib import contextmanager

import pytest

from harness.load import Request, closed, rated
from harness.servers import Server, ask, free_port

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Answering(socketserver.BaseRequestHandler):
    """Writes the pieces that `reply(number, body)` gives, each on its own; hangs up where it gives None."""

    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.request.makefile("rb") as asked:
            while line := asked.readline():
                if line.startswith(b"Content-Length:"):
                    length = int(line.split(b":")[1])
                elif line == b"\r\n":
                    pieces = self.server.reply_to(asked.read(length))
                    if pieces is None:
                        return
                    for piece in pieces:
                        self.request.sendall(piece)


class Answerer(socketserver.ThreadingTCPServer):
    """Serves each connection in a thread of its own, and waits for all of them when it is closed."""

    request_queue_size = 64

    def __init__(self, reply):
        super().__init__(("127.0.0.1", 0), Answering)
        self._reply, self._lock, self.asked = reply, threading.Lock(), []

    def reply_to(self, body):
        with self._lock:
            self.asked.append(body)
            return self._reply(len(self.asked), body)


@contextmanager
def answering(reply):
    """Serve on a free port, in a thread; give the port and the bodies that came."""
    with Answerer(reply) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1], server.asked
        finally:
            server.shutdown()
            thread.join()


REQUEST = Request.post("/x", b'{"row_id": "r-@@@@@@@@"}')


def test_every_sending_has_a_number_of_its_own():
    """Bodies are numbered on, and as many answers are counted as requests were sent."""
    with answering(lambda number, body: [GOOD]) as (port, asked):
        kept = []
        load = closed(port, [REQUEST], connections=3, seconds=0.1, first=70, seen=lambda *answer: kept.append(answer))
    assert load.sent == load.answered == len(asked) == len(kept) == len(load.latencies)
    assert sorted(asked) == [b'{"row_id": "r-%08d"}' % number for number in range(70, 70 + load.sent)]
    assert {(status, body) for _, status, body in kept} == {(200, b"ok")}
    assert load.failed == load.lost == 0


def test_so_many_requests_and_no_more():
    """Asked for 40 requests it sends 40, over connections that the server closes after each answer as well."""
    closing = b"HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with answering(lambda number, body: [GOOD] if number % 2 else [closing]) as (port, asked):
        load = closed(port, [REQUEST], connections=4, most=40)
    assert load.sent == len(asked) == 40
    assert (load.answered, load.statuses[400], load.lost) == (20, 20, 0)


def test_answers_in_pieces_and_chunks():
    """An answer cut anywhere, and one in chunks without a length, are each one answer."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    pieces = {0: [GOOD[:20], GOOD[20:-1], GOOD[-1:]], 1: [chunked[:-3], chunked[-3:]]}
    with answering(lambda number, body: pieces[number % 2]) as (port, asked):
        load = closed(port, [REQUEST], connections=1, seconds=0.1)
    assert load.answered == load.sent == len(asked) > 1


def test_what_fails_is_counted():
    """Another status than 200 is a failure; so is a connection that ends before its answer, and the next one goes on."""
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    said = {0: [GOOD], 1: [busy], 2: None}
    with answering(lambda number, body: said[number % 3]) as (port, _):
        load = closed(port, [REQUEST], connections=1, seconds=0.2)
    assert load.statuses[503] > 0 < load.lost
    assert load.failed == load.statuses[503] + load.lost
    assert load.sent == load.answered + load.failed


@pytest.mark.parametrize("random_gaps", [False, True])
def test_a_rate_is_kept(random_gaps):
    """At a fixed rate as many requests are sent as were due, and a wait for a free connection is in the latency."""
    with answering(lambda number, body: [GOOD]) as (port, asked):
        load = rated(port, [REQUEST], per_second=500, seconds=0.2, connections=1, random_gaps=random_gaps)
    assert load.sent == load.answered == len(asked)
    assert load.sent == pytest.approx(100, abs=0 if not random_gaps else 40)
    assert load.latency_ms(1.0) >= load.latency_ms(0.5) > 0


def test_a_server_is_all_its_processes(tmp_path):
    """The child of a server counts, is held still with it, and ends with it."""
    script = (
        "import subprocess, sys, http.server\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')\n"
    )
    port = free_port()
    server = Server([sys.executable, "-c", script, str(port)], port=port, log=tmp_path / "log", cwd=tmp_path, more={})
    try:
        assert server.ready(lambda: ask(port, "/").status == 200) > 0
        assert len(server.pids()) == 2
        rss, pss = server.memory_mb()
        assert rss >= pss > 1
        server.pause()
        server.go_on()
        assert ask(port, "/").status == 200
    finally:
        server.stop()
    assert server.pids() == []


def test_a_server_that_does_not_come_up_is_told(tmp_path):
    """What it said last is in the message."""
    server = Server(
        [sys.executable, "-c", "raise SystemExit('no port')"], port=1, log=tmp_path / "log", cwd=tmp_path, more={}
    )
    try:
        with pytest.raises(RuntimeError, match="no port"):
            server.ready(lambda: False)
    finally:
        server.stop()
