"""Bonds of answers and outcomes: each kind of fault and shift on made-up days that differ as days do."""

from collections.abc import Sequence

import numpy as np
import pytest

from trivium.monitor.bonds import ACCEPTED_AFTER, LASTS, LEAST_HISTORY, BondDecision, judge, ordinary
from trivium.monitor.joined import Joined, join

ROWS = 900


def day(
    number: int,
    *,
    seed: int = 0,
    hand_over: float = 0.0,
    later: float = 0.0,
    harder: float = 0.0,
    storm: float = 0.0,
    more_late: float = 0.0,
    outcome_columns: bool = True,
    with_carrier: bool = False,
) -> Joined:
    """Make one day of flights: miles and a hardness foretell the minutes, more than 15 of which are late.

    `hand_over` is the share of rows with another row's outcome, `later` is added to the delay of all, `storm` to that of
    the hard ones alone, without the model knowing; `harder` moves what is asked about, which the model knows.
    `more_late` keeps that share of late rows twice.
    """
    draw = np.random.default_rng([seed, number])
    weather = draw.normal(0, 2)
    miles, hard = draw.uniform(100, 2000, ROWS), draw.normal(harder, 1, ROWS)
    left = 10 * hard + weather + storm * (hard > 0) + draw.normal(0, 12, ROWS)
    arrived = left + later + draw.normal(0, 6, ROWS)
    flown = miles / 8 + draw.normal(0, 5, ROWS)
    said = 1 / (1 + np.exp(-(10 * hard - 15) / 8.5))
    order = np.arange(ROWS)
    struck = np.flatnonzero(draw.random(ROWS) < hand_over)
    order[struck] = np.roll(struck, 1)
    carrier = draw.integers(0, 6, ROWS)
    kept = np.arange(ROWS)
    if more_late:
        late = np.flatnonzero(arrived > 15)
        kept = np.concatenate([kept, late[: int(len(late) * more_late)]])
    came = {"left": left[order][kept], "arrived": arrived[order][kept], "flown": flown[order][kept]}
    return join(
        (arrived[order] > 15).astype(float)[kept],
        said[kept],
        requests={"miles": miles[kept], "hard": hard[kept]},
        outcomes=came if outcome_columns else {},
        agree={"carrier": float((carrier == carrier[order]).mean())} if with_carrier else {},
        is_probability=True,
    )


def history(count: int = 40, **how: bool) -> list[Joined]:
    """Make ordinary days."""
    return [day(number, **how) for number in range(count)]


def judged(recent: Sequence[Joined], past: Sequence[Joined] | None = None) -> BondDecision:
    """Judge the last of some days after 40 ordinary ones."""
    return judge(history() if past is None else past, recent)


def test_ordinary_days_are_ordinary() -> None:
    """On 60 more days like the first 40 there is no alarm."""
    days = [day(number) for number in range(100)]
    found = [judge(days[: at - LASTS + 1], days[at - LASTS + 1 : at + 1]) for at in range(40, 100)]
    assert [one.kind for one in found if one.verdict == "fault"] == []


def test_outcomes_handed_to_other_rows_tear_bonds() -> None:
    """Half the rows with a neighbour's outcome: rates stay, the flown minutes no longer belong to the miles."""
    found = judged([day(50), day(51), day(52, hand_over=0.5)])
    assert (found.verdict, found.kind) == ("fault", "label fault")
    assert set(found.columns[:2]) == {"flown", "miles"}
    assert "come apart" in found.words


def test_columns_of_both_tables_come_to_differ() -> None:
    """The carrier of the outcome is no longer that of the request: the surest sign, and told first."""
    past = history(with_carrier=True)
    found = judged([day(50, hand_over=0.5, with_carrier=True)], past)
    assert (found.kind, found.columns) == ("label fault", ("carrier",))
    assert "carrier of the outcomes is that of the request in" in found.words
    assert judged([day(50, hand_over=0.02, with_carrier=True)], past).verdict != "fault"


def test_a_concept_shift_must_last() -> None:
    """All arrive 15 minutes later: not told on the first day, told on the second, and the column that moved is blamed."""
    first, second = day(51, later=15), day(52, later=15)
    assert judged([day(49), day(50), first]).verdict != "fault"
    found = judged([day(50), first, second])
    assert (found.verdict, found.kind, found.columns[0]) == ("fault", "concept shift", "arrived")
    assert found.words.startswith("arrived is 1")


def test_a_concept_shift_shows_in_labels_alone() -> None:
    """Where outcomes are nothing but labels, a rise whatever was predicted is told after three days."""
    past = history(outcome_columns=False)
    recent = [day(number, later=30, outcome_columns=False) for number in (50, 51, 52)]
    found = judged(recent, past)
    assert (found.verdict, found.kind, found.columns) == ("fault", "concept shift", ("label",))
    assert judged([day(49, outcome_columns=False), *recent[:2]], past).verdict != "fault"


def test_a_storm_is_no_concept_shift() -> None:
    """Three days on which the hard flights alone are an hour later move no column against the others, nor every third."""
    found = judged(
        [day(number, storm=60, outcome_columns=False) for number in (50, 51, 52)], history(outcome_columns=False)
    )
    assert found.verdict != "fault"


def test_a_population_shift_is_shown() -> None:
    """Harder flights, which the model knows: predictions and labels rise together, and nobody is alarmed."""
    found = judged([day(50), day(51), day(52, harder=0.8)])
    assert (found.verdict, found.kind) == ("shift", "population shift")
    assert found.words.startswith("label ")


def test_a_label_shift_is_shown() -> None:
    """More of the late ones among the same: labels rise, predictions as far as the mixture has it."""
    found = judged([day(50), day(51), day(52, more_late=0.9)])
    assert (found.verdict, found.kind) == ("shift", "label shift")


def test_a_rise_on_one_day_is_named_and_not_told() -> None:
    """A day on which all are later at the same predictions is shown as a concept shift that may yet pass."""
    past = history(outcome_columns=False)
    found = judged([day(50, outcome_columns=False), day(52, later=15, outcome_columns=False)], past)
    assert (found.verdict, found.kind) == ("shift", "concept shift")


def test_faulty_periods_stay_out_of_the_history_until_they_are_normal() -> None:
    """A week of faults is left out; of two weeks the history begins anew, and goes on with what follows."""
    good, bad = [False], [True]
    assert ordinary([]) == []
    assert ordinary(good * 3 + bad * 7 + good * 2) == [0, 10, 11]
    assert ordinary(good * 3 + bad + good + bad + good) == [0, 6]
    assert ordinary(good * 3 + bad * ACCEPTED_AFTER) == list(range(3, 3 + ACCEPTED_AFTER))
    assert ordinary(good * 3 + bad * (ACCEPTED_AFTER + 2) + good) == list(range(3, 3 + ACCEPTED_AFTER + 3))


def test_a_second_week_of_the_same_shift_is_told_again() -> None:
    """The first, left out of the history, does not hide the second."""
    days = [day(number, later=15 if number in (*range(45, 52), *range(60, 67)) else 0) for number in range(70)]
    faulty: list[bool] = []
    for number in range(70):
        kept = ordinary(faulty[: max(0, number - LASTS + 1)])
        found = judge([days[place] for place in kept], days[max(0, number - LASTS + 1) : number + 1])
        faulty.append(found.verdict == "fault")
    assert all(faulty[46:52])
    assert all(faulty[61:67])
    assert not any(faulty[:46] + faulty[53:60] + faulty[68:])


def test_a_short_history_says_so() -> None:
    """Nothing is judged on fewer than 20 periods, or without any to judge."""
    assert judge(history(LEAST_HISTORY - 1), [day(50)]).verdict == "not enough history"
    assert judge(history(), []).verdict == "not enough history"


@pytest.mark.parametrize("rows", [0, 5])
def test_a_period_with_few_rows_is_judged_on_what_it_has(rows: int) -> None:
    """A day without answers, or with a handful, raises nothing of its own accord and does not fail."""
    few = join(np.zeros(rows), np.full(rows, 0.2), requests={}, outcomes={}, agree={}, is_probability=True)
    assert judged([day(50), day(51), few]).verdict != "fault"
    assert judge([few] * 30, [few] * 3).verdict == "ordinary"


def test_one_class_is_judged() -> None:
    """Labels all alike have no mixture and no bond: ordinary, not an error."""
    still = [
        join(np.zeros(100), np.linspace(0, 0.1, 100), requests={}, outcomes={}, agree={}, is_probability=True)
        for _ in range(30)
    ]
    assert judge(still[:27], still[27:]).verdict == "ordinary"


def test_numbers_are_judged_too() -> None:
    """For a regression a rise of all outcomes by a deviation, at the same predictions, is a concept shift."""

    def amounts(number: int, by: float = 0.0) -> Joined:
        draw = np.random.default_rng(number)
        said = draw.uniform(10, 50, 400)
        label = said + draw.normal(0, 5, 400) + draw.normal(0, 1) + by
        return join(label, said, requests={}, outcomes={}, agree={}, is_probability=False)

    past = [amounts(number) for number in range(40)]
    assert judge(past, [amounts(number, 9.0) for number in (50, 51, 52)]).kind == "concept shift"
    assert judge(past, [amounts(number) for number in (50, 51, 52)]).verdict != "fault"
