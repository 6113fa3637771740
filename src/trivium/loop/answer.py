"""Answer: the one function that predicts, for a rehearsal, a replay and a server alike.

Checks on the request, features, the routed version, checks on the prediction; and behind each version the last good
one, then the heuristic, then the declared default.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.contract import Check
from trivium.core.events import Event
from trivium.core.problems import StepError
from trivium.core.project import Project
from trivium.core.values import iso
from trivium.loop.answered_rows import unanswered
from trivium.loop.batch import Batch
from trivium.loop.bodies import HEURISTIC, Body, body_of, heuristic_of
from trivium.loop.features import Frames, input_frames
from trivium.loop.line import CANARY, EARLIER, LIVE, RULE
from trivium.loop.workspace import Workspace
from trivium.release.canary import Arms
from trivium.release.route import Route

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Trouble:
    """What went wrong with one version while a batch was answered: it raised, was late, or gave no finite number."""

    ref: str
    kind: str
    rows: int
    what: str


@dataclass
class Answers:
    """The log of a batch (`store.predictions.PREDICTIONS`): what was served, and what others would have said."""

    log: "pl.DataFrame"
    troubles: list[Trouble] = field(default_factory=list)
    checks: dict[str, int] = field(default_factory=dict)


def answer(
    rows: "pl.DataFrame",
    frames: Frames,
    *,
    project: Project,
    route: Route,
    bodies: Mapping[str, Body],
    heuristic: Body | None,
    at: datetime,
    name: str,
    timer: Callable[[], float] = time.perf_counter,
) -> Answers:
    """Answer a batch of requests by the route.

    Args:
        rows: requests that passed their table's contract; one row id each.
        frames: what the features step reads, the batch's rows under the requests' table.
        project: its checks on requests and predictions, its default and its limits.
        route: who answers whom; versions in shadow and the first fallback answer every row too, unserved.
        bodies: every version that the route names.
        heuristic: answers where no version does.
        at: the time of the answers.
        name: the batch's name, from which prediction ids are made.
        timer: seconds; a version slower than release.max_latency_ms (a thousand rows) falls back.

    Returns:
        One served row per request in the order of `rows`, its stage the arm it fell into (`live` or `canary`), whoever
        answered it in the end; then unserved rows, by stage.
    """
    batch = Batch(rows, project=project, name=name, at=at)
    batch.refuse(_checks(project, "request", at))
    batch.age(frames)
    panel = _Panel(frames, rows.height, project.release.max_latency_ms, timer)
    rule = panel.ask(heuristic) if heuristic else None
    arms = np.array(Arms(route).assign(batch.entities), dtype=object)
    for ref in route.canary_refs:
        batch.enter(arms == ref, "canary")
        batch.take(panel.ask(bodies[ref]), version=ref, source="model", place=CANARY, where=arms == ref)

    def go_down() -> None:
        if route.live:
            batch.take(panel.ask(bodies[route.live]), version=route.live, source="model", place=LIVE)
        for place, ref in enumerate(route.fallback, start=EARLIER):
            if batch.waiting.any():
                batch.take(panel.ask(bodies[ref]), version=ref, source="fallback", place=place)
        batch.take(rule, version=None, source=HEURISTIC, place=RULE)
        batch.default(project.model.default)

    go_down()
    batch.check(_checks(project, "prediction", at), go_down)
    beside = unserved_stages(route)
    unserved = [batch.unserved(panel.ask(bodies[ref]), version=ref, stage=stage) for ref, stage in beside.items()]
    if rule is not None:
        unserved.append(batch.unserved(rule, version=None, stage=HEURISTIC))
    import polars as pl

    return Answers(pl.concat([batch.log(), *unserved]), panel.troubles, batch.broken)


def unserved_stages(route: Route) -> dict[str, str]:
    """Name the versions whose answers to every row are logged unserved, each with its stage there.

    Beside canaries the live version answers their rows as well, and each of them all rows: so they are compared on the
    same rows.
    """
    named = {**dict.fromkeys(route.shadow, "shadow"), **dict.fromkeys(route.fallback[:1], "fallback")}
    if route.canaries:
        named |= {ref: "compared" for ref in (route.live, *route.canary_refs) if ref}
    return named


def _checks(project: Project, on: str, at: datetime) -> list[Check]:
    return [check for check in project.checks if check.holds(on, today=at.date())]


class _Panel:
    """Those who are asked about a batch: each once, features computed once for all who share them."""

    def __init__(self, frames: Frames, rows: int, max_latency_ms: float, timer: Callable[[], float]) -> None:
        self._frames, self._rows, self._timer = frames, rows, timer
        self._limit_ms = max_latency_ms * max(1.0, rows / 1000)
        self._features: dict[str, pl.DataFrame] = {}
        self._said: dict[str, Array] = {}
        self.troubles: list[Trouble] = []

    def ask(self, body: Body) -> Array:
        """Give what a version says of every row, shape (rows,); NaN where it has nothing usable to say."""
        if body.ref not in self._said:
            self._said[body.ref] = self._ask(body)
        return self._said[body.ref]

    def _ask(self, body: Body) -> Array:
        nothing = np.full(self._rows, np.nan)
        started = self._timer()
        try:
            if body.features_key not in self._features:
                self._features[body.features_key] = body.features(self._frames)
            said = body.predict(self._features[body.features_key])
        except StepError as error:
            problem = error.problems[0]
            self._note(body, "raised", self._rows, f"raised: {problem.what}; {problem.seen}")
            return nothing
        took_ms = (self._timer() - started) * 1000
        if took_ms > self._limit_ms:
            self._note(body, "late", self._rows, f"late: {took_ms:.0f} ms for {self._rows} rows")
            return nothing
        bad = int((~np.isfinite(said)).sum())
        if bad:
            self._note(body, "not_finite", bad, f"not_finite: {bad} answers are no finite number")
        return said

    def _note(self, body: Body, kind: str, rows: int, what: str) -> None:
        self.troubles.append(Trouble(body.ref, kind, rows, what))


def answer_partition(ws: Workspace, partition: str, *, timer: Callable[[], float]) -> list[Event]:
    """Answer the rows of one partition of the requests' table that no server has answered, once, and log that."""

    def work() -> list[Event]:
        record = next(r for r in ws.state.snapshot.partitions(ws.project.requests) if r.partition == partition)
        rows = unanswered(ws, ws.frame(record.blob), since=record.start)
        if not rows.height:
            return []
        route = ws.route
        answers = answer(
            rows,
            input_frames(ws, rows, start=record.start, until=record.end),
            project=ws.project,
            route=route,
            bodies={ref: _struck(ws, body_of(ws, ref)) for ref in sorted(route.named)},
            heuristic=heuristic_of(ws),
            at=record.end,
            name=partition,
            timer=timer,
        )
        return [ws.event("answered", ws.project.model.name, **_answered(ws, answers, partition, record.start))]

    return ws.unit(f"answer/{partition}", work)


def _struck(ws: Workspace, body: Body) -> Body:
    """Let a rehearsal's faults strike a released version; nothing strikes in real life."""
    strike = ws.cache.get("strike")
    return strike(body) if strike else body


def _answered(ws: Workspace, answers: Answers, partition: str, start: datetime) -> dict[str, Any]:
    import polars as pl

    log = answers.log
    served = log.filter(pl.col("source") != "unserved")
    counts = served.group_by("version", "stage", "source").len().sort("version", "stage", "source", nulls_last=True)
    return {
        "partition": partition,
        "start": iso(start),
        "blob": ws.blobs.put_frame(log),
        "rows": served.height,
        "asked": sorted(version for version in log["version"].unique().to_list() if version),
        "served": counts.rows(named=True),
        "troubles": [{"version": t.ref, "kind": t.kind, "rows": t.rows, "what": t.what} for t in answers.troubles],
        "checks": answers.checks,
        "review": int(served["review"].sum()),
    }
