"""Before and after: the culprit's usual distribution beside that of the partition in which it was blamed.

The usual one is drawn as an outline, the partition's as a filled shape, so that both are told apart without colour.
"""

import html
from collections.abc import Sequence

from trivium.data.shapes import ALL_OTHERS, Bars, Shares
from trivium.loop.table_picture import FindingSeen
from trivium.web.charts import cut, element, text, value_ticks
from trivium.web.words import score

WIDTH, LEFT, RIGHT = 600.0, 8.0, 592.0
TOP, BOTTOM = 8.0, 150.0
VALUE_ROW = 24.0


def draw(finding: FindingSeen) -> str:
    """Draw a finding's culprit, usual and seen; an empty text where there is no shape to draw."""
    if isinstance(finding.shape, Bars):
        return _bars(finding.shape, _name(finding))
    if isinstance(finding.shape, Shares):
        is_ordered = len(finding.shape.labels) > 12
        return (_columns if is_ordered else _rows)(finding.shape, _name(finding))
    return ""


def _name(finding: FindingSeen) -> str:
    return f"{finding.column}, usual and in {finding.partition.name}"


def _svg(name: str, height: float, marks: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img"><title>{html.escape(name)}</title>{"".join(marks)}</svg>'
    )


def _bars(shape: Bars, name: str) -> str:
    most = max((*shape.usual, *shape.seen)) or 1.0
    width = (RIGHT - LEFT) / len(shape.usual)
    tops = [[BOTTOM - (BOTTOM - TOP) * share / most for share in shares] for shares in (shape.usual, shape.seen)]
    marks = [element("path", d=_steps(tops[1], width, is_closed=True), class_="now")]
    marks.append(element("path", d=_steps(tops[0], width, is_closed=False), class_="before"))
    marks.append(element("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="base"))
    low, high = shape.edges[0], shape.edges[-1]
    for value in _ticks(low, high, is_log=shape.is_log):
        x = LEFT + (RIGHT - LEFT) * _place(value, shape)
        marks.append(element("line", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 4, class_="base"))
        marks.append(text(score(value), x=x, y=BOTTOM + 17, class_="axis", anchor="middle"))
    return _svg(name, BOTTOM + 22, marks)


def _place(value: float, shape: Bars) -> float:
    """Find where a value stands, by the edges of the bars, as a share of the width."""
    last = len(shape.edges) - 2
    bar = next((i for i in range(last + 1) if value <= shape.edges[i + 1]), last)
    low, high = shape.edges[bar], shape.edges[bar + 1]
    return (bar + (value - low) / (high - low)) / (last + 1)


def _ticks(low: float, high: float, *, is_log: bool) -> list[float]:
    if not is_log:
        return [value for value in value_ticks(low, high, most=6) if low <= value <= high]
    found = [10.0**power * factor for power in range(-12, 16) for factor in (1, 3)]
    held = [value for value in found if low <= value <= high]
    return held if len(held) <= 8 else held[::2]


def _steps(tops: Sequence[float], width: float, *, is_closed: bool) -> str:
    path = f"M{LEFT:g} {BOTTOM:g}" + "".join(
        f"V{top:.1f}H{LEFT + width * (place + 1):.1f}" for place, top in enumerate(tops)
    )
    return path + f"V{BOTTOM:g}" + ("Z" if is_closed else "")


def _columns(shape: Shares, name: str) -> str:
    """Draw values that have an order (numbers, hours) as columns beside each other."""
    most = max((*shape.usual, *shape.seen)) or 1.0
    width = (RIGHT - LEFT) / len(shape.labels)
    marks = []
    for place, label in enumerate(shape.labels):
        x = LEFT + width * place
        usual, seen = ((BOTTOM - TOP) * shares[place] / most for shares in (shape.usual, shape.seen))
        tip = f"{label}: usually {100 * shape.usual[place]:.3g} %, here {100 * shape.seen[place]:.3g} %"
        marks.append(element("rect", tip=tip, x=x + 1, y=BOTTOM - seen, width=width - 2, height=seen, class_="now"))
        marks.append(
            element("path", d=f"M{x + 1:.1f} {BOTTOM:g}v{-usual:.1f}h{width - 2:.1f}v{usual:.1f}", class_="before")
        )
        if place % max(1, round(len(shape.labels) / 12)) == 0:
            marks.append(text(cut(label, 8), x=x + width / 2, y=BOTTOM + 15, class_="axis", anchor="middle"))
    return _svg(name, BOTTOM + 22, marks)


def _rows(shape: Shares, name: str) -> str:
    """Draw values without an order as two bars a row, the usual one an outline."""
    named = [place for place, label in enumerate(shape.labels) if label != ALL_OTHERS]
    most = max((shares[place] for shares in (shape.usual, shape.seen) for place in named), default=0.0) or 1.0
    left, right = 150.0, RIGHT - 110
    marks = []
    for place, label in enumerate(shape.labels):
        y = VALUE_ROW * place
        usual, seen = ((right - left) * min(1.0, shares[place] / most) for shares in (shape.usual, shape.seen))
        is_long = len(label) > 20
        marks.append(
            text(cut(label, 20), x=left - 8, y=y + 15, class_="value", anchor="end", tip=label if is_long else "")
        )
        marks.append(element("rect", x=left, y=y + 4, width=max(seen, 0.5), height=14, class_="now"))
        marks.append(element("path", d=f"M{left:g} {y + 3:g}h{usual:.1f}v16h{-usual:.1f}", class_="before"))
        told = f"{_percent(shape.usual[place])} → {_percent(shape.seen[place])}"
        marks.append(text(told, x=RIGHT, y=y + 15, class_="axis", anchor="end"))
    return _svg(name, VALUE_ROW * len(shape.labels) + 4, marks)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0.001 <= share < 0.9995 or share == 0 else f"{100 * share:.3g} %"
