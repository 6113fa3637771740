"""Tick: whatever is due at this moment, once. The worker calls it with the real clock, a rehearsal with a virtual one.

Each phase is made of units of work with natural keys, each one transaction, so a tick that is killed and called again
ends where it would have ended.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from trivium.core.events import Event
from trivium.core.values import iso
from trivium.loop.answer import answer_partition
from trivium.loop.change import note_changes
from trivium.loop.collect import collect, fresh
from trivium.loop.erase import expire
from trivium.loop.lateness import note_late
from trivium.loop.release import advance_stages, replay_waiting
from trivium.loop.respond import resolve_quiet, retrain_if_due, roll_back_if_needed
from trivium.loop.scores import score_due
from trivium.loop.seal import seal
from trivium.loop.sources import Source
from trivium.loop.watch import watch
from trivium.loop.workspace import Workspace


@dataclass
class Ticked:
    """What a tick did, and the seconds spent in each phase."""

    events: list[Event] = field(default_factory=list)
    spent_s: dict[str, float] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Count the events by kind."""
        return dict(sorted(Counter(event.kind for event in self.events).items()))


def tick(
    ws: Workspace,
    *,
    source: Source,
    timer: Callable[[], float] = time.perf_counter,
    because: str = "",
    only: Collection[str] = (),
) -> Ticked:
    """Do whatever is due now: seal, collect, answer, score, watch, respond, move; or `only` the phases named."""
    done = Ticked()
    phases: dict[str, Callable[[], list[Event]]] = {
        "seal": lambda: [*seal(ws), *expire(ws)],
        "collect": lambda: _collect(ws, source, because),
        "answer": lambda: _answer(ws, timer),
        "score": lambda: score_due(ws),
        "watch": lambda: watch(ws),
        "respond": lambda: [*roll_back_if_needed(ws), *resolve_quiet(ws)],
        "release": lambda: advance_stages(ws),
        "retrain": lambda: retrain_if_due(ws),
        "replay": lambda: replay_waiting(ws, timer=timer),
    }
    for name, phase in phases.items():
        if only and name not in only:
            continue
        started = time.perf_counter()
        done.events += phase()
        done.spent_s[name] = time.perf_counter() - started
    now = ws.clock.now()
    if ws.clock.is_virtual:
        done.events += ws.unit(
            f"tick/{iso(now)}", lambda: [ws.event("ticked", ws.project.model.name, through=iso(now))]
        )
    return done


def _collect(ws: Workspace, source: Source, because: str) -> list[Event]:
    done = note_changes(ws)
    for table in ws.project.parents_first:
        done += collect(ws, table, source=source, because=because)
        done += note_late(ws, table)
    return done


def _answer(ws: Workspace, timer: Callable[[], float]) -> list[Event]:
    """Answer the requests collected by now that nobody answered yet and whose outcomes are not yet due."""
    waiting = [
        record.partition
        for record in ws.state.snapshot.partitions(ws.project.requests)
        if record.partition not in ws.state.journal.answered and record.rows and fresh(ws, iso(record.start))
    ]
    return [event for partition in waiting for event in answer_partition(ws, partition, timer=timer)]
