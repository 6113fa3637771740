"""Which findings become alarms, and which of them page."""

from datetime import UTC, datetime, timedelta

from trivium.core.project import Alarms
from trivium.monitor.alarms import Alarm, Finding, Past, decide

NOW = datetime(2013, 3, 10, tzinfo=UTC)


def finding(subject: str = "flights", alarm: str = "drift", severity: str = "page", *columns: str) -> Finding:
    """Make a finding."""
    return Finding(alarm=alarm, subject=subject, columns=columns, severity=severity, what=f"{subject} {alarm}",
                   evidence={"columns": list(columns)})  # type: ignore[arg-type]  # fmt: skip


def decided(
    *findings: Finding, recent: list[Past] | None = None, pages: int = 5, open_on: tuple[str, ...] = ()
) -> list[Alarm]:
    """Decide with a budget."""
    return decide(findings, recent=recent or [], now=NOW, budget=Alarms(pages_per_week=pages), open_subjects=open_on)


def past(days: float, alarm: str = "drift", subject: str = "flights", paged: bool = True) -> Past:
    """Make an alarm raised so many days ago."""
    return Past(NOW - timedelta(days=days), alarm, subject, (), paged)


def test_nothing_found_is_no_alarm() -> None:
    """No findings, no alarms."""
    assert decided() == []


def test_a_finding_pages() -> None:
    """A grave finding within the budget pages; a note does not."""
    (page,) = decided(finding())
    assert (page.paged, page.reason) == (True, "")
    (note,) = decided(finding("flights", "drift", "note"))
    assert (note.paged, note.reason) == (False, "a note pages nobody")


def test_columns_of_one_partition_are_one_alarm() -> None:
    """Findings of one kind on one subject are joined: all columns once, the gravest severity."""
    (alarm,) = decided(finding("flights", "drift", "note", "a", "b"), finding("flights", "drift", "page", "b", "c"))
    assert alarm.columns == ("b", "c", "a")
    assert (alarm.severity, alarm.paged, alarm.what) == ("page", True, "flights drift")
    assert alarm.evidence == {"findings": [{"columns": ["b", "c"]}, {"columns": ["a", "b"]}]}


def test_a_known_kind_is_not_repeated_while_its_incident_is_open() -> None:
    """Repeated while open: nothing. After it is closed: an alarm again."""
    assert decided(finding(), recent=[past(3)], open_on=("flights",)) == []
    assert len(decided(finding(), recent=[past(3)])) == 1


def test_another_kind_on_an_open_incident_does_not_page_again() -> None:
    """It is told, but the incident has paged already; one that only noted so far does page."""
    (second,) = decided(finding("flights", "late"), recent=[past(1)], open_on=("flights",))
    assert (second.paged, second.reason) == (False, "its incident has paged already")
    (first,) = decided(finding("flights", "late"), recent=[past(1, paged=False)], open_on=("flights",))
    assert first.paged


def test_two_kinds_at_once_page_once() -> None:
    """One subject pages once a tick."""
    assert [alarm.paged for alarm in decided(finding("flights", "late"), finding())] == [True, False]


def test_the_budget_of_the_week() -> None:
    """Pages of the last 7 days count, notes and older ones do not; beyond it the alarm stands and pages nobody."""
    recent = [past(1, subject="a"), past(6.9, subject="b"), past(7, subject="c"), past(1, subject="d", paged=False)]
    first, second = decided(finding("x"), finding("y"), recent=recent, pages=3)
    assert (first.paged, second.paged) == (True, False)
    assert second.reason == "the 3 pages of this week are spent"


def test_pages_come_before_notes() -> None:
    """The gravest come first, else the order stays."""
    found = decided(finding("a", "drift", "note"), finding("b"), finding("c"))
    assert [alarm.subject for alarm in found] == ["b", "c", "a"]


def test_plain_tuples_are_understood() -> None:
    """A past alarm of four parts counts as paged."""
    found = decide(
        [finding("x")], recent=[(NOW, "drift", "a", ())], now=NOW, budget=Alarms(pages_per_week=1), open_subjects=()
    )
    assert not found[0].paged
