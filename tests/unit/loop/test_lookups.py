"""What the features of a request read beside it: rows of any time, and a store that has lost them."""

from datetime import UTC, datetime, timedelta

import pytest

import small_project
from terminal import say
from trivium.core.problems import StepError
from trivium.loop.bodies import Body
from trivium.loop.lookups import lookups_of
from trivium.loop.row_features import Maker
from trivium.loop.workspace import Workspace

DAYS = 3


@pytest.fixture
def ws(tmp_path):
    folder = small_project.make(tmp_path, days=DAYS)
    assert say("collect", project=folder).code == 0
    ws = Workspace(folder)
    ws.refresh()
    return ws


def lookups(ws):
    return lookups_of(ws, at=small_project.START + timedelta(days=DAYS))


def test_a_row_of_the_first_day_there_is(ws):
    """A row of the year 1 has nothing before it: tables without rows."""
    frames = lookups(ws).beside_for([{"at": datetime(1, 1, 1, tzinfo=UTC)}]).frames
    assert {name: frame.height for name, frame in frames.items()} == {"arrivals": 0, "weather": 0}


def test_a_store_that_has_lost_what_a_row_needs(ws):
    """It is that row's trouble, told as a step's: whoever else is asked about answers on."""
    held = lookups(ws)
    for path in (ws.root / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    maker = Maker(Body("v1", lambda features: features, lambda frames: frames["visits"], "key"), held)
    with pytest.raises(StepError, match="TV-STORE-005"):
        maker.made([{"visit_id": "v1", "at": small_project.START + timedelta(hours=1)}])
