"""When a retrain is due."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.project import Retrain
from trivium.respond.retrain import RetrainDecision, due

FIRST = datetime(2013, 1, 1, tzinfo=UTC)


def asked(
    day: float,
    *,
    last: float | None = None,
    findings: Collection[str] = (),
    in_flight: bool = False,
    data: bool = True,
    rule: Retrain = Retrain(),  # noqa: B008 (frozen)
) -> RetrainDecision:
    """Ask on a day after the first data, the last try being on another."""
    return due(
        rule,
        now=FIRST + timedelta(days=day),
        last_try=None if last is None else FIRST + timedelta(days=last),
        first_data=FIRST if data else None,
        findings=findings,
        in_flight=in_flight,
    )


@pytest.mark.parametrize(("day", "due_now"), [(27.9, False), (28, True), (90, True)])
def test_the_first_training_waits_for_data(day: float, due_now: bool) -> None:
    """28 days of data are asked for, whatever was found."""
    assert asked(day, findings={"drift"}).retrain is due_now


@pytest.mark.parametrize(("day", "due_now"), [(36.9, False), (37, True), (50, True)])
def test_the_schedule(day: float, due_now: bool) -> None:
    """A week after the last try the next is due."""
    assert asked(day, last=30).retrain is due_now


@pytest.mark.parametrize(("day", "due_now"), [(32.9, False), (33, True)])
def test_findings_hasten_it_but_not_within_the_cooldown(day: float, due_now: bool) -> None:
    """Drift retrains early, and not more often than every 3 days."""
    assert asked(day, last=30, findings={"drift"}).retrain is due_now


def test_only_findings_that_are_asked_for_count() -> None:
    """What is not in `on` does not hasten; the reason names what did, in the rule's order."""
    assert not asked(34, last=30, findings={"drift"}, rule=Retrain(on=("concept",))).retrain
    assert asked(34, last=30, findings={"concept", "drift"}).reason == "found: drift, concept"


def test_one_candidate_at_a_time_and_none_without_data() -> None:
    """A candidate on its way, or no data, stops everything."""
    assert "on its way" in asked(90, last=30, findings={"drift"}, in_flight=True).reason
    assert not asked(90, in_flight=True).retrain
    assert "no data" in asked(90, data=False).reason


def test_a_refusal_says_until_when() -> None:
    """The reason of each refusal names the day."""
    assert "2013-01-29" in asked(3).reason
    assert "2013-02-03" in asked(31, last=30).reason
    assert "2013-02-07" in asked(35, last=30).reason
