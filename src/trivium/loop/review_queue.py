"""The review queue: the answers that a check wants looked at, by whether anybody has. A fold over log and ledger."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.answers import Gist
from trivium.core.problems import Problem, ProjectError
from trivium.core.values import EPOCH, iso, moment, span
from trivium.loop.check_hits import answered_periods
from trivium.loop.cohort import EARLY
from trivium.loop.log_records import PREDICTION_ID, ROW_ID, own_columns
from trivium.loop.truth_on import truth_on
from trivium.loop.unsealed import Fresh, unsealed
from trivium.loop.workspace import Workspace
from trivium.respond.reviews import Decision, Entry, Lease, ordered, state_of, value_of
from trivium.store.predictions import numbered, partition_part, prediction_id

if TYPE_CHECKING:
    import polars as pl

NOT_QUEUED = "TV-RUN-091"
_COLUMNS = ("prediction_id", "row_id", "at", "version", "stage", "source", "prediction", "checks", "review")
_MICROSECOND = timedelta(microseconds=1)


def review_queue(ws: Workspace) -> list[Entry]:
    """List the answers that a check put into the queue, whatever has become of them since, the first to look at first.

    It looks back over twice `[review] expires_after`: what expired before that is forgotten.
    """
    fresh = unsealed(ws)
    now, limit = ws.clock.now(), span(ws.project.review.expires_after)
    given = list(_given(ws, fresh, since=now - 2 * limit))
    if not given:
        return []
    known = _known(ws, given, now=now)
    shares = _shares(ws, fresh)
    asks = {check.name for check in ws.project.checks if check.else_ == "review"}
    found = [_entry(ws, gist, asks=asks, shares=shares, known=known, now=now, limit=limit) for gist in given]
    return ordered(_by_row(found), now=now)


def queue_told(ws: Workspace, entries: Sequence[Entry] | None = None) -> dict[str, Any]:
    """Count the queue: how many answers wait, since when, and what became of the others of late."""
    entries = review_queue(ws) if entries is None else entries
    waiting = [one for one in entries if one.is_open]
    counts = Counter(one.state for one in entries)
    return {
        "waiting": len(waiting),
        "oldest_at": iso(min(one.at for one in waiting)) if waiting else None,
        "expires_after": ws.project.review.expires_after,
        **{state: counts[state] for state in ("taken", "decided", "skipped", "overtaken", "expired")},
    }


def queue_page(ws: Workspace, *, most: int, every: bool = False) -> dict[str, Any]:
    """Tell the queue's counts, and its first entries with their requests; with `every` also those that wait no more."""
    entries = review_queue(ws)
    shown = [one for one in entries if every or one.is_open][:most]
    requests = requests_of(ws, shown)
    return {
        "queue": queue_told(ws, entries),
        "reviews": [{**plain_entry(ws, one), "request": requests[one.id]} for one in shown],
    }


def plain_entry(ws: Workspace, one: Entry) -> dict[str, Any]:
    """Write an entry as `--json` and HTTP have it, with why it is there."""
    because = {check.name: check.because for check in ws.project.checks}
    told: dict[str, Any] = msgspec.to_builtins(one)
    told |= {"at": iso(one.at), "expires_at": iso(one.expires_at), "value": round(one.value, 3)}
    told["why"] = [{"check": name, "because": because.get(name, "")} for name in one.asked_by]
    if one.taken is not None:
        told["taken"] = {"by": one.taken.by, "until": iso(one.taken.until)}
    if one.decision is not None:
        said = one.decision
        told["decision"] = {"verdict": said.verdict, "by": said.by, "at": iso(said.at), "because": said.because}
    return told


def shown_entry(ws: Workspace, one: Entry) -> dict[str, Any]:
    """Tell one entry with its request, what others would have said of the row, and what came true, if that is known."""
    told = {"request": requests_of(ws, [one])[one.id], "others": _others(ws, one), "truth": truth_of(ws, one)}
    return {**plain_entry(ws, one), **told}


def requests_of(ws: Workspace, entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Read what was asked, private columns left out: neither their values nor what hides them is of use to a person.

    Returns:
        By the answers' ids; nothing of a request that the store holds no more.
    """
    private = {name for name, column in ws.project.tables[ws.project.requests].columns.items() if column.private}
    found: dict[str, Mapping[str, Any]] = {one.id: one.request or {} for one in unsealed(ws).reviews}
    left = [one for one in entries if one.id not in found]
    found |= _logged(ws, [one.id for one in left if numbered(one.id)])
    found |= _collected(ws, [one for one in left if not numbered(one.id)])
    return {
        one.id: {name: _plain(value) for name, value in found.get(one.id, {}).items() if name not in private}
        for one in entries
    }


def _logged(ws: Workspace, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Read the request rows of servers' answers, each sealed part once."""
    numbers = {name: number for name in names if (number := numbered(name))}
    found: dict[str, Mapping[str, Any]] = {}
    for part in ws.state.log.parts():
        wanted = [name for name, number in numbers.items() if name not in found and part.may_hold(*number)]
        if wanted:
            rows = ws.frame(part.requests)
            held = rows.filter(rows[PREDICTION_ID].is_in(wanted))
            found |= dict(zip(held[PREDICTION_ID], own_columns(held).rows(named=True), strict=True))
    return found


def _collected(ws: Workspace, entries: Sequence[Entry]) -> dict[str, Mapping[str, Any]]:
    """Read the rows of ticks' answers, each partition once."""
    import polars as pl

    by_part: dict[str, dict[str, str]] = {}
    for one in entries:
        by_part.setdefault(partition_part(one.id), {})[one.row_id] = one.id
    found: dict[str, Mapping[str, Any]] = {}
    for record in ws.state.snapshot.partitions(ws.project.requests):
        wanted = by_part.get(partition_part(prediction_id(record.partition, 0)), {})
        if wanted:
            rows, names = ws.frame(record.blob), pl.col(ws.project.model.row_id).cast(pl.String)
            held = rows.with_columns(names.alias(ROW_ID)).filter(pl.col(ROW_ID).is_in(list(wanted)))
            ids = [wanted[row_id] for row_id in held[ROW_ID]]
            found |= dict(zip(ids, held.drop(ROW_ID).rows(named=True), strict=True))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value if value.tzinfo else value.replace(tzinfo=UTC))
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def entry_of(ws: Workspace, name: str) -> Entry:
    """Find an entry by its answer's id.

    Raises:
        ProjectError (TV-RUN-091): no answer of that id is in the queue.
    """
    found = next((one for one in review_queue(ws) if one.id == name), None)
    if found is None:
        raise ProjectError(
            Problem(
                code=NOT_QUEUED,
                what=f"no answer {name[:60]!r} is in the review queue",
                where="review queue",
                seen=name[:60],
                fix="take an id from `trivium review list`; what has expired leaves it in the end",
            )
        )
    return found


def truth_of(ws: Workspace, one: Entry) -> dict[str, Any] | None:
    """Tell what came true of an entry's row, by the outcomes' table or a client; None while nobody knows."""
    word = truth_on(ws, [one.row_id], since=one.at - EARLY, until=ws.clock.now()).get(one.row_id)
    return None if word is None else {"label": word[1], "known_at": iso(word[0])}


def _given(ws: Workspace, fresh: Fresh, *, since: datetime) -> Iterator[Gist]:
    """Give the answers for review since a time, sealed or not; those of ticks and of servers."""
    every = span(ws.project.tables[ws.project.requests].every)
    for event in ws.state.journal.answered.values():
        if event.body["review"] and moment(event.body["start"]) + every >= since:
            yield from _of_blob(ws, event.body["blob"])
    for parts in ws.state.log.waiting.values():
        for part in parts:
            if part.body["review"] and part.start + every >= since:
                yield from _of_blob(ws, part.blob)
    for logged in fresh.reviews:
        yield Gist(*(getattr(logged, name) for name in Gist.__struct_fields__))


def _of_blob(ws: Workspace, blob: str) -> list[Gist]:
    """Read the answers for review of a sealed log; those of the latest are remembered."""
    blob = ws.state.log.standing(blob)
    held: dict[str, list[Gist]] = ws.cache.setdefault("reviews", {})
    if blob not in held:
        rows = ws.blobs.get_frame(blob, columns=list(_COLUMNS))
        held[blob] = list(_gists(rows.filter(rows["review"] & (rows["source"] != "unserved"))))
        while len(held) > 1000:
            held.pop(next(iter(held)))
    return held[blob]


def _gists(rows: "pl.DataFrame") -> Iterator[Gist]:
    for row in rows.iter_rows(named=True):
        yield Gist(
            row["prediction_id"],
            row["row_id"],
            (row["at"] - EPOCH) // _MICROSECOND,
            row["version"],
            row["stage"],
            row["source"],
            row["prediction"],
            tuple(row["checks"]),
            row["review"],
        )


def _known(ws: Workspace, given: Sequence[Gist], *, now: datetime) -> set[str]:
    """Name the rows of which the truth is known: nobody has to be asked about them any more."""
    oldest = EPOCH + min(gist.at for gist in given) * _MICROSECOND
    rows = list(dict.fromkeys(gist.row_id for gist in given))
    return set(truth_on(ws, rows, since=oldest - EARLY, until=now))


def _shares(ws: Workspace, fresh: Fresh) -> dict[str, float]:
    """Tell which share of all answers broke each check."""
    rows, hits = 0, Counter[str]()
    for period in answered_periods(ws, fresh).values():
        rows += period.rows
        hits += period.hits
    return {name: count / rows for name, count in hits.items()}


def _entry(
    ws: Workspace,
    gist: Gist,
    *,
    asks: set[str],
    shares: dict[str, float],
    known: set[str],
    now: datetime,
    limit: timedelta,
) -> Entry:
    reviews, at = ws.state.reviews, EPOCH + gist.at * _MICROSECOND
    # A check that the project has dropped or renamed since: all that the answer broke speak for it.
    asked_by = tuple(name for name in gist.checks if name in asks) or gist.checks
    probability = gist.prediction if ws.project.model.task == "binary" else None
    return Entry(
        id=gist.id,
        row_id=gist.row_id,
        at=at,
        prediction=gist.prediction,
        version=gist.version,
        stage=gist.stage,
        source=gist.source,
        checks=gist.checks,
        asked_by=asked_by,
        expires_at=at + limit,
        value=value_of(asked_by, shares=shares, prediction=probability),
        state=state_of(gist.id, reviews, at=at, now=now, expires_after=limit, is_known=gist.row_id in known),
        taken=reviews.lease(gist.id, now=now),
        decision=reviews.decision(gist.id),
    )


def _by_row(entries: Sequence[Entry]) -> list[Entry]:
    """Let what a person took or decided of one answer stand for all answers about its row: the label is the row's."""
    decided = {one.row_id: one.decision for one in entries if one.state == "decided"}
    taken = {one.row_id: one.taken for one in entries if one.state == "taken"}
    return [_as_its_row(one, decided.get(one.row_id), taken.get(one.row_id)) for one in entries]


def _as_its_row(one: Entry, decision: Decision | None, lease: Lease | None) -> Entry:
    if one.is_open and decision is not None:
        return msgspec.structs.replace(one, state="decided", decision=decision, taken=None)
    if one.state == "waiting" and lease is not None:
        return msgspec.structs.replace(one, state="taken", taken=lease)
    return one


def _others(ws: Workspace, one: Entry) -> list[dict[str, Any]]:
    """Tell what others would have said of the row, as far as it is sealed: a second opinion for whoever decides."""
    blobs = [event.body["blob"] for event in ws.state.journal.answered.values() if event.body["review"]]
    blobs += [part.blob for parts in ws.state.log.waiting.values() for part in parts if part.body["review"]]
    for blob in blobs:
        if any(gist.id == one.id for gist in _of_blob(ws, blob)):
            log = ws.frame(blob)
            held = log.filter((log["prediction_id"] == one.id) & (log["source"] == "unserved"))
            return held.select("stage", "version", "prediction").rows(named=True)
    return []
