"""The study's picture: false rollbacks over time, and rows until a regression is caught. Plain SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import log10

WIDTH, HEIGHT = 1240, 470
PANEL, LEFT, GAP, TOP, BOTTOM = 320, 70, 85, 96, 400
# Labels of an axis that would lie upon each other are left out.
LEAST_APART = 30
# Hues that people who see colours otherwise tell apart (Okabe and Ito, 2008).
HUES = {"trivium": "#0072b2", "repeated z tests": "#d55e00", "one test at the best size": "#009e73"}
LABELS = {
    "trivium": "trivium, looked at after every batch",
    "repeated z tests": "a 5 % z test a measure, repeated after every batch",
    "one test at the best size": "one z test, made once, its size known beforehand",
}


@dataclass
class Curve:
    """A named line; a point's second value is None where it was not reached."""

    name: str
    points: list[tuple[float, float | None]]


Scale = Callable[[float], float]


def drawn_picture(false: Sequence[Curve], errors: Sequence[Curve], losses: Sequence[Curve]) -> str:
    """Draw the three panels."""
    body = [f'<text x="{LEFT}" y="28" font-size="17" font-weight="600">Canaries looked at after every 400 rows</text>']
    for place, (name, label) in enumerate(LABELS.items()):
        x = LEFT + place * 390
        body.append(
            f'<line x1="{x}" x2="{x + 26}" y1="50" y2="50" stroke="{HUES[name]}" stroke-width="3"{_dash(name)}/>'
        )
        body.append(f'<text x="{x + 34}" y="54">{escape(label)}</text>')
    most = max(point[0] for curve in false for point in curve.points)
    body += _panel(
        0,
        false,
        title="Canaries alike, taken down (no margins)",
        x=(_linear(0, most), [(n, f"{n:,.0f}") for n in (0, most / 2, most)], "rows answered"),
        y=(_linear(0, 1), [(s / 4, f"{s / 4:.0%}") for s in range(5)]),
        limit=(0.05, "5 %"),
    )
    body += _until_caught(
        1,
        errors,
        title="Rows until 80 % of bad canaries are caught: errors",
        said=lambda size: f"{100 * size:g} %",
        axis="answers that fail (0.5 % live, 1 % more is borne)",
    )
    body += _until_caught(
        2,
        losses,
        title="… and a greater mean loss",
        said=lambda size: f"{size:g}",
        axis="extra log loss (0.01 is borne; outcomes 400 rows late)",
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _until_caught(
    number: int, curves: Sequence[Curve], *, title: str, said: Callable[[float], str], axis: str
) -> list[str]:
    """Draw how many rows it takes to catch regressions of growing size; both axes grow by factors."""
    sizes = [size for size, _ in curves[0].points]
    return _panel(
        number,
        curves,
        title=title,
        x=(_log(sizes[0] * 0.9, sizes[-1] * 1.1), [(size, said(size)) for size in sizes], axis),
        y=(_log(300, 15_000), [(n, f"{n:,}") for n in (400, 1000, 5000, 12_000)]),
    )


def _panel(
    number: int,
    curves: Sequence[Curve],
    *,
    title: str,
    x: tuple[Scale, Sequence[tuple[float, str]], str],
    y: tuple[Scale, Sequence[tuple[float, str]]],
    limit: tuple[float, str] | None = None,
) -> list[str]:
    left = LEFT + number * (PANEL + GAP)

    def across(value: float) -> float:
        return left + PANEL * x[0](value)

    def up(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * y[0](value)

    body = [f'<text x="{left}" y="{TOP - 14}" font-weight="600">{escape(title)}</text>']
    for value, words in y[1]:
        body.append(
            f'<line x1="{left}" x2="{left + PANEL}" y1="{up(value):.1f}" y2="{up(value):.1f}" stroke="#e4e4e4"/>'
        )
        body.append(f'<text x="{left - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{words}</text>')
    last = -float(LEAST_APART)
    for value, words in x[1]:
        body.append(
            f'<line x1="{across(value):.1f}" x2="{across(value):.1f}" y1="{BOTTOM}" y2="{BOTTOM + 5}" stroke="#999"/>'
        )
        if across(value) - last >= LEAST_APART:
            last = across(value)
            body.append(f'<text x="{last:.1f}" y="{BOTTOM + 20}" text-anchor="middle">{words}</text>')
    body.append(f'<line x1="{left}" x2="{left + PANEL}" y1="{BOTTOM}" y2="{BOTTOM}" stroke="#999"/>')
    body.append(f'<text x="{left + PANEL / 2}" y="{BOTTOM + 44}" text-anchor="middle">{escape(x[2])}</text>')
    if limit is not None:
        at = up(limit[0])
        words = f"{limit[1]}: the most that is promised"
        body.append(
            f'<line x1="{left}" x2="{left + PANEL}" y1="{at:.1f}" y2="{at:.1f}" stroke="#222" stroke-dasharray="2 3"/>'
            f'<text x="{left + PANEL - 2}" y="{at - 5:.1f}" text-anchor="end">{words}</text>'
        )
    for curve in curves:
        body += _line(curve, across, up, dots=limit is None)
    return body


def _line(curve: Curve, across: Scale, up: Scale, *, dots: bool) -> list[str]:
    held = [(across(x), up(y)) for x, y in curve.points if y is not None]
    hue = HUES[curve.name]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in held)
    body = [f'<polyline points="{points}" fill="none" stroke="{hue}" stroke-width="2.5"{_dash(curve.name)}/>']
    if dots:
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{hue}"/>' for x, y in held]
    return body


def _dash(name: str) -> str:
    return ' stroke-dasharray="6 4"' if name == "one test at the best size" else ""


def _linear(low: float, high: float) -> Scale:
    return lambda value: (value - low) / (high - low)


def _log(low: float, high: float) -> Scale:
    return lambda value: (log10(value) - log10(low)) / (log10(high) - log10(low))
