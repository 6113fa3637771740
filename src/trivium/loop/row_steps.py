"""Features without a frame: the steps compiled to one row, and proven on history before they may answer.

Done in a thread of its own whenever the tables beside the requests have changed; until it is done, and where it cannot
be done, Polars makes the features of every row.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trivium.core.problems import StepError
from trivium.loop.features import FeatureSteps, Frames
from trivium.loop.lookups import Lookups

if TYPE_CHECKING:
    import polars as pl

    from trivium.experiment.rowwise.steps import Proof, RowSteps

EDGES = 400
TIMES = 500
# Steps that raise on many edge rows are asked about them in ever smaller batches, but not for ever.
MOST_CALLS = 100
# A proof takes turns with those who answer: it holds the interpreter for a millisecond at a time.
TURN_ROWS = 16
REST_S = 0.0005
_one_at_a_time = threading.Lock()
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compilation:
    """What came of compiling: the steps of one row, or why Polars answers; and on how many rows both were compared."""

    steps: "RowSteps | None"
    reason: str
    rows: int = 0
    unsure: int = 0


def compile_steps(steps: FeatureSteps, ready: Frames, lookups: Lookups) -> Compilation:
    """Compile the steps that read the requests, and hold them to Polars on the latest requests and on edge rows.

    Args:
        steps: the steps.
        ready: what they read beside the requests.
        lookups: where `ready` is from; its latest requests are the history.
    """
    from trivium.experiment.rowwise.edges import edges
    from trivium.experiment.rowwise.steps import LEAST_SURE, Proof, compiled
    from trivium.experiment.rowwise.values import NotRowWiseError

    asked, requests = lookups.asked, lookups.project.requests
    if not asked.height:
        return Compilation(None, "there are no requests yet to prove it on")
    try:
        # Recorded under another clock than Polars is asked at: a step that reads the clock fails its proof.
        row_steps = compiled(lambda recorded: steps.elsewhen.made({**ready, requests: recorded}), asked)
        history = Proof()
        _prove(row_steps, asked.to_dicts(), lambda rows: steps({**ready, requests: rows}), asked, history)
    except StepError as error:
        cause = error.__cause__
        said = str(cause) if isinstance(cause, NotRowWiseError) else f"{error.problems[0].what}: {str(cause)[:100]}"
        return Compilation(None, said)
    except NotRowWiseError as error:
        return Compilation(None, str(error))
    if not history.wrong and history.unsure > (1 - LEAST_SURE) * history.rows:
        return Compilation(None, f"{history.unsure:,} of the latest {history.rows:,} requests are beyond it")
    edge = Proof(rows=history.rows, unsure=history.unsure, wrong=history.wrong)
    if edge.holds:
        rows = edges(asked, _times(lookups), count=EDGES)
        _prove(row_steps, rows, lambda frame: steps.made({**ready, requests: frame}), asked, edge)
    return Compilation(row_steps if edge.holds else None, "" if edge.holds else edge.reason, edge.rows, edge.unsure)


def _prove(
    row_steps: "RowSteps",
    rows: Sequence[Mapping[str, Any]],
    run: "Callable[[pl.DataFrame], pl.DataFrame]",
    like: "pl.DataFrame",
    proof: "Proof",
) -> None:
    """Compare on rows, a few at a time; a row that Polars refuses must be refused here too."""
    from trivium.experiment.rowwise.steps import prove

    for part, expected in _said(run, rows, like, row_steps, proof):
        for place, _ in enumerate(prove(row_steps, part, expected, proof)):
            if place % TURN_ROWS == 0:
                time.sleep(REST_S)


def _said(
    run: "Callable[[pl.DataFrame], pl.DataFrame]",
    rows: Sequence[Mapping[str, Any]],
    like: "pl.DataFrame",
    row_steps: "RowSteps",
    proof: "Proof",
) -> "Iterator[tuple[Sequence[Mapping[str, Any]], pl.DataFrame]]":
    """Give what Polars says of rows, in the largest parts of which it says anything."""
    import polars as pl

    waiting, calls = [rows], 0
    while waiting and calls < MOST_CALLS:
        part, calls = waiting.pop(), calls + 1
        frame = pl.DataFrame({name: [row[name] for row in part] for name in like.columns}, schema=like.schema)
        try:
            yield part, run(frame)
        except StepError:
            if part is rows and calls == 1 and proof.rows == 0:
                raise
            if len(part) > 1:
                waiting += [part[: len(part) // 2], part[len(part) // 2 :]]
            elif row_steps.features(part[0]) is not None:
                proof.wrong = "it would answer a row that Polars refuses"
                return


def _times(lookups: Lookups) -> list[datetime]:
    """Give times of the other tables' rows, evenly from each."""
    found: list[datetime] = []
    for name, frame in lookups.frames.items():
        column = lookups.project.tables[name].time
        if column is not None and column in frame.columns and frame.height:
            held = frame[column].drop_nulls()
            found += held.gather_every(max(1, held.len() // TIMES)).to_list()
    return found


class Compiling:
    """A compilation under way; `steps` are None until it is proven."""

    def __init__(self, steps: FeatureSteps, ready: Callable[[], Frames], lookups: Lookups) -> None:
        """Start it in a thread of its own."""
        self.steps: RowSteps | None = None
        self.outcome: Compilation | None = None
        self._work = (steps, ready, lookups)
        self._thread = threading.Thread(target=self._run, name="trivium-compile", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is over, for so long; tell whether it is."""
        self._thread.join(timeout_s)
        return self.outcome is not None

    def _run(self) -> None:
        steps, ready, lookups = self._work
        with _one_at_a_time:
            try:
                self.outcome = compile_steps(steps, ready(), lookups)
            except StepError as error:
                self.outcome = Compilation(None, error.problems[0].what)
            except Exception as error:  # noqa: BLE001 - whatever a step does while it is recorded, Polars answers on
                _log.exception("the features step could not be compiled")
                self.outcome = Compilation(None, f"a fault while it was compiled: {type(error).__name__}: {error}")
        self.steps = self.outcome.steps
