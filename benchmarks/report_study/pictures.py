"""Made-up pictures of tables, of any size, for tests and timings of the report. Same arguments, same picture."""

import math
from datetime import UTC, datetime, timedelta

from trivium.data.shapes import Bars, Shares
from trivium.loop.steps import steps_of
from trivium.loop.table_picture import AlarmSeen, ColumnOverTime, FindingSeen, PartitionSeen, TablePicture

START = datetime(2010, 1, 1, tzinfo=UTC)
BARS = Bars(tuple(map(float, range(9))), (0.5, 0.5, *[0.0] * 6), (*[0.0] * 6, 0.5, 0.5), False)
SHARES = Shares(("AA", "all others"), (0.9, 0.1), (0.1, 0.9))


def picture(
    *, partitions: int = 60, columns: int = 6, every: timedelta = timedelta(days=1), text: str = "distance"
) -> TablePicture:
    """Make a table of numbers and text; each 20th partition is a fault of the column `text`, the 7th was refused."""
    seen = [_partition(place, columns, every, text) for place in range(partitions)]
    over_time = [_column(f"{text}{number or ''}", number, partitions) for number in range(columns)]
    odd = [one for one in seen if one.is_odd]
    findings = [FindingSeen(one, text, BARS if one.alarms else SHARES, 14, (0.0, 0.2), 1000.0) for one in odd[-8:]]
    return TablePicture(
        project="flights",
        table=text,
        every=every,
        partitions=tuple(seen),
        steps=steps_of([one.start for one in seen], every),
        columns=tuple(over_time),
        findings=tuple(reversed(findings)),
        odd=len(odd),
    )


def _partition(place: int, columns: int, every: timedelta, text: str) -> PartitionSeen:
    start = START + place * every
    name = f"{start:%Y-%m-%dT%H}"
    if place == 6:
        return PartitionSeen(name, start, "refused", rows=900, verdict="refused")
    levels = {f"{text}{number or ''}": abs(math.sin(place * (number + 1))) * 0.9 for number in range(columns)}
    if place % 20 != 19:
        return PartitionSeen(name, start, "collected", rows=1000, verdict="ordinary", threshold=3.0, levels=levels)
    return PartitionSeen(
        name,
        start,
        "collected",
        rows=1000,
        quarantined=30,
        verdict="fault",
        kind="scale",
        words=f"{text} is 1.609 times its usual scale: looks like kilometres",
        columns=(text,),
        score=9.0,
        threshold=3.0,
        moved=({"column": text, "statistic": "q50", "seen": 1609.0, "expected": 1000.0, "residual": 9.0},),
        causes=(f"{text} alone moved", f"the contract of {text} was changed"),
        levels=levels | {text: 3.0},
        alarms=(AlarmSeen(f"a{place}", f"{text} moved", place % 40 == 19, "useful" if place == 19 else ""),),
    )


def _column(name: str, number: int, partitions: int) -> ColumnOverTime:
    column = ColumnOverTime(name, kind="text" if number % 3 == 2 else "number")
    for place in range(partitions):
        if place == 6:
            continue
        column.nulls[place] = 0.01 * (number % 2)
        column.distinct[place] = 5
        if column.kind == "text":
            column.shares[place] = {f"{name} {value}": 0.3 - 0.05 * value for value in range(5)}
            column.values = tuple(column.shares[place])
        else:
            middle = 100 + 10 * math.sin(place / 30) + 0.01 * place
            column.quantiles[place] = (middle - 40, middle - 10, middle, middle + 10, middle + 40)
    return column
