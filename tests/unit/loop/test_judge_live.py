"""What of the live model may alarm: foretold harm, and bonds that nobody has told of yet."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import small_project
from trivium.core.clock import VirtualClock
from trivium.core.events import Event
from trivium.core.values import iso
from trivium.loop.judge_live import foretold, objectives_burning
from trivium.loop.workspace import Workspace

START = small_project.START
OBJECTIVE = small_project.PROJECT.replace("target = 0.9", "target = 0.2").replace('window = "7d"', 'window = "28d"')
NO_OBJECTIVE = small_project.PROJECT[: small_project.PROJECT.index("[[objectives]]")]
SHIFTS = [{"table": "visits", "partition": "2024-01-15", "words": "distance is larger than it was"}]


class Told:
    """A workspace whose journal is told of periods, one a day."""

    def __init__(self, folder: Path, text: str) -> None:
        small_project.make(folder, days=1, project=text)
        self.ws = Workspace(folder, clock=VirtualClock(START + timedelta(days=30)), durable=False)
        self.ws.refresh()

    def tell(self, kind: str, day: int, **body: Any) -> str:
        """Tell of one day's period; return its name."""
        start = START + timedelta(days=day)
        name = small_project.day_name(day)
        said = {"partition": name, "start": iso(start), "end": iso(start + timedelta(days=1)), **body}
        self.ws.state.journal.apply(Event(at=start, kind=kind, subject="visits", actor="test", body=said))
        return name

    def scored(self, day: int, brier: float) -> str:
        """Tell that a day was scored."""
        served = {"rows": 60, "slices": {"all": 60}, "metrics": {"brier": {"all": brier}, "log_loss": {"all": 0.5}}}
        return self.tell("scored", day, served=served, versions={}, delays={"counts": {}, "age": 96}, final=True)

    def estimated(self, day: int, value: float, error: float | None, metric: str = "brier") -> str:
        """Tell that a day was estimated."""
        return self.tell("estimated", day, values={metric: {"all": {"value": value, "error": error, "rows": 60}}})


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Ten good days, and an objective on brier of 0.2."""
    told = Told(tmp_path / "p", OBJECTIVE)
    for day in range(10):
        told.scored(day, 0.15)
    return told


def test_a_shift_that_foretells_harm_is_told(told: Told) -> None:
    """Three waiting days estimated at 0.4, known to within 0.1, will burn the budget: the shift of the week is named."""
    names = [told.estimated(day, 0.4, 0.1) for day in (10, 11, 12)]
    (found,) = foretold(told.ws, names[-1], SHIFTS)
    assert (found.alarm, found.severity, found.subject) == ("foretold", "page", "visits")
    assert "objective 'calibrated' will spend its budget fast" in found.what
    assert "visits: distance is larger than it was" in found.what
    assert found.evidence["shifts"] == SHIFTS


@pytest.mark.parametrize(
    ("value", "error", "days", "shifts"),
    [
        (0.4, 0.1, 3, []),  # nothing shifted: the objective will tell by itself
        (0.4, 0.3, 3, SHIFTS),  # not beyond the target by more than the error
        (0.4, None, 3, SHIFTS),  # an error that is not known foretells nothing
        (0.4, 0.1, 1, SHIFTS),  # one bad day is within the budget
        (0.19, 0.0, 3, SHIFTS),  # no harm: a shift alone is shown
    ],
)
def test_a_shift_without_foretold_harm_is_not(
    told: Told, value: float, error: float | None, days: int, shifts: list[dict[str, Any]]
) -> None:
    """A shift is shown, and pages nobody."""
    names = [told.estimated(day, value, error) for day in range(10, 10 + days)]
    assert foretold(told.ws, names[-1], shifts) == []


def test_what_burns_already_is_not_foretold(told: Told) -> None:
    """Once the labels have told it the objective alarms, and the estimate adds nothing."""
    for day in (10, 11, 12):
        told.scored(day, 0.4)
    name = told.estimated(13, 0.4, 0.1)
    assert [one.alarm for one in objectives_burning(told.ws)] == ["objective"]
    assert foretold(told.ws, name, SHIFTS) == []


def test_without_an_objective_the_gate_says_what_was_expected(tmp_path: Path) -> None:
    """The primary metric beyond the worse end of the gate's interval by more than the estimate's error is foretold."""
    told = Told(tmp_path / "p", NO_OBJECTIVE)
    told.ws.state.route = msgspec.structs.replace(told.ws.state.route, live="v1")
    expected = {"value": 0.5, "low": 0.45, "high": 0.55}
    judged = Event(at=START, kind="judged", subject="v1", actor="test", body={"expected": expected})
    told.ws.state.journal.apply(judged)
    name = told.estimated(3, 0.8, 0.1, metric="log_loss")
    (found,) = foretold(told.ws, name, SHIFTS)
    assert "log_loss is estimated at 0.8 ± 0.1, the gate let expect 0.55 at the worst" in found.what
    assert foretold(told.ws, told.estimated(4, 0.6, 0.1, metric="log_loss"), SHIFTS) == []
    assert foretold(told.ws, "2024-02-01", SHIFTS) == []
