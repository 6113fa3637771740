"""One project while it is served: its route as it is now, its log, its shadows; and the one way to its answers."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from trivium.core.answers import Answered, Logged
from trivium.core.tokens import Actor
from trivium.loop.answer import unserved_stages
from trivium.loop.answerer import Answerer, Reply, answerer_of
from trivium.loop.following import Follower
from trivium.loop.health import Health
from trivium.loop.row_features import Together
from trivium.loop.shadow import ShadowQueue
from trivium.loop.tokens import any_tokens, who
from trivium.loop.workspace import Workspace
from trivium.release.route import Route
from trivium.serve.figures import Figures
from trivium.serve.pulse import Pulse
from trivium.serve.rows import Batch, Reader
from trivium.serve.turns import Call, Caller, Rows, Turns, too_busy
from trivium.store.prediction_log import Writer
from trivium.store.segments import log_folder

# A call of compiled code about few rows is made in the event loop: to hand it to a thread would cost more. Unless such
# calls have come to take long after all, as where a version refuses rows and others are asked about them.
FEW_ROWS = 32
LONG_S = 5e-3
# A route that nobody could read from the ledger for so long is told of; it goes on answering.
BEHIND_S = 10.0
_encode = msgspec.msgpack.Encoder().encode


class Service:
    """A project that is served. Made and started before the event loop takes requests."""

    def __init__(self, folder: Path, *, figures: Figures, pulse: Pulse) -> None:
        self.ws = Workspace(folder, actor="serve")
        self.project = self.ws.project
        self.name = self.project.model.name
        self._figures, self._pulse = figures, pulse
        self._deadline_s = self.project.serve.deadline_ms / 1000
        self.reader = Reader(self.project, today=datetime.now(UTC).date())
        self.desk = Caller(f"trivium-desk-{self.name}")
        self._endings: list[Callable[[], None]] = []
        self._health = Health(time.perf_counter)
        self._few_s = LONG_S / 2
        self.writer = Writer(log_folder(self.ws.root), level=self.project.serve.log)
        self._following = following = Workspace(folder, actor="serve")
        self._follower: Follower[Answerer] = Follower(
            following,
            lambda route, before: answerer_of(following, route=route, health=self._health, before=before),
        )
        self._follower.start()
        self._shadow: ShadowQueue[Reply] = ShadowQueue(self._ask_shadows)
        self._turns = Turns(
            self._call,
            queue=self.project.serve.queue,
            most_rows=self.project.serve.max_rows,
            then=self._counted,
            is_quick=self._is_quick,
        )
        figures.gauge(self._gauges)

    # --- answering ----------------------------------------------------------------------------------------------------

    def _is_quick(self, rows: int) -> bool:
        """Tell whether a call about so many rows takes too little to be handed to a thread."""
        return rows <= FEW_ROWS and self._few_s <= LONG_S and self._follower.current.value.is_quick

    async def answer(self, rows: Rows) -> Call:
        """Answer rows that keep the contract; on return the log holds the answers.

        Raises:
            RefusedError (TV-SERVE-060): the answers would come late.
            StoreError (TV-STORE-003): the log's level is `sync`, and the disk refuses.
        """
        self._held_to_time()
        call = await self._turns.ask(rows)
        if self.writer.level == "sync":
            await self.writer.durable(call.mark)
        return call

    @property
    def is_soon(self) -> bool:
        """Tell whether `answer_soon` may be asked: nothing but the model's call is waited for."""
        return self.writer.level == "os"

    def answer_soon(self, rows: Rows, then: Callable[[Call | Exception], None], *, is_gone: Callable[[], bool]) -> None:
        """Answer rows that keep the contract, by `then`, later in the event loop.

        Raises:
            RefusedError (TV-SERVE-060): the answers would come late.
        """
        self._held_to_time()
        self._turns.put(rows, then, is_gone=is_gone)

    def _held_to_time(self) -> None:
        lag_s = self._pulse.lag_s
        if lag_s > self._deadline_s:
            raise too_busy(f"the server is {lag_s * 1000:.0f} ms behind", after_s=lag_s)

    def _call(self, rows: Rows) -> Call:
        began = time.perf_counter()
        answerer = self._follower.current.value
        reply = answerer.answer(rows, at=datetime.now(UTC), ids=self.writer.next_ids(len(rows)))
        mark = self.writer.append([_encode(logged) for logged in reply.log])
        if answerer.heuristic or unserved_stages(answerer.route):
            self._shadow.offer(reply)
        return Call(reply.answers, mark, time.perf_counter() - began)

    def _ask_shadows(self, replies: Sequence[Reply]) -> None:
        """Ask those who try out, in the shadows' own thread, and log what they would have said."""
        said = self._follower.current.value.unserved(together(replies))
        self.writer.append([_encode(logged) for logged in said])

    def _counted(self, call: Call) -> None:
        figures, name = self._figures, self.name
        figures.add("trivium_calls", (name,))
        figures.observe("trivium_call_seconds", (name,), call.took_s)
        if len(call.answers) <= FEW_ROWS:
            # A step towards the median: a call that the machine interrupted says nothing of the others.
            step = 1.02 if call.took_s > self._few_s else 0.98
            self._few_s = min(max(self._few_s * step, LONG_S / 100), LONG_S * 2)
        for answer in call.answers:
            figures.add("trivium_answers", (name, answer.version or "", answer.stage, answer.source))
            if answer.checks or answer.review or answer.problem:
                self._counted_closely(answer)

    def _counted_closely(self, answer: Answered) -> None:
        for check in answer.checks:
            self._figures.add("trivium_checks_broken", (self.name, check))
        if answer.review:
            self._figures.add("trivium_reviews", (self.name,))
        if answer.problem:
            self._figures.add("trivium_rows_refused", (self.name, answer.problem.code))

    def counted_refusals(self, batch: Batch) -> None:
        """Count the rows that the contract kept out, and those of which it warned."""
        for problem in batch.problems.values():
            self._figures.add("trivium_rows_refused", (self.name, problem.code))
        for rule in batch.warnings:
            self._figures.add("trivium_contract_warnings", (self.name, rule))

    # --- telling ------------------------------------------------------------------------------------------------------

    @property
    def route(self) -> Route:
        """Who answers now."""
        return self._follower.current.route

    @property
    def live(self) -> str | None:
        """The version that is live; None where the heuristic answers."""
        return self.route.live

    def about(self) -> dict[str, Any]:
        """Tell how those who answer fare: breakers, troubles, checks, the ages of tables."""
        return self._follower.current.value.about(datetime.now(UTC))

    def state(self) -> dict[str, Any]:
        """Tell whether the model can answer, and what is the matter although it can."""
        refusal = self.writer.refusal
        behind_s = self._follower.behind_s
        trouble = [problem.what for problem in self._follower.troubles.values()]
        if refusal is not None:
            trouble.append(f"the prediction log cannot be written: {refusal.seen or refusal.what}")
        lost = self._lost
        if lost["damaged"] or lost["strange"]:
            trouble.append(
                f"{lost['damaged']:,} places ({lost['bytes']:,} bytes) of the prediction log are damaged, "
                f"{lost['strange']:,} records of it cannot be read"
            )
        if behind_s > BEHIND_S:
            trouble.append(f"the ledger was last read {behind_s:.0f} s ago")
        is_ready = refusal is None or self.writer.level == "os"
        return {"ready": is_ready, "live": self.live, "route_seq": self._follower.current.head, "trouble": trouble}

    @property
    def _lost(self) -> Counter[str]:
        """What sealing could not take in of the log, until the period's event tells of it."""
        return self._following.state.log.lost

    def _gauges(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        name = self.name
        yield "trivium_ready", (name,), float(self.state()["ready"])
        yield "trivium_rows_waiting", (name,), self._turns.rows
        yield "trivium_route_behind_seconds", (name,), self._follower.behind_s
        yield "trivium_route_seq", (name,), self._follower.current.head
        log = self.writer.stats()
        yield "trivium_log_records", (name,), log.records
        yield "trivium_log_bytes", (name,), log.written_bytes
        yield "trivium_log_held", (name,), log.held
        yield "trivium_log_lost", (name,), log.lost
        yield "trivium_log_unsynced_seconds", (name,), log.unsynced_s
        yield "trivium_log_damaged", (name,), self._lost["damaged"]
        about = self.about()
        for ref, state in about["breakers"].items():
            yield "trivium_breaker_open", (name, ref), float(state != "closed")
        for ref, troubles in about["troubles"].items():
            for kind, number in troubles.items():
                yield "trivium_troubles", (name, ref, kind), number
        for table, age_s in about["ages_s"].items():
            yield "trivium_table_age_seconds", (name, table), age_s
        shadow = self._shadow.counts()
        yield "trivium_shadow_dropped", (name,), shadow.dropped
        yield "trivium_shadow_waiting", (name,), shadow.waiting

    # --- who is at the door -------------------------------------------------------------------------------------------

    def asks(self) -> bool:
        """Tell whether a token was ever made: then tokens are asked for on loopback too."""
        return any_tokens(self._following)

    def who(self, secret: str) -> Actor | None:
        """Tell whose token it is."""
        return who(self._following, secret, datetime.now(UTC))

    # --- time passes --------------------------------------------------------------------------------------------------

    def tend(self, now: datetime) -> None:
        """Do what time asks for: the rules of another day once it has come."""
        if now.date() != self.reader.today:
            self.reader = Reader(self.project, today=now.date())
            self._follower.renew()

    def at_the_end(self, ending: Callable[[], None]) -> None:
        """Register what else lets go of something when the service is closed."""
        self._endings.append(ending)

    def close(self) -> None:
        """Let go of everything: no request is under way any more."""
        for ending in self._endings:
            ending()
        self._turns.close()
        self._follower.stop()
        self._shadow.close(5.0)
        self.writer.close()
        self.desk.close()


def together(replies: Sequence[Reply]) -> Reply:
    """Make one reply of several, so that one call asks the shadows about all of their rows."""
    log: list[Logged] = []
    places: list[int] = []
    for reply in replies:
        places += [len(log) + place for place in reply.places]
        log += reply.log
    return Reply([], log, Together.joined([reply.asked for reply in replies]), places)
