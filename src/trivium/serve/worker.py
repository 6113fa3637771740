"""A worker: one process that serves all the projects from the listening socket that it was handed.

Started by `supervise` as `python -m trivium.serve.worker`, with its orders as JSON. It tells the supervisor over a pipe
that it is ready, and then once a second that its event loop still turns.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.core.problems import TriviumError
from trivium.serve.memory import resident_bytes, settle
from trivium.serve.orders import Orders

if TYPE_CHECKING:
    from trivium.serve.figures import Figures
    from trivium.serve.pulse import Pulse
    from trivium.serve.service import Service
    from trivium.serve.spans import Spans

# What is said over the pipe: ready, alive, and that more memory is held than a worker should.
READY, ALIVE, FULL = b"r", b".", b"m"
LEAST_GROWTH = 1.25
# After so many beats all is loaded, and features are compiled and proven.
LOADED_BEATS = 5
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


def main(words: list[str]) -> int:
    """Serve until told to stop; 0 after a drain, else the exit code of the problem that kept it from serving."""
    orders = Orders.read(words[0])
    # Must stand before NumPy, OpenMP and Polars load: workers share the cores, and each call is small.
    for name in THREADS:
        os.environ.setdefault(name, "1")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0")
    from trivium.serve.lines import LOG, set_up

    set_up()
    try:
        return serve(orders)
    except TriviumError as error:
        for problem in error.problems:
            LOG.error("cannot serve", extra={"problem": problem})
        return error.exit_code


def serve(orders: Orders) -> int:
    """Open the projects, load what their routes name, and answer until told to stop."""
    from trivium.serve.figures import Figures
    from trivium.serve.pulse import Pulse
    from trivium.serve.service import Service
    from trivium.serve.spans import Spans

    pulse = Pulse()
    figures = Figures(Path(orders.run_folder), str(orders.number))
    spans = Spans(orders.traces) if orders.traces else None
    services = [Service(Path(folder), figures=figures, pulse=pulse) for folder in orders.projects]
    try:
        _answer(orders, services, figures, pulse, spans)
    finally:
        for service in services:
            service.close()
        if spans is not None:
            spans.close()
    return 0


def _answer(
    orders: Orders, services: "list[Service]", figures: "Figures", pulse: "Pulse", spans: "Spans | None"
) -> None:
    from trivium.serve.access import Gate
    from trivium.serve.app import App
    from trivium.serve.http import run
    from trivium.serve.site import Whole, routes

    whole = Whole(services, figures, pulse)
    gate = Gate(
        {service.name: service for service in services},
        is_loopback=orders.is_loopback,
        is_open=orders.without_tokens,
        rates={service.name: service.project.serve.rate_per_s / orders.workers for service in services},
    )
    app = App(
        routes(services, whole, figures),
        gate=gate,
        figures=figures,
        pulse=pulse,
        worker=str(orders.number),
        spans=spans,
        says_each=orders.says_each,
    )
    run(app, orders=orders, beat=Beat(orders, services, figures))


class Beat:
    """What happens once a second: the supervisor is told, the figures are written, the day may have changed."""

    def __init__(self, orders: Orders, services: "list[Service]", figures: "Figures") -> None:
        self._fd, self._services, self._figures = orders.beat_fd, services, figures
        # A limit below what a worker needs at all would have it replaced for ever.
        self._most_bytes = max(orders.most_bytes, int(LEAST_GROWTH * resident_bytes()))
        os.set_blocking(self._fd, False)
        self._beats = 0

    def __call__(self, said: bytes = ALIVE) -> bool:
        """Beat; False where the supervisor is gone, and nobody would start this worker anew."""
        now = datetime.now(UTC)
        self._beats += 1
        if self._beats == LOADED_BEATS:
            settle()
        for service in self._services:
            service.tend(now)
        self._figures.write()
        try:
            os.write(self._fd, said + (FULL if resident_bytes() > self._most_bytes else b""))
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
