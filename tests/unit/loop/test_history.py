"""How far a history reaches: as far as all of its tables do."""

from datetime import timedelta

import pytest

import small_project
from trivium.loop.history import HistorySource
from trivium.loop.sources import FileSource
from trivium.loop.workspace import Workspace

DAYS = 12


@pytest.mark.parametrize(("missing", "until"), [(0, DAYS), (1, DAYS - 1), (6, DAYS - 6), (7, DAYS), (11, DAYS)])
def test_a_table_that_ends_a_little_sooner_ends_the_history(tmp_path, missing, until):
    """Its export was cut sooner. One that ended a week before the others had stopped, and cuts nothing short."""
    folder = small_project.make(tmp_path, days=DAYS)
    lines = (folder / "data" / "weather.csv").read_text().splitlines()
    (folder / "data" / "weather.csv").write_text("\n".join(lines[: len(lines) - missing]) + "\n")
    ws = Workspace(folder)
    history = HistorySource(FileSource(folder, ws.project), ws.project, faults=(), seed=0)
    start = small_project.START
    assert history.bounds() == (start, start + timedelta(days=until))
