"""Review: a person takes answers out of the queue, and says what is true of them, or that nobody can tell.

What is said becomes an outcome of the row in that person's name, in the same event as the decision. It stands in for
the truth until that comes: see `outcomes`.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.posted import LoggedOutcome, Outcome
from trivium.core.problems import Problem, ProjectError
from trivium.core.values import EPOCH, iso, span
from trivium.loop.review_queue import entry_of, review_queue, shown_entry, truth_of
from trivium.loop.seal_outcomes import outcomes_frame
from trivium.loop.take_outcomes import problem_of
from trivium.loop.workspace import Workspace
from trivium.respond.reviews import Entry

MOST_TAKEN = 100
NOT_YOURS = "TV-RUN-092"
WHY = "a review is a person's judgement, made before it was known; what came true wins over it, whenever it came"
_LABELS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def take(ws: Workspace, *, by: str, most: int = 1, because: str = "") -> list[dict[str, Any]]:
    """Take the first answers of the queue for `[review] lease`: until then nobody else is given them, or may decide.

    Those that the person has in hand already come first, and their time begins anew.

    Raises:
        ProjectError (TV-RUN-093): `most` is not between 1 and 100.
    """
    if not 1 <= most <= MOST_TAKEN:
        raise ProjectError(
            Problem(
                code="TV-RUN-093",
                what=f"between 1 and {MOST_TAKEN} answers can be taken at once",
                where="most",
                seen=str(most),
                fix=f"ask for 1 to {MOST_TAKEN}",
            )
        )
    taken: list[str] = []

    def work() -> list[Event]:
        queue = [one for one in review_queue(ws) if one.is_open]
        own = [one for one in queue if one.taken is not None and one.taken.by == by]
        free = [one for one in queue if one.taken is None]
        by_row = {one.row_id: one.id for one in reversed([*own, *free])}  # of two answers about a row the first
        taken[:] = list(reversed(by_row.values()))[:most]
        until = ws.clock.now() + span(ws.project.review.lease)
        model = ws.project.model.name
        event = ws.event("review_taken", model, because=because, answers=list(taken), until=iso(until))
        return [_in_the_name_of(by, event)] if taken else []

    ws.unit(None, work)
    held = {one.id: one for one in review_queue(ws)}
    return [shown_entry(ws, held[name]) for name in taken if name in held]


def decide(ws: Workspace, name: str, label: float | bool | str, *, by: str, because: str) -> dict[str, Any]:
    """Say what is true of an answer's row: an outcome in the person's name, which counts from now on.

    Returns:
        The answer, the row, the label, by whom and when; and whether the label `stands`: where the truth is known
        already it does not, and `truth` and `why` say so.

    Raises:
        ProjectError: TV-RUN-091 it is not in the queue, TV-RUN-092 it is not the person's to decide (any more),
            TV-RUN-085 no such label.
    """
    number = _number(label)
    _held_to_labels(ws, number, said=str(label))

    def work() -> list[Event]:
        one = _open_entry(ws, name, by=by)
        blob = ws.blobs.put_frame(outcomes_frame([_outcome(one, number, ws.clock.now(), by)]))
        return [_in_the_name_of(by, ws.event("reviewed", name, because=because, outcome=blob))]

    event = ws.unit(None, work)[0]
    one = entry_of(ws, name)
    truth = truth_of(ws, one)
    told = {"id": name, "row_id": one.row_id, "label": number, "by": by, "at": iso(event.at), "because": because}
    return {**told, "stands": truth is None, "truth": truth, "why": "" if truth is None else WHY}


def skip(ws: Workspace, name: str, *, by: str, because: str) -> dict[str, Any]:
    """Take an answer out of the queue without a label: nobody can tell, or it does not matter.

    Raises:
        ProjectError: TV-RUN-091 it is not in the queue, TV-RUN-092 it is not the person's to decide (any more).
    """

    def work() -> list[Event]:
        _open_entry(ws, name, by=by)
        return [_in_the_name_of(by, ws.event("review_skipped", name, because=because))]

    event = ws.unit(None, work)[0]
    return {"id": name, "by": by, "at": iso(event.at), "because": because}


def _in_the_name_of(by: str, event: Event) -> Event:
    return msgspec.structs.replace(event, actor=by)


def _open_entry(ws: Workspace, name: str, *, by: str) -> Entry:
    one = entry_of(ws, name)
    if one.decision is not None:
        raise _not_yours(name, f"{one.decision.verdict} by {one.decision.by} at {iso(one.decision.at)}", _POST)
    if one.taken is not None and one.taken.by != by:
        until = iso(one.taken.until)
        raise _not_yours(name, f"{one.taken.by} has it until {until}", "take another one: trivium review take")
    if one.state == "expired":
        raise _not_yours(name, f"it expired at {iso(one.expires_at)}", _POST)
    return one


_POST = "post an outcome of the row, if you know better: POST /models/{m}/outcomes"


def _not_yours(name: str, seen: str, fix: str) -> ProjectError:
    what = f"{name} is not to be decided by you, or any more"
    return ProjectError(Problem(code=NOT_YOURS, what=what, where="review queue", seen=seen, fix=fix))


def _number(label: float | bool | str) -> float:
    text = str(label).strip().lower()
    try:
        return _LABELS[text] if text in _LABELS else float(text)
    except ValueError:
        return float("nan")


def _held_to_labels(ws: Workspace, label: float, *, said: str) -> None:
    found = problem_of(Outcome(label=label, row_id=""), is_binary=ws.project.model.task == "binary")
    if found is not None:
        raise ProjectError(msgspec.structs.replace(found, seen=said))


def _outcome(one: Entry, label: float, now: datetime, by: str) -> LoggedOutcome:
    at = (now - EPOCH) // timedelta(microseconds=1)
    return LoggedOutcome(one.row_id, one.id, label, at, at, by)
