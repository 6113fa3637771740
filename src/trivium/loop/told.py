"""A rehearsal told as one document: what was live, how it scored, what was caught and how fast."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.alarms import OF_RELEASES
from trivium.core.events import Event
from trivium.core.values import iso, moment, span
from trivium.loop.bodies import body_of
from trivium.loop.collect import table_rows
from trivium.loop.credit import credits_of
from trivium.loop.faults import ON_OUTCOMES, Fault, to_plain
from trivium.loop.features import input_frames
from trivium.loop.hindsight import taken_off
from trivium.loop.judge import metrics_of
from trivium.loop.outcomes import outcomes
from trivium.loop.review_queue import queue_told
from trivium.loop.skew import skew_of
from trivium.loop.try_idea import DIFFERS
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

# A rehearsal looks for skew in so many periods, evenly from all, and there at so many rows by themselves: some seconds.
SKEW_PERIODS, SKEW_ROWS = 40, 8


def tell(
    ws: Workspace,
    *,
    settings_name: str,
    start: datetime,
    until: datetime,
    seed: int,
    faults: Sequence[Fault],
) -> dict[str, Any]:
    """Tell a rehearsal; the shape is SURFACE's, `wall_s` and `spent` are the caller's to add."""
    ws.refresh()
    events = list(ws.ledger.events())
    metrics = {metric.name: metric for metric in metrics_of(ws)}
    primary = metrics[ws.project.primary]
    releases = taken_off(ws)
    alarms = _alarms(ws, faults, releases)
    caught = {fault.id: _caught(fault, alarms) for fault in faults}
    scored = _ScoredRows(ws)
    route = _route(events, start, until)
    skew = {**skew_of(ws, periods=SKEW_PERIODS, alone=SKEW_ROWS).told(), "refused": _refused_for_skew(events)}
    return {
        "name": settings_name,
        "model": ws.project.model.name,
        "project": ws.folder.resolve().name,
        "seed": seed,
        "from": iso(start),
        "to": iso(until),
        "ticks": sum(event.kind == "ticked" for event in events),
        "rows": sum(event.body["rows"] for event in events if event.kind == "answered"),
        "primary": {"metric": primary.name, "better": primary.better, "unit": primary.unit},
        "versions": _versions(ws),
        "route": route,
        "scores": scored.periods(ws.project.primary),
        "year": scored.whole(),
        "faults": [{**to_plain(fault), **caught[fault.id]} for fault in faults],
        "alarms": alarms,
        "taken_off": releases,
        "shifts": _shifts(ws),
        "incidents": _incidents(events, alarms),
        "rollbacks": [
            {"at": iso(event.at), "from": event.body["from"], "to": event.body["to"], "because": event.because}
            for event in events
            if event.kind == "rolled_back"
        ],
        "review": {"asked": _asked(events), **queue_told(ws)},
        "skew": skew,
        "tables": {name: table_rows(ws, name) for name in ws.project.tables},
        "summary": {
            **_summary(ws, faults, alarms, caught, start=start, until=until),
            **_of_releases(releases),
            "rows_with_skew": skew["skewed"],
        },
    }


def _refused_for_skew(events: Sequence[Event]) -> int:
    """Count the ideas whose answers, replayed, were not what the offline path makes: none of them is released."""
    tried = (event.body for event in events if event.kind == "tried")
    return sum(body["rung"] == "replay" and body["reason"].startswith(DIFFERS) for body in tried)


def _asked(events: Sequence[Event]) -> int:
    """Count the answers that broke a check which asks a person to look."""
    return sum(event.body["review"] for event in events if event.kind == "answered")


def _versions(ws: Workspace) -> list[dict[str, Any]]:
    found = []
    for version in ws.state.versions.all():
        verdicts = ws.state.versions.verdicts(version.ref)
        found.append(
            {
                "ref": version.ref,
                "trained_at": iso(version.at),
                "idea": version.idea,
                "because": version.because,
                "stages": [
                    {"stage": stay.stage, "at": iso(stay.at), "because": stay.because}
                    for stay in ws.state.versions.stays(version.ref)
                ],
                "verdict": verdicts[-1].verdict if verdicts else "unknown",
                "reasons": list(verdicts[-1].reasons) if verdicts else [],
            }
        )
    return found


def _route(events: Sequence[Event], start: datetime, until: datetime) -> list[dict[str, Any]]:
    """Cut the time into intervals within which the route is one value."""
    from trivium.release.route import Route, advance

    route, since = Route(), start
    found: list[dict[str, Any]] = []

    def close(at: datetime) -> None:
        if at > since:
            found.append(
                {
                    "from": iso(since),
                    "to": iso(at),
                    "live": route.live,
                    "canary": next(iter(route.canary_refs), None),
                    "shadow": list(route.shadow),
                    "by": route.by,
                    "because": route.because,
                }
            )

    for event in events:
        moved = advance(route, event)
        if moved != route:
            close(event.at)
            route, since = moved, max(since, event.at)
    close(until)
    return found


class _ScoredRows:
    """Every served row that met its outcome, beside what the heuristic and the first version would have said."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._events = [ws.state.journal.scored[name] for name in sorted(ws.state.journal.scored)]
        self._rows = self._gather()

    def _gather(self) -> "pl.DataFrame | None":
        import polars as pl

        ws = self._ws
        if not self._events:
            return None
        logs = []
        for event in self._events:
            log = ws.frame(ws.state.journal.answered[event.body["partition"]].body["blob"])
            rule = log.filter(pl.col("stage") == "heuristic").select("row_id", pl.col("prediction").alias("heuristic"))
            served = log.filter(pl.col("source") != "unserved").select("row_id", "prediction")
            logs.append(
                served.join(rule, on="row_id", how="left", maintain_order="left").with_columns(
                    pl.lit(event.body["partition"]).alias("_partition")
                )
            )
        since = moment(self._events[0].body["start"]) - timedelta(days=1)
        truth = outcomes(ws, since=since, until=ws.clock.now()).select("row_id", "label")
        known = pl.concat(logs).join(truth, on="row_id", how="inner", maintain_order="left")
        requests = self._requests()
        first = self._first(requests)
        known = known.join(first, on="row_id", how="left", maintain_order="left")
        return known.join(requests, on="row_id", how="left", maintain_order="left")

    def _requests(self) -> "pl.DataFrame":
        import polars as pl

        ws = self._ws
        names = {event.body["partition"] for event in self._events}
        records = [r for r in ws.state.snapshot.partitions(ws.project.requests) if r.partition in names]
        return ws.rows(records).with_columns(pl.col(ws.project.model.row_id).cast(pl.String).alias("row_id"))

    def _first(self, requests: "pl.DataFrame") -> "pl.DataFrame":
        """What the first version that was live would have said of every row since, never retrained."""
        import polars as pl

        ws = self._ws
        nothing = pl.DataFrame(schema={"row_id": pl.String, "first": pl.Float64})
        lives = [
            (stay.at, version.ref)
            for version in ws.state.versions.all()
            for stay in ws.state.versions.stays(version.ref)
            if stay.stage == "live"
        ]
        if not lives:
            return nothing
        at, ref = min(lives)
        rows = requests.filter(pl.col(ws.project.model.time) >= at)
        if not rows.height:
            return nothing
        body = body_of(ws, ref)
        plain = rows.drop("row_id") if ws.project.model.row_id != "row_id" else rows
        frames = input_frames(ws, plain, start=at, until=ws.clock.now())
        return rows.select("row_id").with_columns(pl.Series("first", body.predict(body.features(frames))))

    def periods(self, metric: str) -> list[dict[str, Any]]:
        """Score each period's rows by one metric: what was served, the heuristic, the first version."""
        if self._rows is None:
            return []
        every = span(self._ws.project.tables[self._ws.project.requests].every)
        parts = {name: part for (name,), part in self._rows.partition_by("_partition", as_dict=True).items()}
        found = []
        for event in self._events:
            start = moment(event.body["start"])
            part = parts.get(event.body["partition"])
            if part is not None:
                found.append(
                    {
                        "from": iso(start),
                        "to": iso(start + every),
                        "version": self._version(event),
                        "metric": metric,
                        "value": self._score(part, "prediction", metric),
                        "heuristic": self._score(part, "heuristic", metric),
                        "first": self._score(part, "first", metric),
                        "rows": part.height,
                    }
                )
        return found

    def _version(self, event: Event) -> str | None:
        """The version that answered most rows as the live one."""
        served = self._ws.state.journal.answered[event.body["partition"]].body["served"]
        live = [entry for entry in served if entry["stage"] == "live"]
        version: str | None = max(live, key=lambda entry: entry["len"])["version"] if live else None
        return version

    def _score(self, rows: "pl.DataFrame", column: str, metric: str) -> float | None:
        kept = rows.drop_nulls([column])
        if kept.height < rows.height * 0.5:
            return None
        found = next(m for m in metrics_of(self._ws) if m.name == metric)
        value = found.score(kept["label"].to_numpy(), kept[column].to_numpy(), kept)
        return float(value) if np.isfinite(value) else None

    def whole(self) -> dict[str, Any]:
        """Score all rows since the first version was live, on the same rows for all three."""
        names = {"live": "prediction", "heuristic": "heuristic", "first": "first"}
        empty: dict[str, Any] = {"rows": 0, "per_metric": {}, **dict.fromkeys(names)}
        if self._rows is None:
            return empty
        rows = self._rows.drop_nulls(["prediction", "first"])
        if not rows.height:
            return empty
        per_metric = {
            metric.name: {who: self._score(rows, column, metric.name) for who, column in names.items()}
            for metric in metrics_of(self._ws)
        }
        return {**per_metric[self._ws.project.primary], "rows": rows.height, "per_metric": per_metric}


def _alarms(ws: Workspace, faults: Sequence[Fault], releases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the alarms; `right` are those that a fault explains, and of a release's those that hindsight confirms."""
    credit = credits_of(ws.project, faults, ws.state.journal.alarms)
    confirmed = {(one["version"], one["at"]): one["right"] for one in releases}
    return [
        {
            "id": event.body["id"],
            "at": iso(event.at),
            "kind": event.body["alarm"],
            "subject": event.subject,
            "severity": event.body["severity"],
            "paged": event.body["paged"],
            "reason": event.body["reason"],
            "columns": event.body["columns"],
            "rule": event.body["rule"],
            "what": event.body["what"],
            "incident": event.body["incident"],
            "fault": credit[event.body["id"]],
            "right": confirmed.get((event.subject, iso(event.at)))
            if event.body["alarm"] in OF_RELEASES
            else credit[event.body["id"]] is not None,
        }
        for event in ws.state.journal.alarms
    ]


def _shifts(ws: Workspace) -> list[dict[str, Any]]:
    """List what moved and is no alarm: the world, not the data, was other than it used to be."""
    return [
        {
            "at": iso(event.at),
            "table": table,
            "partition": event.body["partition"],
            "kind": event.body["kind"],
            "columns": event.body["columns"],
            "what": event.body["words"],
        }
        for table, watched in ws.state.journal.drift.items()
        for event in watched
        if event.body["verdict"] == "shift"
    ]


def _caught(fault: Fault, alarms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    by = next((alarm for alarm in alarms if alarm["fault"] == fault.id), None)
    return {"caught_by": by["id"] if by else None, "caught_at": by["at"] if by else None}


def _incidents(events: Sequence[Event], alarms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    resolved = {event.subject: iso(event.at) for event in events if event.kind == "resolved"}
    return [
        {
            "id": event.subject,
            "subject": event.body["subject"],
            "title": event.body["title"],
            "opened_at": iso(event.at),
            "resolved_at": resolved.get(event.subject),
            "alarms": [alarm["id"] for alarm in alarms if alarm["incident"] == event.subject],
        }
        for event in events
        if event.kind == "opened"
    ]


def _summary(
    ws: Workspace,
    faults: Sequence[Fault],
    alarms: Sequence[dict[str, Any]],
    caught: dict[str, dict[str, Any]],
    *,
    start: datetime,
    until: datetime,
) -> dict[str, Any]:
    hours = [
        (moment(caught[fault.id]["caught_at"]) - fault.from_) / timedelta(hours=1)
        for fault in faults
        if caught[fault.id]["caught_at"]
    ]
    paged = [alarm for alarm in alarms if alarm["paged"]]
    # What is told of a release claims nothing of the data; whether that was right is counted by itself.
    claims = [alarm for alarm in alarms if alarm["kind"] not in OF_RELEASES]
    weeks = (until - start) / timedelta(days=7)
    return {
        "precision": sum(alarm["right"] for alarm in claims) / len(claims) if claims else None,
        "recall": len(hours) / len(faults) if faults else None,
        "median_hours_to_detect": median(hours) if hours else None,
        "pages_per_week": len(paged) / weeks,
        "rollbacks": sum(event.kind == "rolled_back" for event in ws.ledger.events(kind="rolled_back")),
        "rows_answered_badly": _answered_badly(ws, faults, caught),
    }


def _of_releases(releases: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count the versions that were taken down before they were live, of those the sound ones, and the unproven."""
    down = [one for one in releases if one["verdict"] == "roll back"]
    return {
        "taken_down": len(down),
        "taken_down_wrongly": sum(one["right"] is False for one in down),
        "taken_down_untold": sum(one["right"] is None for one in down),
        "unproven": len(releases) - len(down),
    }


def _answered_badly(ws: Workspace, faults: Sequence[Fault], caught: dict[str, dict[str, Any]]) -> int:
    """Count rows answered while a fault struck that nobody had caught yet."""
    bad = 0
    every = span(ws.project.tables[ws.project.requests].every)
    for event in ws.state.journal.answered.values():
        start = moment(event.body["start"])
        for fault in faults:
            at = caught[fault.id]["caught_at"]
            if (
                fault.kind not in ON_OUTCOMES
                and fault.strikes(start, start + every)
                and (at is None or moment(at) > start)
            ):
                bad += event.body["rows"]
                break
    return bad
