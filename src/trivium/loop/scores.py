"""Score: outcomes are joined as they come; a period is scored once it has matured, and again when its truth changes.

First as soon as each class's outcomes have come to the share that `[outcomes] mature` asks for, the rows that came
weighted for those that did not; anew once all outcomes are due, if that changes anything; and again whenever an outcome
comes late, is corrected or is withdrawn. The last word on a period counts, and says why it replaces the one before.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.events import Event
from trivium.core.values import iso, moment
from trivium.evaluate.scorecard import Scorecard, blocks, score
from trivium.loop.cohort import EARLY, Cohort, arrival_now, cohort
from trivium.loop.estimate import estimate_due
from trivium.loop.join import join_of
from trivium.loop.judge import metrics_of, slice_masks
from trivium.loop.log_book import Posted
from trivium.loop.outcomes import has_outcomes, labels, outcomes, posted_labels
from trivium.loop.workspace import Workspace
from trivium.monitor.maturity import Arrival, by_class, classes_of
from trivium.store.tables import PartitionRecord

if TYPE_CHECKING:
    import polars as pl

# Blocks of neighbours in time that are left out in turn for a period's intervals.
BLOCKS = 8
# By posted outcomes alone a period matures as by those of a table that says nothing of it.
MATURE = 0.95
# A late word on a period older than this is kept in its table, and no longer scored.
STRAGGLERS = timedelta(days=90)


def score_due(ws: Workspace) -> list[Event]:
    """Join what came, score what has matured, score anew what changed, and estimate what still waits."""
    ws.refresh()
    if not has_outcomes(ws):
        return []
    return [*_join(ws), *_score_matured(ws), *estimate_due(ws)]


def _score_matured(ws: Workspace) -> list[Event]:
    """Score each answered period that was not scored yet and has matured."""
    journal = ws.state.journal
    waiting = [name for name in journal.answered if name not in journal.scored]
    if not waiting:
        return []
    since = min(moment(journal.answered[name].body["start"]) for name in waiting) - EARLY
    truth = outcomes(ws, since=since, until=ws.clock.now())
    cohorts = [cohort(ws, name, truth=truth) for name in waiting]
    arrival = arrival_now(ws, cohorts)
    mature = ws.project.outcomes.mature if ws.project.outcomes else MATURE
    done: list[Event] = []
    for one in cohorts:
        if one.matured(arrival) >= mature:
            done += ws.unit(f"score/{one.name}", partial(_scored, ws, one, arrival))
    return done


def _scored(ws: Workspace, one: Cohort, arrival: Arrival) -> list[Event]:
    share = one.matured(arrival)
    because = "all outcomes are due" if one.is_due else f"{share:.1%} of each class has come, as delays go"
    return [_event(ws, one, arrival, because=because)]


def _event(ws: Workspace, one: Cohort, arrival: Arrival, *, because: str) -> Event:
    served = one.served
    weight = one.weights(served, arrival)
    before = ws.state.journal.scored.get(one.name)
    return ws.event(
        "scored",
        ws.project.model.name,
        because=because,
        partition=one.name,
        start=iso(one.start),
        end=iso(one.end),
        live=ws.state.route.live if before is None else before.body["live"],
        scoring=1 if before is None else before.body["scoring"] + 1,
        final=one.is_due,
        arrived=one.matured(arrival),
        overdue=int((one.log["source"] != "unserved").sum()) - served.height,
        weights=by_class(weight, classes_of(served["label"].to_numpy(), one.edges)),
        edges=list(one.edges),
        truth=one.truth,
        delays=msgspec.to_builtins(one.delays()),
        joined=ws.blobs.put(msgspec.json.encode(join_of(ws, one, arrival))),
        served=_scores(ws, one, served, arrival, version=""),
        versions=_versions(ws, one, arrival),
    )


def _versions(ws: Workspace, one: Cohort, arrival: Arrival) -> dict[str, Any]:
    """Score each version on all rows it was asked about, served or not."""
    asked: dict[str, Any] = {}
    parts = one.known.partition_by("version", "stage", as_dict=True, maintain_order=True)
    for (version, stage), rows in sorted(parts.items(), key=str):
        name = str(version or "heuristic")
        if name not in asked and (version is not None or stage == "heuristic") and stage != "canary":
            asked[name] = {"stage": stage, **_scores(ws, one, rows, arrival, version=name)}
    return asked


def _scores(ws: Workspace, one: Cohort, known: "pl.DataFrame", arrival: Arrival, *, version: str) -> dict[str, Any]:
    """Score rows by metric and slice; `rows` counts what came, `slices` what it stands for."""
    columns = [name for name in one.requests.columns if name not in known.columns or name == "row_id"]
    rows = one.weighted(known, arrival).join(
        one.requests.select(columns), on="row_id", how="left", maintain_order="left"
    )
    card = score(
        rows["label"].to_numpy(),
        rows["prediction"].to_numpy(),
        rows,
        metrics=metrics_of(ws),
        masks=slice_masks(ws, rows),
        groups=blocks(rows.height, BLOCKS),
        confidence=ws.project.gate.confidence,
        version=version,
    )
    return {"rows": known.height, **_told(card)}


def _told(card: Scorecard) -> dict[str, Any]:
    metrics: dict[str, dict[str, float | None]] = {}
    intervals: dict[str, dict[str, list[float | None]]] = {}
    for cell in card.cells:
        metrics.setdefault(cell.metric, {})[cell.slice] = cell.value
        intervals.setdefault(cell.metric, {})[cell.slice] = [cell.low, cell.high]
    return {"slices": {cell.slice: cell.rows for cell in card.cells}, "metrics": metrics, "intervals": intervals}


@dataclass(frozen=True)
class _News:
    """What came since the last look: the outcomes' partitions, and the rows they speak of."""

    records: list[PartitionRecord]
    posted: list[Posted]
    ids: "pl.Series"

    @property
    def through(self) -> int:
        return max([*(one.seq for one in self.records), *(one.seq for one in self.posted)], default=0)


def _join(ws: Workspace) -> list[Event]:
    """Account for the outcomes that came since the last look, and score anew the periods that they change."""
    return ws.unit(f"join/{ws.state.journal.head}", lambda: _joined(ws))


def _joined(ws: Workspace) -> list[Event]:
    news = _news(ws)
    due = _due(ws)
    more = _answered_anew(ws)
    if not news.records and not news.posted and not due and not more:
        return []
    touched, waiting, unknown = _touched(ws, news.ids)
    settled: dict[str, Any] = {}
    again: list[Event] = []
    # A period that was scored early is not scored anew with each outcome that was to be expected, but once all are due.
    for name in sorted({*(name for name in touched if name in ws.state.journal.settled), *due, *more}):
        one = cohort(ws, name)
        before = ws.state.journal.scored[name].body
        if one.truth != before["truth"] or (one.is_due and max(before["weights"].values(), default=1.0) > 1.0):
            # All its outcomes are due, so no row stands for any but itself.
            again.append(_event(ws, one, Arrival(shares={}), because=_why_again(one, before)))
        elif one.is_due and name not in ws.state.journal.settled:
            settled[name] = msgspec.to_builtins(one.delays())
    return [
        ws.event(
            "joined",
            ws.project.outcomes.table if ws.project.outcomes else ws.project.model.name,
            through=max(news.through, ws.state.journal.joined_through),
            partitions=[record.partition for record in news.records],
            rows=len(news.ids),
            waiting=waiting,
            scored=len(news.ids) - waiting - unknown,
            unknown=unknown,
            again=[event.body["partition"] for event in again],
            settled=settled,
        ),
        *again,
    ]


def _news(ws: Workspace) -> _News:
    """Find the partitions of outcomes that were collected, corrected or released since the last look."""
    import polars as pl

    table = ws.project.outcomes.table if ws.project.outcomes else ""
    through = ws.state.journal.joined_through
    records = [record for record in ws.state.snapshot.partitions(table) if record.seq > through]
    posted = [one for one in ws.state.log.posted if one.seq > through]
    frames = [pl.Series("row_id", [], dtype=pl.String)]
    for record in records:
        history = ws.state.snapshot.history(table, record.partition)
        seen = [one for one in history if one.seq <= through]
        now = labels(ws, record)
        if seen and seen[-1].blob != record.blob:
            now = _changed(labels(ws, seen[-1]), now)
        elif seen:
            now = now.clear()
        frames.append(now["row_id"])
    frames += [posted_labels(ws, one)["row_id"] for one in posted]
    return _News(records, posted, pl.concat(frames).unique(maintain_order=True))


def _changed(was: "pl.DataFrame", now: "pl.DataFrame") -> "pl.DataFrame":
    """Keep the outcomes that one version of a partition has and the other has not."""
    import polars as pl

    def less(one: "pl.DataFrame", other: "pl.DataFrame") -> "pl.DataFrame":
        return one.join(other, on=one.columns, how="anti", nulls_equal=True, maintain_order="left")

    return pl.concat([less(now, was), less(was, now)])


def _answered_anew(ws: Workspace) -> list[str]:
    """Name the scored periods to which a server's late answers were added since."""
    journal = ws.state.journal
    return [name for name, event in journal.scored.items() if journal.answered[name].seq > event.seq]


def _due(ws: Workspace) -> list[str]:
    """Name the periods that were scored early and whose outcomes are all due by now."""
    journal = ws.state.journal
    limit = ws.clock.now() - ws.project.label_delay
    early = [event for name, event in journal.scored.items() if name not in journal.settled]
    return [event.body["partition"] for event in early if moment(event.body["end"]) <= limit]


def _touched(ws: Workspace, ids: "pl.Series") -> tuple[list[str], int, int]:
    """Find the scored periods that outcomes are about; count the outcomes of periods that wait, and of none known."""
    journal = ws.state.journal
    left = ids
    for name in [name for name in journal.answered if name not in journal.scored]:
        left = left.filter(~left.is_in(_ids(ws, name)))
    waiting = len(ids) - len(left)
    touched = []
    for name in sorted(journal.scored, reverse=True):
        if not len(left) or moment(journal.scored[name].body["end"]) < ws.clock.now() - STRAGGLERS:
            break
        mine = left.is_in(_ids(ws, name))
        if mine.any():
            touched.append(name)
            left = left.filter(~mine)
    return touched, waiting, len(left)


def _ids(ws: Workspace, name: str) -> "pl.Series":
    """The ids of the requests that were answered in a period; those of the latest periods are remembered."""
    log = ws.frame(ws.state.journal.answered[name].body["blob"])
    return log.filter(log["source"] != "unserved")["row_id"].implode()


def _why_again(one: Cohort, before: dict[str, Any]) -> str:
    more = one.served.height - before["served"]["rows"]
    if more:
        outcomes_came = f"{abs(more):,} more outcome" if more > 0 else f"{abs(more):,} outcome"
        return f"{outcomes_came}{'s' if abs(more) > 1 else ''} {'came' if more > 0 else 'withdrawn'}"
    return "outcomes were corrected" if one.truth != before["truth"] else "all outcomes are due: weights are gone"
