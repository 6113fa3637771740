"""Log records on their way into sealed frames: decoded, dated, and cut into the periods in which they were given."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.answers import Logged
from trivium.core.project import Table
from trivium.core.values import EPOCH, floor_to, iso, span
from trivium.data.schema import DTYPES, conform
from trivium.loop.log_account import Account
from trivium.loop.pieces import together
from trivium.loop.plain_rows import frame_of
from trivium.store.predictions import answers_frame, numbered
from trivium.store.segments import Reading

if TYPE_CHECKING:
    import polars as pl

# Beyond it two clocks do not go together: one of them has jumped, or was set.
SKEW = timedelta(seconds=60)
PREDICTION_ID, ROW_ID, FEATURES, HEAD = "_prediction_id", "_row_id", "_features", "_head"
_MICROSECOND = timedelta(microseconds=1)


@dataclass
class _Period:
    """What one period has got so far."""

    start: datetime
    answers: "list[pl.DataFrame]" = field(default_factory=list)
    requests: "list[pl.DataFrame]" = field(default_factory=list)
    writers: dict[str, list[int]] = field(default_factory=dict)
    troubles: Counter[tuple[str, str]] = field(default_factory=Counter)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    served: int = 0
    review: int = 0


@dataclass
class Taken:
    """Records of answers taken in, segment by segment.

    `ahead` and `behind` count records whose clock had jumped: they are dated by when they can have been written.
    """

    table: Table
    private: Mapping[str, str]
    now: datetime
    account: Account = field(default_factory=Account)
    rows: int = 0
    ahead: int = 0
    behind: int = 0
    periods: dict[datetime, _Period] = field(default_factory=dict)

    def take(self, reading: Reading, *, last_read: datetime | None) -> None:
        """Take in what was read of a segment; `last_read` is when it had been read before."""
        self.account.note(reading)
        records = list(self._decoded(reading.records))
        times = self._dated(records, began=reading.segment.began, last_read=last_read or reading.segment.began)
        every = span(self.table.every)
        by_period: dict[datetime, list[int]] = {}
        for place, at in enumerate(times):
            by_period.setdefault(floor_to(EPOCH + at * _MICROSECOND, every), []).append(place)
        for start, places in by_period.items():
            period = self.periods.setdefault(start, _Period(start))
            _add(period, [records[place] for place in places], [times[place] for place in places])
            period.requests.append(self._requests([records[place] for place in places]))
        self.rows += len(records)

    def _decoded(self, records: Sequence[bytes]) -> Iterator[Logged]:
        for record in records:
            try:
                yield msgspec.msgpack.decode(record, type=Logged)
            except msgspec.DecodeError:
                self.account.keep_strange(record)

    def _dated(self, records: Sequence[Logged], *, began: datetime, last_read: datetime) -> list[int]:
        """Date records, in microseconds: from before their writer began, as it was last read; one to come, as of now.

        Not by the last reading alone: what a full disk held up is written long after it was answered.
        """
        low, high = _micro(min(began, self.now) - SKEW), _micro(self.now + SKEW)
        guess, now = _micro(min(last_read, self.now)), _micro(self.now)
        self.ahead += sum(record.at > high for record in records)
        self.behind += sum(record.at < low for record in records)
        return [now if record.at > high else guess if record.at < low else record.at for record in records]

    def _requests(self, records: Sequence[Logged]) -> "pl.DataFrame":
        """Lay the request rows out, in the types of their contract as far as they go; hidden values are text."""
        import polars as pl

        asked = [(record, record.request) for record in records if record.request is not None]
        names = list(dict.fromkeys(name for _, request in asked for name in request))
        kinds = {name: column.type for name, column in self.table.columns.items() if name not in self.private}
        if self.table.time is not None:
            kinds[self.table.time] = "datetime"
        columns = [_column(name, [request.get(name) for _, request in asked], kinds.get(name)) for name in names]
        rows, _ = conform(pl.DataFrame(columns), _without(self.table, self.private))
        return rows.with_columns(
            pl.Series(PREDICTION_ID, [record.id for record, _ in asked], dtype=pl.String),
            pl.Series(ROW_ID, [record.row_id for record, _ in asked], dtype=pl.String),
            pl.Series(FEATURES, [record.features for record, _ in asked], dtype=pl.Binary),
            pl.Series(HEAD, [record.head for record, _ in asked], dtype=pl.Int64),
        )


def frames_of(period: _Period) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Give a period's answers and its request rows."""
    import polars as pl

    return pl.concat(period.answers), together(period.requests)


def told(period: _Period) -> dict[str, Any]:
    """Tell of a period what its event says beside its frames."""
    return {
        "period": iso(period.start),
        "start": iso(period.start),
        "rows": sum(frame.height for frame in period.answers),
        "writers": {writer: list(span_) for writer, span_ in sorted(period.writers.items())},
        "troubles": [
            {"version": version, "kind": kind, "rows": rows, "what": period.words[version, kind]}
            for (version, kind), rows in sorted(period.troubles.items())
        ],
        "checks": dict(sorted(period.checks.items())),
        "served": period.served,
        "review": period.review,
    }


def _add(period: _Period, records: Sequence[Logged], times: Sequence[int]) -> None:
    period.answers.append(answers_frame(records, times))
    for record in records:
        if record.source == "unserved":
            continue
        period.served += 1
        period.review += record.review
        number = numbered(record.id)
        if number is not None:
            writer, place = number
            held = period.writers.setdefault(writer, [place, place])
            held[:] = [min(held[0], place), max(held[1], place)]
        for version, kind, what in record.troubles:
            period.troubles[version, kind] += 1
            period.words.setdefault((version, kind), what)
        period.checks.update(record.checks)


def _column(name: str, values: Sequence[Any], kind: str | None) -> "pl.Series":
    import polars as pl

    if kind is not None:
        try:
            return pl.Series(name, values, dtype=DTYPES[kind], strict=True)
        except (TypeError, OverflowError, pl.exceptions.PolarsError):
            pass  # a date that came as text, or a value of another type: read for what it is
    return frame_of([name], [[value] for value in values]).to_series()


def _without(table: Table, private: Mapping[str, str]) -> Table:
    shown = {name: column for name, column in table.columns.items() if name not in private}
    return msgspec.structs.replace(table, columns=shown, key=())


def _micro(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def own_columns(requests: "pl.DataFrame") -> "pl.DataFrame":
    """Leave the log's columns of request rows out: what is left are those of their table."""
    return requests.drop(PREDICTION_ID, ROW_ID, FEATURES, HEAD)
