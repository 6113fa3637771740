"""The log book: what of the prediction log is sealed, and where it is. A fold over the ledger."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from trivium.core.events import Event
from trivium.core.values import moment

SERVED = " served"
# A segment is removed once it is sealed; how far it was read is remembered for so long, lest a copy come back.
REMEMBERED = timedelta(days=30)
MOST_REMEMBERED = 1000


class Part(NamedTuple):
    """Sealed answers of one period: the blobs of answers and of request rows, and which ids they hold.

    `writers` gives for each writer the first and the last place that it numbered its answers by. `body` is what the
    event said.
    """

    period: str
    start: datetime
    at: datetime
    seq: int
    body: dict[str, Any]

    @property
    def blob(self) -> str:
        """The answers' blob."""
        return str(self.body["blob"])

    @property
    def requests(self) -> str:
        """The request rows' blob."""
        return str(self.body["requests"])

    def may_hold(self, writer: str, place: int) -> bool:
        """Tell whether an answer so numbered would be here."""
        low, high = self.body["writers"].get(writer, (1, 0))
        return bool(low <= place <= high)


class Posted(NamedTuple):
    """Sealed outcomes that somebody said: their blob, and from when to when they became known.

    `is_review`: people who reviewed answers said so, before the truth was known.
    """

    blob: str
    rows: int
    since: datetime
    through: datetime
    seq: int
    is_review: bool = False


class Progress(NamedTuple):
    """How far a segment is sealed, and when it was last read."""

    until: int
    at: datetime


class LogBook:
    """Mutable: `apply` is called once per event, in order.

    `waiting` holds the parts of periods that are not over, `periods` those that are. `lost` counts what could not be
    read since the last period's event told of it.
    """

    def __init__(self) -> None:
        self.read: dict[str, Progress] = {}
        self.waiting: dict[str, list[Part]] = {}
        self.periods: dict[str, Part] = {}
        self.posted: list[Posted] = []
        self.unresolved: str | None = None
        self.superseded: list[tuple[datetime, str]] = []
        self.replaced: dict[str, str] = {}
        self.lost: Counter[str] = Counter()
        self.seq = 0

    def apply(self, event: Event) -> None:
        """Take one more event in; kinds that are not about the log change nothing."""
        handler = getattr(self, f"_{event.kind}", None)
        if handler:
            handler(event, event.body)
            self.seq = event.seq

    def parts(self) -> Iterator[Part]:
        """Give all sealed answers, the latest first: what waits for its period's end, then whole periods."""
        for name in sorted(self.waiting, reverse=True):
            yield from reversed(self.waiting[name])
        for name in sorted(self.periods, reverse=True):
            yield self.periods[name]

    def standing(self, blob: str) -> str:
        """Tell the blob that stands for one now: itself, unless rows of it were erased."""
        while blob in self.replaced:
            blob = self.replaced[blob]
        return blob

    def _logged(self, event: Event, body: dict[str, Any]) -> None:
        self._note(event, body["read"])
        self.lost += Counter(
            damaged=body["damaged"]["places"], bytes=body["damaged"]["bytes"], strange=body["strange"]["records"]
        )
        for part in body["parts"]:
            found = Part(part["period"], moment(part["start"]), event.at, event.seq, part)
            self.waiting.setdefault(part["period"], []).append(found)

    def _note(self, event: Event, read: dict[str, int]) -> None:
        self.read.update({name: Progress(until, event.at) for name, until in read.items()})
        if len(self.read) > MOST_REMEMBERED:
            self.read = {name: how for name, how in self.read.items() if how.at > event.at - REMEMBERED}

    def _answered(self, event: Event, body: dict[str, Any]) -> None:
        if "writers" not in body:
            return
        period = body["partition"].removesuffix(SERVED)
        self.lost -= Counter(body["lost"])
        self.periods[period] = Part(period, moment(body["start"]), event.at, event.seq, body)
        # What was sealed since the decision was made stays to be taken up by the next one.
        left = [part for part in self.waiting.pop(period, ()) if part.blob not in body["parts"]]
        if left:
            self.waiting[period] = left
        self.superseded += [(event.at, blob) for blob in body["parts"] if blob not in (body["blob"], body["requests"])]

    def _posted(self, event: Event, body: dict[str, Any]) -> None:
        self._note(event, body["read"])
        if body["merged"] is not None:
            gone = set(body["merged"]["replaces"])
            old = [one for one in self.posted if one.blob in gone]
            merged = Posted(
                blob=body["merged"]["blob"],
                rows=sum(one.rows for one in old),
                since=min(one.since for one in old),
                through=max(one.through for one in old),
                seq=max(one.seq for one in old),
                is_review=old[0].is_review,
            )
            self.posted = [merged, *(one for one in self.posted if one.blob not in gone)]
            self.superseded += [(event.at, blob) for blob in gone - {merged.blob}]
        if body["rows"]:
            since, through = moment(body["since"]), moment(body["through"])
            self.posted.append(Posted(body["blob"], body["rows"], since, through, event.seq))
        self.unresolved = body["unresolved"]

    def _reviewed(self, event: Event, body: dict[str, Any]) -> None:
        self.posted.append(Posted(body["outcome"], 1, event.at, event.at, event.seq, is_review=True))

    def _erased(self, event: Event, body: dict[str, Any]) -> None:
        self.replaced.update(body["replaced"])
