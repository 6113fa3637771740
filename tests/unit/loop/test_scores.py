"""Outcomes that come early, late, twice, corrected, withdrawn or from the future, and the scores they make."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import small_project
from trivium.core.clock import VirtualClock
from trivium.core.events import Event
from trivium.loop.live_history import live_report
from trivium.loop.sources import FileSource
from trivium.loop.tick import tick
from trivium.loop.workspace import Workspace

START = small_project.START
# Outcomes may take 3 days; the small project's take less than 12 hours, but for those a test holds back.
PROJECT = small_project.PROJECT.replace('label_delay = "1d"', 'label_delay = "3d"').replace(
    'first_after = "10d"', 'first_after = "90d"'
)


class Loop:
    """A small project on its way, a day a tick."""

    def __init__(self, folder: Path, *, days: int = 14, project: str = PROJECT) -> None:
        self.folder = small_project.make(folder, days=days, project=project)
        self.ws = Workspace(self.folder, clock=VirtualClock(START), durable=False)
        self.day = 0

    def arrivals(self, day: int) -> pl.DataFrame:
        """Read the file of a day's outcomes."""
        return pl.read_parquet(small_project.file_of(self.folder, "arrivals", day))

    def write(self, day: int, rows: pl.DataFrame) -> None:
        """Write the file of a day's outcomes."""
        rows.sort("known_at", "visit_id").write_parquet(small_project.file_of(self.folder, "arrivals", day))

    def hold_back(self, visit: str, *, until: int) -> None:
        """Let the outcome of a visit become known only on a later day."""
        for day in range(until):
            rows = self.arrivals(day)
            found = rows.filter(pl.col("visit_id") == visit)
            if found.height:
                at = pl.lit(at_day(until) + timedelta(hours=1)).cast(rows.schema["known_at"])
                self.write(day, rows.filter(pl.col("visit_id") != visit))
                self.write(until, pl.concat([self.arrivals(until), found.with_columns(known_at=at)]))
                return

    def go(self, until: int) -> list[Event]:
        """Tick at the end of each day up to `until`."""
        events: list[Event] = []
        while self.day < until:
            self.day += 1
            assert isinstance(self.ws.clock, VirtualClock)
            self.ws.clock.move_to(at_day(self.day))
            source = FileSource(self.ws.folder, self.ws.project, memo=self.ws.memo)
            events += tick(self.ws, source=source, timer=lambda: 0.0).events
        return events

    def scored(self, day: int) -> dict[str, Any]:
        """The last word on a day."""
        return self.ws.state.journal.scored[small_project.day_name(day)].body


def at_day(day: int) -> datetime:
    """The start of a day."""
    return START + timedelta(days=day)


def visit(day: int, place: int) -> str:
    """Name a visit."""
    return f"v{day:03d}{place:03d}"


def about(events: list[Event], kind: str, day: int) -> list[Event]:
    """Keep the events of one kind on one day's period."""
    return [one for one in events if one.kind == kind and one.body.get("partition") == small_project.day_name(day)]


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """A project whose outcomes all come within 12 hours."""
    return Loop(tmp_path / "p")


def test_the_first_periods_wait_until_all_is_due(loop: Loop) -> None:
    """Before any delay is known nothing can be called mature: day 0 is scored 3 days after its end, and for good."""
    events = loop.go(4)
    assert [one.at for one in about(events, "scored", 0)] == [at_day(4)]
    assert about(events, "scored", 0)[0].because == "all outcomes are due"
    body = loop.scored(0)
    assert (body["final"], body["arrived"], body["overdue"], body["scoring"]) == (True, 1.0, 0, 1)
    assert body["weights"] == {"0": 1.0, "1": 1.0}
    assert body["served"]["rows"] == small_project.ROWS_A_DAY


def test_once_delays_are_known_periods_are_scored_as_they_mature(loop: Loop) -> None:
    """All outcomes come within half a day, so a day is scored a day after its end, 2 days before all are due."""
    events = loop.go(9)
    (first,) = about(events, "scored", 6)
    assert first.at == at_day(8)
    assert first.body["final"] is False
    assert first.because.endswith("of each class has come, as delays go")
    assert first.body["arrived"] == pytest.approx(1.0)
    # It is settled, not scored again, when all are due and nothing has changed.
    later = loop.go(11)
    assert about(later, "scored", 6) == []
    assert small_project.day_name(6) in [name for one in later if one.kind == "joined" for name in one.body["settled"]]


def test_scores_have_intervals_per_version_and_slice(loop: Loop) -> None:
    """Every metric has a value and an interval around it, in all rows and in the slice, for all who answered."""
    loop.go(4)
    body = loop.scored(0)
    for scores in (body["served"], body["versions"]["heuristic"]):
        for metric in ("log_loss", "brier"):
            for part in ("all", "north"):
                low, high = scores["intervals"][metric][part]
                # The heuristic says 0.5 of all in the north, so there the loss is the same for every row.
                assert low <= scores["metrics"][metric][part] <= high
                assert low < high or part == "north"


def test_a_late_outcome_scores_its_period_again(loop: Loop) -> None:
    """One outcome comes after its period was scored: the period is scored anew, with its reason, and once."""
    loop.hold_back(visit(0, 7), until=6)
    loop.go(6)
    assert (loop.scored(0)["overdue"], loop.scored(0)["served"]["rows"]) == (1, 59)
    events = loop.go(8)
    (again,) = about(events, "scored", 0)
    assert (again.at, again.because, again.body["scoring"]) == (at_day(7), "1 more outcome came", 2)
    assert (again.body["overdue"], again.body["served"]["rows"]) == (0, 60)
    (joined,) = [one for one in events if one.kind == "joined" and one.at == at_day(7)]
    assert joined.body["again"] == [small_project.day_name(0)]


def test_a_corrected_partition_scores_what_it_changes(loop: Loop) -> None:
    """The file of a day is written anew with one outcome turned round: its period alone is scored anew."""
    loop.go(6)
    before = loop.scored(1)["served"]["metrics"]["brier"]["all"]
    rows = loop.arrivals(1)
    visits = small_project.visits_of(1).filter(pl.col("clinic") != "north")
    one = rows.filter(pl.col("visit_id").is_in(visits["visit_id"].implode()))["visit_id"][0]
    turned = pl.when(pl.col("visit_id") == one).then(20.1 - pl.col("minutes")).otherwise("minutes")
    loop.write(1, rows.with_columns(minutes=turned))
    events = loop.go(7)
    again = [one for one in events if one.kind == "scored" and one.body["scoring"] > 1]
    assert [(one.body["partition"], one.because) for one in again] == [
        (small_project.day_name(1), "outcomes were corrected")
    ]
    assert loop.scored(1)["served"]["metrics"]["brier"]["all"] != before


def test_a_withdrawn_outcome_scores_its_period_again(loop: Loop) -> None:
    """The file of a day is written anew without one of its outcomes."""
    loop.go(6)
    loop.write(1, loop.arrivals(1).filter(pl.col("visit_id") != visit(1, 3)))
    (again,) = about(loop.go(7), "scored", 1)
    assert again.because == "1 outcome withdrawn"
    assert again.body["overdue"] == 1


def test_the_same_again_changes_nothing(loop: Loop) -> None:
    """A file written anew with other bytes and the same outcomes scores nothing anew."""
    loop.go(6)
    loop.write(1, loop.arrivals(1).with_columns(minutes=pl.col("minutes") + 0.001))
    events = loop.go(7)
    assert [one for one in events if one.kind == "scored" and one.body["scoring"] > 1] == []


def test_every_outcome_is_accounted_for(loop: Loop) -> None:
    """Outcomes of periods that wait, that were scored, and of rows that nobody asked about add up to those that came."""
    stranger = pl.DataFrame({"visit_id": ["nobody"], "known_at": [at_day(2)], "minutes": [1.0]}).cast(
        dict(loop.arrivals(2).schema)
    )
    loop.write(2, pl.concat([loop.arrivals(2), stranger]))
    events = loop.go(6)
    joined = [one for one in events if one.kind == "joined"]
    for one in joined:
        body = one.body
        assert body["rows"] == body["waiting"] + body["scored"] + body["unknown"]
    assert sum(one.body["rows"] for one in joined) == sum(loop.arrivals(day).height for day in range(6))
    assert sum(one.body["unknown"] for one in joined) == 1


def test_an_outcome_from_the_future_is_not_known_yet(loop: Loop) -> None:
    """A row that says it becomes known next year does not count before."""
    rows = loop.arrivals(0)
    future = pl.when(pl.col("visit_id") == visit(0, 7)).then(at_day(0) + timedelta(hours=1)).otherwise("known_at")
    loop.write(0, rows.with_columns(known_at=future.cast(rows.schema["known_at"])))
    loop.go(4)
    assert loop.scored(0)["served"]["rows"] == 60
    from trivium.loop.outcomes import outcomes

    early = outcomes(loop.ws, since=at_day(0), until=at_day(0) + timedelta(minutes=90))
    assert visit(0, 7) in early["row_id"].to_list()
    assert early.height < 60


def test_without_outcomes_nothing_is_scored(tmp_path: Path) -> None:
    """A project that declares none is left alone."""
    text = PROJECT.replace('[outcomes]\ntable = "arrivals"\nlabel = "minutes > 10"\nat = "known_at"\n', "")
    loop = Loop(tmp_path / "p", days=3, project=text)
    assert [one.kind for one in loop.go(3) if one.kind in ("scored", "joined", "estimated")] == []


def test_a_tick_again_changes_nothing(loop: Loop) -> None:
    """The same moment twice: the second finds nothing to do."""
    loop.go(8)
    source = FileSource(loop.ws.folder, loop.ws.project, memo=loop.ws.memo)
    kinds = {one.kind for one in tick(loop.ws, source=source, timer=lambda: 0.0).events}
    assert kinds <= {"ticked"}


def test_mature_below_all_scores_sooner_with_weights(tmp_path: Path) -> None:
    """At `mature = 0.5` a day is scored at its own end, weighted; once all are due once more, without weights."""
    text = PROJECT.replace('at = "known_at"', 'at = "known_at"\nmature = 0.5')
    loop = Loop(tmp_path / "p", project=text)
    events = loop.go(9)
    (first,) = about(events, "scored", 8)
    assert first.at == at_day(9)
    assert 0.5 <= first.body["arrived"] < 0.95
    assert min(first.body["weights"].values()) > 1.0
    # What the slices stand for is nearly the whole day, though fewer rows have come.
    assert first.body["served"]["rows"] < 55 < first.body["served"]["slices"]["all"]
    (last,) = about(loop.go(12), "scored", 8)
    assert (last.at, last.body["final"], last.body["weights"]) == (at_day(12), True, {"0": 1.0, "1": 1.0})
    assert last.because.endswith("more outcomes came")


def test_what_waits_is_estimated_once_enough_was_learnt(tmp_path: Path) -> None:
    """After 10 scored periods each new one is estimated at its end, before its labels; the report holds it to them."""
    loop = Loop(tmp_path / "p", days=30)
    events = loop.go(30)
    estimated = [one for one in events if one.kind == "estimated"]
    assert estimated
    for one in estimated:
        scored = about(events, "scored", int((one.at - START) / timedelta(days=1)) - 1)
        assert all(one.at < word.at for word in scored)
    report = live_report(loop.ws, last=5)
    record = report["estimates"]["log_loss"]["all"]
    assert record["periods"] >= 10
    assert record["error"] is not None
    assert record["within"] <= record["stated"]
    assert [one["partition"] for one in report["waiting"]] == [small_project.day_name(29)]
