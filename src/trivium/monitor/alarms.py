"""The alarm decision: which findings become alarms, and which alarms may wake a person."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from trivium.core.project import Alarms

Severity = Literal["page", "note"]
WEEK = timedelta(days=7)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something a monitor saw: the kind of alarm it may become, on what, and how grave."""

    alarm: str
    subject: str
    columns: tuple[str, ...] = ()
    severity: Severity
    what: str
    evidence: dict[str, Any] = {}


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, or several of one kind on one subject, that is told. `reason` says why it does not page."""

    alarm: str
    subject: str
    columns: tuple[str, ...]
    severity: Severity
    paged: bool
    what: str
    evidence: dict[str, Any]
    reason: str = ""


class Past(NamedTuple):
    """An alarm raised before."""

    at: datetime
    alarm: str
    subject: str
    columns: Sequence[str]
    paged: bool = True


def decide(
    findings: Sequence[Finding],
    *,
    recent: Sequence[Past | tuple[datetime, str, str, Sequence[str]]],
    now: datetime,
    budget: Alarms,
    open_subjects: Collection[str],
) -> list[Alarm]:
    """Turn findings into alarms.

    Findings of one kind on one subject are one alarm, with all their columns. A kind that the subject's open incident
    holds already is not repeated. An incident pages once, and all of them together at most `budget.pages_per_week`
    times in 7 days; what is over it is an alarm all the same. Pages come first, then the order of `findings`.

    Args:
        findings: of one tick.
        recent: the alarms of the last 7 days, and all those since the oldest open incident was opened; a tuple of 4
            counts as paged.
        now: the time of the tick.
        budget: the pages people can bear.
        open_subjects: the subjects that have an open incident.
    """
    past = [Past(*entry) for entry in recent]
    known = {(held.alarm, held.subject) for held in past if held.subject in open_subjects}
    paged_subjects = {held.subject for held in past if held.paged and held.subject in open_subjects}
    left = budget.pages_per_week - sum(held.paged and now - WEEK < held.at <= now for held in past)
    alarms: list[Alarm] = []
    for finding in sorted(_grouped(findings), key=lambda one: one.severity != "page"):
        if (finding.alarm, finding.subject) in known:
            continue
        reason = _silent_because(finding, paged_subjects, left=left, budget=budget)
        if not reason:
            paged_subjects.add(finding.subject)
            left -= 1
        alarms.append(
            Alarm(
                alarm=finding.alarm,
                subject=finding.subject,
                columns=finding.columns,
                severity=finding.severity,
                paged=not reason,
                what=finding.what,
                evidence=finding.evidence,
                reason=reason,
            )
        )
    return alarms


def _silent_because(finding: Finding, paged_subjects: Collection[str], *, left: int, budget: Alarms) -> str:
    if finding.severity == "note":
        return "a note pages nobody"
    if finding.subject in paged_subjects:
        return "its incident has paged already"
    if left <= 0:
        return f"the {budget.pages_per_week} pages of this week are spent"
    return ""


def _grouped(findings: Sequence[Finding]) -> list[Finding]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.alarm, finding.subject), []).append(finding)
    return [_joined(group) for group in groups.values()]


def _joined(group: Sequence[Finding]) -> Finding:
    """Make one finding of several: all columns, the gravest severity, the gravest's words first."""
    if len(group) == 1:
        return group[0]
    ordered = sorted(group, key=lambda finding: finding.severity != "page")
    evidence: Mapping[str, Any] = {"findings": [finding.evidence for finding in ordered]}
    return Finding(
        alarm=ordered[0].alarm,
        subject=ordered[0].subject,
        columns=tuple(dict.fromkeys(column for finding in ordered for column in finding.columns)),
        severity=ordered[0].severity,
        what="; ".join(dict.fromkeys(finding.what for finding in ordered)),
        evidence=dict(evidence),
    )
