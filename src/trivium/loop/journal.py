"""What the loop remembers between ticks, folded from the ledger: what is answered, scored, watched, alarmed."""

from collections import defaultdict, deque
from datetime import datetime
from typing import Any, NamedTuple

from trivium.core.events import Event
from trivium.core.values import moment
from trivium.monitor.alarms import Broke

WATCHED_KINDS = ("collected", "refused", "late", "answered", "scored")


# What is usual of a check's breaks, and what broke lately, is told from so many of a table's latest partitions.
REMEMBERED = 56
OF_A_TABLE = ("collected", "refused", "late")


class Breaks(NamedTuple):
    """How many of a partition's rows broke each check."""

    partition: str
    rows: int
    checks: dict[str, int]


class Item(NamedTuple):
    """Something that happened to a partition and that `watch` has to look at once."""

    kind: str
    subject: str
    partition: str

    @property
    def line(self) -> tuple[str, str]:
        """What it is the next of: a table's partitions in whatever way they came, the model's answers, its scores."""
        return ("partition" if self.kind in OF_A_TABLE else self.kind, self.subject)


class Journal:
    """A fold over all events. Mutable: `apply` is called once per event, in order."""

    def __init__(self) -> None:
        self.head = 0
        self.keys: set[str] = set()
        self.step_keys: set[str] = set()
        self.answered: dict[str, Event] = {}
        self.scored: dict[str, Event] = {}
        self.estimated: dict[str, Event] = {}
        self.delays: dict[str, dict[str, Any]] = {}
        self.settled: set[str] = set()
        self.joined_through = 0
        self.bonds: dict[str, str] = {}
        self.pending: dict[Item, Event] = {}
        self.breaks: dict[str, deque[Breaks]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self.broke: dict[tuple[str, str], deque[list[Broke]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self.found_at: dict[str, datetime] = {}
        self.watch_began: datetime | None = None
        self.contracts: dict[str, str] = {}
        self.changes = 0
        self.changed_at: dict[str, datetime] = {}
        self.drift: dict[str, list[Event]] = defaultdict(list)
        self.marks: dict[str, dict[str, str]] = defaultdict(dict)
        self.alarms: list[Event] = []
        self.judged: list[Event] = []
        self.findings: dict[str, datetime] = {}
        self.last_retrain: datetime | None = None
        self.retrains = 0
        self.last_rollback: datetime | None = None
        self.last_release: Event | None = None
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
        checks = {**body["breaks"], **body["warnings"]}
        self.breaks[event.subject].append(Breaks(body["partition"], body["rows_read"], checks))

    def _changed(self, event: Event, body: dict[str, Any]) -> None:
        if self.changes:
            self.changed_at.update(dict.fromkeys(body["differs"], event.at))
        self.contracts = body["contracts"]
        self.changes += 1

    def _answered(self, event: Event, body: dict[str, Any]) -> None:
        self.answered[body["partition"]] = event

    def _scored(self, event: Event, body: dict[str, Any]) -> None:
        name = body["partition"]
        self.scored[name] = event
        self.delays[name] = body["delays"]
        if body["final"]:
            self.settled.add(name)

    def _joined(self, event: Event, body: dict[str, Any]) -> None:
        self.joined_through = max(self.joined_through, body["through"])
        for name, delays in body["settled"].items():
            self.delays[name] = delays
            self.settled.add(name)

    def _estimated(self, event: Event, body: dict[str, Any]) -> None:
        self.estimated[body["partition"]] = event

    def _watched(self, event: Event, body: dict[str, Any]) -> None:
        item = Item(body["of"], event.subject, body["partition"])
        self.pending.pop(item, None)
        self.watch_began = self.watch_began or event.at
        broke = [Broke(one["rule"], tuple(one["columns"])) for one in body.get("broke", ())]
        self.broke[item.line].append(broke)
        self.found_at.update(dict.fromkeys((one.rule for one in broke), event.at))
        if body["verdict"] == "shift":
            # The world has moved: that is what retraining is for. A fault is mended, not learnt.
            self.findings["drift"] = event.at
        if body["of"] == "scored":
            self.bonds[item.partition] = body["verdict"]
        if body["of"] == "collected":
            self.drift[event.subject].append(event)

    def _marked(self, event: Event, body: dict[str, Any]) -> None:
        if body["kind"] == "fault":
            self.marks[body["subject"]].update(dict.fromkeys(body["partitions"], body["mark"]))

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

    def _staged(self, event: Event, body: dict[str, Any]) -> None:
        if body["stage"] == "live":
            self.last_release = event

    def _rolled_back(self, event: Event, body: dict[str, Any]) -> None:
        self.last_rollback = event.at

    def _ticked(self, event: Event, body: dict[str, Any]) -> None:
        self.last_tick = moment(body["through"]) if "through" in body else event.at
