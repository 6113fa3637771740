"""The report of a rehearsal: one HTML page that needs nothing else, neither network nor fonts.

Takes the document of `trivium rehearse --json` as it is and decides nothing. `facts` counts and orders, `timeline`
draws the figure, `words` writes figures and times; tables and colours are in `templates/report.html.j2`.
"""

from datetime import timedelta

from trivium.core.values import moment
from trivium.web.facts import (
    Document,
    alarm_kinds,
    ever_live,
    gain,
    hours_to_detect,
    ordered_reasons,
    telling_versions,
)
from trivium.web.page import template
from trivium.web.scoreline import readout
from trivium.web.timeline import draw


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
    from markupsafe import Markup

    telling, others = telling_versions(result)
    return template("report.html.j2", filters=("count", "score", "when", "day", "lasting", "struck")).render(
        result=result,
        days=(moment(result["to"]) - moment(result["from"])) / timedelta(days=1),
        live=ever_live(result),
        gains=[gain(result, other) for other in ("first", "heuristic")],
        delays={fault["id"]: hours_to_detect(fault) for fault in result["faults"]},
        kinds=alarm_kinds(result["alarms"]),
        telling=telling,
        others=others,
        reasons={version["ref"]: ordered_reasons(result, version) for version in result["versions"]},
        drawn=Markup(draw(result)),  # safe: charts escape whatever they are given
        readout=readout(result),
    )
