"""Try: an idea runs its steps, each at most once ever, and climbs the ladder until a rung stops it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trivium.artifact.parity import disagreement
from trivium.core.events import Event
from trivium.core.values import digest, iso, span
from trivium.loop.answer import answer
from trivium.loop.bodies import Body, heuristic_of, loaded
from trivium.loop.features import features_key
from trivium.loop.judge import (
    Suite,
    judged,
    nothing_to_judge,
    predict_on,
    suite_of,
    verdict_on,
    window_now,
)
from trivium.loop.provenance import code_commit, environment
from trivium.loop.release import decided, staged
from trivium.loop.replay import replay, replayed
from trivium.loop.runner import MODEL, SEED, Runner
from trivium.loop.workspace import Workspace
from trivium.release.route import Route
from trivium.release.stages import Decision

LARGEST_SKEW = 1e-9
DIFFERS = "answers differ from the offline path"


@dataclass
class Tried:
    """How far an idea came. `events` tell it to the ledger; `steps` says which steps ran and which were remembered."""

    rung: str
    verdict: str
    reason: str
    version: str | None
    steps: dict[str, dict[str, Any]]
    events: list[Event] = field(default_factory=list)


def try_idea(
    ws: Workspace,
    *,
    name: str,
    because: str,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    rungs: Sequence[str] | None = None,
    key: str | None = None,
    decided: Sequence[Event] = (),
) -> Tried | None:
    """Try an idea, in one unit of work: steps, version, verdict and first stage come into the ledger together.

    Args:
        ws: the project.
        name: the idea's.
        because: why it is tried.
        params: the resolved params of every step; the project's own when left out.
        rungs: the rungs to climb; those of the project when left out.
        key: the unit's natural key, for an idea that must be tried once.
        decided: events that led here, appended before it.

    Returns:
        How far it came; None when the unit was done already.

    Raises:
        DataError (TV-RUN-020, -021), StepError (TV-RUN-01x): it could not run at all.
    """
    tried: list[Tried] = []

    def work() -> list[Event]:
        resolved = ws.code.params()
        for step, values in (params or {}).items():
            resolved[step] = {**resolved.get(step, {}), **values}
        tried.append(_climb(ws, name, because, resolved, rungs or ws.project.ladder.rungs))
        return [*decided, *tried[-1].events]

    return tried[-1] if ws.unit(key, work) else None


def _climb(
    ws: Workspace, name: str, because: str, params: Mapping[str, Mapping[str, Any]], rungs: Sequence[str]
) -> Tried:
    window = window_now(ws)
    if window is None:
        raise nothing_to_judge(ws)
    runner = Runner(ws, params, window)
    holdout = runner.holdout_rows()
    suite = suite_of(ws, runner.rows[holdout], since=window.train_until, until=window.until)
    suite.features[features_key(ws.code, params)] = runner.features()[holdout]
    climb = _Climb(ws, name, because, runner, suite)
    for rung in rungs:
        tried = getattr(climb, rung)()
        if tried.verdict != "pass":
            break
    return climb.told(tried)


class Candidate(NamedTuple):
    """A trained model: what it says of the suite, shape (rows,), what a version says of its body, and itself."""

    said: np.ndarray[Any, Any]
    kept: dict[str, Any]
    body: Body


class _Climb:
    """One idea on its way up: each rung is a method that says how it went."""

    def __init__(self, ws: Workspace, name: str, because: str, runner: Runner, suite: Suite) -> None:
        self.ws, self.name, self.because, self.runner, self.suite = ws, name, because, runner, suite
        self.version: str | None = None
        self.events: list[Event] = []
        self.replayed: Decision | None = None
        self._candidates: dict[float, Candidate] = {}

    def _tried(self, rung: str, verdict: str, reason: str) -> Tried:
        return Tried(rung, verdict, reason, self.version, self.runner.steps)

    def _candidate(self, share: float = 1.0) -> Candidate:
        """Train (or remember) a model, and load it from its artifact, as whoever answers with it will."""
        if share not in self._candidates:
            ws, params = self.ws, self.runner.params
            kept = self.runner.model(share=share)
            content = ws.blobs.get(kept["artifact"])
            body = loaded(ws, content, ref="candidate", code=ws.code, params=params, columns=kept["columns"])
            self._candidates[share] = Candidate(body.predict(self.suite.features[body.features_key]), kept, body)
        return self._candidates[share]

    def sample(self) -> Tried:
        """Train on a share of the rows; an idea that is worse than the heuristic already is not worth more."""
        said = self._candidate(self.ws.project.ladder.sample_share).said
        verdict = verdict_on(self.ws, self.suite, candidate=said, against=predict_on(self.ws, None, self.suite))
        if verdict.verdict == "fail":
            return self._tried("sample", "fail", "worse than the heuristic on a sample: " + "; ".join(verdict.reasons))
        return self._tried("sample", "pass", "as good as the heuristic or better on a sample")

    def full(self) -> Tried:
        """Train on the whole window, and let the gate judge it against the live version."""
        said, kept, _ = self._candidate()
        self._name_version(kept)
        assert self.version is not None
        event, verdict = judged(
            self.ws, self.version, suite=self.suite, candidate=said, against=self.ws.state.route.live
        )
        self.events.append(event)
        return self._tried("full", verdict.verdict, "; ".join(verdict.reasons))

    def replay(self) -> Tried:
        """Answer the suite as the server would, and hold the answers to what was computed offline."""
        ws = self.ws
        said, _, body = self._candidate()
        route = Route(live="candidate")
        answers = answer(
            self.suite.rows,
            self.suite.frames,
            project=ws.project,
            route=route,
            bodies={"candidate": body},
            heuristic=heuristic_of(ws),
            at=self.runner.window.until,
            name="replay",
            timer=lambda: 0.0,
        )
        if answers.troubles:
            return self._tried("replay", "fail", "; ".join(trouble.what for trouble in answers.troubles))
        import polars as pl

        served = answers.log.filter(pl.col("source") != "unserved")
        by_model = (served["source"] == "model").to_numpy()
        skew = disagreement(served["prediction"].to_numpy()[by_model], said[by_model])
        if skew > LARGEST_SKEW:
            return self._tried("replay", "fail", f"{DIFFERS} by up to {skew:.3g}")
        return self._of_traffic(body, f"{int(by_model.sum()):,} answers equal the offline path")

    def _of_traffic(self, body: Body, so_far: str) -> Tried:
        """Answer the logged traffic of late; where there is too little of it the version waits at replay for more."""
        ws, now = self.ws, self.ws.clock.now()
        since = now - span(ws.project.release.replay)
        done = replay(ws, body, since=since, until=now, learnt_until=self.runner.window.train_until)
        if self.version and done.decision.verdict is not None:
            self.events.append(replayed(ws, self.version, done))
        self.replayed = done.decision
        verdict = "fail" if done.decision.verdict == "roll back" else "pass"
        return self._tried("replay", verdict, f"{so_far}; {done.decision.reason}")

    def _name_version(self, kept: Mapping[str, Any]) -> None:
        ws, runner = self.ws, self.runner
        sources = ws.blobs.put(msgspec.json.encode(dict(ws.code.sources), order="deterministic"))
        body = {
            "model": ws.project.model.name,
            "idea": self.name,
            "run": digest(runner.key(MODEL))[:12],
            "parent": ws.state.route.live,
            **kept,
            "tables": {name: ws.state.snapshot.digest(name) for name in ws.project.tables},
            "config": {"params": runner.params, "retrain": msgspec.to_builtins(ws.project.retrain)},
            "code": {"digest": ws.code.digest, "sources": sources, "commit": code_commit(ws)},
            "environment": ws.blobs.put(environment().encode()),
            "seed": SEED,
            "trained_from": iso(runner.window.train_from),
            "trained_until": iso(runner.window.train_until),
            "holdout_until": iso(runner.window.until),
            "rows": len(runner.train_rows()),
        }
        same = [version for version in ws.state.versions.all() if version.run == body["run"]]
        if same:
            self.version = same[-1].ref
            return
        self.version = ws.state.versions.next_ref()
        self.events.append(ws.event("versioned", self.version, because=self.because, **body))

    def told(self, tried: Tried) -> Tried:
        """Put the whole climb into events; one that came through goes to its first stages."""
        ws = self.ws
        # The ledger says which idea first needed a step, not whether an attempt that was killed had run it already.
        known = ws.state.journal.step_keys
        body = {
            "run": digest(self.runner.key(MODEL))[:12],
            "name": self.name,
            "params": self.runner.params,
            "steps": {step: {**how, "ran": how["key"] not in known} for step, how in tried.steps.items()},
            "rung": tried.rung,
            "verdict": tried.verdict,
            "reason": tried.reason,
            "version": self.version,
        }
        events = [ws.event("tried", self.name, because=self.because, **body), *self.events]
        is_new = any(event.kind == "versioned" for event in self.events)
        if tried.verdict == "pass" and self.version and tried.rung == "replay" and is_new:
            events.append(staged(ws, self.version, "replay", was=None, because="the gate passed it"))
            events += decided(ws, self.version, self.replayed, was="replay") if self.replayed else []
        tried.events = events
        return tried
