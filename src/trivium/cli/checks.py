"""`checks`."""

from typing import Any

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count

COLUMNS = ("check", "else", "owner", "until", "hits", "share", "", "ever", "last hit", "")
_BARS = "▁▂▃▄▅▆▇█"
# Whether the hits of the periods rise or fall is seen in so many of them.
_MOST_BARS = 14


def checks(on: str | None = None, /, *, last: Count = 14) -> Answer:
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
    said = [f"{counts[mark]:,} {words}" for mark, words in _WORDS.items() if counts.get(mark)]
    total = f"{counts['checks']:,} {'check' if counts['checks'] == 1 else 'checks'}"
    shown.append(f"{total}: {', '.join(said)}" if said else total)
    return Answer(report, shown)


# What is said of the checks that have a mark.
_WORDS = {
    "hits often": "hit often",
    "never hit": "never hit",
    "nothing held to it yet": "without a row so far",
    "expired": "expired",
    "expires soon": "about to expire",
    "nobody owns it": "without an owner",
}


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
    """Draw the hits of the periods, the latest to the right, a dot where there was none."""
    most = max(hits, default=0)
    return "".join("·" if hit == 0 else _BARS[(hit * len(_BARS) - 1) // most] for hit in hits) if most else ""
