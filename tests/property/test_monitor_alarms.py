"""Laws of alarms: pages stay within the budget, muted things stay silent, and one cause stays one incident."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.alarms import KINDS
from trivium.core.project import Alarms
from trivium.monitor.alarms import WEEK, Broke, Finding, Past, decide, joined, persists
from trivium.monitor.causes import Lineage, Standing, place
from trivium.monitor.level import Judged, fitted, pages

LAWS = settings(max_examples=60, deadline=None)
START = datetime(2013, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LINEAGE = Lineage({"model flights": ("flights", "weather"), "version v1": ("flights", "weather")}, {"weather": 2 * DAY})
SUBJECTS = {"table": ("flights", "weather", "planes"), "model": ("flights",), "version": ("v1",)}


@st.composite
def found(draw: st.DrawFn, day: int = 0) -> Finding:
    """Draw a finding about one day's data."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    return Finding(
        alarm=kind,
        subject=draw(st.sampled_from(SUBJECTS[KINDS[kind].about])),
        columns=tuple(draw(st.lists(st.sampled_from("abc"), unique=True, max_size=2))),
        severity=draw(st.sampled_from(["page", "note"])),
        what=kind,
        is_grave=draw(st.booleans()),
        p_value=draw(st.one_of(st.none(), st.floats(0, 0.05))) if kind == "fault" else None,
        since=START + day * DAY,
        until=START + (day + 1) * DAY,
    )


def lived(days: list[list[Finding]], budget: int, muted: str = "") -> list[tuple[datetime, Finding, str, bool]]:
    """Let days go by; an incident stays open for good. Tell each alarm: when, what, in which incident, whether paged."""
    told: list[tuple[datetime, Finding, str, bool]] = []
    standing: dict[str, Standing] = {}
    for day, findings in enumerate(days):
        now = START + day * DAY
        placed = place(
            joined(findings, settings=Alarms()),
            standing=list(standing.values()),
            lineage=LINEAGE,
            next_id=len(standing) + 1,
        )
        recent = [Past(at, one.rules, incident, one.columns, paged, one.severity) for at, one, incident, paged in told]
        alarms = decide(
            placed,
            recent=recent,
            now=now,
            budget=Alarms(pages_per_week=budget),
            silenced=lambda one: "muted" if one.subject == muted else "",
        )
        for one in placed:
            if not one.explained:
                held = standing.get(one.incident, Standing(one.incident, frozenset()))
                standing[one.incident] = held._replace(things=held.things | {one.finding.thing})
        told += [(now, alarm.finding, alarm.incident, alarm.paged) for alarm in alarms]
    return told


DAYS = st.lists(st.lists(found(), max_size=4), max_size=20)


@LAWS
@given(DAYS, st.integers(0, 3))
def test_the_pages_of_any_week_are_within_the_budget(days: list[list[Finding]], budget: int) -> None:
    """Whatever is found, and however grave; and an incident pages once."""
    told = lived(days, budget)
    paged = [(at, incident) for at, _, incident, is_page in told if is_page]
    for at, _ in paged:
        assert sum(at - WEEK < other <= at for other, _ in paged) <= budget
    assert len({incident for _, incident in paged}) == len(paged)


@LAWS
@given(DAYS)
def test_what_is_muted_never_pages(days: list[list[Finding]]) -> None:
    """And what is not muted is told the same alarms, muted or not."""
    told = lived(days, 3, muted="weather")
    assert not any(is_page for _, one, _, is_page in told if one.subject == "weather")
    assert [one for _, one, _, _ in told] == [one for _, one, _, _ in lived(days, 3)]


@LAWS
@given(st.lists(found(), max_size=8))
def test_joining_and_placing_are_settled_at_once(findings: list[Finding]) -> None:
    """One finding a thing; joined or placed again, nothing moves; each is in one incident; none is lost."""
    once = joined(findings, settings=Alarms())
    assert joined(once, settings=Alarms()) == once
    assert {one.thing for one in once} == {one.thing for one in findings}
    placed = place(once, standing=[], lineage=LINEAGE, next_id=1)
    assert sorted(one.finding.thing for one in placed) == sorted(one.thing for one in once)
    own: dict[str, set[str]] = {}
    for one in placed:
        own.setdefault(one.incident, set()).update(() if one.explained else (one.finding.thing,))
    standing = [Standing(name, frozenset(things), START, START + DAY) for name, things in own.items()]
    again = place(once, standing=standing, lineage=LINEAGE, next_id=99)
    assert {one.finding.thing: one.incident for one in again} == {one.finding.thing: one.incident for one in placed}


@LAWS
@given(found(), st.lists(st.lists(st.sampled_from("ab"), max_size=1), max_size=6))
def test_more_breaks_before_never_hide_a_finding(finding: Finding, blamed: list[list[str]]) -> None:
    """What persists with some breaks before it persists with more."""
    fewer = [[Broke(finding.by, tuple(columns))] if columns else [] for columns in blamed]
    more = [[*each, Broke(finding.by)] for each in fewer]
    assert persists(finding, more, settings=Alarms()) >= persists(finding, fewer, settings=Alarms())


@LAWS
@given(
    st.lists(st.tuples(st.integers(0, 150), st.sampled_from("ab"), st.floats(1e-9, 0.05)), max_size=30),
    st.integers(0, 3),
)
def test_the_level_would_have_kept_the_budget(drawn: list[tuple[int, str, float]], budget: int) -> None:
    """On the past that it was fitted to, whatever that was."""
    judged = sorted(Judged(START + day * DAY, subject, p_value) for day, subject, p_value in drawn)
    now = START + 151 * DAY
    level = fitted(judged, now=now, began=START, pages_a_week=budget)
    assert pages(judged, level=level) <= budget * (now - START) / WEEK
