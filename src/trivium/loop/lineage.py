"""Lineage, both ways: from an answer to all that made it, and from a version to all that it answered."""

from datetime import datetime
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError
from trivium.core.values import iso, moment
from trivium.loop.find_answer import Found, find
from trivium.loop.workspace import Workspace
from trivium.store.predictions import partition_part, prediction_id


def version_list(ws: Workspace) -> list[dict[str, Any]]:
    """List every version with its stage and last verdict."""
    found = []
    for version in ws.state.versions.all():
        verdicts = ws.state.versions.verdicts(version.ref)
        found.append(
            {
                "ref": version.ref,
                "at": iso(version.at),
                "idea": version.idea,
                "stage": stage_of(ws, version.ref),
                "verdict": verdicts[-1].verdict if verdicts else None,
                "rows": version.rows,
                "trained_until": iso(version.trained_until) if version.trained_until else None,
                "parent": version.parent,
                "because": version.because,
            }
        )
    return found


def stage_of(ws: Workspace, ref: str) -> str | None:
    """Tell where a version stands now; an earlier live one is a fallback, or was replaced."""
    route = ws.state.route
    if ref in route.fallback:
        return "fallback"
    stage = ws.state.versions.stage(ref)
    return "replaced" if stage == "live" and ref != route.live else stage


def version_story(ws: Workspace, ref: str) -> dict[str, Any]:
    """Tell all of a version: what it is made of, its verdicts, its stages, and the batches that it answered."""
    version = ws.state.versions.resolve(ref)
    answered = [
        {
            "partition": event.body["partition"],
            "rows": sum(entry["len"] for entry in event.body["served"] if entry["version"] == version.ref),
        }
        for event in ws.state.journal.answered.values()
    ]
    story: dict[str, Any] = msgspec.to_builtins(version)
    return {
        **story,
        "stage": stage_of(ws, version.ref),
        "verdicts": [{**msgspec.to_builtins(v), "at": iso(v.at)} for v in ws.state.versions.verdicts(version.ref)],
        "stages": [{**msgspec.to_builtins(s), "at": iso(s.at)} for s in ws.state.versions.stays(version.ref)],
        "answered": [each for each in answered if each["rows"]],
    }


def version_diff(ws: Workspace, one: str, other: str) -> list[dict[str, Any]]:
    """List in what two versions differ; nested settings by their dotted name."""
    left, right = (_flat(_made_of(ws, ref)) for ref in (one, other))
    return [
        {"what": key, "one": left.get(key), "other": right.get(key)}
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    ]


def _made_of(ws: Workspace, ref: str) -> dict[str, Any]:
    story = version_story(ws, ref)
    return {
        key: story[key]
        for key in (
            "config",
            "code",
            "tables",
            "environment",
            "seed",
            "rows",
            "artifact",
            "form",
            "columns",
            "trained_from",
            "trained_until",
            "holdout_until",
            "parent",
            "because",
            "stage",
        )
    }


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    flat: dict[str, Any] = {}
    for key, part in value.items():
        flat |= _flat(part, f"{name}.{key}" if name else str(key))
    return flat


def trace(ws: Workspace, name: str) -> dict[str, Any]:
    """Walk from a prediction id to its version, run, snapshot, code, config and decision; a version's name walks back.

    Raises:
        ProjectError: TV-STORE-011 no prediction id, TV-RUN-040 nothing was answered under it, TV-REL-001 no version.
    """
    if not name.startswith("p"):
        return version_story(ws, name)
    part = partition_part(name)
    found = find(ws, name)
    if found is not None:
        return _walked(ws, found.answer, _shown(found.request or {}), _place(ws, found), by=found.answer["at"])
    for event in ws.state.journal.answered.values():
        if partition_part(prediction_id(event.body["partition"], 0)) == part:
            log = ws.frame(event.body["blob"])
            served = log.filter((log["prediction_id"] == name) & (log["source"] != "unserved"))
            if served.height:
                return _traced(ws, served.row(0, named=True), event)
    raise ProjectError(
        Problem(
            code="TV-RUN-040",
            what=f"no answer was given under {name}",
            where="prediction log",
            seen=name,
            fix="copy the id from the reply or from the prediction log",
        )
    )


def _traced(ws: Workspace, answer: dict[str, Any], event: Event) -> dict[str, Any]:
    import polars as pl

    model, partition = ws.project.model, event.body["partition"]
    record = next(r for r in ws.state.snapshot.partitions(ws.project.requests) if r.partition == partition)
    rows = ws.frame(record.blob)
    request = rows.filter(pl.col(model.row_id).cast(pl.String) == answer["row_id"])
    private = {name for name, column in ws.project.tables[ws.project.requests].columns.items() if column.private}
    shown = _shown({k: v for k, v in request.row(0, named=True).items() if k not in private} if request.height else {})
    place = {
        "table": ws.project.requests,
        "partition": partition,
        "blob": record.blob,
        "collected_at": iso(record.at),
    }
    return _walked(ws, answer, shown, place, by=event.at)


def verdict_on(ws: Workspace, name: str) -> dict[str, Any] | None:
    """Tell what a person made of an answer: decided or skipped, by whom, when and why; None where nobody looked."""
    said = ws.state.reviews.decision(name)
    if said is None:
        return None
    return {"verdict": said.verdict, "by": said.by, "at": iso(said.at), "because": said.because}


def _place(ws: Workspace, found: Found) -> dict[str, Any]:
    """Tell where a server's answer lies: in which period's log, or in a segment that is not sealed yet."""
    part = found.part
    at = None if part is None else iso(part.at)
    return {
        "table": ws.project.requests,
        "partition": None if part is None else part.period,
        "blob": None if part is None else part.requests,
        "collected_at": at,
    }


def _shown(request: dict[str, Any]) -> dict[str, Any] | None:
    return {name: _plain(value) for name, value in request.items()} or None


def _walked(
    ws: Workspace, answer: dict[str, Any], request: dict[str, Any] | None, place: dict[str, Any], *, by: datetime
) -> dict[str, Any]:
    """Walk on from an answer; `by` is by when the decision that let its version answer must have been made."""
    walked: dict[str, Any] = {"answer": {**answer, "at": iso(answer["at"])}, "request": request, "partition": place}
    walked["review"] = verdict_on(ws, answer["prediction_id"])
    if answer["version"] is None:
        return walked
    story = version_story(ws, answer["version"])
    # By when it was answered, which is later than `at` where a tick caught up.
    decided = [stage for stage in story["stages"] if stage["stage"] == answer["stage"] and moment(stage["at"]) <= by]
    return {
        **walked,
        "version": {
            key: story[key]
            for key in (
                "ref",
                "at",
                "artifact",
                "form",
                "parity",
                "parent",
                "rows",
                "trained_from",
                "trained_until",
                "environment",
                "seed",
            )
        },
        "run": {"run": story["run"], "idea": story["idea"], "because": story["because"]},
        "snapshot": story["tables"],
        "code": story["code"],
        "config": story["config"],
        "judged": story["verdicts"][-1] if story["verdicts"] else None,
        "decision": decided[-1] if decided else None,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return iso(value)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
