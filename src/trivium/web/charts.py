"""SVG drawn on the server: scales, ticks, lines with gaps, bars packed into rows, lanes over one time axis.

Knows nothing of models or rehearsals and chooses no colour: marks carry classes, the page's style sheet
paints them for light, dark and print. Every text and attribute is escaped here, so what callers pass may come
from users. Coordinates are SVG user units (px at a figure's natural width).
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_EVEN_STEPS = (_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY)
_MONTH_STEPS = (1, 3, 6)
_A_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Mean advance of a glyph over font size in the usual system fonts, on the wide side (Helvetica 0.53, DejaVu 0.61).
_GLYPH = 0.6


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Times `start`..`end` laid on x `left`..`right`; a time outside is held at the nearer edge."""

    start: datetime
    end: datetime
    left: float
    right: float

    def __call__(self, at: datetime) -> float:
        """Place `at`; where the scale has no length, everything stands at the left."""
        length = (self.end - self.start).total_seconds()
        share = (at - self.start).total_seconds() / length if length > 0 else 0.0
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class ValueScale:
    """Values `low`..`high` laid on y `bottom`..`top` (SVG's y grows downwards); nothing is held at an edge."""

    low: float
    high: float
    bottom: float
    top: float

    def __call__(self, value: float) -> float:
        """Place `value`; a scale of one value puts it in the middle."""
        if self.high == self.low:
            return (self.bottom + self.top) / 2
        return self.bottom + (value - self.low) / (self.high - self.low) * (self.top - self.bottom)


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of a time axis."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One strip of a figure: its name and notes stand in the left margin, `svg` is drawn with y from 0 to `height`."""

    name: str
    notes: tuple[str, ...]
    height: float
    svg: str


def element(tag: str, *content: str, tip: str = "", **attributes: str | float | None) -> str:
    """Write one SVG element.

    Args:
        tag: the element's name.
        content: markup of its children, written as it is; pass text through `text`.
        tip: what a pointer or a screen reader finds on it; escaped, becomes its `<title>`.
        attributes: `class_` for `class`, `stroke_width` for `stroke-width`; numbers are rounded to 0.1,
            None is left out, everything is escaped.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(_number(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = (f"<title>{html.escape(tip)}</title>" if tip else "") + "".join(content)
    return f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"


def _number(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{round(value, 1):g}" if abs(value) < 1e5 else str(round(value))


def text(content: str, *, x: float, y: float, class_: str, anchor: str = "start", tip: str = "") -> str:
    """Write one line of text; `content` is escaped."""
    return element("text", html.escape(content), tip=tip, x=x, y=y, class_=class_, text_anchor=anchor)


def text_width(content: str, *, size: float) -> float:
    """Estimate the width of `content` at font size `size`, rather too wide than too narrow."""
    return len(content) * size * _GLYPH


def cut(content: str, most: int) -> str:
    """Shorten `content` to at most `most` characters, the last then being an ellipsis."""
    return content if len(content) <= most else content[: most - 1].rstrip() + "…"


def time_ticks(start: datetime, end: datetime, *, most: int = 14) -> list[Tick]:
    """Choose hours, days, Mondays or firsts of months within `start`..`end`, about `most` at the most.

    The finest of the steps that fits; in UTC, ascending. The first tick of a year of months names the year.
    Empty where `end` is before `start`.
    """
    for step in _EVEN_STEPS:
        if (end - start) / step <= most:
            return _even_ticks(start, end, step)
    length = (end.year - start.year) * 12 + end.month - start.month + 1
    months = next((step for step in _MONTH_STEPS if length / step <= most), 12 * math.ceil(length / 12 / most))
    return _month_ticks(start, end, months)


def _even_ticks(start: datetime, end: datetime, step: timedelta) -> list[Tick]:
    first = math.ceil((start - _A_MONDAY) / step)
    last = math.floor((end - _A_MONDAY) / step)
    moments = [_A_MONDAY + number * step for number in range(first, last + 1)]
    return [Tick(at, f"{at:%H:%M}" if at.hour else f"{at.day} {_MONTHS[at.month - 1]}") for at in moments]


def _month_ticks(start: datetime, end: datetime, months: int) -> list[Tick]:
    ticks: list[Tick] = []
    number = (start.year * 12 + start.month - 1) // months * months
    named = 0
    while (at := datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)) <= end:
        if at >= start:
            ticks.append(Tick(at, _MONTHS[at.month - 1] + (f" {at.year}" if at.year != named else "")))
            named = at.year
        number += months
    return ticks


def value_ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Choose multiples of 1, 2 or 5 times a power of ten within `low`..`high`, at most `most`; ascending.

    One value (`low == high`) is its own only tick.
    """
    if high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10, 20, 50):
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            break
    return [number * step for number in range(first, last + 1)]


def line_path(points: Iterable[tuple[float, float | None]]) -> str:
    """Draw a path through `points` in their order; a None interrupts it.

    A point between two gaps becomes a line of no length, which a round cap shows as a dot. Empty for no points.
    """
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append((x, y))
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run) + ("h0" * (len(run) == 1)) for run in runs if run)


def dots_path(points: Iterable[tuple[float, float | None]]) -> str:
    """Draw a dot at each point that is not None, as one path (needs a round line cap)."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points if y is not None)


def smooth(
    moments: Sequence[datetime],
    values: Sequence[float | None],
    *,
    weights: Sequence[float],
    window: timedelta,
) -> list[float | None]:
    """Average each value with those less than half a `window` away on either side, by weight.

    Args:
        moments: ascending, shape (n,).
        values: shape (n,); None stays None and counts for nobody.
        weights: shape (n,), >= 0; where all within reach are 0 they count alike.
        window: the whole width, centred.
    """
    smoothed: list[float | None] = []
    low = high = 0
    for at, value in zip(moments, values, strict=True):
        while at - moments[low] >= window / 2:
            low += 1
        while high < len(moments) and moments[high] - at < window / 2:
            high += 1
        near = [(v, w) for v, w in zip(values[low:high], weights[low:high], strict=True) if v is not None]
        smoothed.append(_mean(near) if value is not None else None)
    return smoothed


def _mean(weighted: Sequence[tuple[float, float]]) -> float:
    total = sum(weight for _, weight in weighted)
    if total == 0:
        return sum(value for value, _ in weighted) / len(weighted)
    return sum(value * weight for value, weight in weighted) / total


def pack(spans: Sequence[tuple[float, float]], *, gap: float = 4.0) -> list[int]:
    """Give each span (from, to) the first row where it stands at least `gap` after the one before; in given order."""
    rows: list[float] = []
    chosen = [0] * len(spans)
    for place in sorted(range(len(spans)), key=lambda i: (spans[i][0], i)):
        start, end = spans[place]
        row = next((i for i, taken in enumerate(rows) if taken + gap <= start), len(rows))
        rows[row : row + 1] = [end]
        chosen[place] = row
    return chosen


def spread(wanted: Sequence[float], *, gap: float) -> list[float]:
    """Move positions apart until neighbours stand `gap` from each other, each crowd's mean unmoved; in given order."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    clusters: list[list[float]] = []  # each: [middle, how many]
    for place in order:
        clusters.append([wanted[place], 1])
        while len(clusters) > 1 and _overlap(clusters[-2], clusters[-1], gap):
            (b, n), (a, m) = clusters.pop(), clusters.pop()
            clusters.append([(a * m + b * n) / (m + n), m + n])
    settled = [middle + (i - (count - 1) / 2) * gap for middle, count in clusters for i in range(int(count))]
    placed = [0.0] * len(wanted)
    for place, position in zip(order, settled, strict=True):
        placed[place] = position
    return placed


def _overlap(above: list[float], below: list[float], gap: float) -> bool:
    return below[0] - (below[1] - 1) / 2 * gap - (above[0] + (above[1] - 1) / 2 * gap) < gap


def figure(lanes: Sequence[Lane], time: TimeScale, *, width: float, name: str, told: str, between: float = 26) -> str:
    """Stack `lanes` over one time axis, drawn above and below them.

    `name` and `told` become the figure's title and description for those who do not see it.
    """
    ticks = [(time(tick.at), tick.label) for tick in time_ticks(time.start, time.end)]
    y = top = 30.0
    body: list[str] = []
    for lane in lanes:
        margin = [text(lane.name, x=0, y=y + 11, class_="lane-name")]
        margin += [text(note, x=0, y=y + 27 + 15 * i, class_="lane-note") for i, note in enumerate(lane.notes)]
        rule = element("line", x1=0, x2=width, y1=y - between / 2, y2=y - between / 2, class_="lane-rule")
        body += [rule, *margin, f'<g transform="translate(0 {_number(y)})">{lane.svg}</g>']
        y += max(lane.height, 16 + 15 * len(lane.notes)) + between
    bottom = y - between / 2
    grid = [element("line", x1=x, x2=x, y1=top - between / 2, y2=bottom, class_="grid") for x, _ in ticks]
    labels = [
        text(label, x=x + 4, y=line, class_="axis")
        for line in (top - between / 2 - 5, bottom + 14)
        for x, label in ticks
        if x + text_width(label, size=11) < width
    ]
    return (
        f'<svg viewBox="0 0 {_number(width)} {_number(bottom + 20)}"'
        ' role="img" aria-labelledby="figure-name figure-told"'
        f' data-left="{_number(time.left)}" data-right="{_number(time.right)}"'
        f' data-top="{_number(top - between / 2)}" data-bottom="{_number(bottom)}"'
        f' data-start="{int(time.start.timestamp() * 1000)}" data-end="{int(time.end.timestamp() * 1000)}">'
        f'<title id="figure-name">{html.escape(name)}</title><desc id="figure-told">{html.escape(told)}</desc>'
        f"{''.join(grid)}{''.join(labels)}{''.join(body)}</svg>"
    )
