"""What the loop remembers between ticks, folded from the ledger: what is answered, scored, watched, alarmed."""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from trivium.core.events import Event
from trivium.core.values import moment

WATCHED_KINDS = ("collected", "refused", "late", "answered", "scored")


class Item(NamedTuple):
    """Something that happened to a partition and that `watch` has to look at once."""

    kind: str
    subject: str
    partition: str


class Journal:
    """A fold over all events. Mutable: `apply` is called once per event, in order."""

    def __init__(self) -> None:
        self.head = 0
        self.keys: set[str] = set()
        self.step_keys: set[str] = set()
        self.answered: dict[str, Event] = {}
        self.scored: dict[str, Event] = {}
        self.pending: dict[Item, Event] = {}
        self.drift: dict[str, list[Event]] = defaultdict(list)
        self.alarms: list[Event] = []
        self.judged: list[Event] = []
        self.findings: dict[str, datetime] = {}
        self.last_retrain: datetime | None = None
        self.retrains = 0
        self.last_rollback: datetime | None = None
        self.last_tick: datetime | None = None
        self.first_data: datetime | None = None

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        self.head = max(self.head, event.seq)
        if event.key:
            self.keys.add(event.key)
        if event.kind in WATCHED_KINDS:
            self.pending[Item(event.kind, event.subject, event.body["partition"])] = event
        handler = getattr(self, f"_{event.kind}", None)
        if handler:
            handler(event, event.body)

    def _collected(self, event: Event, body: dict[str, Any]) -> None:
        start = moment(body["start"])
        if start.year > 1970 and (self.first_data is None or start < self.first_data):
            self.first_data = start

    def _answered(self, event: Event, body: dict[str, Any]) -> None:
        self.answered[body["partition"]] = event

    def _scored(self, event: Event, body: dict[str, Any]) -> None:
        self.scored[body["partition"]] = event

    def _watched(self, event: Event, body: dict[str, Any]) -> None:
        self.pending.pop(Item(body["of"], event.subject, body["partition"]), None)
        if body["of"] == "collected":
            self.drift[event.subject].append(event)

    def _alarmed(self, event: Event, body: dict[str, Any]) -> None:
        self.alarms.append(event)
        self.findings[body["alarm"]] = event.at

    def _tried(self, event: Event, body: dict[str, Any]) -> None:
        self.step_keys.update(how["key"] for how in body["steps"].values())

    def _judged(self, event: Event, body: dict[str, Any]) -> None:
        self.judged.append(event)

    def _retrain(self, event: Event, body: dict[str, Any]) -> None:
        self.last_retrain = event.at
        self.retrains += 1

    def _rolled_back(self, event: Event, body: dict[str, Any]) -> None:
        self.last_rollback = event.at

    def _ticked(self, event: Event, body: dict[str, Any]) -> None:
        self.last_tick = moment(body["through"]) if "through" in body else event.at
