"""The page of a table: whole, self-contained, small whatever the table's length, and safe whatever its names are."""

import re
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from html_page import Page
from report_study.pictures import picture
from trivium.loop.steps import MOST_STEPS, steps_of
from trivium.loop.table_picture import TablePicture
from trivium.web.heatmap import draw, levels_of, ordered_columns, readout
from trivium.web.table_report import moved_of, render

HOSTILE = "</title></text><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def words(page: str) -> str:
    return re.sub(r"\s+", " ", Page(page).words)


def test_the_page_says_what_befell_the_table() -> None:
    """The headline counts, the lede has the latest, the cards and the list have each finding."""
    said = words(render(picture()))
    assert "60 partitions of distance: 3 broken, 1 refused." in said
    assert "Lately 2010-03-01T00: distance is 1.609 times its usual scale: looks like kilometres." in said
    assert "3.0 times as far as is allowed" in said
    assert "alarm a19, paged, marked useful" in said and "alarm a39" in said
    assert "What may lie behind it, the likeliest first:" in said
    assert "distance alone moved" in said and "the contract of distance was changed" in said
    assert "Nulls: usually 0 %, here 20 %." in said


def test_each_partition_and_column_has_its_marks() -> None:
    """Pages, notes and refusals are drawn by shape; a row a column; a chart a column; a rule where it was to blame."""
    page = Page(render(picture()))
    assert page.marks("page") == 2 + 1  # one in the legend
    assert page.marks("noted") == 1 + 1
    assert page.marks("gone") == 1 + 1
    assert page.marks("row-name") == 6 + 1  # the table as a whole
    assert page.marks("blamed") == 1 + 1
    assert page.marks("middle") == 4  # columns of numbers
    assert page.marks("fault-rule") == 3


def test_the_page_needs_nothing_else() -> None:
    """No address is loaded, and the page forbids itself to."""
    page = render(picture())
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=|url\((?!#)|@import|https?:", page)


def test_every_figure_has_a_name_for_those_who_do_not_see_it() -> None:
    """Each drawing is an image with a title; all findings stand in a table as well."""
    page = render(picture())
    drawings = re.findall(r'<svg viewBox[^>]*role="img"[^>]*>(.{7})', page)
    assert len(drawings) == 1 + 3 + 6
    assert set(drawings) == {"<title>", "<title "}


def test_hostile_names_stay_text() -> None:
    """Column names, values, words and partitions are escaped wherever they stand."""
    hostile = picture(text=HOSTILE)
    partitions = tuple(replace(one, name=HOSTILE + one.name) for one in hostile.partitions)
    page = render(replace(hostile, project=HOSTILE, table=HOSTILE, partitions=partitions))
    assert "<img" not in page and "alert(1)</script>" not in page
    assert [tag for tag, _ in Page(page).tags].count("script") == 1


@pytest.mark.parametrize("changed", [{"columns": ()}, {"findings": (), "odd": 0}])
def test_a_table_with_little_in_it_is_drawn(changed: dict[str, object]) -> None:
    """No columns, no findings: the page is whole."""
    assert "All findings" in words(render(replace(picture(), **changed)))  # type: ignore[arg-type]


def test_one_partition_is_enough() -> None:
    """The first day of a table has its page."""
    said = words(render(picture(partitions=1)))
    assert "1 partition of distance: none unlike its history." in said
    assert "Every partition was like those before it." in said


def test_the_same_picture_gives_the_same_page() -> None:
    """Nothing of the clock or of chance is in it."""
    assert render(picture()) == render(picture())


def test_five_thousand_partitions_make_a_small_page_soon() -> None:
    """What is drawn grows with the steps of time: 60 columns of 5,000 partitions stay below 2 MB."""
    long = picture(partitions=5000, columns=60, every=timedelta(hours=6))
    before = time.process_time()
    page = render(long)
    assert time.process_time() - before < 20
    assert len(page) < 2_000_000
    assert "Each step holds up to 21 partitions, and shows the furthest of them;" in words(page)
    assert "21 columns" in words(page)  # 40 rows are drawn, the table as a whole among them


def test_a_bad_day_is_not_lost_among_those_of_its_step() -> None:
    """A step shows the furthest of its partitions, and marks it."""
    long = picture(partitions=5000, columns=2, every=timedelta(hours=6))
    steps = long.steps
    assert len(steps.members) <= MOST_STEPS
    assert sum(map(len, steps.members)) == 5000
    levels = levels_of(long, steps, "distance")
    assert all(level == 3.0 for level in levels)
    told = readout(long, steps)
    assert len(told["steps"]) == len(steps.members)  # type: ignore[arg-type]
    assert "looks like kilometres" in told["said"]["0"]  # type: ignore[index]


def test_gaps_of_time_stay_gaps() -> None:
    """A month without partitions is a month of empty steps."""
    short = picture(partitions=10)
    starts = [partition.start for partition in short.partitions]
    steps = steps_of([*starts[:-1], starts[-1] + timedelta(days=30)], short.every)
    assert [len(members) for members in steps.members] == [1] * 9 + [0] * 30 + [1]


def test_columns_to_blame_come_first() -> None:
    """Then those that went furthest; the table as a whole stands above all."""
    some = picture()
    quiet = ordered_columns(some)
    assert quiet[:2] == ["", "distance"]
    assert sorted(quiet) == sorted(["", *(column.name for column in some.columns)])


def test_a_private_column_shows_no_values() -> None:
    """Its nulls and levels may be told, its values never."""
    some = picture(columns=1)
    (column,) = some.columns
    column.is_private, column.quantiles, column.kind = True, {}, "text"
    column.shares, column.values = {}, ()
    page = words(render(replace(some, findings=tuple(replace(one, shape=None) for one in some.findings))))
    assert "The values of distance are not shown." in page
    assert "Not drawn: distance." in page


def test_the_figure_names_its_cells() -> None:
    """Levels are drawn in four strengths and heights, the table's own row first."""
    some: TablePicture = picture(columns=2)
    svg = draw(some, some.steps)
    assert re.search(r'class="cell h0"', svg) and re.search(r'class="cell h2"', svg)
    assert svg.index("the table as a whole") < svg.index(">distance<")


def test_counts_are_written_as_counts() -> None:
    """The monitor measures rows by their logarithm; a person reads 73 where 36 came."""
    finding = picture().findings[0]
    rows = {"column": "", "statistic": "rows", "expected": 4.304065, "seen": 3.610918, "residual": -9.0}
    told = moved_of(replace(finding, partition=replace(finding.partition, moved=(rows,))))
    assert told == [{"what": "the table as a whole: rows", "expected": "73", "seen": "36", "distance": "-9.0"}]
