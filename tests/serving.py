"""A real server of a project, in processes of its own on a free port."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

START_S = 60.0


@dataclass
class Served:
    """A server that runs: where, its supervisor, and a client for it."""

    url: str
    process: "subprocess.Popen[str]"
    client: httpx.Client
    errors: Path

    def post(self, path: str, document: Any, **headers: str) -> httpx.Response:
        return self.client.post(path, json=document, headers=headers)

    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split() if b"serve.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def serving(folder: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """Serve a project until the block ends; its end must be a clean drain."""
    errors = folder / "server.log"
    command = [sys.executable, "-c", "from trivium.cli.main import main; main()"]
    words = [*command, "--project", str(folder), "serve", "--port", "0", "--json", *options]
    with errors.open("w") as log:
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **(environment or {})}
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, errors.read_text()
        url = json.loads(line)["url"]
        with httpx.Client(base_url=url, timeout=START_S) as client:
            yield Served(url, process, client, errors)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=START_S) == 0, errors.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def until(holds: Callable[[], Any], *, within_s: float = 30.0) -> Any:
    """Wait until something holds, and give it."""
    end = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)
    return found


@contextmanager
def collecting() -> Iterator[tuple[str, list[bytes]]]:
    """Take whatever is posted: a collector of traces, where it is and what it was sent."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
