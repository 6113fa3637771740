"""The report of a rehearsal: one HTML page that needs nothing else, neither network nor fonts.

Takes the document of `trivium rehearse --json` as it is and decides nothing: it counts, orders and draws. The
figure's lanes are made here, of marks from `charts`; words, tables and colours are in `templates/report.html.j2`.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    figure,
    line_path,
    pack,
    smooth,
    spread,
    text,
    text_width,
    value_ticks,
)

Document = Mapping[str, Any]

WIDTH, LEFT, RIGHT = 1200.0, 148.0, 1074.0
SHADES = 8  # steps of the version ramp in the style sheet, .v0 the first version to .v7 the last
SERIES = (("live", "value", "live"), ("heuristic", "heuristic", "heuristic"), ("first", "first", "never retrained"))
WINDOW = timedelta(days=7)
FAULT_ROW, INCIDENT_ROW, SCORE_HEIGHT = 19.0, 10.0, 230.0


def render(result: Document) -> str:
    """Write the report of one rehearsal as a self-contained HTML page.

    Args:
        result: the document of `trivium rehearse --json`. Lists may be empty and scores null; every text in it
            is escaped.

    Returns:
        The page; the same document gives the same page.

    Raises:
        ProjectError (TV-PROJ-007): a time in the document is no ISO 8601 time.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("trivium.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": _count, "score": _score, "when": _when, "day": _day, "lasting": _lasting}
    return environment.get_template("report.html.j2").render(
        result=result,
        days=(moment(result["to"]) - moment(result["from"])) / timedelta(days=1),
        live=_ever_live(result),
        gains=[_gain(result, other) for other in ("first", "heuristic")],
        delays={fault["id"]: _delay(fault) for fault in result["faults"]},
        kinds=_alarm_kinds(result["alarms"]),
        drawn=Markup(_drawn(result)),  # safe: charts escape whatever they are given
        readout=_readout(result),
    )


# ------------------------------------------------------------------------------------------------ words and figures


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _when(value: str | None) -> str:
    if value is None:
        return "–"
    at = moment(value)
    return _day(value) if at.hour == at.minute == 0 else f"{_day(value)}, {at:%H:%M}"


def _day(value: str) -> str:
    at = moment(value)
    return f"{at.day} {at:%b} {at.year}"


def _lasting(hours: float | None) -> str:
    """Say a length of time in the unit a person would use."""
    if hours is None:
        return "–"
    for most, per_hour, unit in ((1 / 30, 3600, "s"), (2, 60, "min"), (72, 1, "h")):
        if hours < most:
            return f"{hours * per_hour:.3g} {unit}"
    return f"{hours / 24:.3g} days"


def _ever_live(result: Document) -> list[str]:
    return list(dict.fromkeys(part["live"] for part in result["route"] if part["live"] is not None))


def _delay(fault: Document) -> float | None:
    """Hours from a fault's beginning until an alarm named it; None where none did."""
    if fault["caught_at"] is None:
        return None
    return (moment(fault["caught_at"]) - moment(fault["from"])) / timedelta(hours=1)


def _gain(result: Document, other: str) -> dict[str, Any] | None:
    """Compare the year's live score with `other`'s, in percent of the latter; None where one of them is missing."""
    ours, theirs = result["year"].get("live"), result["year"].get(other)
    if ours is None or theirs is None:
        return None
    better = theirs - ours if result["primary"]["better"] == "lower" else ours - theirs
    return {
        "than": other,
        "theirs": theirs,
        "percent": 100 * better / abs(theirs) if theirs else None,
        "better": better,
    }


def _alarm_kinds(alarms: Sequence[Document]) -> list[dict[str, Any]]:
    """Count alarms by kind, the most frequent first: all, paged, those that name a fault, those that name none."""
    kinds: dict[str, dict[str, Any]] = {}
    for alarm in alarms:
        row = kinds.setdefault(alarm["kind"], {"kind": alarm["kind"], "all": 0, "paged": 0, "true": 0, "false": 0})
        row["all"] += 1
        row["paged"] += alarm["paged"]
        row["false" if alarm["fault"] is None else "true"] += 1
    return sorted(kinds.values(), key=lambda row: (-row["all"], row["kind"]))


def _what(fault: Document) -> str:
    return f"{fault['kind']} · {fault['table']}" + (f".{fault['column']}" if fault["column"] is not None else "")


# ------------------------------------------------------------------------------------------------------- the figure


def _drawn(result: Document) -> str:
    time = TimeScale(moment(result["from"]), moment(result["to"]), LEFT, RIGHT)
    caught = sum(fault["caught_at"] is not None for fault in result["faults"])
    told = (
        f"One time axis from {_day(result['from'])} to {_day(result['to'])}."
        f" {len(_ever_live(result))} versions were live in turn;"
        f" {caught} of {len(result['faults'])} faults were caught by {len(result['alarms'])} alarms;"
        f" {len(result['rollbacks'])} rollbacks. The tables below hold the same figures."
    )
    lanes = [_route(result, time), _gates(result, time), _scores(result, time), _faults(result, time)]
    lanes += [_alarms(result, time), _incidents(result, time)]
    return figure(lanes, time, width=WIDTH, name=f"The rehearsal {result['name']} over time", told=told)


def _bar(time: TimeScale, start: str, end: str, *, least: float = 2.0) -> tuple[float, float]:
    left, right = time(moment(start)), time(moment(end))
    return min(left, RIGHT - least), max(right, min(left, RIGHT - least) + least)


def _shades(result: Document) -> dict[str, str]:
    """Give each version that was ever on the route a step of the ramp, in order of training."""
    routed = {ref for part in result["route"] for ref in (part["live"], part["canary"], *part["shadow"]) if ref}
    order = [version["ref"] for version in result["versions"] if version["ref"] in routed]
    order += sorted(routed - set(order))
    return {ref: f"v{i * SHADES // len(order)}" for i, ref in enumerate(order)}


def _runs(route: Sequence[Document], ref_of: str) -> Iterator[tuple[str, str, str | None, str]]:
    """Join neighbouring intervals that route the same version: from, to, version, why it began."""
    run: tuple[str, str, str | None, str] | None = None
    for part in route:
        if run and run[2] == part[ref_of] and run[1] == part["from"]:
            run = (run[0], part["to"], run[2], run[3])
            continue
        if run:
            yield run
        run = (part["from"], part["to"], part[ref_of], part["because"])
    if run:
        yield run


def _route(result: Document, time: TimeScale) -> Lane:
    shades, marks = _shades(result), []
    for start, end, ref, because in _runs(result["route"], "live"):
        left, right = _bar(time, start, end)
        tip = f"{ref or 'the heuristic'} live, {_when(start)} to {_when(end)}\n{because}"
        shade = shades[ref] if ref else "vnone"
        marks.append(element("rect", tip=tip, x=left, y=0, width=right - left, height=26, class_=f"band {shade}"))
        label = ref or "heuristic"
        if text_width(label, size=11) + 6 < right - left:
            marks.append(text(label, x=(left + right) / 2, y=17, class_=f"band-label on-{shade}", anchor="middle"))
    for start, end, ref, because in _runs(result["route"], "canary"):
        if ref is not None:
            marks.append(_thin(time, (start, end), f"{ref} as canary", because, y=31, shade=shades[ref]))
    for part in result["route"]:
        for row, ref in enumerate(part["shadow"][:3]):
            span = (part["from"], part["to"])
            marks.append(_thin(time, span, f"{ref} in shadow", part["because"], y=42 + 4 * row, shade=shades[ref]))
    rows = [("live", 17), ("canary", 38), ("shadow", 50)]
    names = [text(name, x=LEFT - 8, y=y, class_="axis", anchor="end") for name, y in rows]
    return Lane("Versions", ("shade: age",), 56, "".join(names + marks))


def _thin(time: TimeScale, span: tuple[str, str], what: str, because: str, *, y: float, shade: str) -> str:
    left, right = _bar(time, *span)
    tip = f"{what}, {_when(span[0])} to {_when(span[1])}\n{because}"
    height = 7 if y < 40 else 3
    return element("rect", tip=tip, x=left, y=y, width=right - left, height=height, class_=f"thin {shade}")


def _gates(result: Document, time: TimeScale) -> Lane:
    marks = []
    for version in result["versions"]:
        x = time(moment(version["trained_at"]))
        tip = f"{version['ref']} trained {_when(version['trained_at'])}: {version['verdict']}\n" + "\n".join(
            version["reasons"]
        )
        shape = {"pass": "M0-4V4", "fail": "M-3.5-3.5L3.5 3.5M-3.5 3.5L3.5-3.5"}.get(version["verdict"], "M-3 0H3")
        marks.append(_glyph(shape, x, 8, tip, f"gate {version['verdict']}"))
    for back in result["rollbacks"]:
        x = time(moment(back["at"]))
        tip = f"Rolled back {_when(back['at'])}: from {back['from']} to {back['to'] or 'the heuristic'}"
        tip += f"\n{back['because']}"
        marks.append(element("line", x1=x, x2=x, y1=-100, y2=26, class_="rollback-rule"))
        marks.append(_glyph("M5.5-6V6L-5.5 0Z", x, 30, tip, "rollback"))
    failed = sum(version["verdict"] == "fail" for version in result["versions"])
    rows = [("gate", 12), ("rollback", 34)]
    names = [text(name, x=LEFT - 8, y=y, class_="axis", anchor="end") for name, y in rows]
    beside = [_beside(f"{failed} refused", 12), _beside(f"{len(result['rollbacks'])} back", 34)]
    return Lane("Decisions", (), 40, "".join(names + marks + beside))


def _glyph(path: str, x: float, y: float, tip: str, class_: str) -> str:
    return element("path", tip=tip, d=path, transform=f"translate({x:.1f} {y:.1f})", class_=class_)


def _beside(content: str, y: float) -> str:
    return text(content, x=RIGHT + 12, y=y, class_="beside")


def _scored(result: Document) -> tuple[list[datetime], dict[str, list[float | None]], dict[str, list[float | None]]]:
    """Take the primary metric's periods: their middles, each series' values, and each series smoothed over a week."""
    periods = [score for score in result["scores"] if score["metric"] == result["primary"]["metric"]]
    periods.sort(key=lambda score: moment(score["from"]))
    middles = [moment(score["from"]) + (moment(score["to"]) - moment(score["from"])) / 2 for score in periods]
    weights = [float(score["rows"]) for score in periods]
    daily = {series: [score[key] for score in periods] for series, key, _ in SERIES}
    weekly = {series: smooth(middles, values, weights=weights, window=WINDOW) for series, values in daily.items()}
    return middles, daily, weekly


def _span_of(daily: Document, weekly: Document) -> tuple[float, float] | None:
    """Choose the scale: all smoothed values, and the single ones but for the outermost 2 % on either side."""
    single = sorted(value for values in daily.values() for value in values if value is not None)
    if not single:
        return None
    margin = len(single) // 50
    kept = single[margin : len(single) - margin] + [v for values in weekly.values() for v in values if v is not None]
    low, high = min(kept), max(kept)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return low - room, high + room


def _scores(result: Document, time: TimeScale) -> Lane:
    middles, daily, weekly = _scored(result)
    better = result["primary"]["better"]
    notes = (f"{'↓' if better == 'lower' else '↑'} {better} is better", "line: 7 days", "dot: one period")
    name = cut(result["primary"]["metric"].replace("_", " "), 16)
    span = _span_of(daily, weekly)
    if span is None:
        return Lane(
            name, (), 40, text("no outcomes came back, so nothing was scored", x=LEFT + 4, y=12, class_="empty")
        )
    scale = ValueScale(*span, SCORE_HEIGHT, 0)
    marks = [
        element("rect", x=a, y=0, width=b - a, height=SCORE_HEIGHT, class_="fault-shade")
        for a, b in _struck(result, time)
    ]
    for tick in value_ticks(*span):
        marks.append(element("line", x1=LEFT, x2=RIGHT, y1=scale(tick), y2=scale(tick), class_="grid"))
        marks.append(text(_score(round(tick, 10)), x=LEFT - 8, y=scale(tick) + 4, class_="axis", anchor="end"))
    inside = []
    for draw, values_of, shape in ((dots_path, daily, "dots"), (line_path, weekly, "line")):
        for series, _, _ in reversed(SERIES):
            points = [
                (time(at), None if v is None else scale(v)) for at, v in zip(middles, values_of[series], strict=True)
            ]
            inside.append(element("path", d=draw(points), class_=f"{shape} {series}"))
    marks += [element("g", *inside, clip_path="url(#score-plot)"), *_ends(weekly, scale)]
    clip = element(
        "clipPath", element("rect", x=LEFT, y=-3, width=RIGHT - LEFT + 3, height=SCORE_HEIGHT + 6), id="score-plot"
    )
    return Lane(name, notes, SCORE_HEIGHT, clip + "".join(marks))


def _ends(weekly: Mapping[str, Sequence[float | None]], scale: ValueScale) -> list[str]:
    """Name each line at its right end."""
    last = [(s, name, v[-1]) for s, _, name in SERIES if (v := [x for x in weekly[s] if x is not None])]
    places = spread([scale(value) for _, _, value in last], gap=16)
    return [
        text(name, x=RIGHT + 12, y=y + 4, class_=f"end {series}", tip=f"last week: {_score(value)}")
        for (series, name, value), y in zip(last, places, strict=True)
    ]


def _struck(result: Document, time: TimeScale) -> list[tuple[float, float]]:
    return [_bar(time, fault["from"], fault["until"]) for fault in result["faults"]]


def _faults(result: Document, time: TimeScale) -> Lane:
    faults, bars = result["faults"], _struck(result, time)
    dots = [None if fault["caught_at"] is None else time(moment(fault["caught_at"])) for fault in faults]
    ends = [
        (min(a, dot - 4), max(b, dot + 4)) if dot is not None else (a, b)
        for (a, b), dot in zip(bars, dots, strict=True)
    ]
    if not faults:
        return Lane("Faults", (), 16, text("none injected", x=LEFT + 4, y=12, class_="empty"))
    labels = [cut(_what(fault), 40) for fault in faults]
    widths = [text_width(label, size=11) + 6 for label in labels]
    at_right = [right + width < WIDTH for (_, right), width in zip(ends, widths, strict=True)]
    spans = [(a, b + w) if ok else (a - w, b) for (a, b), w, ok in zip(ends, widths, at_right, strict=True)]
    rows, marks = pack(spans, gap=10), []
    drawn = zip(faults, bars, ends, dots, labels, at_right, rows, strict=True)
    for fault, (left, right), end, dot, label, ok, row in drawn:
        y, caught = FAULT_ROW * row, dot is not None
        tip = f"{_what(fault)}\n{_when(fault['from'])} to {_when(fault['until'])}\n"
        tip += f"caught after {_lasting(_delay(fault))}" if caught else "missed"
        state = "caught" if caught else "missed"
        marks.append(
            element("rect", tip=tip, x=left, y=y + 2, width=right - left, height=10, rx=2, class_=f"fault {state}")
        )
        if dot is not None:
            marks.append(element("circle", cx=dot, cy=y + 7, r=3.4, class_="caught-at"))
        x, anchor = (end[1] + 5, "start") if ok else (end[0] - 5, "end")
        marks.append(text(label, x=x, y=y + 11, class_=f"fault-label {state}", anchor=anchor))
    missed = dots.count(None)
    notes = (f"{len(faults) - missed} caught", f"{missed} missed", "dot: first alarm")
    return Lane("Faults", notes, FAULT_ROW * (max(rows) + 1), "".join(marks))


def _alarms(result: Document, time: TimeScale) -> Lane:
    marks = []
    for name, paged, middle, length in (("paged", True, 16, 13), ("noted", False, 46, 9)):
        alarms = [alarm for alarm in result["alarms"] if alarm["paged"] is paged]
        marks.append(text(name, x=LEFT - 8, y=middle + 4, class_="axis", anchor="end"))
        marks.append(element("line", x1=LEFT, x2=RIGHT, y1=middle, y2=middle, class_="alarm-rule"))
        for alarm in alarms:
            x, is_true = time(moment(alarm["at"])), alarm["fault"] is not None
            tip = f"{alarm['kind']} · {alarm['subject']}, {_when(alarm['at'])}\n{alarm['what']}\n"
            tip += f"true: fault {alarm['fault']}" if is_true else "false: names no fault"
            end = middle - length if is_true else middle + length
            state = "true" if is_true else "false"
            marks.append(element("line", tip=tip, x1=x, x2=x, y1=middle, y2=end, class_=f"alarm {state}"))
        right = sum(alarm["fault"] is not None for alarm in alarms)
        marks += [_beside(f"{right} true", middle - 3), _beside(f"{len(alarms) - right} false", middle + 12)]
    return Lane("Alarms", ("up: true", "down: false"), 58, "".join(marks))


def _incidents(result: Document, time: TimeScale) -> Lane:
    incidents = result["incidents"]
    if not incidents:
        return Lane("Incidents", (), 16, text("none opened", x=LEFT + 4, y=12, class_="empty"))
    bars = [_bar(time, i["opened_at"], i["resolved_at"] or result["to"], least=3) for i in incidents]
    rows, marks = pack(bars, gap=2), []
    for incident, (left, right), row in zip(incidents, bars, rows, strict=True):
        closed = incident["resolved_at"] is not None
        tip = f"{incident['id']}: {incident['title']}\nopened {_when(incident['opened_at'])}, "
        tip += f"resolved {_when(incident['resolved_at'])}" if closed else "still open"
        state = "closed" if closed else "open"
        marks.append(
            element(
                "rect",
                tip=tip,
                x=left,
                y=3 + INCIDENT_ROW * row,
                width=right - left,
                height=6,
                rx=3,
                class_=f"incident {state}",
            )
        )
    still = sum(incident["resolved_at"] is None for incident in incidents)
    notes = (f"{len(incidents)} opened", f"{still} still open") if still else (f"{len(incidents)} opened",)
    return Lane("Incidents", notes, INCIDENT_ROW * (max(rows) + 1) + 4, "".join(marks))


def _readout(result: Document) -> list[list[Any]]:
    """Give the pointer what to say at each scored period: milliseconds, then each series' weekly score."""
    middles, _, weekly = _scored(result)
    written = [[None if v is None else _score(v) for v in weekly[series]] for series, _, _ in SERIES]
    return [[int(at.timestamp() * 1000), *values] for at, *values in zip(middles, *written, strict=True)]
