"""What the features of a request read beside it: rows of any time, and a store that has lost them."""

from datetime import UTC, datetime, timedelta

import pytest

import small_project
from terminal import say
from trivium.core.clock import VirtualClock
from trivium.core.problems import StepError
from trivium.loop.answerer import answerer_of
from trivium.loop.bodies import Body
from trivium.loop.health import Health
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


def answered(folder, hour: int, *, text: str):
    """What becomes of a row that is asked at an hour of the last collected day, before the weather is too old or after."""
    small_project.make(folder, days=DAYS, project=small_project.PROJECT.replace("[tables.weather]\n", text, 1))
    assert say("collect", project=folder).code == 0
    at = small_project.START + timedelta(days=DAYS - 1, hours=hour)
    ws = Workspace(folder, clock=VirtualClock(at))
    ws.refresh()
    row = {"visit_id": "v1", "at": at, "age": 40, "distance": 2.0, "clinic": "north"}
    return ws, answerer_of(ws, health=Health(lambda: 0.0)).answer([row], at=at, ids=["p1"]).answers[0]


def test_an_answer_from_a_table_too_old_says_so(tmp_path):
    """Within `stale_after` of the weather's last row nothing is said; past it the answer names the table."""
    text = '[tables.weather]\nstale_after = "6h"\n'
    assert answered(tmp_path / "fresh", 5, text=text)[1].checks == ()
    _, late = answered(tmp_path / "late", 7, text=text)
    assert (late.checks, late.source) == (("weather is fresh",), "heuristic")


def test_a_table_that_was_refreshed_is_read_off_the_replys_path(tmp_path):
    """The next answerer has the new rows; the one before goes on with what it had, and nothing else is read anew."""
    ws, late = answered(tmp_path, 7, text='[tables.weather]\nstale_after = "6h"\n')
    assert late.checks == ("weather is fresh",)
    before = answerer_of(ws, health=Health(lambda: 0.0))
    assert answerer_of(ws, health=before.health, before=before) is before
    with (tmp_path / "data" / "weather.csv").open("a") as weather:
        weather.write(f"{ws.clock.now() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ},0.5\n")
    assert say("collect", project=tmp_path).code == 0
    ws.refresh()
    after = answerer_of(ws, health=before.health, before=before)
    assert after is not before
    assert after.lookups.newest["weather"] > before.lookups.newest["weather"]


def test_memory_does_not_grow_with_a_tables_age(tmp_path):
    """Of a table with a time no more is held than its lookback and a day, however long its history; unread ones are not."""
    folder = small_project.make(tmp_path, days=20)
    assert say("collect", project=folder).code == 0
    ws = Workspace(folder)
    ws.refresh()
    held = lookups_of(ws, at=small_project.START + timedelta(days=20))
    reach = timedelta(days=3 + 1 + 1)
    assert held.frames["arrivals"]["known_at"].min() >= small_project.START + timedelta(days=20) - reach
    assert held.frames["weather"].height <= reach.days
    assert held.asked.height == small_project.ROWS_A_DAY
    assert set(lookups_of(ws, at=small_project.START + timedelta(days=20), tables={"weather"}).frames) == {"weather"}
