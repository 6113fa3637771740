"""One column over time: the quantiles of its numbers as bands, or the shares of its commonest values; its nulls below.

Each point is the partition in the middle of its step. The scale fits what is usual; what lies beyond it is held at the
edge with an arrow, so that one broken day does not flatten a year. The page's style sheet paints the classes.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from trivium.loop.steps import Steps
from trivium.loop.table_picture import ColumnOverTime, TablePicture
from trivium.web.charts import TimeScale, ValueScale, cut, element, line_path, text, time_ticks, value_ticks
from trivium.web.words import score

WIDTH, LEFT, RIGHT = 600.0, 56.0, 592.0
TOP, BOTTOM, NULLS_HEIGHT = 10.0, 130.0, 16.0
# From this ratio of its ends on, a scale of positive numbers is drawn by its logarithm.
LOG_RATIO = 300.0
# The scale reaches so far beyond what lies within all but the outermost hundredth of steps.
ROOM = 0.12
OUTER = 0.01

# Commonest values that hold less than this together tell nothing.
LEAST_SHARE = 0.2


def draw(picture: TablePicture, column: ColumnOverTime, steps: Steps) -> str:
    """Draw one column as an SVG; an empty text where it holds nothing that can be drawn."""
    time = TimeScale(steps.start, steps.end, LEFT, RIGHT)
    x = [time(steps.start + steps.length * (step + 0.5)) for step in range(len(steps.members))]
    body = _body(column, steps, x)
    if not body:
        return ""
    nulls = _nulls(column, steps, x)
    bottom = BOTTOM + (NULLS_HEIGHT + 8 if nulls else 0)
    ticks = [(time(tick.at), tick.label) for tick in time_ticks(time.start, time.end, most=7)]
    grid = [element("line", x1=at, x2=at, y1=TOP, y2=bottom, class_="grid") for at, _ in ticks]
    axis = [text(label, x=at + 3, y=bottom + 13, class_="axis") for at, label in ticks if at < RIGHT - 40]
    name = f"{column.name} over time: {what_of(column)}"
    marks = "".join([*grid, *_alarms(picture, column, steps, x, bottom), *body, *nulls, *axis])
    return f'<svg viewBox="0 0 {WIDTH:g} {bottom + 20:g}" role="img"><title>{html.escape(name)}</title>{marks}</svg>'


def what_of(column: ColumnOverTime) -> str:
    """Say what is drawn of a column."""
    if column.quantiles:
        return "quantiles"
    return "shares of its values" if _is_of_few_values(column) else "number of distinct values"


def _is_of_few_values(column: ColumnOverTime) -> bool:
    held = [sum(shares.get(value, 0.0) for value in column.values) for shares in column.shares.values()]
    return column.kind == "bool" or (bool(held) and median(held) >= LEAST_SHARE)


def _body(column: ColumnOverTime, steps: Steps, x: Sequence[float]) -> list[str]:
    if column.quantiles:
        return _numbers(column, steps, x)
    if _is_of_few_values(column):
        return _values(column, steps, x)
    return _distinct(column, steps, x) if column.kind == "text" and not column.is_private else []


def _distinct(column: ColumnOverTime, steps: Steps, x: Sequence[float]) -> list[str]:
    """Draw how many values there are, where even the commonest are rare."""
    counts = _gathered({place: float(count) for place, count in column.distinct.items()}, steps)
    scale, is_log, ends = _scale([counts, counts])

    def y(value: float) -> float:
        held = min(max(value, ends[0]), ends[1])
        return scale(math.log10(held) if is_log else held)

    path = line_path((at, None if v is None else y(v)) for at, v in zip(x, counts, strict=True))
    marks = _value_axis(ends, y, is_log=is_log)
    return [*marks, element("path", d=path, class_="middle"), *_beyond(x, counts, counts, ends)]


def _gathered(values: dict[int, float], steps: Steps) -> list[float | None]:
    """Give each step's value; None where it has none."""
    return [next((values[place] for place in members if place in values), None) for members in steps.members]


# ------------------------------------------------------------------------------------------------------------- numbers


def _numbers(column: ColumnOverTime, steps: Steps, x: Sequence[float]) -> list[str]:
    series = [
        _gathered({place: told[number] for place, told in column.quantiles.items()}, steps)
        for number in range(len(next(iter(column.quantiles.values()))))
    ]
    scale, is_log, ends = _scale(series)

    def y(value: float) -> float:
        held = min(max(value, ends[0]), ends[1])
        return scale(math.log10(held) if is_log else held)

    lowest, low, middle, high, highest = series
    marks = _value_axis(ends, y, is_log=is_log)
    marks += [
        element("path", d=_band(x, lowest, highest, y), class_="outer"),
        element("path", d=_band(x, low, high, y), class_="inner"),
        element("path", d=line_path((at, None if v is None else y(v)) for at, v in zip(x, middle, strict=True)),
                class_="middle"),
    ]  # fmt: skip
    return marks + _beyond(x, lowest, highest, ends)


def _scale(series: Sequence[Sequence[float | None]]) -> tuple[ValueScale, bool, tuple[float, float]]:
    """Fit the scale to what is usual: all but the outermost hundredth of steps, and some room."""
    low = _inner(series[0], OUTER)
    high = _inner(series[-1], 1 - OUTER)
    is_log = low > 0 and high / low > LOG_RATIO
    if is_log:
        room = (high / low) ** ROOM
        ends = (low / room, high * room)
        return ValueScale(math.log10(ends[0]), math.log10(ends[1]), BOTTOM, TOP), True, ends
    room = (high - low) * ROOM or max(abs(high), 1.0) * ROOM
    ends = (low - room, high + room)
    return ValueScale(*ends, BOTTOM, TOP), False, ends


def _inner(values: Sequence[float | None], share: float) -> float:
    held = sorted(value for value in values if value is not None)
    return held[round(share * (len(held) - 1))]


def _band(
    x: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], y: Callable[[float], float]
) -> str:
    """Draw an area between two lines as one path, parted where a step has neither."""
    parts: list[str] = []
    run: list[tuple[float, float, float]] = []
    for at, low, high in [*zip(x, lows, highs, strict=True), (0.0, None, None)]:
        if low is not None and high is not None:
            run.append((at, y(low), y(high)))
            continue
        if len(run) == 1:
            run = [(run[0][0] - 1.5, *run[0][1:]), (run[0][0] + 1.5, *run[0][1:])]
        if run:
            upper = "L".join(f"{left:.1f} {top:.1f}" for left, _, top in run)
            lower = "L".join(f"{left:.1f} {bottom:.1f}" for left, bottom, _ in reversed(run))
            parts.append(f"M{upper}L{lower}Z")
        run = []
    return "".join(parts)


def _beyond(
    x: Sequence[float], lows: Sequence[float | None], highs: Sequence[float | None], ends: tuple[float, float]
) -> list[str]:
    """Point at what the scale does not hold."""
    up = [at for at, value in zip(x, highs, strict=True) if value is not None and value > ends[1]]
    down = [at for at, value in zip(x, lows, strict=True) if value is not None and value < ends[0]]
    path = "".join(f"M{at - 3.5:.1f} {TOP + 1:g}h7l-3.5-6Z" for at in up)
    path += "".join(f"M{at - 3.5:.1f} {BOTTOM - 1:g}h7l-3.5 6Z" for at in down)
    return [element("path", d=path, class_="beyond")] if path else []


def _value_axis(ends: tuple[float, float], y: Callable[[float], float], *, is_log: bool) -> list[str]:
    if is_log:
        powers = range(math.ceil(math.log10(ends[0])), math.floor(math.log10(ends[1])) + 1)
        ticks = [10.0**power for power in powers][:: max(1, math.ceil(len(powers) / 4))]
    else:
        ticks = value_ticks(*ends, most=4)
    marks = []
    for value in ticks:
        marks.append(element("line", x1=LEFT, x2=RIGHT, y1=y(value), y2=y(value), class_="grid"))
        marks.append(text(score(value), x=LEFT - 6, y=y(value) + 4, class_="axis", anchor="end"))
    return marks


# -------------------------------------------------------------------------------------------------- values and nulls


def _values(column: ColumnOverTime, steps: Steps, x: Sequence[float]) -> list[str]:
    """Draw the shares of the commonest values, each from the one before it up, and name them at their place."""
    if not column.values:
        return []
    scale = ValueScale(0.0, 1.0, BOTTOM, TOP)
    below: list[float | None] = [0.0 if column.nulls.keys() & set(members) else None for members in steps.members]
    marks = _value_axis((0.0, 1.0), scale, is_log=False)
    for number, value in enumerate(column.values):
        shares = _gathered({place: held.get(value, 0.0) for place, held in column.shares.items()}, steps)
        above = [None if b is None or s is None else min(1.0, b + s) for b, s in zip(below, shares, strict=True)]
        marks.append(element("path", d=_band(x, below, above, scale), class_=f"share-{number}", tip=value))
        middle = next(((b + a) / 2 for b, a in zip(below, above, strict=True) if b is not None and a is not None), None)
        thick = median([a - b for b, a in zip(below, above, strict=True) if b is not None and a is not None] or [0.0])
        if middle is not None and thick > 0.09:
            marks.append(text(cut(value, 24), x=x[0] + 6, y=scale(middle) + 4, class_=f"share-name on-{number}"))
        below = above
    return marks


def _nulls(column: ColumnOverTime, steps: Steps, x: Sequence[float]) -> list[str]:
    """Draw the share of nulls in a strip of its own, if there ever is one."""
    shares = _gathered(column.nulls, steps)
    most = max((share for share in shares if share is not None), default=0.0)
    if not most:
        return []
    top, bottom = BOTTOM + 8, BOTTOM + 8 + NULLS_HEIGHT
    scale = ValueScale(0.0, most, bottom, top)
    zero: list[float | None] = [None if share is None else 0.0 for share in shares]
    return [
        element("path", d=_band(x, zero, shares, scale), class_="nulls"),
        text("nulls", x=LEFT - 6, y=bottom - 4, class_="axis", anchor="end"),
        text(f"at most {100 * most:.3g} %", x=RIGHT, y=top + 6, class_="axis", anchor="end"),
    ]


def _alarms(
    picture: TablePicture, column: ColumnOverTime, steps: Steps, x: Sequence[float], bottom: float
) -> Iterable[str]:
    """Rule the steps in which this column was to blame, with what was said of it."""
    for step, members in enumerate(steps.members):
        blamed = [p for p in (picture.partitions[place] for place in members) if p.is_odd and column.name in p.columns]
        if blamed:
            tip = "\n".join(f"{one.name}: {cut(one.words, 160)}" for one in blamed[:4])
            kind = "fault" if any(one.verdict == "fault" for one in blamed) else "shift"
            yield element("line", tip=tip, x1=x[step], x2=x[step], y1=TOP - 6, y2=bottom, class_=f"{kind}-rule")
