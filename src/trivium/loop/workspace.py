"""A project, its store and its clock, opened once; what every verb of the loop is handed."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.clock import Clock, RealClock
from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError, StoreError
from trivium.core.project import Project, read_project
from trivium.core.tokens import Tokens
from trivium.experiment.ideas import Ideas
from trivium.loop.code import Code, load, read_sources
from trivium.loop.inbox import Inbox
from trivium.loop.journal import Journal
from trivium.loop.log_book import LogBook
from trivium.release.route import MOVES, Route, advance
from trivium.release.versions import Versions
from trivium.respond.incidents import Incidents
from trivium.respond.marks import Marks
from trivium.respond.mutes import Mutes
from trivium.respond.reviews import Reviews
from trivium.store.tables import PartitionRecord, Snapshot

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.blobs import FileBlobs
    from trivium.store.ledger import SqlLedger
    from trivium.store.memo import SqlMemo

PROJECT_FILE = "trivium.toml"
FRAMES_KEPT_BYTES = 256 << 20
MOST_RETRIES = 20

_log = logging.getLogger(__name__)


def find_project(start: Path) -> Path:
    """Find the nearest folder, from `start` upwards, that holds a trivium.toml.

    Raises:
        ProjectError (TV-RUN-004): there is none.
    """
    for folder in (start, *start.resolve().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ProjectError(
        Problem(
            code="TV-RUN-004",
            what="there is no project here",
            where=str(start),
            seen=f"no {PROJECT_FILE}",
            fix="make one with `trivium init DIR`, or name one with --project DIR",
        )
    )


@dataclass
class State:
    """All folds over the ledger, brought up to its head by `apply`."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    versions: Versions = field(default_factory=Versions)
    ideas: Ideas = field(default_factory=Ideas)
    incidents: Incidents = field(default_factory=Incidents)
    marks: Marks = field(default_factory=Marks)
    mutes: Mutes = field(default_factory=Mutes)
    journal: Journal = field(default_factory=Journal)
    inbox: Inbox = field(default_factory=Inbox)
    reviews: Reviews = field(default_factory=Reviews)
    tokens: Tokens = field(default_factory=Tokens)
    log: LogBook = field(default_factory=LogBook)
    route: Route = field(default_factory=Route)

    def apply(self, event: Event) -> None:
        """Take one more event into every fold."""
        for fold in (
            self.snapshot,
            self.versions,
            self.ideas,
            self.incidents,
            self.marks,
            self.mutes,
            self.journal,
            self.inbox,
            self.reviews,
            self.tokens,
            self.log,
        ):
            fold.apply(event)
        self.route = advance(self.route, event)


class Workspace:
    """The project and where its state is kept. Verbs read `state`, and change it through `unit` alone."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        actor: str = "trivium",
        store: Path | None = None,
        durable: bool = True,
    ) -> None:
        self.folder = folder
        self.clock = clock or RealClock()
        self.actor = actor
        self.durable = durable
        self.state = State()
        self.cache: dict[str, Any] = {}
        self._store = store
        self._frames: OrderedDict[str, pl.DataFrame] = OrderedDict()
        self._frames_bytes = 0.0

    @cached_property
    def project(self) -> Project:
        """The decoded project file."""
        path = self.folder / PROJECT_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectError(
                Problem(
                    code="TV-RUN-005",
                    what="the project file cannot be read",
                    where=str(path),
                    seen=str(error),
                    fix="make it a readable UTF-8 file",
                )
            ) from None
        return read_project(text)

    @cached_property
    def code(self) -> Code:
        """The project's code as it stands in the folder."""
        return load(read_sources(self.folder, self.project.model.code), self.project)

    @cached_property
    def root(self) -> Path:
        """The store's folder."""
        return self._store or self.folder / self.project.store.files

    @cached_property
    def ledger(self) -> "SqlLedger":
        """The ledger, opened and brought to the present schema."""
        from trivium.store.ledger import SqlLedger

        return SqlLedger(self._engine)

    @cached_property
    def memo(self) -> "SqlMemo":
        """What steps' results are remembered in."""
        from trivium.store.memo import SqlMemo

        return SqlMemo(self._engine)

    @cached_property
    def blobs(self) -> "FileBlobs":
        """The content-addressed files."""
        from trivium.store.blobs import FileBlobs

        return FileBlobs(self.root, durable=self.durable, standing=self.state.log.standing)

    @cached_property
    def _engine(self) -> Any:
        from trivium.store.records import migrate, open_engine

        url = self.project.store.url
        if self._store:
            url = f"sqlite:///{self._store / 'trivium.db'}"
        elif url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            url = f"sqlite:///{self.folder.resolve() / url.removeprefix('sqlite:///')}"
        engine = open_engine(url, durable=self.durable)
        migrate(engine)
        return engine

    def refresh(self) -> State:
        """Bring the state up to the ledger's head; costs only what is new."""
        for event in self.ledger.events(after=self.state.journal.head):
            self.state.apply(event)
        return self.state

    @property
    def route(self) -> Route:
        """Who answers: the ledger's route, and behind it the heuristic and the default that the project declares."""
        rule = self.code.heuristic
        return msgspec.structs.replace(
            self.state.route,
            heuristic=None if rule is None else rule.function.__name__,
            default=self.project.model.default,
            salt=self.project.model.name,
        )

    def event(self, kind: str, subject: str, /, *, because: str = "", **body: Any) -> Event:
        """Make an event of this moment, by this actor."""
        return Event(
            at=self.clock.now(),
            kind=kind,
            subject=subject,
            actor=self.actor,
            because=because,
            body=body,
            wall_clock=not self.clock.is_virtual,
        )

    def unit(self, key: str | None, work: Callable[[], Sequence[Event]]) -> list[Event]:
        """Do one unit of work: decide on the present state, and append what was decided in one transaction.

        A unit whose `key` the ledger holds is done already and returns []. When somebody else appended in between,
        the decision is made again on the new state, so that concurrent processes act as if in turn.

        Raises:
            StoreError (TV-STORE-004): others kept appending, 20 times in a row.
        """
        for attempt in range(MOST_RETRIES):
            self.refresh()
            if key is not None and key in self.state.journal.keys:
                return []
            events = list(work())
            if not events:
                return []
            if key is not None:
                events[0] = _keyed(events[0], key)
            try:
                appended = self.ledger.append(events, expect_head=self.state.journal.head)
            except StoreError as error:
                if error.problems[0].code != "TV-STORE-004" or attempt == MOST_RETRIES - 1:
                    raise
                continue
            for event in appended:
                self.state.apply(event)
            self._signal(appended)
            return appended
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _signal(self, appended: Sequence[Event]) -> None:
        """Tell the servers of this machine that the route has moved; those elsewhere find it in the ledger."""
        moves = [event.seq for event in appended if event.kind in MOVES]
        if not moves or self.clock.is_virtual:
            return
        from trivium.store.signal import raise_signal

        try:
            raise_signal(self.root, moves[-1])
        except OSError as error:
            _log.warning("servers learn of event %d a moment later, from the ledger: %s", moves[-1], error)

    def frame(self, blob: str) -> "pl.DataFrame":
        """Read a Parquet blob, keeping the most recently used 256 MiB in memory."""
        blob = self.state.log.standing(blob)
        if blob in self._frames:
            self._frames.move_to_end(blob)
            return self._frames[blob]
        frame = self.blobs.get_frame(blob)
        self._frames[blob] = frame
        self._frames_bytes += frame.estimated_size()
        while self._frames_bytes > FRAMES_KEPT_BYTES and len(self._frames) > 1:
            _, oldest = self._frames.popitem(last=False)
            self._frames_bytes -= oldest.estimated_size()
        return frame

    def rows(self, records: Iterable[PartitionRecord]) -> "pl.DataFrame":
        """Concatenate partitions; an empty frame without columns when there is none."""
        import polars as pl

        frames = [self.frame(record.blob) for record in records]
        return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _keyed(event: Event, key: str) -> Event:
    return msgspec.structs.replace(event, key=key)
