"""`skew`."""

from typing import Annotated

from cyclopts import Parameter

from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out


def skew(*, from_: Annotated[str | None, Parameter(name="--from")] = None, to: str | None = None) -> Answer:
    """Put logged requests through the offline path again, and demand the features and predictions that were served.

    Parameters
    ----------
    from_
        The first period that counts; all when left out.
    to
        Periods that start then or later are left out.
    """
    from trivium.core.values import moment
    from trivium.loop.seal import seal
    from trivium.loop.skew import skew_of, told_period

    ws = workspace()
    if not ws.clock.is_virtual:
        seal(ws)
    since, until = moment(from_) if from_ else None, moment(to) if to else None
    found = skew_of(ws, since=since, until=until)
    counts = {
        "answers by a version": found.rows + found.hidden,
        "compared": found.compared,
        "not compared: private columns are hidden in the log": found.hidden,
        "not compared: a step raised": len(found.raised),
        "differ": found.skewed,
    }
    shown: list[object] = [pairs("Served, and made again offline", counts)]
    if found.differing:
        told = found.told()
        shown += [
            lay_out(
                "What differs",
                ("version", "feature", "rows", "largest difference"),
                [(one["version"], one["feature"], one["rows"], one["largest"]) for one in told["differing"]],
            ),
            lay_out(
                "The first rows",
                ("answer", "row", "version", "feature", "served", "offline"),
                [
                    tuple(
                        one.get(name) for name in ("prediction_id", "row_id", "version", "feature", "online", "offline")
                    )
                    for one in found.shown
                ],
            ),
        ]
    shown += found.raised
    shown.append("served and offline differ" if found.skewed or found.raised else "served and offline are the same")
    return Answer(
        {**told_period(since, until), **found.told()}, shown, exit_code=1 if found.skewed or found.raised else 0
    )
