"""The keeper: a process that sees, about once a minute, to what need not be done while somebody waits for an answer.

It seals the prediction log and looks how long the review queue is, for each project in turn, and ends. In a worker this
would hold up its requests for seconds, for all threads of a process run Python in turn; and what it loads would stay.
Started by `supervise` as `python -m trivium.serve.keeper`, with the server's orders as JSON.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from trivium.core.problems import TriviumError
from trivium.serve.orders import Orders

Gauge = tuple[str, tuple[str, ...], float]
NICE = 10
# What it tells holds until the next has told the same, though that may take a while.
HOLDS_S = 600.0


def main(words: list[str]) -> int:
    """Keep house once; 0 even where a project could not be kept, for the next one tries again."""
    os.nice(NICE)
    # Must stand before Polars loads: those who answer have the first right to the cores.
    os.environ["POLARS_MAX_THREADS"] = "1"
    from trivium.serve.figures import leave
    from trivium.serve.lines import set_up

    set_up()
    orders = Orders.read(words[0])
    told = [gauge for folder in orders.projects for gauge in keep(Path(folder))]
    leave(Path(orders.run_folder), "keeper", told, holds_s=HOLDS_S)
    return 0


def keep(folder: Path) -> Iterator[Gauge]:
    """Seal what a project's servers have logged, and count its review queue."""
    from trivium.core.values import moment
    from trivium.loop.review_queue import queue_told
    from trivium.loop.seal import seal
    from trivium.loop.workspace import Workspace
    from trivium.serve.lines import LOG

    try:
        ws = Workspace(folder, actor="serve")
        seal(ws)
        queue = queue_told(ws)
    except TriviumError as error:
        LOG.warning("the log could not be sealed", extra={"project": str(folder), "problem": error.problems[0]})
        return
    except Exception:  # noqa: BLE001 - it is told of, and the next project is kept
        LOG.exception("the log could not be sealed", extra={"project": str(folder)})
        return
    model, oldest, now = (ws.project.model.name,), queue["oldest_at"], ws.clock.now()
    yield "trivium_log_sealed_timestamp_seconds", model, now.timestamp()
    yield "trivium_reviews_waiting", model, queue["waiting"]
    yield "trivium_reviews_oldest_seconds", model, (now - moment(oldest)).total_seconds() if oldest else 0.0
    yield "trivium_reviews_expired", model, queue["expired"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
