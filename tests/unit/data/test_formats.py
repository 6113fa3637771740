"""What texts look like: names that sound private, and patterns from shapes that match every text they came from."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.data.formats import FORMATS, pattern_of, sounds_private


@pytest.mark.parametrize(
    "column", ["email", "customer_email", "firstName", "LAST_NAME", "birthDate", "phone2", "home-address", "IBAN"]
)
def test_a_name_may_sound_private(column: str) -> None:
    """Whole words count, however they are joined."""
    assert sounds_private(column)


@pytest.mark.parametrize("column", ["name", "carrier", "emailed", "dest", "streetlights", "first", "last_seen"])
def test_most_names_do_not(column: str) -> None:
    """An airport has a name too."""
    assert not sounds_private(column)


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        (["EWR", "JFK"], "[A-Z]{3}"),
        (["N1", "N14228"], "[A-Z][0-9]{1,5}"),
        (["AA-12", "B-3"], r"[A-Z]{1,2}\-[0-9]{1,2}"),
        (["a1", "1a"], "[0-9][a-z]|[a-z][0-9]"),
        (["a1b2", "1a2b", "ab12", "12ab", "aa1b"], "[0-9a-z]{4}"),
        (["abc def"], None),
        (["", "a"], None),
        (["żółw"], None),
        (["a-b.c", "a.b", "-a", "b/c", "a_b"], None),
    ],
)
def test_a_pattern_by_hand(texts: list[str], pattern: str | None) -> None:
    """Runs become their class and lengths; what does not look like a code has none."""
    assert pattern_of({shape(text): 1 for text in texts}) == pattern


def shape(text: str) -> str:
    text = re.sub("[^\x00-\x7f]", "~", re.sub("[A-Z]", "A", text))
    return re.sub("[0-9]", "9", re.sub("[a-z]", "a", text))


@given(st.lists(st.text("ABxy12-.", min_size=1, max_size=8), min_size=1, max_size=6))
def test_a_pattern_matches_all_it_came_from(texts: list[str]) -> None:
    """Whatever is proposed would have held back none of them."""
    pattern = pattern_of({shape(text): 1 for text in texts})
    assert pattern is None or all(re.fullmatch(pattern, text) for text in texts)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("e-mail address", "ada@example.org"),
        ("phone number", "+44 20 7946-0958"),
        ("phone number", "(030) 901820"),
        ("IP address", "192.168.0.1"),
        ("IBAN", "DE02120300000000202051"),
        ("UUID", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
    ],
)
def test_a_known_format_is_told_from_others(name: str, text: str) -> None:
    """One format and no other matches; a tail number, a code and a price are of none."""
    assert [known.name for known in FORMATS if re.fullmatch(known.pattern, text)] == [name]
    for other in ("N14228", "AA-999", "12.50", "2013", "EWR"):
        assert not any(re.fullmatch(known.pattern, other) for known in FORMATS)
