"""The report of a tuning: pages a week against faults caught, at each rate of false alarms, as one HTML page.

Takes what `loop.tune` measured and decides nothing. The rates stand at equal steps, from strict to lax: each is some
times the one before it.
"""

from typing import Any

from trivium.web.charts import ValueScale, element, line_path, text, value_ticks
from trivium.web.page import template

WIDTH, LEFT, RIGHT = 880.0, 160.0, 760.0
PANEL, BETWEEN = 200.0, 46.0
# Beside lines that lie closer than this their names would overlap.
NAME_GAP = 14.0


def render(found: dict[str, Any]) -> str:
    """Write the report of one tuning, the document of `trivium alarms tune --json`, as a self-contained page."""
    from markupsafe import Markup

    best = next(point for point in found["curve"] if point["rate"] == found["recommended"])
    # safe: charts escape whatever they are given
    return template("tuning.html.j2", filters=("count", "day")).render(
        found=found, best=best, curve=Markup(draw(found))
    )


def draw(found: dict[str, Any]) -> str:
    """Draw the share of faults caught above the pages a week, over the rates."""
    points = sorted(found["curve"], key=lambda point: point["rate"])
    xs = [LEFT + (RIGHT - LEFT) * (place + 0.5) / len(points) for place in range(len(points))]
    caught = {
        name: [point["caught"][name] / number if number else 0.0 for point in points]
        for name, number in found["faults"].items()
    }
    most = max([found["budget"], *(point["pages_per_week"] for point in points)]) * 1.1 or 1.0
    share, pages = ValueScale(0.0, 1.0, PANEL, 0.0), ValueScale(0.0, most, PANEL, 0.0)
    at = xs[[point["rate"] for point in points].index(found["recommended"])]
    upper = [_axis(share, [0.0, 0.25, 0.5, 0.75, 1.0], "faults caught", "{:.0%}"), _rule(at)]
    upper += [_line(xs, values, share, class_=name) for name, values in caught.items()]
    upper += _names(caught, share)
    lower = [_axis(pages, value_ticks(0.0, most, most=5), "pages a week", "{:g}"), _rule(at)]
    lower += [_line(xs, [point["pages_per_week"] for point in points], pages, class_="pages")]
    budget = pages(found["budget"])
    lower += [element("line", x1=LEFT, x2=RIGHT, y1=budget, y2=budget, class_="budget")]
    lower += [text(f"budget {found['budget']:g}", x=RIGHT + 10, y=budget + 4, class_="beside")]
    labels = [
        text(f"{p['rate']:g}", x=x, y=PANEL + 20, class_="axis", anchor="middle")
        for x, p in zip(xs, points, strict=True)
    ]
    labels += [text("rate of false alarms, from strict to lax", x=LEFT, y=PANEL + 40, class_="axis")]
    height = 2 * PANEL + BETWEEN + 60
    panels = (
        f'<g transform="translate(0 10)">{"".join(upper)}</g>'
        f'<g transform="translate(0 {PANEL + BETWEEN:g})">{"".join([*lower, *labels])}</g>'
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-labelledby="curve-name">'
        f'<title id="curve-name">Faults caught and pages a week, at each rate of false alarms</title>{panels}</svg>'
    )


def _axis(scale: ValueScale, ticks: list[float], name: str, form: str) -> str:
    lines = [element("line", x1=LEFT, x2=RIGHT, y1=scale(tick), y2=scale(tick), class_="grid") for tick in ticks]
    said = [text(form.format(tick), x=LEFT - 10, y=scale(tick) + 4, class_="axis", anchor="end") for tick in ticks]
    return "".join([*lines, *said, text(name, x=0, y=11, class_="lane-name")])


def _rule(x: float) -> str:
    return element("line", x1=x, x2=x, y1=0, y2=PANEL, class_="chosen", tip="recommended")


def _line(xs: list[float], values: list[float], scale: ValueScale, *, class_: str) -> str:
    points = [(x, scale(value)) for x, value in zip(xs, values, strict=True)]
    dots = [element("circle", cx=x, cy=y, r=3, class_=f"{class_} dot") for x, y in points]
    return element("path", d=line_path(points), class_=f"{class_} line") + "".join(dots)


def _names(caught: dict[str, list[float]], scale: ValueScale) -> list[str]:
    """Name each line beside its lax end; names that would overlap are moved down."""
    ends = sorted(((scale(values[-1]), name) for name, values in caught.items()))
    said, last = [], -NAME_GAP
    for y, name in ends:
        last = max(y, last + NAME_GAP)
        said.append(text(name, x=RIGHT + 10, y=last + 4, class_="beside"))
    return said
