"""Which findings become alarms, and which of them page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trivium.core.project import AlarmRule, Alarms
from trivium.monitor.alarms import Alarm, Broke, Finding, Past, Placed, decide, is_grave, joined, persists, rule_for
from trivium.monitor.decision import DriftDecision, FaultKind

NOW = datetime(2013, 3, 10, tzinfo=UTC)


def finding(
    subject: str = "flights", alarm: str = "fault", severity: str = "page", *columns: str, **more: Any
) -> Finding:
    """Make a finding."""
    return Finding(alarm=alarm, subject=subject, columns=columns, severity=severity, what=f"{subject} {alarm}",
                   evidence={"columns": list(columns)}, **more)  # type: ignore[arg-type]  # fmt: skip


def decided(*findings: Finding, recent: list[Past] | None = None, pages: int = 5, **more: Any) -> list[Alarm]:
    """Decide with a budget; each subject has an incident of its name."""
    placed = [Placed(finding=one, incident=one.subject) for one in findings]
    return decide(placed, recent=recent or [], now=NOW, budget=Alarms(pages_per_week=pages), **more)


def past(days: float, alarm: str = "fault", subject: str = "flights", paged: bool = True, *columns: str) -> Past:
    """Make an alarm raised so many days ago, in its subject's incident."""
    return Past(NOW - timedelta(days=days), (f"{alarm} {subject}",), subject, columns, paged)


def test_nothing_found_is_no_alarm() -> None:
    """No findings, no alarms."""
    assert decided() == []
    assert joined([], settings=Alarms()) == []


def test_a_finding_pages() -> None:
    """A grave finding within the budget pages; a note does not."""
    (page,) = decided(finding())
    assert (page.paged, page.reason) == (True, "")
    (note,) = decided(finding("flights", "fault", "note"))
    assert (note.paged, note.reason) == (False, "a note pages nobody")


def test_what_one_tick_finds_on_one_thing_is_one_finding() -> None:
    """The gravest leads, all columns once, the rarest p-value if each that could page has one; joining again is nothing."""
    note = finding("flights", "contract", "note", "a", "b", is_grave=False)
    fault = finding("flights", "fault", "page", "b", "c", p_value=0.002)
    (one,) = joined([note, fault], settings=Alarms())
    assert (one.alarm, one.columns, one.severity) == ("fault", ("b", "c", "a"), "page")
    assert (one.what, one.p_value, one.is_grave) == ("flights fault; flights contract", 0.002, True)
    assert one.rules == ("fault flights", "contract flights")
    assert one.evidence == {"findings": [{"columns": ["b", "c"]}, {"columns": ["a", "b"]}]}
    assert joined([one], settings=Alarms()) == [one]
    (leads,) = joined([fault, finding("flights", "quarantine"), note], settings=Alarms())
    assert (leads.alarm, leads.p_value) == ("quarantine", None)
    model, table = joined([finding("flights", "objective"), fault], settings=Alarms())
    assert (model.thing, table.thing) == ("model flights", "flights")


def test_a_joined_finding_is_silent_only_if_all_that_could_page_are() -> None:
    """A muted quarantine does not silence the fault beside it."""
    (both,) = joined(
        [finding("x", "quarantine"), finding("x", "fault"), finding("x", "contract", "note")], settings=Alarms()
    )
    assert decided(both, silenced=lambda one: "muted" if one.alarm == "quarantine" else "")[0].paged
    assert decided(both, silenced=lambda one: f"no {one.alarm}")[0].reason == "no quarantine; no fault"


def test_what_looks_at_rows_is_told_once() -> None:
    """A quarantine, and the gap that it leaves on the next day, are one thing; a page after a note is told."""
    assert decided(finding("x", "fault"), recent=[past(1, "quarantine", "x")]) == []
    assert len(decided(finding("x", "quarantine"), recent=[past(1, "fault", "x")])) == 1
    note = past(1, "contract", "x", False)._replace(severity="note")
    assert decided(finding("x", "contract", "note"), recent=[note]) == []
    assert [alarm.paged for alarm in decided(finding("x", "quarantine"), recent=[note])] == [True]
    assert len(decided(finding("x", "late"), recent=[past(1, "quarantine", "x")])) == 1


def test_a_joined_finding_is_told_if_any_part_is_new() -> None:
    """What the incident holds of it already does not hide the rest."""
    (both,) = joined([finding("x", "late"), finding("x", "fault")], settings=Alarms())
    assert len(decided(both, recent=[past(1, "fault", "x")])) == 1
    assert decided(both, recent=[past(1, "fault", "x"), past(1, "late", "x")]) == []


def test_the_project_file_has_the_last_word_on_severity() -> None:
    """A kind that the file calls a note pages nobody."""
    asked = Alarms(rules={"fault": AlarmRule(severity="note")})
    assert [one.severity for one in joined([finding(), finding("x", "late")], settings=asked)] == ["note", "page"]


def test_what_an_incident_holds_is_not_repeated() -> None:
    """The same rule in the same incident: nothing more, unless it blames columns that it had not."""
    assert decided(finding(), recent=[past(3)]) == []
    blamed = past(1, "fault", "flights", True, "a")
    assert decided(finding("flights", "fault", "page", "a", "b"), recent=[blamed]) == []
    (other,) = decided(finding("flights", "fault", "page", "c"), recent=[blamed])
    assert (other.paged, other.reason) == (False, "its incident has paged already")


def test_another_kind_on_an_open_incident_does_not_page_again() -> None:
    """It is told, but the incident has paged already; one that only noted so far does page."""
    (second,) = decided(finding("flights", "late"), recent=[past(1)])
    assert (second.paged, second.reason) == (False, "its incident has paged already")
    (first,) = decided(finding("flights", "late"), recent=[past(1, paged=False)])
    assert first.paged


def test_two_kinds_at_once_page_once() -> None:
    """One incident pages once a tick."""
    assert [alarm.paged for alarm in decided(finding("flights", "late"), finding())] == [True, False]


def test_what_is_explained_pages_only_if_its_cause_did_not() -> None:
    """A model's alarm within its table's incident: silent, and says which; the first page of an incident all the same."""
    placed = [Placed(finding=finding("model", "objective"), incident="flights", explained="explained by flights")]
    (alarm,) = decide(placed, recent=[past(1)], now=NOW, budget=Alarms())
    assert (alarm.paged, alarm.reason) == (False, "explained by flights, which has paged")
    (alarm,) = decide(placed, recent=[past(1, paged=False)], now=NOW, budget=Alarms())
    assert alarm.paged


def test_the_budget_of_the_week() -> None:
    """Pages of the last 7 days count, notes and older ones do not; beyond it the alarm stands and pages nobody."""
    recent = [past(1, subject="a"), past(6.9, subject="b"), past(7, subject="c"), past(1, subject="d", paged=False)]
    first, second = decided(finding("x"), finding("y"), recent=recent, pages=3)
    assert (first.paged, second.paged) == (True, False)
    assert second.reason == "the 3 pages of this week are spent"


def test_what_is_silenced_says_why() -> None:
    """A muted or demoted finding is told all the same, and costs no page."""
    silenced, free = decided(
        finding("x"), finding("y"), pages=1, silenced=lambda one: "muted" if one.subject == "x" else ""
    )
    assert (silenced.paged, silenced.reason, free.paged) == (False, "muted", True)


def test_the_level_rises_as_the_week_is_spent() -> None:
    """A finding pages if it is as rare as the level for what is left asks; one without a p-value always may."""
    level = {2: 0.01, 1: 0.001}.__getitem__
    found = decided(finding("x", p_value=0.005), finding("y", p_value=0.005), finding("z"), pages=2, level=level)
    assert [alarm.paged for alarm in found] == [True, False, True]
    assert found[1].reason == "its p-value 0.005 is above 0.001, the level that kept the budget so far"


def test_pages_come_before_notes() -> None:
    """The gravest come first, else the order stays."""
    found = decided(finding("a", "fault", "note"), finding("b"), finding("c"))
    assert [alarm.finding.subject for alarm in found] == ["b", "c", "a"]


SOFT = finding("flights", "fault", "page", "a", is_grave=False)
SAME, OTHER_COLUMN, NO_COLUMN = (
    Broke("fault flights", ("a", "b")),
    Broke("fault flights", ("c",)),
    Broke("fault flights"),
)


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ([], False),
        ([[SAME]], True),
        ([[SAME], []], True),
        ([[SAME], [], []], False),
        ([[OTHER_COLUMN], []], False),
        ([[], [NO_COLUMN]], True),
        ([[Broke("late flights")]], False),
    ],
)
def test_two_of_three(before: list[list[Broke]], told: bool) -> None:
    """A finding that is not grave waits until the same rule breaks again, on a common column, within 3 partitions."""
    assert persists(SOFT, before, settings=Alarms()) is told


@pytest.mark.parametrize(
    ("kind", "score", "grave"), [("scale", 11.9, False), ("scale", 12.0, True), ("stale", 4.1, True)]
)
def test_what_is_broken_beyond_doubt(kind: FaultKind, score: float, grave: bool) -> None:
    """Three times as far as it may be, 12 where 4 is the limit; rows that came before, however few."""
    assert is_grave(DriftDecision(verdict="fault", kind=kind, score=score, threshold=4.0)) is grave


def test_what_is_grave_is_told_at_once() -> None:
    """Unless the project asks for m of n, which then holds for all."""
    assert persists(finding(), [], settings=Alarms())
    patient = Alarms(rules={"fault": AlarmRule(after=3, of=4)})
    assert not persists(finding(), [[Broke("fault flights")]], settings=patient)
    assert persists(finding(), [[Broke("fault flights")], [Broke("fault flights")], []], settings=patient)


def test_a_rule_can_be_off() -> None:
    """It never tells, however grave."""
    assert not persists(finding(), [], settings=Alarms(rules={"fault": AlarmRule(severity="off")}))


@pytest.mark.parametrize(
    ("asked", "after", "of"),
    [(AlarmRule(), 2, 3), (AlarmRule(after=1), 1, 3), (AlarmRule(after=5), 5, 5), (AlarmRule(after=2, of=9), 2, 9)],
)
def test_what_is_not_set_keeps_its_default(asked: AlarmRule, after: int, of: int) -> None:
    """`of` is never below `after`."""
    rule = rule_for("fault", Alarms(rules={"fault": asked}))
    assert (rule.after, rule.of) == (after, of)
