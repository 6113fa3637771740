"""The figure of a table over time: its rows, its decisions and alarms, and how far each column lay from its history.

A cell is one column in one step of time. It is taller and stronger the further the column's furthest statistic lay
from what was expected, so that no colour is needed to read it. The page's style sheet paints the classes.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean

from trivium.loop.steps import Steps
from trivium.loop.table_picture import PartitionSeen, TablePicture
from trivium.web.charts import Lane, TimeScale, cut, element, figure, text
from trivium.web.words import count, day

WIDTH, LEFT, RIGHT = 1200.0, 200.0, 1188.0
ROWS_HEIGHT, ALARMS_HEIGHT = 54.0, 30.0
MOST_ROWS = 40
NAME_LENGTH = 27
NARROW = 8.0
TITLE_HEIGHT = 24.0
WHOLE_TABLE = "the table as a whole"
# From which share of what is allowed on a cell is drawn, and its height as a share of the row's.
LEVELS = ((0.5, 0.3), (1.0, 0.6), (2.0, 0.8), (4.0, 1.0))


def ordered_columns(picture: TablePicture) -> list[str]:
    """Order columns ("" the whole table first): culprits of findings, then by how far they went, then as they stand."""
    blamed: dict[str, int] = {}
    furthest: dict[str, float] = {}
    for partition in picture.partitions:
        if partition.is_odd:
            for name in partition.columns:
                blamed[name] = blamed.get(name, 0) + 1
        for name, level in partition.levels.items():
            furthest[name] = max(furthest.get(name, 0.0), level)
    names = dict.fromkeys([*(column.name for column in picture.columns), *furthest, *blamed])
    names.pop("", None)
    return ["", *sorted(names, key=lambda name: (-blamed.get(name, 0), -furthest.get(name, 0.0)))]


def draw(picture: TablePicture, steps: Steps) -> str:
    """Draw the figure as one SVG: rows, alarms, and up to 40 columns, on one time axis."""
    time = TimeScale(steps.start, steps.end, LEFT, RIGHT)
    lanes = [_rows(picture, steps, time), _alarms(picture, steps, time), _cells(picture, steps, time)]
    partitions = picture.partitions
    told = (
        f"{count(len(partitions))} partitions from {day(partitions[0].start.isoformat())} to"
        f" {day(partitions[-1].start.isoformat())}; {count(picture.odd)} of them were unlike their history or raised an"
        " alarm. The table at the end of the page lists them."
    )
    return figure(lanes, time, width=WIDTH, name=f"The table {picture.table} over time", told=told)


def span_of(partitions: Sequence[PartitionSeen]) -> str:
    """Name a step: its partition, or its first and last."""
    if len(partitions) == 1:
        return partitions[0].name
    return f"{partitions[0].name} to {partitions[-1].name} ({len(partitions)} partitions)"


def levels_of(picture: TablePicture, steps: Steps, column: str) -> list[float | None]:
    """Give the furthest level of a column in each step; None where no partition in it was judged."""
    found: list[float | None] = []
    for members in steps.members:
        judged = [picture.partitions[place] for place in members if picture.partitions[place].levels]
        found.append(max(partition.levels.get(column, 0.0) for partition in judged) if judged else None)
    return found


def _left_right(steps: Steps, time: TimeScale, step: int) -> tuple[float, float]:
    return time(steps.start + steps.length * step), time(steps.start + steps.length * (step + 1))


# ---------------------------------------------------------------------------------------------------- rows and alarms


def _rows(picture: TablePicture, steps: Steps, time: TimeScale) -> Lane:
    """Draw the mean number of rows of a step's partitions, those held back on top, and steps that came to nothing."""
    means = [_mean_rows(picture, members) for members in steps.members]
    most = max((good + bad for good, bad in means), default=0.0) or 1.0
    good = _columns_path(steps, time, [(0.0, good / most) for good, _ in means])
    bad = _columns_path(steps, time, [(good / most, (good + bad) / most) for good, bad in means])
    marks = [element("path", d=good, class_="rows"), element("path", d=bad, class_="held-back")]
    for step, members in enumerate(steps.members):
        missing = [p for p in (picture.partitions[place] for place in members) if p.state != "collected"]
        if missing:
            left, right = _left_right(steps, time, step)
            said = "\n".join(
                f"{one.name} {'was refused' if one.state == 'refused' else 'is late'}" for one in missing[:8]
            )
            marks.append(
                element("rect", tip=said, x=left, y=0, width=max(right - left, 3.0), height=ROWS_HEIGHT, class_="gone")
            )
    marks.append(text(count(most), x=LEFT - 8, y=9, class_="axis", anchor="end"))
    marks.append(text("0", x=LEFT - 8, y=ROWS_HEIGHT, class_="axis", anchor="end"))
    return Lane("Rows", ("a partition",), ROWS_HEIGHT, "".join(marks))


def _mean_rows(picture: TablePicture, members: Sequence[int]) -> tuple[float, float]:
    came = [picture.partitions[place] for place in members if picture.partitions[place].state == "collected"]
    if not came:
        return 0.0, 0.0
    return fmean(one.rows for one in came), fmean(one.quarantined for one in came)


def _columns_path(steps: Steps, time: TimeScale, spans: Sequence[tuple[float, float]]) -> str:
    """Draw one upright bar a step, from share to share of the lane's height, as one path."""
    parts = []
    for step, (low, high) in enumerate(spans):
        if high > low:
            left, right = _left_right(steps, time, step)
            top, bottom = (ROWS_HEIGHT * (1 - share) for share in (high, low))
            parts.append(f"M{left:.1f} {bottom:.1f}V{top:.1f}H{right:.1f}V{bottom:.1f}Z")
    return "".join(parts)


def _alarms(picture: TablePicture, steps: Steps, time: TimeScale) -> Lane:
    """Mark steps with findings: a filled drop for a page, a ring for an alarm without one, a dash for what is shown."""
    marks = [
        text("paged", x=LEFT - 8, y=10, class_="axis", anchor="end"),
        text("noted", x=LEFT - 8, y=26, class_="axis", anchor="end"),
    ]
    for step, members in enumerate(steps.members):
        odd = [p for p in (picture.partitions[place] for place in members) if p.is_odd or p.alarms]
        if not odd:
            continue
        left, right = _left_right(steps, time, step)
        x, half = (left + right) / 2, min(5.0, max(2.5, (right - left) / 2))
        tip = "\n".join(said_of(partition) for partition in odd[:4])
        is_paged = any(alarm.is_paged for partition in odd for alarm in partition.alarms)
        is_told = any(partition.alarms for partition in odd)
        if is_paged:
            marks.append(element("path", tip=tip, d=f"M{x - half:.1f} 0h{2 * half:.1f}l{-half:.1f} 12Z", class_="page"))
        elif is_told:
            marks.append(element("circle", tip=tip, cx=x, cy=22, r=half - 1, class_="noted"))
        else:
            marks.append(element("path", tip=tip, d=f"M{x - half + 1:.1f} 22h{2 * half - 2:.1f}", class_="shown"))
    return Lane("Alarms", (), ALARMS_HEIGHT, "".join(marks))


def said_of(partition: PartitionSeen) -> str:
    """Say in one line what was found in a partition."""
    said = partition.words or (partition.alarms[0].what if partition.alarms else partition.verdict)
    return f"{partition.name}: {cut(said, 160)}"


# ----------------------------------------------------------------------------------------------------------- the cells


def _cells(picture: TablePicture, steps: Steps, time: TimeScale) -> Lane:
    names = ordered_columns(picture)[:MOST_ROWS]
    height = 17.0 if len(names) <= 24 else 13.0
    marks = []
    for row, name in enumerate(names):
        y = TITLE_HEIGHT + row * height
        label = cut(name or WHOLE_TABLE, NAME_LENGTH)
        tip = name if label != name else ""
        marks.append(text(label, x=LEFT - 8, y=y + height * 0.72, class_="row-name", anchor="end", tip=tip))
        levels = levels_of(picture, steps, name)
        marks.append(element("path", d=_track(steps, time, levels, y + height / 2), class_="track"))
        for level, (least, share) in enumerate(LEVELS):
            most = LEVELS[level + 1][0] if level + 1 < len(LEVELS) else float("inf")
            held = [at for at, value in enumerate(levels) if value is not None and least <= value < most]
            if held:
                path = _row_path(steps, time, held, y + height / 2, (height - 3) * share)
                marks.append(element("path", d=path, class_=f"cell h{level}"))
        blamed = _blamed(picture, steps, name)
        if blamed:
            is_narrow = (RIGHT - LEFT) / len(steps.members) < NARROW
            class_ = "blamed narrow" if is_narrow else "blamed"
            marks.append(element("path", d=_dots(steps, time, blamed, y + height / 2), class_=class_))
    length = len(names) * height
    width = RIGHT - LEFT
    hit = element("rect", x=LEFT, y=TITLE_HEIGHT, width=width, height=length, class_="hit", data_row_height=height)
    marks.append(hit)
    return Lane("Columns, each against its own history", (), TITLE_HEIGHT + length, "".join(marks))


def _runs(places: Iterable[int]) -> list[tuple[int, int]]:
    """Join neighbouring places into runs, each from its first place to the one after its last."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs


def _track(steps: Steps, time: TimeScale, levels: Sequence[float | None], y: float) -> str:
    judged = [step for step, level in enumerate(levels) if level is not None]
    ends = ((_left_right(steps, time, first)[0], _left_right(steps, time, last)[0]) for first, last in _runs(judged))
    return "".join(f"M{left:.1f} {y:.1f}H{right:.1f}" for left, right in ends)


def _row_path(steps: Steps, time: TimeScale, held: Sequence[int], y: float, height: float) -> str:
    parts = []
    for first, last in _runs(held):
        left, right = _left_right(steps, time, first)[0], _left_right(steps, time, last)[0]
        parts.append(f"M{left:.1f} {y - height / 2:.1f}H{right:.1f}v{height:.1f}H{left:.1f}Z")
    return "".join(parts)


def _blamed(picture: TablePicture, steps: Steps, name: str) -> list[int]:
    return [
        step
        for step, members in enumerate(steps.members)
        if any(
            picture.partitions[place].is_odd and name in (picture.partitions[place].columns or ("",))
            for place in members
        )
    ]


def _dots(steps: Steps, time: TimeScale, places: Sequence[int], y: float) -> str:
    middles = (sum(_left_right(steps, time, step)) / 2 for step in places)
    return "".join(f"M{x:.1f} {y:.1f}h0" for x in middles)


def readout(picture: TablePicture, steps: Steps) -> dict[str, object]:
    """Give what the pointer reads: each step's name and findings, and each row's levels in tenths, -1 where none."""
    members = [[picture.partitions[place] for place in places] for places in steps.members]
    return {
        "steps": [span_of(held) if held else "" for held in members],
        "said": {
            str(step): "\n".join(said_of(one) for one in held if one.is_odd)[:400]
            for step, held in enumerate(members)
            if any(one.is_odd for one in held)
        },
        "rows": [
            [name or WHOLE_TABLE, [-1 if v is None else round(v * 10) for v in levels_of(picture, steps, name)]]
            for name in ordered_columns(picture)[:MOST_ROWS]
        ],
        "left": LEFT,
        "right": RIGHT,
        "top": TITLE_HEIGHT,
    }
