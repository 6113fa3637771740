"""How tables and values are laid out: no number and no word is broken, at any width."""

from datetime import UTC, datetime

import pytest
from rich.console import Console

from trivium.cli.layout import as_written, cell, pairs, table

COLUMNS = ("version", "made", "rows", "score", "owner", "why")
ROWS = [
    ("v1", "2026-12-01T14:00:03.907840Z", 1_234_567, 0.531412, None, "the first training: 28d of data are there"),
    ("v12", "2026-12-02", 2, 0.5, None, "on schedule"),
]


def printed(part, width: int) -> str:
    out = Console(width=width, highlight=False)
    with out.capture() as captured:
        out.print(part)
    return captured.get()


def test_cells_are_shown_as_they_are():
    """Nothing is a dash, numbers are short, and square brackets are no markup."""
    text = printed(table("T", ("a", "b", "c"), [(None, 1234567, "[bold]x[/bold]"), (0.123456, 2, "")]), 80)
    assert "1,234,567" in text
    assert "0.1235" in text
    assert "[bold]x[/bold]" in text
    assert text.count("–") == 2


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_no_word_is_broken(width):
    """However narrow the terminal, each number and word stands whole, and no line is longer than it is wide."""
    text = printed(table("Versions", COLUMNS, ROWS), width)
    for word in ("1,234,567", "0.5314", "2026-12-01T14:00:04Z", "training:", "schedule"):
        assert word in text.split() or word in text.replace(" · ", " ").split()
    assert max(map(len, text.splitlines())) <= width


def test_columns_in_which_nothing_stands_go_first():
    """A column of dashes is left out where that makes the others fit, and only there."""
    made = table("Versions", COLUMNS, ROWS)
    assert "owner" in printed(made, 120)
    narrow = next(width for width in range(120, 20, -1) if made.widths(width) is None)
    text = printed(made, narrow)
    assert "owner" not in text
    assert "─" in text


def test_rows_stand_below_each_other_where_they_do_not_fit_side_by_side():
    """Each value is told with the name of its column."""
    lines = printed(table("Versions", COLUMNS, ROWS), 40).splitlines()
    assert [line.rstrip() for line in lines if line.startswith("v")] == ["v1", "v12"]
    assert "rows 2 · score 0.5" in " ".join(line.strip() for line in lines)


def test_a_column_to_be_copied_is_not_broken():
    """An id with spaces in it stays on one line."""
    name = "a name of several words"
    assert name in printed(table("T", ("name", "why"), [(name, "because " * 9)], whole="name"), 40)


def test_a_table_without_rows():
    """The head alone is drawn."""
    assert "version" in printed(table("Versions", ("version",), []), 80)


def test_a_title_is_not_broken_at_the_width_of_the_table():
    """A title may be wider than a narrow table."""
    title = "Rehearsal 'rehearsal': 2013-02-01 to 2013-04-15"
    assert title in printed(pairs(title, {"ticks": 3}), 80)
    assert title in printed(table(title, ("ticks",), [(3,)]), 80)


def test_names_of_pairs_stay_whole():
    """A long value takes lines of its own, and leaves the names as they are."""
    text = printed(pairs("Config", {"parameters": "x" * 300, "empty": None}), 60)
    assert "parameters" in text
    assert "–" in text


def test_times_are_rounded_up():
    """By the second that is shown it had happened; other texts are left alone."""
    text = printed(table("T", ("at", "what"), [("2026-12-31T23:59:59.5Z", "2026-12-01T14:00:03.9Z or so")]), 80)
    assert "2027-01-01 " in text
    assert "2026-12-01T14:00:03.9Z or so" in text


def test_data_is_no_count():
    """Data is written as it was sent."""
    sent = {"flight": 2590, "at": datetime(2013, 3, 4, 5, tzinfo=UTC), "late": True, "dest": None, "id": "a"}
    assert as_written(sent) == {"flight": "2590", "at": "2013-03-04T05:00:00Z", "late": "true", "dest": None, "id": "a"}
    assert cell(2590) == "2,590"
