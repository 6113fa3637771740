"""A cohort: the answers of one period, and what has come of them by now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.values import moment, sha256, span
from trivium.loop.outcomes import outcomes, without_reviews
from trivium.loop.periods import requests_in
from trivium.loop.workspace import Workspace
from trivium.monitor.maturity import (
    STEPS,
    Arrival,
    Delays,
    classes_of,
    copies,
    edges_of,
    learn,
    matured,
    seen,
    steps_of,
    weights,
)

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]

# Outcomes are looked for from this long before a period starts: some are known early.
EARLY = timedelta(days=7)
# Delays are learnt from so many of the latest scored periods, and from those that still wait.
LEARNT_FROM = 56


@dataclass(frozen=True)
class Cohort:
    """One answered period at a time: its log, its requests, and the answers whose outcome is known.

    `known` has the log's columns with `label`, `delay_s` and `age_s`, one row per answer, served or not, that has an
    outcome; `edges` tell the classes of labels. `waited_s` is the age of the youngest request, `longest_s` the label's
    delay.
    """

    name: str
    start: datetime
    end: datetime
    log: "pl.DataFrame"
    requests: "pl.DataFrame"
    known: "pl.DataFrame"
    ages_s: Array
    waited_s: float
    longest_s: float
    edges: tuple[float, ...]

    @property
    def is_due(self) -> bool:
        """Whether every outcome is due."""
        return self.waited_s >= self.longest_s

    @cached_property
    def served(self) -> "pl.DataFrame":
        """The known answers that were served."""
        return self.known.filter(self.known["source"] != "unserved")

    @cached_property
    def truth(self) -> str:
        """Digest the labels that came: it changes when one more comes, or one is corrected or withdrawn."""
        held = self.known.select("row_id", "label").unique("row_id", keep="first", maintain_order=True)
        return sha256("\n".join(held["row_id"].to_list()).encode() + held["label"].to_numpy().tobytes())[:16]

    def delays(self) -> Delays:
        """Count how long the outcomes of what was served took, by class."""
        rows = self.served
        return seen(
            steps_of(rows["delay_s"].to_numpy(), longest=self.longest_s),
            classes_of(rows["label"].to_numpy(), self.edges),
            count=len(self.edges) + 1,
            age=self._steps(self.waited_s),
        )

    def matured(self, arrival: Arrival) -> float:
        """Tell the share that has come of the class that is furthest behind; 1 once all are due."""
        return 1.0 if self.is_due else matured(arrival, self._steps(self.ages_s), count=len(self.edges) + 1)

    def weights(self, rows: "pl.DataFrame", arrival: Arrival) -> Array:
        """Tell how many rows each known row stands for; 1 each once all are due."""
        if self.is_due:
            return np.ones(rows.height)
        classes = classes_of(rows["label"].to_numpy(), self.edges)
        return weights(arrival, self._steps(rows["age_s"].to_numpy()), classes)

    def weighted(self, rows: "pl.DataFrame", arrival: Arrival) -> "pl.DataFrame":
        """Repeat known rows by their weights, in their order."""
        weight = self.weights(rows, arrival)
        if not rows.height or weight.max() <= 1.0:
            return rows
        classes = classes_of(rows["label"].to_numpy(), self.edges)
        times = copies(weight, classes=classes, prediction=rows["prediction"].to_numpy())
        return rows[np.repeat(np.arange(rows.height), times)]

    def _steps(self, seconds: Any) -> Any:
        return seconds / self.longest_s * STEPS


def cohort(ws: Workspace, name: str, *, truth: "pl.DataFrame | None" = None) -> Cohort:
    """Join a period's answers with the outcomes known by now.

    Args:
        ws: the workspace.
        name: the period: a partition of the requests that was answered.
        truth: what `outcomes` gives for a span that holds this period's; read when left out.
    """
    import polars as pl

    answered = ws.state.journal.answered[name].body
    start = moment(answered["start"])
    end = start + span(ws.project.tables[ws.project.requests].every)
    now = ws.clock.now()
    if truth is None:
        truth = outcomes(ws, since=start - EARLY, until=now)
    if now < end + ws.project.label_delay:
        # While more is to come each row stands for others; those of a review were picked, and stand for none.
        truth = without_reviews(ws, truth, since=start - EARLY)
    log = ws.frame(answered["blob"])
    requests = requests_of(ws, name)
    asked = requests.select("row_id", pl.col(ws.project.model.time).cast(pl.Datetime("us", "UTC")).alias("_asked_at"))
    seconds = pl.duration(seconds=1)
    known = (
        log.join(truth, on="row_id", how="inner", maintain_order="left")
        .drop_nulls(["prediction", "label"])
        .join(asked, on="row_id", how="left", maintain_order="left")
        .with_columns(
            delay_s=(pl.col("known_at") - pl.col("_asked_at")) / seconds,
            age_s=(pl.lit(now) - pl.col("_asked_at")) / seconds,
        )
        .drop("known_at", "_asked_at")
    )
    ages = asked.select((pl.lit(now) - pl.col("_asked_at")) / seconds).to_series().drop_nulls().to_numpy()
    return Cohort(
        name=name,
        start=start,
        end=end,
        log=log,
        requests=requests,
        known=known,
        ages_s=ages,
        waited_s=(now - end).total_seconds(),
        longest_s=ws.project.label_delay.total_seconds(),
        edges=_edges(ws, known),
    )


def requests_of(ws: Workspace, name: str) -> "pl.DataFrame":
    """Read the requests of one answered period, with `row_id` as text: a partition of their table, or a server's log.

    A server may be asked about one row several times; its last request counts then.
    """
    import polars as pl

    answered = ws.state.journal.answered.get(name)
    if answered is not None and "requests" in answered.body:
        return requests_in(ws, answered.body["requests"])
    record = ws.state.snapshot.history(ws.project.requests, name)[-1]
    return ws.frame(record.blob).with_columns(pl.col(ws.project.model.row_id).cast(pl.String).alias("row_id"))


def _edges(ws: Workspace, known: "pl.DataFrame") -> tuple[float, ...]:
    """The classes' edges: those of the scores before, so that delays of many periods add up; else this cohort's."""
    for event in ws.state.journal.scored.values():
        if event.body["served"]["rows"]:
            return tuple(event.body["edges"])
    return edges_of(known["label"].to_numpy(), task=ws.project.model.task)


def arrival_now(ws: Workspace, waiting: "list[Cohort]") -> Arrival:
    """Learn how the classes' outcomes arrive, from the latest scored periods and from the cohorts that wait."""
    held = ws.state.journal.delays
    past = [msgspec.convert(held[name], Delays) for name in sorted(held)[-LEARNT_FROM:]]
    return learn([*past, *(one.delays() for one in waiting)])
