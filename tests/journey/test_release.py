"""Releasing rows overrules the checks that held them, and not what makes a table a table."""

from datetime import UTC, datetime, timedelta

import polars as pl

import small_project
from terminal import say

NIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = NIGHT - timedelta(days=1)


def test_a_key_that_is_taken_stays_in_quarantine(tmp_path):
    """Of the rows held back, those that broke a limit are let in; the twin of a good row's key is not."""
    folder = small_project.make(tmp_path, days=1, start=START)
    path = small_project.file_of(folder, "visits", 0, start=START)
    rows = pl.read_parquet(path).with_columns(age=pl.when(pl.int_range(pl.len()) < 3).then(999).otherwise("age"))
    pl.concat([rows, rows.tail(2)]).write_parquet(path)
    counts = say("collect", "visits", project=folder).document["tables"]["visits"]
    assert (counts["committed"], counts["quarantined"]) == (57, 5)
    day = small_project.day_name(0, start=START)
    assert say("quarantine", "release", "visits", day, "--because", "true", project=folder).document["rows"] == 3
    left = say("quarantine", "list", project=folder).document["quarantines"]
    assert [entry["rows"] for entry in left] == [2]
    said = say("quarantine", "release", "visits", day, "--because", "again", project=folder)
    assert said.code == 1
    assert said.problems[0]["code"] == "TV-DATA-005"
