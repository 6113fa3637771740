"""A version answers logged traffic off any server, and is held to what was served: by hand, at its edges, end to end."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

import numpy as np
import pytest

import small_project
from small_project import ROWS_A_DAY, START
from trivium.core.clock import RealClock, VirtualClock
from trivium.core.problems import Problem, StepError
from trivium.core.values import iso
from trivium.loop.bodies import Body, heuristic_of
from trivium.loop.project_source import ProjectSource
from trivium.loop.replay import _Said, replay
from trivium.loop.replay import replayed as told
from trivium.loop.tick import tick
from trivium.loop.traffic import traffic
from trivium.loop.workspace import Workspace

DAYS = 6
NOW = START + timedelta(days=DAYS + 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six days answered by the heuristic (0.5 in the north, else 0.3), tick by tick, outcomes and all."""
    folder = small_project.make(tmp_path_factory.mktemp("replay") / "p", days=DAYS + 1)
    for day in range(1, DAYS + 3):
        ws = Workspace(folder, clock=VirtualClock(START + timedelta(days=day)), durable=False)
        tick(ws, source=ProjectSource(ws), only=("collect", "answer", "score"))
    return folder


@pytest.fixture
def ws(folder):
    ws = Workspace(folder, clock=VirtualClock(NOW), durable=False)
    ws.refresh()
    return ws


def body(ws, predict):
    """A version that reads the heuristic's features."""
    return Body("v9", predict, heuristic_of(ws).features, "key")


def replayed(ws, predict, *, since=START, until=START + timedelta(days=DAYS), **how):
    how = {"learnt_until": None, **how}
    return replay(ws, body(ws, predict), since=since, until=until, **how)


def usual(features):
    return np.where(features["north"] == 1, 0.5, 0.3)


def found(done, measure, part="all"):
    return next(one for one in done.weighed.findings if (one.measure, one.slice) == (measure, part))


def test_what_says_the_same_is_promoted(ws):
    """All rows of all days, not one different: nothing is worse, and the outcomes are known."""
    done = replayed(ws, usual)
    assert (done.verdict, done.rows, done.weighed.seen.outcomes) == ("promote", DAYS * ROWS_A_DAY, DAYS * ROWS_A_DAY)
    assert found(done, "loss").worse_by == 0.0 and found(done, "errors").worse_by == 0.0
    assert {one.slice for one in done.weighed.findings if one.measure == "loss"} == {"all", "north"}


def test_rows_that_were_asked_long_after_their_time_have_the_tables_of_their_time(ws):
    """A server may be asked about last year: the rain is that of the row's day, not of the day of its answer."""
    rainy = body(ws, lambda features: features["rain"].to_numpy() / 100)
    batch = next(iter(traffic(ws, since=START + timedelta(days=2), until=START + timedelta(days=3))))
    said = _Said(ws, rainy, lambda: 0.0)
    at_once, later = (
        said.of(batch),
        said.of(replace(batch, start=NOW + timedelta(days=400), end=NOW + timedelta(days=401))),
    )
    assert at_once is not None and later is not None
    assert at_once["said"].max() > 0
    assert later["said"].to_list() == at_once["said"].to_list()


def test_times_are_those_asked(ws):
    """From the third day to the fifth are two days."""
    done = replayed(ws, usual, since=START + timedelta(days=2), until=START + timedelta(days=4))
    assert done.weighed.seen.answers == 2 * ROWS_A_DAY
    nothing = replayed(ws, usual, since=NOW, until=NOW + timedelta(days=1))
    assert (nothing.verdict, nothing.weighed.seen.answers) == ("unknown", 0)


def test_what_it_was_trained_on_tells_nothing_of_its_losses(ws):
    """Rows up to the end of training count for errors and checks, not for losses."""
    done = replayed(ws, usual, learnt_until=START + timedelta(days=4))
    assert (done.learnt, done.weighed.seen.answers) == (4 * ROWS_A_DAY, DAYS * ROWS_A_DAY)
    assert done.weighed.seen.outcomes == 2 * ROWS_A_DAY


def test_a_version_that_raises_fails_on_every_row(ws):
    """It is told with its own words, and rolled back."""

    def raises(features):
        raise StepError(Problem(code="TV-RUN-017", what="the model raised ValueError", seen="no such age"))

    done = replayed(ws, raises)
    assert done.verdict == "roll back" and found(done, "errors").worse_by == 1.0
    assert done.troubles == {"the model raised ValueError; no such age": DAYS * ROWS_A_DAY}


def test_numbers_that_are_none_are_failures(ws):
    """NaN and infinity on every third row are errors on every third row."""
    holes = [np.nan, 0.3, np.inf, 0.3, 0.3, 0.3]
    done = replayed(ws, lambda features: np.resize(holes, features.height))
    assert found(done, "errors").worse_by == pytest.approx(1 / 3) and done.verdict == "roll back"


def test_a_worse_version_is_told_by_its_losses(ws):
    """The loss difference is the mean of the rows' own, worked out from the outcomes by hand."""
    done = replayed(ws, lambda features: np.full(features.height, 0.05))
    labels = np.concatenate(
        [
            (small_project.arrivals_of(small_project.visits_of(day), day)["minutes"] > 10).to_numpy()
            for day in range(DAYS)
        ]
    )
    north = np.concatenate([(small_project.visits_of(day)["clinic"] == "north").to_numpy() for day in range(DAYS)])
    rule = np.where(north, 0.5, 0.3)
    extra = np.where(labels, np.log(rule / 0.05), np.log((1 - rule) / 0.95))
    whole = len(extra) // 25 * 25
    assert found(done, "loss").worse_by == pytest.approx(extra[:whole].mean())
    assert found(done, "loss").rows == whole


def test_a_slow_version_is_rolled_back(ws):
    """A version that needs more for a row in a batch than one answer may take has no chance alone."""
    clock = count(0.0, 60 * 31.0)
    done = replayed(ws, usual, timer=lambda: next(clock))
    assert done.verdict == "roll back" and "31,000 ms a row" in done.decision.reason
    assert done.ms_a_row == pytest.approx(31_000)


def test_the_ledger_keeps_the_verdict_and_no_time(ws):
    """The event tells of which batches, not how long the replay took nor when it was made: made again it is the same."""
    done = replayed(ws, usual)
    event = told(ws, "v9", done)
    assert (event.kind, event.subject, event.body["verdict"]) == ("replayed", "v9", "promote")
    assert event.body["findings"][0]["measure"] == "errors"
    ends = (small_project.START, small_project.START + timedelta(days=DAYS))
    assert (event.body["from"], event.body["until"]) == tuple(map(iso, ends))
    ws.clock = RealClock()
    assert told(ws, "v9", done).body == event.body


def test_replaying_changes_nothing_else(ws):
    """The answers that were served, and the route, are as they were."""
    before = [event.seq for event in ws.ledger.events()]
    replayed(ws, usual)
    assert [event.seq for event in ws.ledger.events()] == before
