"""The report of a table: one HTML page that needs nothing else, neither network nor fonts.

Takes what `loop.table_picture` told and decides nothing. `heatmap`, `bands` and `culprits` draw; tables and colours
are in `templates/table.html.j2`. What is drawn grows with the steps of time, not with the partitions.
"""

import math

from trivium.loop.table_picture import FindingSeen, TablePicture
from trivium.web import bands, culprits, heatmap, words
from trivium.web.page import template

MOST_COLUMNS_DRAWN = 24
MOST_FINDINGS_LISTED = 300
BY_LOGARITHM = ("rows", "distinct")


def render(picture: TablePicture) -> str:
    """Write the report of one table as a self-contained HTML page.

    Returns:
        The page; the same picture gives the same page. Every text in it is escaped.
    """
    from markupsafe import Markup

    steps = picture.steps
    order = {name: place for place, name in enumerate(heatmap.ordered_columns(picture))}
    columns = sorted(picture.columns, key=lambda column: order[column.name])
    drawn = [(column, Markup(bands.draw(picture, column, steps))) for column in columns[:MOST_COLUMNS_DRAWN]]
    odd = [partition for partition in reversed(picture.partitions) if partition.is_odd or partition.alarms]
    # safe: charts escape whatever they are given
    return template("table.html.j2", filters=("count", "score", "day")).render(
        picture=picture,
        said=_said(_counts(picture)),
        what_of=bands.what_of,
        counts=_counts(picture),
        together=max(1, round(steps.length / picture.every)),
        heat=Markup(heatmap.draw(picture, steps)),
        readout=heatmap.readout(picture, steps),
        hidden_rows=list(order)[heatmap.MOST_ROWS :],
        cards=[(finding, Markup(culprits.draw(finding)), moved_of(finding)) for finding in picture.findings],
        drawn=[(column, svg) for column, svg in drawn if svg],
        undrawn=[column.name for column, svg in drawn if not svg]
        + [column.name for column in columns[MOST_COLUMNS_DRAWN:]],
        odd=odd[:MOST_FINDINGS_LISTED],
        more_odd=max(0, len(odd) - MOST_FINDINGS_LISTED),
    )


def _said(counts: dict[str, int]) -> str:
    """Say what befell the partitions, without what did not happen."""
    words_of = {"faults": "broken", "shifts": "shifted", "refused": "refused", "late": "late"}
    found = [f"{words.count(counts[name])} {word}" for name, word in words_of.items() if counts[name]]
    return ", ".join(found) or "none unlike its history"


def moved_of(finding: FindingSeen) -> list[dict[str, str]]:
    """Write what moved furthest: at most five statistics, the first culprit's before the others'."""
    moved = sorted(finding.partition.moved, key=lambda one: one["column"] != finding.column)[:5]
    return [
        {
            "what": f"{one['column'] or heatmap.WHOLE_TABLE}: {one['statistic']}",
            "expected": _written(one["statistic"], one["expected"]),
            "seen": _written(one["statistic"], one["seen"]),
            "distance": f"{one['residual']:+.1f}",
        }
        for one in moved
    ]


def _written(statistic: str, value: float) -> str:
    """Write a statistic as a person would count it: the monitor measures some by ln(1 + x)."""
    return words.count(round(math.expm1(value))) if statistic in BY_LOGARITHM else words.score(value)


def _counts(picture: TablePicture) -> dict[str, int]:
    partitions = picture.partitions
    alarms = [alarm for partition in partitions for alarm in partition.alarms]
    return {
        "partitions": len(partitions),
        "rows": sum(one.rows for one in partitions if one.state == "collected"),
        "quarantined": sum(one.quarantined for one in partitions),
        "refused": sum(one.state == "refused" for one in partitions),
        "late": sum(one.state == "late" for one in partitions),
        "faults": sum(one.verdict == "fault" for one in partitions),
        "shifts": sum(one.verdict == "shift" for one in partitions),
        "young": sum(one.verdict == "not enough history" for one in partitions),
        "alarms": len(alarms),
        "paged": sum(alarm.is_paged for alarm in alarms),
    }
