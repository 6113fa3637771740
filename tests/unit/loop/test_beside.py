"""What lies beside a partition: a reference is held to what the other table holds now, a measure to what came before."""

from datetime import timedelta

import polars as pl

import small_project
from trivium.core.clock import VirtualClock
from trivium.core.values import Partition
from trivium.loop.beside import earlier_summaries, referenced_values
from trivium.loop.collect import collect, table_rows
from trivium.loop.sources import FileSource
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace

REFERENCES = """
[tables.clinics]
files = "data/clinics.csv"

[tables.clinics.columns]
code = { type = "str", unique = true }
"""
PROJECT = (
    small_project.PROJECT.replace(
        'values = ["north", "south", "east"], unknown = "warn"', 'references = "clinics.code", else = "warn"'
    )
    + REFERENCES
)
USUAL = """
[[checks]]
name = "as many visits as usual"
on = "visits"
rows = { of = "usual", min = 0.5 }
"""


def workspace(folder, *, day: int) -> Workspace:
    at = small_project.START + timedelta(days=day)
    return Workspace(folder, clock=VirtualClock(at), durable=False)


def write_clinics(folder, *codes: str) -> None:
    pl.DataFrame({"code": codes}).write_csv(folder / "data" / "clinics.csv")


def test_parents_are_collected_first_and_a_child_is_held_to_them(tmp_path):
    """The clinics stand last in the file and come first; visits to the one that is not among them are counted."""
    folder = small_project.make(tmp_path, days=3, project=PROJECT)
    write_clinics(folder, "north", "south")
    ws = workspace(folder, day=1)
    tick(ws, source=FileSource(folder, ws.project))
    east = (small_project.visits_of(0)["clinic"] == "east").sum()
    assert table_rows(ws, "visits")["checks"] == {}, "a rule that only warns breaks nothing"
    collected = next(event for event in ws.ledger.events(subject="visits") if event.kind == "collected")
    assert collected.body["warnings"] == {"clinic is in clinics.code": east}


def test_values_follow_their_table(tmp_path):
    """New values are added, and those of a replaced partition are gone; before anything came there are none."""
    folder = small_project.make(tmp_path, days=3, project=PROJECT)
    ws = workspace(folder, day=1)
    assert referenced_values(ws, ws.project.tables["visits"])["clinics.code"].to_list() == []
    write_clinics(folder, "north", "south", "south")
    collect(ws, "clinics", source=FileSource(folder, ws.project))
    assert sorted(referenced_values(ws, ws.project.tables["visits"])["clinics.code"]) == ["north", "south"]
    write_clinics(folder, "south", "west")
    collect(ws, "clinics", source=FileSource(folder, ws.project))
    assert sorted(referenced_values(ws, ws.project.tables["visits"])["clinics.code"]) == ["south", "west"]


def test_a_day_of_few_rows_is_held_back_as_a_whole_and_can_be_released(tmp_path):
    """After three days of sixty visits one of twenty is unusual; history is what came before it alone."""
    folder = small_project.make(tmp_path, days=5, project=small_project.PROJECT + USUAL)
    small_project.visits_of(3)[:20].write_parquet(small_project.file_of(folder, "visits", 3))
    ws = workspace(folder, day=5)
    collect(ws, "visits", source=FileSource(folder, ws.project))
    rows = table_rows(ws, "visits")
    assert (rows["read"], rows["committed"], rows["quarantined"], rows["refused"]) == (260, 240, 20, 0)
    record = next(record for record in ws.state.snapshot.partitions("visits") if record.quarantine)
    assert record.partition == small_project.day_name(3)
    held = ws.frame(record.quarantine)
    assert held["_broke"].to_list() == [["as many visits as usual"]] * 20
    partition = ws.state.snapshot.partitions("visits")
    assert list(earlier_summaries(ws, "visits", _span(partition[2]))) == [
        small_project.day_name(0),
        small_project.day_name(1),
    ]


def test_nothing_is_read_where_nothing_compares(tmp_path):
    """A contract without such a rule needs no history."""
    folder = small_project.make(tmp_path, days=2)
    ws = workspace(folder, day=2)
    collect(ws, "visits", source=FileSource(folder, ws.project))
    assert earlier_summaries(ws, "visits", _span(ws.state.snapshot.partitions("visits")[1])) == {}
    assert referenced_values(ws, ws.project.tables["visits"]) == {}


def _span(record):
    return Partition("visits", record.start, record.end)
