"""The figure of a rehearsal: what answered, what was decided, how well, what broke and what was noticed, over time.

Turns the rehearsal's document into lanes of marks from `charts`; the lane of scores is in `scoreline`. The page's
style sheet paints the classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trivium.core.values import moment
from trivium.web.charts import Lane, TimeScale, cut, element, figure, pack, text, text_width
from trivium.web.facts import Document, ever_live, hours_to_detect, truth
from trivium.web.scoreline import scores
from trivium.web.words import day, lasting, struck, when

WIDTH, LEFT, RIGHT = 1200.0, 148.0, 1074.0
SHADES = 8  # steps of the version ramp in the style sheet, .v0 the first version to .v7 the last
FAULT_ROW, INCIDENT_ROW = 19.0, 10.0
GATE_SHAPES = {"pass": "M0-4V4", "fail": "M-3.5-3.5L3.5 3.5M-3.5 3.5L3.5-3.5"}
UNDECIDED = "M-3 0H3"


def draw(result: Document) -> str:
    """Draw the rehearsal as one SVG: versions, decisions, scores, faults, alarms and incidents on one time axis.

    Raises:
        ProjectError (TV-PROJ-007): a time in the document is no ISO 8601 time.
    """
    time = TimeScale(moment(result["from"]), moment(result["to"]), LEFT, RIGHT)
    caught = sum(fault["caught_at"] is not None for fault in result["faults"])
    told = (
        f"One time axis from {day(result['from'])} to {day(result['to'])}."
        f" {len(ever_live(result))} versions were live in turn;"
        f" {caught} of {len(result['faults'])} faults were caught by {len(result['alarms'])} alarms;"
        f" {len(result['rollbacks'])} rollbacks. The tables below hold the same figures."
    )
    shaded = [_bar(time, fault["from"], fault["until"]) for fault in result["faults"]]
    lanes = [_route(result, time), _decisions(result, time), scores(result, time, shaded=shaded)]
    lanes += [_faults(result, time), _alarms(result, time), _incidents(result, time)]
    return figure(lanes, time, width=WIDTH, name=f"The rehearsal {result['name']} over time", told=told)


def _bar(time: TimeScale, start: str, end: str, *, least: float = 2.0) -> tuple[float, float]:
    left, right = time(moment(start)), time(moment(end))
    return min(left, RIGHT - least), max(right, min(left, RIGHT - least) + least)


def _row_name(name: str, y: float) -> str:
    return text(name, x=LEFT - 8, y=y, class_="axis", anchor="end")


def _beside(content: str, y: float) -> str:
    return text(content, x=RIGHT + 12, y=y, class_="beside")


def _empty(name: str, said: str) -> Lane:
    return Lane(name, (), 16, text(said, x=LEFT + 4, y=12, class_="empty"))


# ---------------------------------------------------------------------------------------- what answered and was decided


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
    shades = _shades(result)
    marks = [_row_name("live", 17), _row_name("canary", 38), _row_name("shadow", 50)]
    for start, end, ref, because in _runs(result["route"], "live"):
        shade = shades[ref] if ref else "vnone"
        marks += _band(time, (start, end), ref, because, shade=shade)
    for start, end, ref, because in _runs(result["route"], "canary"):
        if ref is not None:
            marks.append(_thin(time, (start, end), f"{ref} as canary", because, y=31, shade=shades[ref]))
    for part in result["route"]:
        for row, ref in enumerate(part["shadow"][:3]):
            span = (part["from"], part["to"])
            marks.append(_thin(time, span, f"{ref} in shadow", part["because"], y=42 + 4 * row, shade=shades[ref]))
    return Lane("Versions", ("shade: age",), 56, "".join(marks))


def _band(time: TimeScale, span: tuple[str, str], ref: str | None, because: str, *, shade: str) -> list[str]:
    """Draw one run of a live version, with its name where that fits."""
    left, right = _bar(time, *span)
    tip = f"{ref or 'the heuristic'} live, {when(span[0])} to {when(span[1])}\n{because}"
    marks = [element("rect", tip=tip, x=left, y=0, width=right - left, height=26, class_=f"band {shade}")]
    label = ref or "heuristic"
    if text_width(label, size=11) + 6 < right - left:
        marks.append(text(label, x=(left + right) / 2, y=17, class_=f"band-label on-{shade}", anchor="middle"))
    return marks


def _thin(time: TimeScale, span: tuple[str, str], what: str, because: str, *, y: float, shade: str) -> str:
    left, right = _bar(time, *span)
    tip = f"{what}, {when(span[0])} to {when(span[1])}\n{because}"
    height = 7 if y < 40 else 3
    return element("rect", tip=tip, x=left, y=y, width=right - left, height=height, class_=f"thin {shade}")


def _decisions(result: Document, time: TimeScale) -> Lane:
    failed = sum(version["verdict"] == "fail" for version in result["versions"])
    marks = [_row_name("gate", 12), _row_name("rollback", 34)]
    for version in result["versions"]:
        tip = f"{version['ref']} trained {when(version['trained_at'])}: {version['verdict']}"
        tip = "\n".join([tip, *version["reasons"]])
        shape = GATE_SHAPES.get(version["verdict"], UNDECIDED)
        marks.append(_glyph(shape, time(moment(version["trained_at"])), 8, tip, f"gate {version['verdict']}"))
    for back in result["rollbacks"]:
        x = time(moment(back["at"]))
        tip = f"Rolled back {when(back['at'])}: from {back['from']} to {back['to'] or 'the heuristic'}"
        marks.append(element("line", x1=x, x2=x, y1=-100, y2=26, class_="rollback-rule"))
        marks.append(_glyph("M5.5-6V6L-5.5 0Z", x, 30, f"{tip}\n{back['because']}", "rollback"))
    marks += [_beside(f"{failed} refused", 12), _beside(f"{len(result['rollbacks'])} back", 34)]
    return Lane("Decisions", (), 40, "".join(marks))


def _glyph(path: str, x: float, y: float, tip: str, class_: str) -> str:
    return element("path", tip=tip, d=path, transform=f"translate({x:.1f} {y:.1f})", class_=class_)


# ------------------------------------------------------------------------------------------ what broke and was noticed


@dataclass(frozen=True, slots=True)
class _FaultMark:
    """One fault laid on x: its bar, the dot of its first alarm, its label at the right or, near the edge, the left."""

    fault: Document
    left: float
    right: float
    dot: float | None
    label: str

    @property
    def ends(self) -> tuple[float, float]:
        """Bar and dot together."""
        if self.dot is None:
            return self.left, self.right
        return min(self.left, self.dot - 4), max(self.right, self.dot + 4)

    @property
    def label_at_right(self) -> bool:
        return self.ends[1] + self.label_width < WIDTH

    @property
    def label_width(self) -> float:
        return text_width(self.label, size=11) + 6

    @property
    def span(self) -> tuple[float, float]:
        """Bar, dot and label together."""
        if self.label_at_right:
            return self.left, self.ends[1] + self.label_width
        return self.ends[0] - self.label_width, self.right


def _faults(result: Document, time: TimeScale) -> Lane:
    if not result["faults"]:
        return _empty("Faults", "none injected")
    laid = []
    for fault in result["faults"]:
        dot = None if fault["caught_at"] is None else time(moment(fault["caught_at"]))
        label = cut(f"{fault['kind']} · {struck(fault)}", 40)
        laid.append(_FaultMark(fault, *_bar(time, fault["from"], fault["until"]), dot, label))
    rows = pack([mark.span for mark in laid], gap=10)
    marks = [drawn for mark, row in zip(laid, rows, strict=True) for drawn in _fault(mark, y=FAULT_ROW * row)]
    missed = sum(mark.dot is None for mark in laid)
    notes = (f"{len(laid) - missed} caught", f"{missed} missed", "dot: first alarm")
    return Lane("Faults", notes, FAULT_ROW * (max(rows) + 1), "".join(marks))


def _fault(mark: _FaultMark, *, y: float) -> list[str]:
    fault, state = mark.fault, "missed" if mark.dot is None else "caught"
    outcome = "missed" if mark.dot is None else f"caught after {lasting(hours_to_detect(fault))}"
    tip = f"{fault['kind']} · {struck(fault)}\n{when(fault['from'])} to {when(fault['until'])}\n{outcome}"
    width = mark.right - mark.left
    drawn = [element("rect", tip=tip, x=mark.left, y=y + 2, width=width, height=10, rx=2, class_=f"fault {state}")]
    if mark.dot is not None:
        drawn.append(element("circle", cx=mark.dot, cy=y + 7, r=3.4, class_="caught-at"))
    x, anchor = (mark.ends[1] + 5, "start") if mark.label_at_right else (mark.ends[0] - 5, "end")
    return [*drawn, text(mark.label, x=x, y=y + 11, class_=f"fault-label {state}", anchor=anchor)]


def _alarms(result: Document, time: TimeScale) -> Lane:
    marks = []
    for name, paged, middle, length in (("paged", True, 16, 13), ("noted", False, 46, 9)):
        alarms = [alarm for alarm in result["alarms"] if alarm["paged"] is paged]
        marks.append(_row_name(name, middle + 4))
        marks.append(element("line", x1=LEFT, x2=RIGHT, y1=middle, y2=middle, class_="alarm-rule"))
        marks += [_alarm(alarm, time, middle=middle, length=length) for alarm in alarms]
        right, wrong = (sum(alarm["right"] is each for alarm in alarms) for each in (True, False))
        marks += [_beside(f"{right} true", middle - 3), _beside(f"{wrong} false", middle + 12)]
    return Lane("Alarms", ("up: true", "down: false"), 58, "".join(marks))


def _alarm(alarm: Document, time: TimeScale, *, middle: float, length: float) -> str:
    x, kind = time(moment(alarm["at"])), truth(alarm)
    tip = f"{alarm['kind']} · {alarm['subject']}, {when(alarm['at'])}\n{alarm['what']}\n{kind}"
    tip += f": fault {alarm['fault']}" if alarm["fault"] is not None else ": names no fault" if kind == "false" else ""
    ends = {"true": (middle, middle - length), "false": (middle, middle + length)}
    begin, end = ends.get(kind, (middle - length / 2, middle + length / 2))
    return element("line", tip=tip, x1=x, x2=x, y1=begin, y2=end, class_=f"alarm {kind}")


def _incidents(result: Document, time: TimeScale) -> Lane:
    incidents = result["incidents"]
    if not incidents:
        return _empty("Incidents", "none opened")
    bars = [_bar(time, one["opened_at"], one["resolved_at"] or result["to"], least=3) for one in incidents]
    rows, marks = pack(bars, gap=2), []
    for incident, (left, right), row in zip(incidents, bars, rows, strict=True):
        closed, y = incident["resolved_at"] is not None, 3 + INCIDENT_ROW * row
        tip = f"{incident['id']}: {incident['title']}\nopened {when(incident['opened_at'])}, "
        tip += f"resolved {when(incident['resolved_at'])}" if closed else "still open"
        class_ = f"incident {'closed' if closed else 'open'}"
        marks.append(element("rect", tip=tip, x=left, y=y, width=right - left, height=6, rx=3, class_=class_))
    still = sum(incident["resolved_at"] is None for incident in incidents)
    notes = (f"{len(incidents)} opened", f"{still} still open") if still else (f"{len(incidents)} opened",)
    return Lane("Incidents", notes, INCIDENT_ROW * (max(rows) + 1) + 4, "".join(marks))
