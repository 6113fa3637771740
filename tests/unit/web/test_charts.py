"""The chart helpers: where things land, and that what users write cannot leave its text."""

from datetime import UTC, datetime, timedelta

import pytest

from trivium.web.charts import (
    Lane,
    TimeScale,
    ValueScale,
    cut,
    dots_path,
    element,
    figure,
    line_path,
    pack,
    smooth,
    spread,
    text,
    text_width,
    time_ticks,
    value_ticks,
)

NEW_YEAR = datetime(2013, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_time_scale_places_ends_and_middle_and_holds_what_lies_outside() -> None:
    """Times map linearly, and those outside stand at the nearer edge."""
    scale = TimeScale(NEW_YEAR, NEW_YEAR + 10 * DAY, 100, 200)
    assert [scale(NEW_YEAR + n * DAY) for n in (-3, 0, 5, 10, 30)] == [100, 100, 150, 200, 200]


def test_time_scale_without_length_stands_at_the_left() -> None:
    """A rehearsal of no length divides by nothing."""
    assert TimeScale(NEW_YEAR, NEW_YEAR, 100, 200)(NEW_YEAR) == 100


def test_value_scale_grows_upwards_and_centres_a_single_value() -> None:
    """The low value stands at the bottom, the high one at the top."""
    scale = ValueScale(0, 4, bottom=100, top=0)
    assert [scale(v) for v in (0, 1, 4)] == [100, 75, 0]
    assert ValueScale(2, 2, bottom=100, top=0)(2) == 50


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (timedelta(hours=6), ["1 Jan", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00"]),
        (2 * DAY, ["1 Jan", "06:00", "12:00", "18:00", "2 Jan", "06:00", "12:00", "18:00", "3 Jan"]),
        (4 * DAY, ["1 Jan", "12:00", "2 Jan", "12:00", "3 Jan", "12:00", "4 Jan", "12:00", "5 Jan"]),
        (60 * DAY, ["7 Jan", "14 Jan", "21 Jan", "28 Jan", "4 Feb", "11 Feb", "18 Feb", "25 Feb"]),
        (timedelta(0), ["1 Jan"]),
        (-DAY, []),
    ],
)
def test_time_ticks_suit_the_length(length: timedelta, labels: list[str]) -> None:
    """Hours for a day, Mondays for a month; 7 January 2013 was a Monday."""
    assert [tick.label for tick in time_ticks(NEW_YEAR, NEW_YEAR + length)] == labels


def test_time_ticks_of_a_year_are_months_and_name_the_year() -> None:
    """A year has its twelve firsts, January with the year, and the next January."""
    labels = [tick.label for tick in time_ticks(NEW_YEAR, NEW_YEAR + 365 * DAY)]
    assert labels[:3] == ["Jan 2013", "Feb", "Mar"]
    assert labels[-1] == "Jan 2014"
    assert len(labels) == 13


@pytest.mark.parametrize("years", [2, 3, 10, 40])
def test_time_ticks_stay_few_over_many_years(years: int) -> None:
    """However long the time, the axis stays readable and ascending."""
    ticks = time_ticks(NEW_YEAR, NEW_YEAR.replace(year=2013 + years))
    assert 2 <= len(ticks) <= 15
    assert [t.at for t in ticks] == sorted(t.at for t in ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.34, 0.59, [0.35, 0.4, 0.45, 0.5, 0.55]),
        (-10.0, 10.0, [-10, -5, 0, 5, 10]),
        (3.0, 3.0, [3.0]),
    ],
)
def test_value_ticks_are_round_numbers_within(low: float, high: float, ticks: list[float]) -> None:
    """Steps are 1, 2 or 5 times a power of ten, at most six of them."""
    assert value_ticks(low, high) == pytest.approx(ticks)


def test_line_breaks_at_none_and_shows_a_lonely_point() -> None:
    """A gap is not bridged, and a point between two gaps is a dot."""
    points = [(0, 1.0), (1, 2.0), (2, None), (3, 4.0), (4, None)]
    assert line_path(points) == "M0.0 1.0L1.0 2.0M3.0 4.0h0"
    assert line_path([]) == line_path([(0, None)]) == ""


def test_dots_leave_none_out() -> None:
    """Each value is one dot."""
    assert dots_path([(0, 1.0), (1, None), (2, 3.0)]) == "M0.0 1.0h0M2.0 3.0h0"


def test_smooth_weighs_neighbours_within_half_a_window() -> None:
    """By hand: (1*1 + 4*3) / 4 = 3.25 at the first, and the day three later is out of reach."""
    moments = [NEW_YEAR + n * DAY for n in (0, 1, 4)]
    smoothed = smooth(moments, [1.0, 4.0, 10.0], weights=[1, 3, 1], window=3 * DAY)
    assert smoothed == pytest.approx([3.25, 3.25, 10.0])


def test_smooth_keeps_gaps_and_survives_weightless_periods() -> None:
    """None stays None and lends nothing; where no rows were, values count alike."""
    moments = [NEW_YEAR + n * DAY for n in range(3)]
    assert smooth(moments, [1.0, None, 3.0], weights=[0, 0, 0], window=7 * DAY) == [2.0, None, 2.0]
    assert smooth([], [], weights=[], window=DAY) == []


def test_pack_takes_the_first_free_row() -> None:
    """Overlapping spans part, and a span after the gap goes back to the first row."""
    assert pack([(0, 10), (5, 20), (14, 30), (12, 13)], gap=4) == [0, 1, 0, 2]
    assert pack([]) == []


def test_spread_parts_neighbours_and_leaves_the_rest() -> None:
    """Two labels on one spot part evenly around it, a far one stays; the order of input is kept."""
    assert spread([50, 10, 50], gap=16) == [42, 10, 58]
    assert spread([], gap=16) == []


def test_text_and_attributes_are_escaped() -> None:
    """Hostile content ends up as text."""
    bad = "\"><script>alert('x')</script>"
    for svg in (text(bad, x=0, y=0, class_="a"), element("rect", tip=bad, x=1), element("rect", class_=bad)):
        assert "<script" not in svg
        assert '""' not in svg


def test_element_names_rounds_and_leaves_none_out() -> None:
    """Python's names become SVG's."""
    assert (
        element("line", x1=1.26, stroke_width=2, class_="a", y2=None) == '<line x1="1.3" stroke-width="2" class="a"/>'
    )
    assert element("line", x1=1_234_567) == '<line x1="1234567"/>'


def test_cut_and_width() -> None:
    """Long labels end in an ellipsis, and the width grows with the letters."""
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"
    assert text_width("abcd", size=10) == 24


def test_figure_stacks_lanes_and_tells_those_who_do_not_see_it() -> None:
    """Each lane stands below the one before, under one title and description."""
    time = TimeScale(NEW_YEAR, NEW_YEAR + 365 * DAY, 100, 500)
    lanes = [Lane("One", ("a note",), 50, "<g/>"), Lane("Two & three", (), 20, "<g/>")]
    svg = figure(lanes, time, width=600, name="A <name>", told="What it shows")
    assert '<title id="figure-name">A &lt;name&gt;</title><desc id="figure-told">What it shows</desc>' in svg
    assert "Two &amp; three" in svg
    assert svg.index("translate(0 30)") < svg.index("translate(0 106)")
