"""Rehearse: the same tick, called over your own history under a virtual clock, with faults on the way."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from trivium.core.clock import VirtualClock
from trivium.core.problems import Problem, ProjectError
from trivium.core.values import digest, iso, span
from trivium.loop.faults import Fault, read_faults, standard
from trivium.loop.history import HistorySource, VersionFaults
from trivium.loop.project_source import ProjectSource
from trivium.loop.tick import tick
from trivium.loop.told import tell
from trivium.loop.workspace import Workspace
from trivium.store.disk import write_whole

REHEARSALS = "rehearsals"
SETTINGS = "rehearsal.json"
ACTOR = "rehearsal"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal was started with; kept beside its store, so that it can be gone on with."""

    name: str
    start: datetime
    until: datetime
    step_s: float
    seed: int
    faults: tuple[Fault, ...]
    project: str


@dataclass(frozen=True)
class Progress:
    """Where a rehearsal is, after a tick."""

    done: int
    ticks: int
    at: datetime
    live: str | None
    alarms: int
    incidents: int


@dataclass(frozen=True)
class Plan:
    """What was asked for; None is the default: the whole history, a tick per partition."""

    name: str = "rehearsal"
    start: datetime | None = None
    until: datetime | None = None
    step: timedelta | None = None
    faults: str = "standard"
    seed: int = 0
    resume: bool = False


def store_of(ws: Workspace, name: str) -> Path:
    """Find the folder of a rehearsal's store.

    Raises:
        ProjectError (TV-REH-005): the name is no plain name.
    """
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ProjectError(
            Problem(
                code="TV-REH-005",
                what=f"{name!r} cannot name a rehearsal",
                where="--name",
                seen=name,
                fix="use letters, digits, - and _",
            )
        )
    return ws.folder.resolve() / ws.project.store.files / REHEARSALS / name


def open_rehearsal(ws: Workspace, name: str) -> Workspace:
    """Open the store of a rehearsal, to look into it with any command; its clock stands where it stopped.

    Raises:
        ProjectError (TV-REH-006): there is no such rehearsal.
    """
    settings = _settings(ws, store_of(ws, name))
    inside = Workspace(
        ws.folder, clock=VirtualClock(settings.start), actor=ws.actor, store=store_of(ws, name), durable=False
    )
    inside.refresh()
    inside.clock = VirtualClock(inside.state.journal.last_tick or settings.start)
    return inside


def rehearse(
    ws: Workspace,
    plan: Plan,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Run a rehearsal to its end, in a store of its own, and tell it as SURFACE's document.

    Args:
        ws: the real project; its ledger is not touched.
        plan: what was asked for.
        progress: called after each tick.
        clock: wall seconds, for `wall_s` alone.

    Raises:
        ProjectError: TV-REH-001 to -003 for the faults, -005 the name, -006 nothing to resume, -007 no history.
    """
    started = clock()
    folder = store_of(ws, plan.name)
    real = ProjectSource(ws)
    if plan.resume:
        settings = _settings(ws, folder)
        source = HistorySource(real, ws.project, faults=settings.faults, seed=settings.seed)
    else:
        clean = HistorySource(real, ws.project, faults=(), seed=plan.seed)
        settings = _planned(ws, plan, clean)
        source = clean.with_faults(settings.faults, seed=settings.seed)
        shutil.rmtree(folder, ignore_errors=True)
        write_whole(folder / SETTINGS, msgspec.json.encode(settings), aside=folder / "aside", durable=False)
    inside = Workspace(ws.folder, clock=VirtualClock(settings.start), actor=ACTOR, store=folder, durable=False)
    spent = _run(inside, settings, source, progress)
    told = clock()
    document = tell(
        inside,
        settings_name=settings.name,
        start=settings.start,
        until=settings.until,
        seed=settings.seed,
        faults=settings.faults,
    )
    spent["report"] = clock() - told
    document["spent"] = {name: round(seconds, 3) for name, seconds in spent.items()}
    document["wall_s"] = round(clock() - started, 3)
    return document


def faults_of(ws: Workspace) -> tuple[Fault, ...] | None:
    """Tell which faults struck the rehearsal whose store this is; None when it is no rehearsal's."""
    try:
        return msgspec.json.decode((ws.root / SETTINGS).read_bytes(), type=Settings).faults
    except FileNotFoundError:
        return None


def _run(
    inside: Workspace, settings: Settings, source: HistorySource, progress: Callable[[Progress], None]
) -> dict[str, float]:
    assert isinstance(inside.clock, VirtualClock)
    versions = VersionFaults(inside, settings.faults)
    inside.cache["strike"] = versions.strike
    spent: dict[str, float] = defaultdict(float)
    times = list(_times(settings))
    inside.refresh()
    for place, now in enumerate(times):
        inside.clock.move_to(now)
        if f"tick/{iso(now)}" not in inside.state.journal.keys:
            for phase, seconds in tick(inside, source=source, timer=versions.timer).spent_s.items():
                spent[phase] += seconds
        journal = inside.state.journal
        progress(
            Progress(
                place + 1,
                len(times),
                now,
                inside.state.route.live,
                len(journal.alarms),
                len(inside.state.incidents.open()),
            )
        )
    return spent


def _times(settings: Settings) -> Iterator[datetime]:
    step = timedelta(seconds=settings.step_s)
    now = settings.start
    while now < settings.until:
        now = min(now + step, settings.until)
        yield now


def _planned(ws: Workspace, plan: Plan, history: HistorySource) -> Settings:
    first, last = history.bounds()
    start, until = max(plan.start or first, first), min(plan.until or last, last)
    if start >= until:
        raise ProjectError(
            Problem(
                code="TV-REH-007",
                what="there is no history to rehearse",
                where=ws.project.requests,
                seen=f"rows from {iso(first)} to {iso(last)}; asked for {iso(start)} to {iso(until)}",
                fix="move --from and --to into the rows' time",
            )
        )
    step = plan.step or span(ws.project.tables[ws.project.requests].every)
    return Settings(
        name=plan.name,
        start=start,
        until=until,
        step_s=step.total_seconds(),
        seed=plan.seed,
        faults=_faults(ws, plan, start, until),
        project=digest(msgspec.to_builtins(ws.project)),
    )


def _faults(ws: Workspace, plan: Plan, start: datetime, until: datetime) -> tuple[Fault, ...]:
    if plan.faults == "none":
        return ()
    if plan.faults == "standard":
        return standard(ws.project, start=start, until=until, seed=plan.seed)
    path = Path(plan.faults)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(
            Problem(
                code="TV-REH-001",
                what="the fault file cannot be read",
                where=str(path),
                seen=str(error),
                fix="name a fault file, `standard` or `none`",
            )
        ) from None
    return read_faults(text, ws.project, where=str(path))


def _settings(ws: Workspace, folder: Path) -> Settings:
    try:
        return msgspec.json.decode((folder / SETTINGS).read_bytes(), type=Settings)
    except (OSError, msgspec.DecodeError):
        names = sorted(path.parent.name for path in folder.parent.glob(f"*/{SETTINGS}"))
        raise ProjectError(
            Problem(
                code="TV-REH-006",
                what=f"there is no rehearsal {folder.name!r}",
                where=str(folder.parent),
                seen=", ".join(names) or "none yet",
                fix="start one with `trivium rehearse --name NAME`",
            )
        ) from None
