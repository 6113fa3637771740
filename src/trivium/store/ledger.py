"""The ledger on SQL: append-only events, and checkpoints of the folds over them. Not the folds themselves."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, or_, select
from sqlalchemy.dialects.sqlite import insert

from trivium.core.events import Event
from trivium.core.problems import Problem, StoreError
from trivium.store.records import events, folds, reading, writing

PAGE_ROWS = 1000


class SqlLedger:
    """`core.ports.Ledger` on a migrated engine. Safe to share between threads; processes open their own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, new: Sequence[Event], *, expect_head: int | None = None) -> list[Event]:
        """Append all or none, in one transaction; return them as they will be read, with their `seq`.

        A key that is held already makes the whole append a no-op that returns [], whatever `expect_head`
        says: so work that is repeated after a crash is not refused for its own earlier success.

        Raises:
            StoreError (TV-STORE-004): the last seq is not `expect_head`.
            ValueError: two of the events share a key, or a time has no zone (programming faults).
        """
        keys = [event.key for event in new if event.key is not None]
        if len(set(keys)) != len(keys):
            raise ValueError(f"one append holds two events with the same key: {sorted(keys)}")
        rows = [_row(event) for event in new]
        with writing(self._engine) as connection:
            if keys and connection.execute(select(events.c.seq).where(events.c.key.in_(keys)).limit(1)).first():
                return []
            head = _head(connection)
            if expect_head is not None and head != expect_head:
                raise _moved_on(expect_head, head, where=str(self._engine.url.database))
            for place, row in enumerate(rows, start=head + 1):
                row["seq"] = place
            if rows:
                connection.execute(events.insert(), rows)
        return [_event(row) for row in rows]

    def events(self, *, after: int = 0, kind: str | None = None, subject: str | None = None) -> Iterator[Event]:
        """Read events with seq > `after`, in order, a page at a time; those appended meanwhile are left out."""
        query = select(events).order_by(events.c.seq).limit(PAGE_ROWS)
        if kind is not None:
            query = query.where(events.c.kind == kind)
        if subject is not None:
            query = query.where(events.c.subject == subject)
        until: int | None = None
        while True:
            with reading(self._engine) as connection:
                page = connection.execute(query.where(events.c.seq > after)).all()
                until = _head(connection) if until is None and len(page) == PAGE_ROWS else until
            for row in page:
                if until is not None and row.seq > until:
                    return
                yield _event(row._mapping)
            if len(page) < PAGE_ROWS:
                return
            after = page[-1].seq

    def last(self, n: int) -> list[Event]:
        """Read the last `n` events, in order; all of them when there are fewer."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(events).order_by(events.c.seq.desc()).limit(n)).all()
        return [_event(row._mapping) for row in reversed(rows)]

    def find(self, key: str) -> Event | None:
        """Read the event with this natural key, or None."""
        with reading(self._engine) as connection:
            row: Row[Any] | None = connection.execute(select(events).where(events.c.key == key)).first()
        return None if row is None else _event(row._mapping)

    def has(self, key: str) -> bool:
        """Tell whether an event with this natural key is held."""
        with reading(self._engine) as connection:
            return connection.execute(select(events.c.seq).where(events.c.key == key)).first() is not None

    def head(self) -> int:
        """Tell the last seq; 0 when empty."""
        with reading(self._engine) as connection:
            return _head(connection)

    def checkpoint(self, name: str, *, version: int) -> tuple[int, bytes] | None:
        """Return the seq a fold had reached and its state then; None when there is none of this `version`."""
        query = select(folds.c.seq, folds.c.state).where(folds.c.name == name, folds.c.version == version)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.seq, row.state)

    def keep_checkpoint(self, name: str, *, version: int, seq: int, state: bytes) -> None:
        """Keep a fold's state as of `seq`; one that has got further with the same `version` stays."""
        new = insert(folds).values(name=name, seq=seq, version=version, state=state)
        further = or_(folds.c.version != new.excluded.version, folds.c.seq <= new.excluded.seq)
        values = {"seq": new.excluded.seq, "version": new.excluded.version, "state": new.excluded.state}
        with writing(self._engine) as connection:
            connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values, where=further))


def _head(connection: Connection) -> int:
    return connection.execute(select(func.max(events.c.seq))).scalar() or 0


def _row(event: Event) -> dict[str, Any]:
    if event.at.tzinfo is None:
        raise ValueError(f"an event's time needs a zone: {event.at!r} of {event.kind} {event.subject}")
    return {
        # Fixed width and always UTC, so that text order is time order.
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": event.kind,
        "subject": event.subject,
        "actor": event.actor,
        "because": event.because,
        "key": event.key,
        "body": msgspec.json.encode(event.body).decode(),
        "wall_clock": event.wall_clock,
    }


def _event(row: Any) -> Event:
    return Event(
        at=datetime.fromisoformat(row["at"]),
        kind=row["kind"],
        subject=row["subject"],
        actor=row["actor"],
        because=row["because"],
        key=row["key"],
        body=msgspec.json.decode(row["body"]),
        wall_clock=row["wall_clock"],
        seq=row["seq"],
    )


def _moved_on(expected: int, head: int, *, where: str) -> StoreError:
    return StoreError(
        Problem(
            code="TV-STORE-004",
            what="the ledger has moved on since it was read",
            where=where,
            seen=f"last event {head}, expected {expected}",
            fix="run the command again: it reads the ledger anew and decides on what it says now",
        )
    )
