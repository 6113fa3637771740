"""Collect: what is late is told once, wherever it is missing; what is there is never told late."""

from datetime import timedelta

import pytest

import small_project
from trivium.core.clock import VirtualClock
from trivium.loop.collect import collect
from trivium.loop.lateness import note_late
from trivium.loop.sources import FileSource
from trivium.loop.workspace import Workspace


def late_days(folder, *, days):
    """Collect at the end of each day, and list the partitions told late with the day they were."""
    clock = VirtualClock(small_project.START)
    ws = Workspace(folder, clock=clock, durable=False)
    source = FileSource(folder, ws.project)
    found = []
    for day in range(1, days + 1):
        clock.move_to(small_project.START + timedelta(days=day))
        collect(ws, "visits", source=source)
        found += [(event.body["partition"], day) for event in note_late(ws, "visits")]
    return found


@pytest.mark.parametrize(
    ("missing", "told"), [([2], [("2024-01-03", 4)]), ([2, 3], [("2024-01-03", 4), ("2024-01-04", 5)])]
)
def test_a_missing_partition_is_late_after_its_grace(tmp_path, missing, told):
    """A day that does not come is told late a day after its end, once, whether or not the days after it come."""
    folder = small_project.make(tmp_path, days=8)
    for day in missing:
        small_project.file_of(folder, "visits", day).unlink()
    assert late_days(folder, days=8) == told


def test_nothing_is_late_where_all_came(tmp_path):
    """A table whose days all come in time has none late."""
    assert late_days(small_project.make(tmp_path, days=5), days=5) == []


def test_the_end_of_a_table_is_late(tmp_path):
    """Where days stop coming each is told late in its turn."""
    assert [day for _, day in late_days(small_project.make(tmp_path, days=3), days=6)] == [5, 6]


def test_a_stopped_table_is_told_late_seven_times_and_no_more(tmp_path):
    """Years after a table ended, only the first seven missing days are told."""
    folder = small_project.make(tmp_path, days=3)
    ws = Workspace(folder, clock=VirtualClock(small_project.START + timedelta(days=900)), durable=False)
    collect(ws, "visits", source=FileSource(folder, ws.project))
    assert [event.body["partition"] for event in note_late(ws, "visits")] == [
        f"2024-01-{day:02d}" for day in range(4, 11)
    ]
    assert note_late(ws, "visits") == []
