"""`checks`."""

from typing import Any

from trivium.cli.door import Answer, workspace
from trivium.cli.door import table as lay_out

COLUMNS = ("check", "else", "owner", "until", "hits", "share", "", "ever", "last hit", "")
_BARS = "▁▂▃▄▅▆▇█"
# Whether the hits of the periods rise or fall is seen in so many of them.
_MOST_BARS = 14


def checks(on: str | None = None, /, *, last: int = 14) -> Answer:
    """List every check: what it does, whose it is, until when it holds, and how often it was broken.

    Parameters
    ----------
    on
        A table, `request` or `prediction`; all of them when left out.
    last
        How many of the latest periods the share is told of.
    """
    from trivium.loop.check_hits import checks_report

    report = checks_report(workspace(), on=on, last=last)
    shown: list[Any] = []
    for name in dict.fromkeys(one["on"] for one in report["checks"]):
        own = [_row(one) for one in report["checks"] if one["on"] == name]
        shown.append(lay_out(f"on {name}", COLUMNS, own))
    counts = report["summary"]
    said = [f"{counts[word]} {word}" for word in _WORDS if counts.get(word)]
    shown.append(f"{counts['checks']} checks" + (f": {', '.join(said)}" if said else ""))
    return Answer(report, shown)


_WORDS = ("hits often", "never hit", "nothing held to it yet", "expired", "expires soon", "nobody owns it")


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    share = "–" if one["share"] is None else f"{one['share']:.2%}"
    words = [mark for mark in one["marks"] if mark != "nobody owns it"]
    state = [] if one["state"] == "holds" else [one["state"]]
    return (
        one["name"],
        one["does"],
        one["owner"] or "–",
        one["expires"] or "–",
        one["hits"],
        share if one["of"] == "row" else f"{share} of partitions",
        _drawn([each["hits"] for each in one["periods"][-_MOST_BARS:]]),
        one["hits_ever"],
        one["last_hit"] or "–",
        ", ".join([*words, *state]),
    )


def _drawn(hits: list[int]) -> str:
    """Draw the hits of the periods, the latest to the right; nothing where there was none."""
    most = max(hits, default=0)
    return "".join(" " if hit == 0 else _BARS[(hit * len(_BARS) - 1) // most] for hit in hits) if most else ""
