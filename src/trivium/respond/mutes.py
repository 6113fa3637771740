"""Mutes: what somebody asked not to be paged about, until when and why. A fold over the ledger."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from trivium.core.events import Event
from trivium.core.problems import ProjectError, unknown_name
from trivium.core.values import iso, moment


@dataclass(frozen=True, slots=True)
class Mute:
    """One mute: on a subject, or one column of it, or one kind of alarm, from `since` until it ends by itself."""

    id: str
    subject: str
    column: str | None
    kind: str | None
    since: datetime
    until: datetime
    by: str
    because: str

    def __str__(self) -> str:
        """Say it as an alarm that it silences does."""
        reason = f": {self.because}" if self.because else ""
        return f"muted by {self.by} until {iso(self.until)} ({self.id}){reason}"


class Mutes:
    """All mutes, folded from `muted` and `unmuted`; other kinds pass by.

    A `muted` event has the muted subject as its own, an `unmuted` event the mute's id.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Mute] = {}
        self._ended: set[str] = set()

    def apply(self, event: Event) -> None:
        """Take in the next event of the ledger."""
        if event.kind == "muted":
            self._by_id[event.body["id"]] = Mute(
                id=event.body["id"],
                subject=event.subject,
                column=event.body["column"],
                kind=event.body["kind"],
                since=event.at,
                until=moment(event.body["until"]),
                by=event.actor,
                because=event.because,
            )
        elif event.kind == "unmuted":
            self._ended.add(event.subject)

    def next_id(self) -> str:
        """Name the next mute: m1, m2 and so on."""
        return f"m{len(self._by_id) + 1}"

    def active(self, now: datetime) -> tuple[Mute, ...]:
        """Return the mutes that hold at a time, in the order they were made; one that expires now holds no more."""
        return tuple(
            mute for mute in self._by_id.values() if mute.id not in self._ended and mute.since <= now < mute.until
        )

    def meant(self, name: str, *, now: datetime) -> tuple[Mute, ...]:
        """Find the mutes in force that a name means: an id, or a subject with all that is muted on it.

        Raises:
            ProjectError (TV-RESP-002): none is in force by that name.
        """
        active = self.active(now)
        found = tuple(mute for mute in active if name in (mute.id, mute.subject))
        if not found:
            known = [known for mute in active for known in (mute.id, mute.subject)]
            raise ProjectError(unknown_name("TV-RESP-002", "mute", name, known, where="the mutes in force"))
        return found

    def silencing(self, kind: str, subject: str, columns: Collection[str], *, now: datetime) -> Mute | None:
        """Find the mute that silences an alarm; None when any part of the alarm is not muted.

        An alarm that blames several columns is silent only if each of them is muted.
        """
        held = [
            mute for mute in self.active(now) if mute.subject == subject and (mute.kind is None or mute.kind == kind)
        ]
        whole = next((mute for mute in held if mute.column is None), None)
        if whole or not columns:
            return whole
        by_column = {mute.column: mute for mute in held}
        return by_column[next(iter(columns))] if all(column in by_column for column in columns) else None
