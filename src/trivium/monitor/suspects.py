"""What may lie behind a decision, ranked: a column, one value of a slicer, a broken check, a change just made."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from trivium.monitor.decision import Cause
from trivium.monitor.evidence import Evidence, Explanation, percent
from trivium.monitor.subpopulations import moved_alone

# A check that this share of the rows broke, and five times as many as usual, tells of the same thing.
BROKEN_SHARE = 0.01
TIMES_AS_USUAL = 5
MOST_CAUSES = 5
# How likely each lies behind what was seen, where it is there at all: what touched the very data comes first.
WEIGHTS: Mapping[str, float] = {
    "check": 0.9, "slice": 0.8, "contract": 0.7, "upstream": 0.6, "column": 0.5, "config": 0.4, "release": 0.3,
}  # fmt: skip


class Recent(NamedTuple):
    """Something that was done shortly before: a contract changed, a version released, a table found broken."""

    what: Literal["contract", "config", "release", "upstream"]
    name: str
    at: datetime
    words: str


def within(evidence: Evidence, found: Explanation) -> tuple[Cause, ...]:
    """Rank what the partition itself tells: which column, which value of a slicer alone, which checks broke."""
    causes = [_cause("column", column, f"{column} moved furthest") for column in found.columns[:1]]
    for column in found.columns[:1]:
        alone = moved_alone(evidence.now, evidence.past, column, nulls=found.kind == "missing")
        if alone:
            name = f"{alone.slicer} = {alone.value!r}"
            causes.append(_cause("slice", name, f"only {name} moved"))
    rows = max(evidence.now.rows + evidence.now.held_back, 1)
    usual = [held.breaks for held in evidence.past]
    everyone = max(sum(held.rows + held.held_back for held in evidence.past), 1)
    for check, broken in sorted(evidence.now.breaks.items()):
        before = sum(breaks.get(check, 0) for breaks in usual) / everyone
        if broken / rows > max(BROKEN_SHARE, TIMES_AS_USUAL * before):
            words = f"{percent(broken / rows)} of the rows break {check!r}, usually {percent(before)}"
            causes.append(_cause("check", check, words))
    return ranked(causes)


def before(recent: Sequence[Recent], *, start: datetime, every: timedelta) -> tuple[Cause, ...]:
    """Rank what was done shortly before a partition or while it came: the nearer the likelier, over a week."""
    week = max(timedelta(days=7), 2 * every)
    causes = []
    for held in recent:
        age = start + every - held.at
        if timedelta(0) <= age <= week + every:
            nearness = 1.0 - max(timedelta(0), age - every) / week
            causes.append(Cause(what=held.what, name=held.name, words=held.words, weight=WEIGHTS[held.what] * nearness))
    return ranked(causes)


def ranked(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Put the likeliest first, at most 5, each once."""
    best: dict[tuple[str, str], Cause] = {}
    for cause in causes:
        held = best.get((cause.what, cause.name))
        if held is None or cause.weight > held.weight:
            best[cause.what, cause.name] = cause
    return tuple(sorted(best.values(), key=lambda cause: (-cause.weight, cause.what, cause.name))[:MOST_CAUSES])


def _cause(what: Literal["column", "slice", "check"], name: str, words: str) -> Cause:
    return Cause(what=what, name=name, words=words, weight=WEIGHTS[what])
