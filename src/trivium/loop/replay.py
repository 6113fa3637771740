"""Replay: a version answers the logged traffic of past days, off any server, and is held to what was served.

A month takes seconds, so what a shadow would tell in a month is known before one begins. Two things it cannot tell: how
the version does under load, and what callers do differently because of what it says.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.events import Event
from trivium.core.problems import DataError, Problem, StepError
from trivium.core.values import iso, span
from trivium.loop.bodies import Body, body_of
from trivium.loop.features import input_frames
from trivium.loop.seal import seal
from trivium.loop.traffic import Batch, traffic
from trivium.loop.weigh import Weighed, compared, weigh
from trivium.loop.workspace import Workspace
from trivium.release.stages import Decision, decide

if TYPE_CHECKING:
    import polars as pl

# Rows that got no answer of any kind, and what versions beside the answer said.
NOT_ANSWERED = ("refused", "unserved")


@dataclass
class Replay:
    """What came of a replay of batches that began and ended at these times; None where there were none.

    `took_ms` is how long the version took for all rows, its features included.
    """

    weighed: Weighed
    decision: Decision
    since: datetime | None = None
    until: datetime | None = None
    rows: int = 0
    learnt: int = 0
    took_ms: float = 0.0
    served_ms: float | None = None
    troubles: dict[str, int] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """The verdict; without enough to give one, unknown."""
        return self.decision.verdict or "unknown"

    @property
    def ms_a_row(self) -> float:
        """Milliseconds that the version took for a row, on the mean."""
        return self.took_ms / self.rows if self.rows else float("nan")


def replay(
    ws: Workspace,
    body: Body,
    *,
    since: datetime,
    until: datetime,
    learnt_until: datetime | None,
    stayed: timedelta = timedelta(0),
    timer: Callable[[], float] = time.perf_counter,
) -> Replay:
    """Let a version answer what was asked in `[since, until)`, and hold it to what was served.

    Args:
        ws: the project, its log sealed as far as it is to count.
        body: the version, ready to answer.
        since: the first moment.
        until: the first moment that is left out.
        learnt_until: until when the version has seen outcomes in training: rows before that tell nothing of its losses.
        stayed: for how long it has been at this stage.
        timer: seconds.

    Returns:
        What it said against what was served: errors, answers that break checks, shift, losses by slice; and a verdict.
    """
    said = _Said(ws, body, timer)
    held = [(batch, said.of(batch)) for batch in traffic(ws, since=since, until=until)]
    asked = [batch for batch, part in held if part is not None]
    parts = [part for _, part in held if part is not None]
    weighed = weigh(ws, parts, latency=None, learnt_until=learnt_until)
    decision = decide(
        "replay",
        stayed=stayed,
        answers=weighed.seen.answers,
        outcomes=weighed.seen.outcomes,
        findings=weighed.findings,
        rule=ws.project.release,
    )
    decision = _in_time(decision, said, limit_ms=ws.project.release.max_latency_ms)
    done = Replay(weighed, decision, troubles=said.troubles)
    if asked:
        done.since, done.until = min(batch.start for batch in asked), max(batch.end for batch in asked)
    done.rows, done.took_ms, done.served_ms = said.rows, said.took_s * 1000, said.served_ms()
    done.learnt = 0 if learnt_until is None else sum(int((part["at"] <= learnt_until).sum()) for part in parts)
    return done


class _Said:
    """What the version says of batch after batch, what that takes, and what was served."""

    def __init__(self, ws: Workspace, body: Body, timer: Callable[[], float]) -> None:
        self._ws, self._body, self._timer = ws, body, timer
        self.rows, self.took_s = 0, 0.0
        self.troubles: dict[str, int] = {}
        self._served: list[float] = []

    def of(self, batch: Batch) -> "pl.DataFrame | None":
        """Answer one batch; None where nothing was answered in it."""
        import polars as pl

        served = batch.log.filter(~pl.col("source").is_in(NOT_ANSWERED)).unique(
            "row_id", keep="first", maintain_order=True
        )
        asked = batch.requests.filter(pl.col("row_id").is_in(served["row_id"].implode()))
        if not asked.height:
            return None
        self._served += served["latency_ms"].drop_nulls().to_list()
        said = pl.DataFrame({"row_id": asked["row_id"], "said": self._ask(batch, asked.drop("row_id"))})
        fell = pl.col("source").is_in(["fallback", "default"])
        pairs = served.join(said, on="row_id", how="inner", maintain_order="left").select(
            "row_id",
            "at",
            pl.col("said").fill_nan(None),
            pl.when(fell).then(None).otherwise(pl.col("prediction")).alias("other"),
            is_asked=pl.lit(True),
            is_version=pl.col("source") == "model",
        )
        return compared(self._ws, batch, pairs)

    def _ask(self, batch: Batch, rows: "pl.DataFrame") -> "np.ndarray[Any, Any]":
        frames = input_frames(self._ws, rows, start=batch.start, until=batch.end)
        started = self._timer()
        try:
            said = self._body.predict(self._body.features(frames))
        except StepError as error:
            self._note(error.problems[0], rows.height)
            said = np.full(rows.height, np.nan)
        self.took_s += self._timer() - started
        self.rows += rows.height
        return np.where(np.isfinite(said), said, np.nan)

    def _note(self, problem: Problem, rows: int) -> None:
        words = f"{problem.what}; {problem.seen}"
        self.troubles[words] = self.troubles.get(words, 0) + rows

    def served_ms(self) -> float | None:
        """The median of what the served answers took, where that was logged."""
        return float(np.median(self._served)) if self._served else None


def _in_time(decision: Decision, said: _Said, *, limit_ms: float) -> Decision:
    """Hold a version to the limit of one answer: what a row costs in a batch is the least that it costs alone."""
    each = said.took_s * 1000 / said.rows if said.rows else 0.0
    if decision.verdict == "roll back" or each <= limit_ms:
        return decision
    reason = f"it takes {each:,.0f} ms a row even in a batch (limit {limit_ms:,.0f} ms)"
    return Decision(verdict="roll back", reason=reason)


def replayed(ws: Workspace, ref: str, done: Replay) -> Event:
    """Make the event that tells of a replay. How long it took, and when it was made, decide nothing."""
    seen = done.weighed.seen
    return ws.event(
        "replayed",
        ref,
        because=done.decision.reason,
        verdict=done.verdict,
        **{"from": done.since and iso(done.since)},
        until=done.until and iso(done.until),
        rows=seen.answers,
        outcomes=seen.outcomes,
        learnt=done.learnt,
        findings=msgspec.to_builtins(done.weighed.findings),
        troubles=done.troubles,
    )


def replay_version(
    ws: Workspace, name: str, *, since: datetime | None = None, until: datetime | None = None, because: str = ""
) -> Replay:
    """Replay a version by hand, over `release.replay` of traffic where no times are given, and keep the verdict.

    Raises:
        ProjectError (TV-REL-001, -002): no such version. DataError (TV-RUN-033): nothing was answered in that time.
    """
    seal(ws)
    version = ws.state.versions.resolve(name)
    until = until or ws.clock.now()
    since = since or until - span(ws.project.release.replay)
    done = replay(ws, body_of(ws, version.ref), since=since, until=until, learnt_until=version.trained_until)
    if not done.weighed.seen.answers:
        raise DataError(
            Problem(
                code="TV-RUN-033",
                what="there is no logged traffic to replay",
                where=f"{iso(since)} to {iso(until)}",
                seen="no answers",
                fix="name other times with --from and --to; `trivium tick` answers what was collected",
            )
        )
    event = replayed(ws, version.ref, done)
    ws.unit(None, lambda: [msgspec.structs.replace(event, because=because or event.because)])
    return done
