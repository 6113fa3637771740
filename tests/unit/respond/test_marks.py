"""What people said of alarms, and what each rule's alarms are worth for it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.events import Event
from trivium.core.problems import ProjectError
from trivium.respond.marks import REMEMBERED, Marks, known_word, reason_of, rule_of, share_interval, should_demote

AT = datetime(2013, 3, 1, tzinfo=UTC)
RULE = "fault weather"


def event(of: str, about: str, seq: int = 0, /, **body: object) -> Event:
    """Make an event."""
    return Event(at=AT, kind=of, subject=about, actor="ann", body=body, seq=seq)


def alarm(name: str, rule: str = RULE, *, paged: bool = True) -> Event:
    """Make an alarm."""
    return event("alarmed", "weather", id=name, rule=rule, paged=paged)


def mark(name: str, word: str, seq: int = 0) -> Event:
    """Make a mark."""
    return event("marked", name, seq, mark=word, subject="weather")


def folded(*events: Event) -> Marks:
    """Fold events."""
    marks = Marks()
    for one in events:
        marks.apply(one)
    return marks


def test_the_interval_by_hand() -> None:
    """Wilson with z = 1.6449: none of 3 is at most z² / (3 + z²) = 0.474; 4 of 8 lies evenly about a half."""
    assert share_interval(0, 3) == (0.0, pytest.approx(1.6449**2 / (3 + 1.6449**2)))
    assert share_interval(0, 3)[1] == pytest.approx(0.4742, abs=1e-4)
    low, high = share_interval(4, 8)
    assert (low + high, low) == (pytest.approx(1.0), pytest.approx(0.2486, abs=1e-4))
    assert (share_interval(0, 0), share_interval(5, 5)[1]) == ((0.0, 1.0), 1.0)


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_interval_holds_the_share(hits: int, misses: int) -> None:
    """It lies within 0 and 1, holds the share, mirrors, and a further hit never lowers it."""
    low, high = share_interval(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high
    mirrored = share_interval(misses, hits + misses)
    assert (low, high) == (pytest.approx(1 - mirrored[1]), pytest.approx(1 - mirrored[0]))
    assert share_interval(hits + 1, hits + misses + 1)[1] >= high - 1e-12


def test_worth_counts_marks_not_alarms() -> None:
    """Unmarked alarms say nothing of a rule's precision; the last word on an alarm is the one that counts."""
    marks = folded(alarm("a1"), alarm("a2", paged=False), alarm("a3"), alarm("b1", "late weather"),
                   mark("a1", "noise"), mark("a2", "noise"), mark("a1", "useful"))  # fmt: skip
    worth = marks.worth(RULE)
    assert (worth.raised, worth.paged, worth.useful, worth.noise, worth.precision) == (3, 2, 1, 1, 0.5)
    assert (marks.word("a1"), marks.word("a3")) == ("useful", None)
    assert [each.rule for each in marks.rules()] == [RULE, "late weather"]
    assert marks.worth("late weather").precision is None
    assert [each.subject for each in marks.on("weather")] == ["a2", "a1"]


def test_three_noises_demote() -> None:
    """Without a useful one, three marks are enough at a level of a half, two are not."""
    marks = folded(alarm("a1"), alarm("a2"), alarm("a3"), mark("a1", "noise"), mark("a2", "noise"))
    assert not should_demote(marks.worth(RULE), below=0.5)
    about_to = marks.worth(RULE, also=("a3", "noise"))
    assert should_demote(about_to, below=0.5)
    assert reason_of(about_to) == "0 of 3 marked alarms were useful, so at most 47% of such are"


def test_a_promotion_by_hand_forgets_what_was_said() -> None:
    """Marks before it no longer count; one because marks turned forgets nothing."""
    said = [alarm("a1"), alarm("a2"), mark("a1", "noise", 3), mark("a2", "noise", 4), event("demoted", RULE, 5)]
    assert folded(*said).worth(RULE).is_demoted
    turned = folded(*said, event("promoted", RULE, 6, by_hand=False)).worth(RULE)
    assert (turned.is_demoted, turned.noise) == (False, 2)
    by_hand = folded(*said, event("promoted", RULE, 6, by_hand=True), mark("a2", "noise", 7)).worth(RULE)
    assert (by_hand.is_demoted, by_hand.noise) == (False, 1)


def test_only_the_latest_marks_count() -> None:
    """A rule that was noise for long is taken at its last 30 marks."""
    alarms = [alarm(f"a{n}") for n in range(40)]
    marks = folded(*alarms, *(mark(f"a{n}", "noise" if n < 10 else "useful", n) for n in range(40)))
    assert (marks.worth(RULE).noise, marks.worth(RULE).useful) == (0, REMEMBERED)


def test_what_is_not_known() -> None:
    """Alarms, rules and words that there are not are problems; alarms of the first versions have a rule."""
    marks = folded(alarm("a1"))
    for code, call in (
        ("TV-RESP-003", lambda: marks.alarm("a2")),
        ("TV-RESP-004", lambda: marks.known_rule("fault wether")),
        ("TV-RESP-005", lambda: known_word("nice")),
    ):
        with pytest.raises(ProjectError) as caught:
            call()
        assert caught.value.problems[0].code == code
    assert (marks.known_rule(RULE), known_word("noise")) == (RULE, "noise")
    assert rule_of(event("alarmed", "weather", alarm="drift")) == "drift weather"
