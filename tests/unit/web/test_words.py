"""How figures, times and names are written."""

import pytest

from trivium.core.problems import ProjectError
from trivium.web.words import count, day, lasting, score, struck, when


@pytest.mark.parametrize(
    ("hours", "written"),
    [(None, "–"), (0, "0 s"), (71.4 / 3600, "71.4 s"), (192.549 / 3600, "3.21 min"), (24, "24 h"), (84, "3.5 days")],
)
def test_length_of_time_has_a_persons_unit(hours: float | None, written: str) -> None:
    """Seconds up to two minutes, minutes up to two hours, hours up to three days."""
    assert lasting(hours) == written


def test_figures_part_thousands_and_keep_four_digits() -> None:
    """Whole numbers have no decimal, scores four digits, what is missing is a dash."""
    assert [count(v) for v in (None, 336_776, 2.0, 0.5)] == ["–", "336,776", "2", "0.5"]
    assert [score(v) for v in (None, 0.48951, -0.1, 12_345.6)] == ["–", "0.4895", "-0.1", "12,346"]


def test_midnight_is_a_day_and_any_other_time_has_its_minute() -> None:
    """Times are written in UTC."""
    assert [when(v) for v in (None, "2013-02-01", "2013-02-01T06:05:00Z")] == ["–", "1 Feb 2013", "1 Feb 2013, 06:05"]
    with pytest.raises(ProjectError, match="TV-PROJ-007"):
        day("yesterday")


def test_a_fault_strikes_a_column_a_table_or_the_live_version() -> None:
    """Null stands for what there is none of."""
    assert struck({"table": "weather", "column": "visib"}) == "weather.visib"
    assert struck({"table": "weather", "column": None}) == "weather"
    assert struck({"table": None, "column": None}) == "the live version"
