"""Which incident a finding belongs to: that of its own thing, that of a table it is made from, or a new one.

One cause is one incident: a broken table explains what its model, its answers and its scores suffer while they read
what broke, and sources that go silent together are one thing to mend, not five.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from trivium.monitor.alarms import Finding, Placed

# Kinds whose cause lies with what delivers the tables: on several tables at once they are one incident.
OF_THE_DELIVERY = ("late", "refused")
NOT_READ = timedelta(0)


class Standing(NamedTuple):
    """An open incident: the things that broke, and the time of the data that broke, as far as it is known."""

    id: str
    things: frozenset[str]
    since: datetime | None = None
    until: datetime | None = None


class Lineage(NamedTuple):
    """What each thing is made from: thing -> the tables it reads, and for how long a table's row is read on."""

    upstream: Mapping[str, Collection[str]]
    read_for: Mapping[str, timedelta]


def place(findings: Sequence[Finding], *, standing: Sequence[Standing], lineage: Lineage, next_id: int) -> list[Placed]:
    """Give each finding its incident; those that are new are named from `next_id` on, in order.

    Args:
        findings: of one tick, joined.
        standing: the open incidents.
        lineage: what is made from what.
        next_id: the number of the next incident.

    Returns:
        The findings, tables before what is made from them, each with its incident. An incident that only explains a
        finding holds it, but is not about that thing: the next finding there may have another cause.
    """
    known = list(standing)
    placed: list[Placed] = []
    for finding in sorted(findings, key=lambda one: len(lineage.upstream.get(one.thing, ()))):
        own = _own(finding, known) or _delivered_with(finding, placed, known)
        if own is not None:
            known[known.index(own)] = _grown(own, finding)
            placed.append(Placed(finding=finding, incident=own.id))
            continue
        above = _above(finding, known, lineage)
        if above is not None:
            words = f"explained by {above.id} on {', '.join(sorted(above.things))}"
            placed.append(Placed(finding=finding, incident=above.id, explained=words))
            continue
        new = Standing(f"i{next_id}", frozenset({finding.thing}), finding.since, finding.until)
        next_id += 1
        known.append(new)
        placed.append(Placed(finding=finding, incident=new.id))
    return placed


def _own(finding: Finding, known: Sequence[Standing]) -> Standing | None:
    return next((incident for incident in known if finding.thing in incident.things), None)


def _delivered_with(finding: Finding, placed: Sequence[Placed], known: Sequence[Standing]) -> Standing | None:
    """Find the incident of another table whose delivery failed at the same time in the same way."""
    if finding.alarm not in OF_THE_DELIVERY:
        return None
    beside = next((one for one in placed if one.finding.alarm == finding.alarm), None)
    return None if beside is None else next(incident for incident in known if incident.id == beside.incident)


def _above(finding: Finding, known: Sequence[Standing], lineage: Lineage) -> Standing | None:
    """Find the incident on a table that the finding's thing reads, whose broken rows it can have read."""
    tables = lineage.upstream.get(finding.thing, ())
    for incident in known:
        for table in sorted(incident.things & set(tables)):
            if _overlaps(finding, incident, lineage.read_for.get(table, NOT_READ)):
                return incident
    return None


def _overlaps(finding: Finding, incident: Standing, read_for: timedelta) -> bool:
    """Tell whether the finding's data can have been made from the incident's; a time not known excludes nothing."""
    if finding.until is not None and incident.since is not None and finding.until <= incident.since:
        return False
    if finding.since is None or incident.until is None:
        return True
    return finding.since < incident.until + read_for


def _grown(incident: Standing, finding: Finding) -> Standing:
    starts = [at for at in (incident.since, finding.since) if at is not None]
    ends = [at for at in (incident.until, finding.until) if at is not None]
    things = incident.things | {finding.thing}
    return Standing(incident.id, things, min(starts, default=None), max(ends, default=None))
