"""`skew`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import pairs
from trivium.cli.layout import table as lay_out
from trivium.cli.options import From, between

if TYPE_CHECKING:
    from trivium.loop.skew import Skew


def skew(*, from_: From = None, to: str | None = None) -> Answer:
    """Put logged requests through the offline path again, and demand the features and predictions that were served.

    Parameters
    ----------
    from_
        The first period that counts; all when left out.
    to
        Periods that start then or later are left out.
    """
    from trivium.loop.seal import seal
    from trivium.loop.skew import skew_of, told_period

    since, until = between(from_, to)
    ws = workspace()
    if not ws.clock.is_virtual:
        seal(ws)
    found = skew_of(ws, since=since, until=until)
    document = {**told_period(since, until), **found.told()}
    return Answer(document, list(_shown(found)), exit_code=1 if found.skewed or found.raised else 0)


def _shown(found: "Skew") -> Iterator[Any]:
    if not found.rows + found.hidden:
        yield "nothing to compare: no version answered in periods that are over by now"
        return
    counts = {
        "answers by a version": found.rows + found.hidden,
        "compared": found.compared,
        "not compared: private columns are hidden in the log": found.hidden,
        "not compared: a step raised": len(found.raised),
        "differ": found.skewed,
    }
    yield pairs("Served, and made again offline", counts)
    if found.differing:
        yield from _differing(found)
    yield from found.raised
    if found.skewed or found.raised:
        yield "served and offline differ"
    else:
        yield "served and offline are the same" if found.compared else "nothing could be compared"


def _differing(found: "Skew") -> Iterator[Any]:
    features = [(one["version"], one["feature"], one["rows"], one["largest"]) for one in found.told()["differing"]]
    yield lay_out("What differs", ("version", "feature", "rows", "largest difference"), features)
    names = ("prediction_id", "row_id", "version", "feature", "online", "offline")
    yield lay_out(
        "The first rows",
        ("answer", "row", "version", "feature", "served", "offline"),
        [tuple(one.get(name) for name in names) for one in found.shown],
        whole="answer",
    )
