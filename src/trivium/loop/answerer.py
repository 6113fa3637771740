"""Answer a few rows in microseconds: what `answer` does to whole frames, made ready for one route.

An `Answerer` is immutable and made off the reply's path, at each change of the route, of a version or of the tables
that features read. It gives the answers that `answer` gives, row by row, which a property test holds.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from trivium.core.answers import Answered, Logged
from trivium.core.private import Hider
from trivium.core.problems import Problem
from trivium.core.project import Project
from trivium.loop.answer import unserved_stages
from trivium.loop.asking import Voice, ask
from trivium.loop.bodies import HEURISTIC, Body, asked_by_rows, body_of, heuristic_of, tables_of
from trivium.loop.freshness import as_of
from trivium.loop.health import Health
from trivium.loop.line import CANARY, DEFAULT, EARLIER, LIVE, RULE, before_next, last_of
from trivium.loop.lookups import Lookups, lookups_of
from trivium.loop.private import hider_of
from trivium.loop.row_checks import RowCheck, refusal, row_checks
from trivium.loop.row_features import Maker, Together
from trivium.loop.workspace import Workspace
from trivium.release.canary import Arms
from trivium.release.route import Route

Row = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class _Slot:
    """What one row has got so far. `place` is that of who answered in the line, -1 for nobody."""

    row: Row
    row_id: str
    prediction: float | None = None
    version: str | None = None
    place: int = -1
    is_barred: bool = False
    arm: str | None = None
    stage: str = "live"
    source: str = "default"
    checks: list[str] = field(default_factory=list)
    review: bool = False
    refused: Problem | None = None
    features: bytes | None = None
    troubles: list[tuple[str, str, str]] = field(default_factory=list)
    asked_s: float = 0.0


@dataclass
class _Call:
    """What the rows of one call share: all that were asked, together, and how long voices took to answer in all."""

    rows: Together
    asked_s: float = 0.0


class _Speaker:
    """One who answers: from a matrix, where the features can be had as one, or by way of a frame."""

    def __init__(self, body: Body, maker: Maker, *, project: Project, health: Health) -> None:
        self._maker, self._columns = maker, body.columns
        standing = health.of(body.ref)
        self.slow = Voice(body.ref, lambda rows: body.predict(maker.made(rows).frame), False, standing)
        self._direct: Voice | None = None
        if body.takes_matrix:
            predict = asked_by_rows(body, project)
            self._direct = Voice(body.ref, lambda rows: predict(maker.made(rows).array), body.is_compiled, standing)

    @property
    def is_quick(self) -> bool:
        """Tell whether compiled code alone answers rows such as those of the past."""
        return self._direct is not None and self._direct.is_quick and self._maker.columns == self._columns

    def voice(self, rows: Sequence[Row]) -> Voice:
        """Give the voice to ask about rows: past any frame, where their features can be made so."""
        maker, direct = self._maker, self._direct
        if direct is None or maker.columns != self._columns or (maker.known(rows) or maker.quick(rows)) is None:
            return self.slow
        return direct


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to a call, in the order of its rows, and their records for the log. `asked` are the rows answered."""

    answers: list[Answered]
    log: list[Logged]
    asked: Together
    places: list[int]


class Answerer:
    """Answers by one route. Safe to use from one thread at a time; a version that hangs does so in its own."""

    def __init__(
        self,
        project: Project,
        *,
        route: Route,
        bodies: Mapping[str, Body],
        heuristic: Body | None,
        lookups: Lookups,
        health: Health,
        hider: Hider,
        today: date,
    ) -> None:
        self.route, self.lookups, self.health = route, lookups, health
        self.today = today
        self._project = project
        self._deadline_s = project.serve.deadline_ms / 1000
        self._on_request = row_checks(project, "request", today=today)
        self._on_prediction = row_checks(project, "prediction", today=today)
        self._hider, self._private = hider, tuple(hider.columns)
        self._row_id, self._time, self._entity = project.model.row_id, project.model.time, project.entity
        self._is_binary = project.model.task == "binary"
        self._arms = Arms(route) if route.canaries else None
        self.bodies, self.heuristic = bodies, heuristic
        self._makers: dict[str, Maker] = {}
        named = {ref: body for ref, body in bodies.items() if ref in route.named}
        self._speakers = {ref: self._speaker(body) for ref, body in named.items()}
        self._rule = self._speaker(heuristic) if heuristic else None

    def _speaker(self, body: Body) -> _Speaker:
        if body.features_key not in self._makers:
            self._makers[body.features_key] = Maker(body, self.lookups)
        return _Speaker(body, self._makers[body.features_key], project=self._project, health=self.health)

    @property
    def is_quick(self) -> bool:
        """Tell whether compiled code alone answers, unless it cannot: no version of the route waits for a thread."""
        first = (*self.route.canary_refs, self.route.live)
        return all(ref in self._speakers and self._speakers[ref].is_quick for ref in first)

    def answer(self, rows: Sequence[Row], *, at: datetime, ids: Sequence[str]) -> Reply:
        """Answer rows.

        Args:
            rows: each with the columns of the requests' contract as plain Python values; times are aware.
            at: the time of the answers.
            ids: the answers' ids, one a row.

        Returns:
            One answer per row, in their order. It raises for nothing that a version, a step or the heuristic does,
            and waits for none of them longer than the deadline.
        """
        started = self.health.timer()
        slots = [self._slot(row) for row in rows]
        waiting = [slot for slot in slots if slot.refused is None]
        call = _Call(Together(slot.row for slot in waiting))
        if waiting:
            self._serve(waiting, at, call)
        self._check(slots, call)
        shared_s = self.health.timer() - started - call.asked_s
        self._count(slots)
        answered = [place for place, slot in enumerate(slots) if slot.refused is None]
        stamp = (at - _EPOCH) // _MICROSECOND
        return Reply(
            [_answered(slot, id_) for slot, id_ in zip(slots, ids, strict=True)],
            [self._logged(slot, id_, stamp, shared_s) for slot, id_ in zip(slots, ids, strict=True)],
            call.rows if len(answered) == len(waiting) else Together(slots[place].row for place in answered),
            answered,
        )

    def _slot(self, row: Row) -> _Slot:
        """Take a row in: the arm it falls into, and whether it is refused."""
        slot = _Slot(row, str(row.get(self._row_id)))
        if self._arms is not None:
            entity = row.get(self._entity)
            slot.arm = self._arms.of(slot.row_id if entity is None else str(entity))
            slot.stage = "live" if slot.arm is None else "canary"
        for check in self._on_request:
            if check.must(slot.row) is False:
                slot.checks.append(check.name)
                if check.does == "refuse" and slot.refused is None:
                    slot.refused = refusal(check, slot.row, private=self._private)
                    slot.source = "refused"
        return slot

    def _serve(self, waiting: list[_Slot], at: datetime, call: _Call) -> None:
        """Go down the chain: canary, live, the versions before it, the heuristic, the default."""
        self._age(waiting, at)
        for ref in self.route.canary_refs:
            mine = [slot for slot in waiting if slot.arm == ref]
            self._take(mine, self._speakers[ref], "model", CANARY, call)
        self._go_down([slot for slot in waiting if slot.prediction is None], call)

    def _go_down(self, waiting: list[_Slot], call: _Call) -> None:
        """Ask those in the line who stand behind whoever answered so far, until each row has its answer."""
        route = self.route
        if route.live:
            waiting = self._take(waiting, self._speakers[route.live], "model", LIVE, call)
        for place, ref in enumerate(route.fallback, start=EARLIER):
            waiting = self._take(waiting, self._speakers[ref], "fallback", place, call)
        if self._rule is not None:
            waiting = self._take(waiting, self._rule, HEURISTIC, RULE, call)
        for slot in waiting:
            slot.prediction, slot.version, slot.source, slot.place = route.default, None, "default", DEFAULT

    def _take(self, waiting: list[_Slot], speaker: _Speaker, source: str, place: int, call: _Call) -> list[_Slot]:
        """Let one at a place in the line answer what it can; give back the rows that still wait."""
        allowed = [slot for slot in waiting if slot.place < place and not (slot.is_barred and place < RULE)]
        if len(allowed) < len(waiting):
            for slot in waiting:
                if slot.place < place < RULE and slot.is_barred:
                    slot.troubles.append((speaker.slow.ref, "stale", "a table that it reads is too old"))
        if not allowed:
            return waiting
        # As many as were asked are all that were asked, in their order.
        rows = call.rows if len(call.rows) == len(allowed) else Together(slot.row for slot in allowed)
        started = self.health.timer()
        voice = speaker.voice(rows)
        said = ask(voice, rows, deadline_s=self._deadline_s, timer=self.health.timer)
        took_s = self.health.timer() - started
        call.asked_s += took_s
        features = self._features(voice, rows)
        version = None if source == HEURISTIC else voice.ref
        for row, slot in enumerate(allowed):
            slot.asked_s += took_s
            value = float(said.values[row])
            if row in said.troubles:
                slot.troubles.append((voice.ref, *said.troubles[row]))
            if np.isfinite(value):
                slot.prediction, slot.version, slot.source, slot.place = value, version, source, place
                if features is not None:
                    slot.features = features[row].tobytes()
        return [slot for slot in waiting if slot.prediction is None]

    def _features(self, voice: Voice, rows: Sequence[Row]) -> Any:
        """Give what was answered from, shape (rows, features); None where the log may not hold it."""
        if self._private or voice.ref not in self.bodies:
            return None
        made = self._makers[self.bodies[voice.ref].features_key].known(rows)
        return None if made is None else made.array

    def _age(self, waiting: list[_Slot], at: datetime) -> None:
        """Note the tables that are too old, and bar the rows that no version may answer therefore."""
        limits = self.lookups.freshness
        if not limits:
            return
        for slot, as_of_ in zip(waiting, as_of([slot.row.get(self._time) for slot in waiting], at), strict=True):
            for limit in limits:
                if limit.is_stale(as_of_):
                    slot.checks.append(limit.check)
                    if limit.falls_back:
                        slot.is_barred = True

    def _check(self, held: list[_Slot], call: _Call) -> None:
        """Hold answers to their checks; one that falls gives way to the next in line, which is held to all of them."""
        while held and self._on_prediction:
            held = [slot for slot in held if self._falls(slot)]
            for slot in held:
                slot.prediction, slot.features = None, None
            self._go_down(held, call)

    def _falls(self, slot: _Slot) -> bool:
        """Hold an answer to its checks, in the order of the project file, until it falls."""
        for check in self._on_prediction:
            seen = {**slot.row, "prediction": slot.prediction}
            if check.must(seen) is False:
                if check.name not in slot.checks:
                    slot.checks.append(check.name)
                if slot.refused is None and self._do(slot, check, seen) and slot.place < last_of(check.is_over_rows):
                    slot.place = max(slot.place, before_next(check.is_over_rows))
                    return True
        return False

    def _do(self, slot: _Slot, check: RowCheck, seen: Row) -> bool:
        """Do what a broken check says; tell whether the answer falls."""
        if check.does == "review":
            slot.review = True
        elif check.does == "refuse":
            slot.prediction, slot.version, slot.source = None, None, "refused"
            slot.refused = refusal(check, seen, private=self._private)
        elif check.does == "override" and check.value is not None:
            value = check.value(seen)
            if value is None or not self._is_answer(float(value)):
                return True
            slot.prediction, slot.source = float(value), "override"
        return check.does == "fallback"

    def _is_answer(self, value: float) -> bool:
        return math.isfinite(value) and (not self._is_binary or 0 <= value <= 1)

    def _count(self, slots: Iterable[_Slot]) -> None:
        health = self.health
        for slot in slots:
            health.rows += 1
            health.served[slot.version, slot.stage, slot.source] += 1
            if slot.checks:
                health.hits.update(slot.checks)

    def _logged(self, slot: _Slot, id_: str, stamp: int, shared_s: float) -> Logged:
        return Logged(
            id_,
            slot.row_id,
            stamp,
            slot.version,
            slot.stage,
            slot.source,
            slot.prediction,
            tuple(slot.checks),
            slot.review,
            (shared_s + slot.asked_s) * 1000,
            tuple(slot.troubles),
            dict(self._hider.hide(slot.row)),
            slot.features,
            self.lookups.head,
        )

    def unserved(self, reply: Reply) -> list[Logged]:
        """Ask those who try out or stand by what they would have said of the same rows; off the reply's path.

        Returns:
            One record per row that was not refused and per version in shadow, compared with or standing by; then the
            heuristic's.
        """
        if not reply.asked:
            return []
        found: list[Logged] = []
        for ref, stage in unserved_stages(self.route).items():
            found += self._unserved(reply, self._speakers[ref], ref, stage)
        if self._rule is not None:
            found += self._unserved(reply, self._rule, None, HEURISTIC)
        return found

    def _unserved(self, reply: Reply, speaker: _Speaker, version: str | None, stage: str) -> Iterable[Logged]:
        voice = speaker.voice(reply.asked)
        said = ask(voice, reply.asked, deadline_s=self._deadline_s, timer=self.health.timer)
        for place, answered in enumerate(reply.places):
            of, value = reply.log[answered], float(said.values[place])
            troubles = ((voice.ref, *said.troubles[place]),) if place in said.troubles else ()
            prediction = value if np.isfinite(value) else None
            yield Logged(of.id, of.row_id, of.at, version, stage, "unserved", prediction, troubles=troubles)

    def about(self, at: datetime) -> dict[str, Any]:
        """Tell how those on the route do: breakers, troubles, checks hit, and how old the other tables are."""
        voices = [one.slow for one in (*self._speakers.values(), *([self._rule] if self._rule else []))]
        return {
            "breakers": {voice.ref: voice.standing.state for voice in voices},
            "troubles": {voice.ref: dict(voice.standing.troubles) for voice in voices},
            "rows": self.health.rows,
            "checks": dict(self.health.hits),
            "ages_s": self.lookups.ages_s(at),
            "head": self.lookups.head,
        }


def _answered(slot: _Slot, id_: str) -> Answered:
    return Answered(
        id=id_,
        row_id=slot.row_id,
        prediction=slot.prediction,
        version=slot.version,
        stage=slot.stage,
        source=slot.source,
        checks=tuple(slot.checks),
        review=slot.review,
        problem=slot.refused,
    )


def answerer_of(
    ws: Workspace, *, health: Health, route: Route | None = None, before: Answerer | None = None
) -> Answerer:
    """Make what answers by a route: versions loaded, checks compiled, tables read. Takes as long as that takes.

    Args:
        ws: the project, its state brought up to the ledger's head.
        health: this process's; kept from one answerer to the next.
        route: who answers; the ledger's when left out.
        before: the answerer so far; given back where nothing that it stands on has changed.
    """
    route = ws.route if route is None else route
    now = ws.clock.now()
    bodies, heuristic = {ref: body_of(ws, ref) for ref in sorted(set(route.named))}, heuristic_of(ws)
    read = {name for body in (*bodies.values(), heuristic) if body is not None for name in tables_of(body)}
    lookups = lookups_of(ws, at=now, before=before.lookups if before else None, tables=read)
    if before and before.route == route and before.lookups is lookups and before.today == now.date():
        return before
    return Answerer(
        ws.project,
        route=route,
        bodies=bodies,
        heuristic=heuristic,
        lookups=lookups,
        health=health,
        hider=hider_of(ws),
        today=now.date(),
    )
