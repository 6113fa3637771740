"""`review list`, `show`, `take`, `decide` and `skip`."""

from typing import Any

from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out


def list_(*, all_: bool = False, most: int = 20) -> Answer:
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
    columns = ("answer", "given", "prediction", "bits", "state", "why", "request")
    rows = [
        (
            one["id"],
            one["at"],
            one["prediction"],
            one["value"],
            _state(one),
            "; ".join(why["check"] for why in one["why"]),
            _asked(one),
        )
        for one in page["reviews"]
    ]
    return Answer(
        page, [*([lay_out("Review queue", columns, rows, whole="answer")] if rows else []), counted(page["queue"])]
    )


def show(name: str, /) -> Answer:
    """Show one answer of the queue: why it is there, what was asked, and what others would have said of the row."""
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
        pairs("Request", one["request"]),
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
    columns = ("answer", "until", "prediction", "why", "request")
    rows = [
        (
            one["id"],
            one["taken"]["until"],
            one["prediction"],
            "; ".join(why["check"] for why in one["why"]),
            _asked(one),
        )
        for one in taken
    ]
    return Answer({"reviews": taken}, [lay_out("Taken", columns, rows, whole="answer") if rows else "nothing waits"])


def decide(name: str, /, *, label: str, because: str) -> Answer:
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


def skip(name: str, /, *, because: str) -> Answer:
    """Take an answer out of the queue without a label: nobody can tell, or it does not matter."""
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


def _asked(one: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in one["request"].items())
