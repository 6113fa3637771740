"""The alarm decision: which findings become alarms, and which alarms may wake a person.

Findings are held against what was seen before (m of n), joined when they are one thing, placed into incidents by
`causes.py`, and only then told. What pages is decided last, and each alarm says why it pages nobody.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from trivium.core.alarms import KINDS, Severity
from trivium.core.project import AlarmRule, Alarms
from trivium.monitor.decision import DriftDecision

WEEK = timedelta(days=7)
# So many times as far from what was expected as an ordinary partition may be is broken beyond doubt: told at once.
GRAVE = 3.0
# Rows that came before are none of the world's doing.
ROWS_AGAIN = ("stale", "duplicates")
# The kinds that look at a partition's rows; what an earlier one holds back or names, a later one finds again. A rule's
# name begins with its kind.
ROWS = ("quarantine", "fault", "contract")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something a monitor saw: the kind of alarm it may become, on what, and how grave.

    `rule` names what saw it, so that people's marks can tell what its alarms are worth. A finding that `is_grave` is
    told at once; another waits until it is seen again, if its kind asks for that. `p_value` is the chance of such a
    thing on an ordinary partition, where the monitor knows it. `since` and `until` are the time the data is of. `parts`
    are the findings that were joined into it.
    """

    alarm: str
    subject: str
    columns: tuple[str, ...] = ()
    severity: Severity
    what: str
    evidence: dict[str, Any] = {}
    rule: str = ""
    is_grave: bool = True
    p_value: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    parts: "tuple[Finding, ...]" = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of all that was joined into it, its own first."""
        return tuple(dict.fromkeys((self.by, *(part.by for part in self.parts))))

    @property
    def by(self) -> str:
        """The name of its rule: the kind and the subject, unless it has one of its own."""
        return self.rule or f"{self.alarm} {self.subject}"

    @property
    def thing(self) -> str:
        """What it is about, told apart by name: the table `flights`, or `model flights`."""
        about = KINDS[self.alarm].about
        return self.subject if about == "table" else f"{about} {self.subject}"


class Broke(NamedTuple):
    """That a rule broke on a partition, and the columns it blamed."""

    rule: str
    columns: tuple[str, ...] = ()


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its incident, and the incident upstream that explains it, if any."""

    finding: Finding
    incident: str
    explained: str = ""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, or several of one kind on one subject, that is told. `reason` says why it does not page."""

    finding: Finding
    incident: str
    paged: bool
    reason: str = ""
    explained: str = ""


class Past(NamedTuple):
    """An alarm raised before."""

    at: datetime
    rules: Sequence[str]
    incident: str
    columns: Sequence[str]
    paged: bool
    severity: str = "page"


def rule_for(kind: str, settings: Alarms) -> AlarmRule:
    """Give how a kind of alarm behaves: what the project file sets, and the kind's own default for the rest."""
    own, default = settings.rules.get(kind, AlarmRule()), KINDS[kind]
    return AlarmRule(
        severity=own.severity,
        after=default.after if own.after is None else own.after,
        of=max(default.of, own.after or 1) if own.of is None else own.of,
    )


def is_grave(decision: DriftDecision) -> bool:
    """Tell whether a partition is broken beyond doubt: three times as far off as an ordinary one may be, or rows again.

    By distance, not by chance: far out in the tail a p-value says how the tail was drawn, a distance how much broke.
    Storms and holidays carry columns far, and do not deliver rows twice: those wait for no second partition. Nor does
    what was there before: it has been seen twice.
    """
    return decision.kind in ROWS_AGAIN or decision.score >= GRAVE * decision.threshold or decision.lasts > 1


def persists(finding: Finding, before: Sequence[Collection[Broke]], *, settings: Alarms) -> bool:
    """Tell whether a finding was seen often enough to be told: `after` times in the last `of` partitions.

    Args:
        finding: of the partition at hand, which counts as one.
        before: what broke on the partitions before it, the latest last; the same rule counts if it blamed any of
            the same columns, or if either blamed none.
        settings: the project's; a rule that is `off` never tells.
    """
    rule = rule_for(finding.alarm, settings)
    if rule.severity == "off":
        return False
    # A project that sets m of n itself means it for grave findings as well.
    if finding.is_grave and settings.rules.get(finding.alarm, AlarmRule()).after is None:
        return True
    after, of = rule.after or 1, rule.of or 1
    recent = before[-(of - 1) :] if of > 1 else []
    return 1 + sum(any(_is_same(finding, broke) for broke in each) for each in recent) >= after


def _is_same(finding: Finding, broke: Broke) -> bool:
    if finding.by != broke.rule:
        return False
    return not finding.columns or not broke.columns or bool(set(finding.columns) & set(broke.columns))


def joined(findings: Sequence[Finding], *, settings: Alarms) -> list[Finding]:
    """Make one finding of all that a tick finds on one thing, with the severity that the project file asks for.

    Rows that are held back are missing from what is compared with history: two monitors, one thing to mend. The
    gravest leads, of those as grave the kind that `KINDS` names first. All columns, all words; joining again changes
    nothing.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.thing, []).append(_as_set(finding, settings))
    return [_one_of(group) for group in groups.values()]


def _as_set(finding: Finding, settings: Alarms) -> Finding:
    asked = rule_for(finding.alarm, settings).severity
    return finding if asked in (None, "off") else msgspec.structs.replace(finding, severity=asked)


def _one_of(group: Sequence[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    order = list(KINDS)
    ordered = sorted(group, key=lambda one: (one.severity != "page", order.index(one.alarm)))
    paging = [one for one in ordered if one.severity == ordered[0].severity]
    known = [one.p_value for one in paging if one.p_value is not None]
    return msgspec.structs.replace(
        ordered[0],
        columns=tuple(dict.fromkeys(column for one in ordered for column in one.columns)),
        what="; ".join(dict.fromkeys(one.what for one in ordered)),
        evidence={"findings": [one.evidence for one in ordered]},
        is_grave=any(one.is_grave for one in group),
        # Known only if each that could page has one: what a contract holds back is no matter of chance.
        p_value=min(known) if len(known) == len(paging) else None,
        since=min((one.since for one in group if one.since), default=None),
        until=max((one.until for one in group if one.until), default=None),
        parts=tuple(ordered),
    )


def decide(
    placed: Sequence[Placed],
    *,
    recent: Sequence[Past],
    now: datetime,
    budget: Alarms,
    silenced: Callable[[Finding], str] = lambda _: "",
    level: Callable[[int], float] = lambda _: 1.0,
) -> list[Alarm]:
    """Turn findings, joined and placed, into alarms.

    What an incident holds already is not told again, unless it blames other columns or is graver. An incident pages
    once, and all of them together at most `budget.pages_per_week` times in 7 days. Pages come first, then the order of
    `placed`.

    Args:
        placed: of one tick.
        recent: the alarms of the last 7 days, and all those since the oldest open incident was opened.
        now: the time of the tick.
        budget: the pages people can bear.
        silenced: says why a finding pages nobody (muted, demoted); "" if it may. One with parts is silent if each is.
        level: the p-value up to which a finding may page while so many pages of the week are left.
    """
    told: dict[tuple[str, str], _Held] = {}
    for past in recent:
        _hold(told, past.rules, past.incident, past.columns, past.severity == "page")
    has_paged = {past.incident for past in recent if past.paged}
    left = budget.pages_per_week - sum(past.paged and now - WEEK < past.at <= now for past in recent)
    alarms: list[Alarm] = []
    for one in sorted(placed, key=lambda each: each.finding.severity != "page"):
        if _is_told(one, told):
            continue
        _hold(told, one.finding.rules, one.incident, one.finding.columns, one.finding.severity == "page")
        reason = (
            _silent_because(one, has_paged, silenced=silenced)
            or _too_likely(one.finding, level(left) if left > 0 else 1.0, left=left)
            or (f"the {budget.pages_per_week} pages of this week are spent" if left <= 0 else "")
        )
        if not reason:
            has_paged.add(one.incident)
            left -= 1
        alarms.append(
            Alarm(
                finding=one.finding,
                incident=one.incident,
                paged=not reason,
                reason=reason,
                explained=one.explained,
            )
        )
    return alarms


class _Held(NamedTuple):
    """What an incident holds of one key: the columns blamed, and whether any of it was grave enough to page."""

    columns: set[str]
    is_page: bool


def _hold(
    told: dict[tuple[str, str], _Held], rules: Sequence[str], incident: str, columns: Iterable[str], page: bool
) -> None:
    for key in {*rules, *(kind for rule in rules if (kind := rule.split(maxsplit=1)[0]) in ROWS)}:
        held = told.setdefault((key, incident), _Held(set(), False))
        told[key, incident] = _Held(held.columns | set(columns), held.is_page or page)


def _is_told(one: Placed, told: Mapping[tuple[str, str], _Held]) -> bool:
    """Tell whether the incident holds each part already, as grave and with any column that the part blames."""
    return all(_part_is_told(part, told, one.incident) for part in one.finding.parts or (one.finding,))


def _part_is_told(part: Finding, told: Mapping[tuple[str, str], _Held], incident: str) -> bool:
    """Tell whether the incident holds the part: by its rule, or by what looks at rows before it does.

    Rows that are held back are missing from what is compared with history, and a warning's rows are part of what moved.
    """
    before = ROWS[: ROWS.index(part.alarm) + 1] if part.alarm in ROWS else (part.by,)
    held = [found for key in before if (found := told.get((key, incident))) is not None]
    if not held or (part.severity == "page" and not any(one.is_page for one in held)):
        return False
    columns = {column for one in held for column in one.columns}
    return not columns or not part.columns or bool(columns & set(part.columns))


def _silent_because(one: Placed, has_paged: Collection[str], *, silenced: Callable[[Finding], str]) -> str:
    if one.finding.severity == "note":
        return "a note pages nobody"
    if one.incident in has_paged:
        return f"{one.explained}, which has paged" if one.explained else "its incident has paged already"
    reasons = [silenced(part) for part in one.finding.parts or (one.finding,) if part.severity == "page"]
    return "; ".join(dict.fromkeys(reasons)) if all(reasons) else ""


def _too_likely(finding: Finding, level: float, *, left: int) -> str:
    """Say that a finding is not rare enough to page while so few pages are left."""
    if finding.p_value is None or finding.p_value <= level or left <= 0:
        return ""
    return f"its p-value {finding.p_value:.2g} is above {level:.2g}, the level that kept the budget so far"
