"""Which alarms of a rehearsal are right: the truth that precision is counted by."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import small_project
from trivium.core.events import Event
from trivium.core.project import read_project
from trivium.loop.credit import Told, credited, credits_of
from trivium.loop.faults import Fault

PROJECT = read_project(small_project.PROJECT)
DAY = timedelta(days=1)
AT = datetime(2024, 1, 10, tzinfo=UTC)


def fault(kind: str, table: str | None = "visits", column: str | None = None, **more: Any) -> Fault:
    """Make a fault of two days."""
    return Fault(id=kind, kind=kind, from_=AT, until=AT + 2 * DAY, table=table, column=column, **more)  # type: ignore[arg-type]


def is_right(struck: Fault, kind: str, subject: str, *columns: str, days: float = 1) -> bool:
    """Tell whether an alarm so many days after the fault began is credited to it."""
    return credited(PROJECT, [struck], Told(AT + days * DAY, kind, subject, columns)) is not None


@pytest.mark.parametrize(("days", "right"), [(0, False), (0.5, True), (4, True), (4.1, False)])
def test_in_its_time(days: float, right: bool) -> None:
    """After it began, and up to two days after its end, while it is in the windows that monitors look at."""
    assert is_right(fault("truncate"), "fault", "visits", days=days) is right


def test_a_late_partition_is_waited_for() -> None:
    """What comes late is told late by as much."""
    assert is_right(fault("late", delay="3d"), "late", "visits", days=7)


def test_on_its_table() -> None:
    """Another table's alarm is another's, and so is the model's, whatever it is called."""
    assert not is_right(fault("nulls", column="age"), "quarantine", "weather")
    assert not is_right(fault("nulls", column="age"), "objective", "visits")
    assert is_right(fault("nulls", column="age"), "quarantine", "visits")


def test_a_monitor_of_columns_must_name_the_column() -> None:
    """One of two that were swapped will do; a check that holds rows back has named its rule."""
    assert not is_right(fault("nulls", column="age"), "fault", "visits", "distance")
    assert is_right(fault("swap_columns", column="age", other="distance"), "fault", "visits", "clinic", "distance")


def test_the_model_suffers_from_its_outcomes() -> None:
    """Wrong outcomes show in the objectives, later by the delay of labels; version faults in the answers alone."""
    assert is_right(fault("label_flip", "arrivals"), "objective", "visits", days=5)
    assert is_right(fault("label_flip", "arrivals"), "quarantine", "arrivals")
    assert is_right(fault("raise", None), "answers", "v3")
    assert not is_right(fault("raise", None), "fault", "visits")


def alarm(name: str, kind: str, subject: str, incident: str, *, explained: str = "", days: float = 1) -> Event:
    """Make an alarm's event."""
    body = {"id": name, "alarm": kind, "columns": [], "incident": incident, "explained": explained}
    return Event(at=AT + days * DAY, kind="alarmed", subject=subject, actor="a", body=body)


def test_what_an_incident_explains_is_as_right_as_the_incident() -> None:
    """The model's alarm goes with the table's: right if the table's is credited, wrong if not."""
    found = credits_of(PROJECT, [fault("truncate")], [
        alarm("a1", "fault", "visits", "i1"),
        alarm("a2", "objective", "visits", "i1", explained="explained by i1 on visits"),
        alarm("a3", "fault", "weather", "i2"),
        alarm("a4", "objective", "visits", "i2", explained="explained by i2 on weather"),
        alarm("a5", "objective", "visits", "i3"),
    ])  # fmt: skip
    assert found == {"a1": "truncate", "a2": "truncate", "a3": None, "a4": None, "a5": None}
