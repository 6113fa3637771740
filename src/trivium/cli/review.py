"""`review list`, `show`, `take`, `decide` and `skip`."""

from collections.abc import Sequence
from typing import Any

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import as_written, pairs
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count, Reason


def list_(*, all_: bool = False, most: Count = 20) -> Answer:
    """List the answers that wait for a person: the oldest day first, and of one day the most valuable.

    Parameters
    ----------
    all_
        Those that wait no more as well: decided, skipped, overtaken by the truth, expired.
    most
        How many to show.
    """
    from trivium.loop.review_queue import queue_page

    page = queue_page(workspace(), most=most, every=all_)
    return Answer(page, [*_listed(page["reviews"]), counted(page["queue"])])


def show(name: str, /) -> Answer:
    """Show one answer of the queue: why it is there, what was asked, and what others would have said of the row.

    Parameters
    ----------
    name
        The answer's id, as `trivium review list` shows it.
    """
    from trivium.loop.review_queue import entry_of, shown_entry

    ws = workspace()
    one = shown_entry(ws, entry_of(ws, name))
    about = {key: one[key] for key in ("row_id", "at", "prediction", "version", "stage", "source", "expires_at")}
    about |= {"state": _state(one), "bits": one["value"]}
    if one["truth"] is not None:
        about["truth"] = f"{one['truth']['label']:g}, known since {one['truth']['known_at']}"
    shown = [
        pairs(f"Answer {name}", about),
        lay_out("Why", ("check", "because"), [(why["check"], why["because"] or "–") for why in one["why"]]),
        pairs("Request", as_written(one["request"])),
    ]
    if one["others"]:
        others = [(other["stage"], other["version"], other["prediction"]) for other in one["others"]]
        shown.append(lay_out("What others would have said", ("stage", "version", "prediction"), others))
    return Answer(one, shown)


def take(*, most: int = 1, because: str = "") -> Answer:
    """Take the first answers that nobody has in hand; until your time is over nobody else may decide on them.

    Parameters
    ----------
    most
        How many to take.
    because
        Why, for the ledger.
    """
    from trivium.loop.review import take as take_some

    ws = workspace()
    taken = take_some(ws, by=ws.actor, most=most, because=because)
    return Answer({"reviews": taken}, _listed(taken) or ["nothing waits that nobody has in hand"])


def decide(name: str, /, *, label: str, because: Reason) -> Answer:
    """Say what is true of an answer's row: an outcome in your name.

    Parameters
    ----------
    name
        The answer's id.
    label
        What is true: 1 or 0, or true or false, of a binary model; else a number.
    because
        How you know.
    """
    from trivium.loop.review import decide as decide_one

    ws = workspace()
    told = decide_one(ws, name, label, by=ws.actor, because=because)
    said = [f"{told['row_id']} is {told['label']:g}, says {told['by']}"]
    if not told["stands"]:
        known = told["truth"]
        said.append(f"it does not count: {known['label']:g} is known since {known['known_at']}; {told['why']}")
    return Answer(told, said)


def skip(name: str, /, *, because: Reason) -> Answer:
    """Take an answer out of the queue without a label: nobody can tell, or it does not matter.

    Parameters
    ----------
    name
        The answer's id.
    because
        Why, for the ledger.
    """
    from trivium.loop.review import skip as skip_one

    ws = workspace()
    told = skip_one(ws, name, by=ws.actor, because=because)
    return Answer(told, [f"{name} is out of the queue, by {told['by']}"])


def counted(queue: dict[str, Any]) -> str:
    """Say how many wait, since when, and what became of the others."""
    since = f", the oldest since {queue['oldest_at']}" if queue["oldest_at"] else ""
    words = {
        "taken": "in hand",
        "decided": "decided",
        "skipped": "skipped",
        "overtaken": "overtaken by the truth",
        "expired": f"expired after {queue['expires_after']} without anybody looking",
    }
    others = [f"{queue[key]:,} {word}" for key, word in words.items() if queue[key]]
    waits = f"{queue['waiting']:,} {'answer waits' if queue['waiting'] == 1 else 'answers wait'} for review{since}"
    return "; ".join([waits, *others])


def _state(one: dict[str, Any]) -> str:
    if one["taken"] is not None:
        return f"taken by {one['taken']['by']} until {one['taken']['until']}"
    if one["decision"] is not None:
        return f"{one['state']} by {one['decision']['by']}"
    return str(one["state"])


def _listed(found: Sequence[dict[str, Any]]) -> list[Any]:
    """Lay answers out one below the other, each with its request: side by side no terminal has room for both."""
    from rich.padding import Padding
    from rich.text import Text

    shown: list[Any] = []
    for one in found:
        known = f"predicted {one['prediction']:.4g}, {one['value']:.3g} bits, {_state(one)}"
        asked = ", ".join(f"{name}={value}" for name, value in as_written(one["request"]).items())
        why = "; ".join(why["check"] for why in one["why"])
        shown.append(Text.assemble((one["id"], "bold"), "  ", known))
        shown += [Padding(Text(line), (0, 0, 0, 2)) for line in (f"given {one['at']}: {why}", asked)]
    return shown
