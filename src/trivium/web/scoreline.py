"""The lane of scores: each period a dot, each week a line, for the live route and the two others it is measured by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trivium.core.values import moment
from trivium.web.charts import (
    Lane,
    TimeScale,
    ValueScale,
    cut,
    dots_path,
    element,
    line_path,
    smooth,
    spread,
    text,
    value_ticks,
)
from trivium.web.facts import Document
from trivium.web.words import score

SERIES = (("live", "value", "live"), ("heuristic", "heuristic", "heuristic"), ("first", "first", "never retrained"))
WINDOW = timedelta(days=7)
HEIGHT = 230.0

Series = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class _Scored:
    """The primary metric's periods: their middles, each series' values, and each series smoothed over a week."""

    middles: Sequence[datetime]
    single: Series
    weekly: Series


def _scored(result: Document) -> _Scored:
    periods = [one for one in result["scores"] if one["metric"] == result["primary"]["metric"]]
    periods.sort(key=lambda one: moment(one["from"]))
    middles = [moment(one["from"]) + (moment(one["to"]) - moment(one["from"])) / 2 for one in periods]
    weights = [float(one["rows"]) for one in periods]
    single = {series: [one[key] for one in periods] for series, key, _ in SERIES}
    weekly = {series: smooth(middles, values, weights=weights, window=WINDOW) for series, values in single.items()}
    return _Scored(middles, single, weekly)


def _span_of(scored: _Scored) -> tuple[float, float] | None:
    """Choose the scale: all smoothed values, and the single ones but for the outermost 2 % on either side."""
    single = sorted(value for values in scored.single.values() for value in values if value is not None)
    if not single:
        return None
    margin = len(single) // 50
    kept = single[margin : len(single) - margin]
    kept += [value for values in scored.weekly.values() for value in values if value is not None]
    low, high = min(kept), max(kept)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def scores(result: Document, time: TimeScale, *, shaded: Sequence[tuple[float, float]]) -> Lane:
    """Draw the primary metric over time, with the spans of x in `shaded` behind it.

    Where no outcome came back the lane says so.
    """
    scored = _scored(result)
    name = cut(result["primary"]["metric"].replace("_", " "), 16)
    span = _span_of(scored)
    if span is None:
        said = text("no outcomes came back, so nothing was scored", x=time.left + 4, y=12, class_="empty")
        return Lane(name, (), 40, said)
    scale = ValueScale(*span, HEIGHT, 0)
    behind = [element("rect", x=a, y=0, width=b - a, height=HEIGHT, class_="fault-shade") for a, b in shaded]
    marks = [*behind, *_axis(time, scale), _lines(scored, time, scale), *_ends(scored.weekly, time, scale)]
    better = result["primary"]["better"]
    notes = (f"{'↓' if better == 'lower' else '↑'} {better} is better", "line: 7 days", "dot: one period")
    return Lane(name, notes, HEIGHT, "".join(marks))


def _axis(time: TimeScale, scale: ValueScale) -> list[str]:
    marks: list[str] = []
    for tick in value_ticks(scale.low, scale.high):
        y = scale(tick)
        marks.append(element("line", x1=time.left, x2=time.right, y1=y, y2=y, class_="grid"))
        marks.append(text(score(round(tick, 10)), x=time.left - 8, y=y + 4, class_="axis", anchor="end"))
    return marks


def _lines(scored: _Scored, time: TimeScale, scale: ValueScale) -> str:
    """Draw all dots, then all lines, the live one uppermost; what leaves the scale is cut off."""
    plot = element("rect", x=time.left, y=-3, width=time.right - time.left + 3, height=HEIGHT + 6)
    inside = []
    for draw, values_of, shape in ((dots_path, scored.single, "dots"), (line_path, scored.weekly, "line")):
        for series, _, _ in reversed(SERIES):
            values = zip(scored.middles, values_of[series], strict=True)
            points = [(time(at), None if value is None else scale(value)) for at, value in values]
            inside.append(element("path", d=draw(points), class_=f"{shape} {series}"))
    return element("clipPath", plot, id="score-plot") + element("g", *inside, clip_path="url(#score-plot)")


def _ends(weekly: Series, time: TimeScale, scale: ValueScale) -> list[str]:
    """Name each line at its right end."""
    last = [(s, name, v[-1]) for s, _, name in SERIES if (v := [x for x in weekly[s] if x is not None])]
    places = spread([scale(value) for _, _, value in last], gap=16)
    return [
        text(name, x=time.right + 12, y=y + 4, class_=f"end {series}", tip=f"last week: {score(value)}")
        for (series, name, value), y in zip(last, places, strict=True)
    ]


def readout(result: Document) -> list[list[Any]]:
    """Give the pointer what to say at each scored period: milliseconds, then each series' weekly score."""
    scored = _scored(result)
    written = [[None if v is None else score(v) for v in scored.weekly[series]] for series, _, _ in SERIES]
    return [[int(at.timestamp() * 1000), *values] for at, *values in zip(scored.middles, *written, strict=True)]
