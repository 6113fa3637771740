"""Try: an idea runs its steps, each at most once ever, and climbs the ladder until a rung stops it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.events import Event
from trivium.core.problems import Problem, StepError
from trivium.core.values import digest, iso, span
from trivium.experiment.memo import step_key
from trivium.loop.answer import Body, answer, heuristic_of, predictor
from trivium.loop.features import FEATURES, feature_steps, features_for, features_key, held_to_contract, run_step
from trivium.loop.judge import (
    Suite,
    Window,
    judged,
    labelled_rows,
    nothing_to_judge,
    predict_on,
    suite_of,
    verdict_on,
    window_now,
)
from trivium.loop.outcomes import outcomes_key
from trivium.loop.provenance import code_commit, environment
from trivium.loop.workspace import Workspace, records_digest
from trivium.release.route import Route

if TYPE_CHECKING:
    import polars as pl

MODEL = "model"
SEED = 0
LARGEST_SKEW = 1e-9


@dataclass
class Tried:
    """How far an idea came. `events` tell it to the ledger; `steps` says which steps ran and which were remembered."""

    rung: str
    verdict: str
    reason: str
    version: str | None
    steps: dict[str, dict[str, Any]]
    events: list[Event] = field(default_factory=list)


@dataclass
class Runner:
    """Runs an idea's steps over one window, through the memo."""

    ws: Workspace
    params: Mapping[str, Mapping[str, Any]]
    window: Window
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    _results: dict[str, Any] = field(default_factory=dict)
    _rows: "pl.DataFrame | None" = None

    @property
    def rows(self) -> "pl.DataFrame":
        """The labelled rows of the whole window, in time order; read when first asked for."""
        if self._rows is None:
            self._rows = labelled_rows(self.ws, since=self.window.train_from, until=self.window.until)
        return self._rows

    def train_rows(self, share: float = 1.0) -> "np.ndarray[Any, Any]":
        """The places of the rows to train on: those before the holdout, or a fixed random `share` of them."""
        import polars as pl

        is_train = self.rows.select(pl.col(self.ws.project.model.time) < self.window.train_until).to_series()
        places = np.flatnonzero(is_train.to_numpy())
        if share < 1.0:
            places = np.sort(np.random.default_rng(SEED).choice(places, size=int(len(places) * share), replace=False))
        return places

    def key(self, name: str, *, share: float = 1.0) -> str:
        """The memo key of a step: its code, its params, the keys of what it reads, and for training the rows chosen."""
        spec = self.ws.code.graph.spec(name)
        inputs = [self._input_key(needed, share=share) for needed in spec.inputs]
        if name not in feature_steps(self.ws.code):
            inputs.append(digest("rows", iso(self.window.train_until), share, SEED if share < 1 else None))
        return step_key(name, code=self.ws.code.digests[name], params=self.params.get(name, {}), inputs=inputs)

    def _input_key(self, name: str, *, share: float) -> str:
        ws, window = self.ws, self.window
        if name == "label":
            return outcomes_key(ws, since=window.train_from, until=ws.clock.now())
        if name in ws.code.graph.order:
            return self.key(name, share=share)
        table = ws.project.tables[name]
        if table.time is None:
            return records_digest(ws.state.snapshot.partitions(name))
        back = span(table.lookback) * (name != ws.project.requests)
        records = ws.state.snapshot.partitions(name, since=window.train_from - back, until=window.until)
        labels = outcomes_key(ws, since=window.train_from, until=ws.clock.now()) if name == ws.project.requests else ""
        return digest(records_digest(records), labels)

    def features(self) -> "pl.DataFrame":
        """The features of all rows of the window, shape (rows, features)."""
        return self._result(FEATURES, 1.0)  # type: ignore[no-any-return]

    def model(self, *, share: float = 1.0) -> tuple[bytes, str]:
        """The fitted model as an artifact's bytes, and the blob that holds them."""
        key = self._note(MODEL, share)
        known = self.ws.memo.find(key)
        if known is None:
            from trivium.artifact.formats import dump

            content = dump(self._run(MODEL, share), allow_pickle=self.ws.project.model.allow_pickle)
            known = {"blob": self.ws.blobs.put(content)}
            self.ws.memo.remember(key, known)
            self.steps[self._label(MODEL, share)]["ran"] = True
        return self.ws.blobs.get(known["blob"]), known["blob"]

    def _label(self, name: str, share: float) -> str:
        return name if share == 1.0 or name in feature_steps(self.ws.code) else f"{name} on a sample"

    def _note(self, name: str, share: float) -> str:
        key = self.key(name, share=share)
        self.steps.setdefault(self._label(name, share), {"key": key, "ran": False})
        return key

    def _result(self, name: str, share: float) -> Any:
        """A step's result: from this run, from the memo, or by running it."""
        key = self._note(name, share)
        if key not in self._results:
            known = self.ws.memo.find(key)
            if known is not None:
                self._results[key] = self.ws.frame(known["blob"])
            else:
                made = self._run(name, share)
                self.steps[self._label(name, share)]["ran"] = True
                self._results[key] = made
                if hasattr(made, "write_parquet"):
                    self.ws.memo.remember(key, {"blob": self.ws.blobs.put_frame(made)})
        return self._results[key]

    def _run(self, name: str, share: float) -> Any:
        """Run one step. Steps that make features see all rows of the window; the others only those trained on."""
        ws = self.ws
        makes_features = name in feature_steps(ws.code)
        results: dict[str, Any] = {}
        for needed in ws.code.graph.spec(name).inputs:
            if needed == "label":
                results[needed] = self._label_of(share)
            elif needed in ws.code.graph.order:
                results[needed] = self._result(needed, share)
                if needed == FEATURES and not makes_features:
                    results[needed] = results[needed][self.train_rows(share)]
            else:
                results[needed] = self._frames()[needed]
        made = run_step(ws.code, name, results, self.params.get(name, {}), where=ws.project.model.code)
        if name == FEATURES:
            held_to_contract(made, rows=self.rows, project=ws.project)
            self._refuse_label(made)
        return made

    def _frames(self) -> "dict[str, pl.DataFrame]":
        from trivium.loop.features import input_frames

        plain = self.rows.drop("_label", "_known_at")
        return input_frames(self.ws, plain, start=self.window.train_from, until=self.window.until)

    def _label_of(self, share: float) -> "pl.Series":
        import polars as pl

        label = self.rows["_label"][self.train_rows(share)].alias(self.ws.project.model.label)
        if self.ws.project.model.task != "binary":
            return label
        if label.n_unique() < 2:
            raise StepError(
                Problem(code="TV-RUN-022", what="only one class among the rows to train on", where=self.ws.project.model.label,
                        seen=f"{label.len():,} rows, all {bool(label[0]) if label.len() else 'missing'}",
                        fix="widen retrain.window, or look at outcomes.label: it may be true of every row")
            )
        return label.cast(pl.Boolean)

    def _refuse_label(self, made: "pl.DataFrame") -> None:
        """Find a feature that is the label under another name."""
        label = self.rows["_label"]
        if label.n_unique() < 2:
            return
        same = [name for name in made.columns if (made[name].cast(float) == label).all()]
        if same:
            raise StepError(
                Problem(code="TV-RUN-015", what="the label is among the features", where=FEATURES, seen=", ".join(same),
                        fix="leave it out: it is known only later")
            )


def try_idea(
    ws: Workspace, *, name: str, because: str, params: Mapping[str, Mapping[str, Any]] | None = None,
    rungs: Sequence[str] | None = None, key: str | None = None, decided: Sequence[Event] = (),
) -> Tried | None:
    """Try an idea, in one unit of work: steps, version, verdict and first stage come into the ledger together.

    Args:
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
    holdout = np.setdiff1d(np.arange(runner.rows.height), runner.train_rows())
    suite = suite_of(ws, runner.rows[holdout], since=window.train_until, until=window.until)
    suite.features[features_key(ws.code, params)] = runner.features()[holdout]
    climb = _Climb(ws, name, because, runner, suite)
    for rung in rungs:
        tried = getattr(climb, rung)()
        if tried.verdict != "pass":
            break
    return climb.told(tried)


class _Climb:
    """One idea on its way up: each rung is a method that says how it went."""

    def __init__(self, ws: Workspace, name: str, because: str, runner: Runner, suite: Suite) -> None:
        self.ws, self.name, self.because, self.runner, self.suite = ws, name, because, runner, suite
        self.version: str | None = None
        self.events: list[Event] = []

    def _tried(self, rung: str, verdict: str, reason: str) -> Tried:
        return Tried(rung, verdict, reason, self.version, self.runner.steps)

    def _candidate(self, share: float = 1.0) -> "tuple[np.ndarray[Any, Any], str, Body]":
        from trivium.artifact.formats import load

        ws = self.ws
        content, blob = self.runner.model(share=share)
        fitted = load(content, allow_pickle=ws.project.model.allow_pickle)
        key = features_key(ws.code, self.runner.params)
        body = Body("candidate", predictor(fitted, ws.project), features_for(ws.code, self.runner.params, ws.project), key)
        return body.predict(self.suite.features[key]), blob, body

    def sample(self) -> Tried:
        """Train on a share of the rows; an idea that is worse than the heuristic already is not worth more."""
        said, _, _ = self._candidate(self.ws.project.ladder.sample_share)
        verdict = verdict_on(self.ws, self.suite, candidate=said, against=predict_on(self.ws, None, self.suite))
        if verdict.verdict == "fail":
            return self._tried("sample", "fail", "worse than the heuristic on a sample: " + "; ".join(verdict.reasons))
        return self._tried("sample", "pass", "as good as the heuristic or better on a sample")

    def full(self) -> Tried:
        """Train on the whole window, and let the gate judge it against the live version."""
        said, blob, _ = self._candidate()
        self._name_version(blob)
        assert self.version is not None
        event, verdict = judged(self.ws, self.version, suite=self.suite, candidate=said, against=self.ws.state.route.live)
        self.events.append(event)
        return self._tried("full", verdict.verdict, "; ".join(verdict.reasons))

    def replay(self) -> Tried:
        """Answer the suite as the server would, and hold the answers to what was computed offline."""
        ws = self.ws
        said, _, body = self._candidate()
        route = Route(live="candidate")
        heuristic, base = heuristic_of(ws)
        answers = answer(
            self.suite.rows, self.suite.frames, project=ws.project, route=route, bodies={"candidate": body},
            heuristic=heuristic, base=base, at=self.runner.window.until, name="replay", timer=lambda: 0.0,
        )
        if answers.troubles:
            return self._tried("replay", "fail", "; ".join(trouble.what for trouble in answers.troubles))
        import polars as pl

        served = answers.log.filter(pl.col("source") == "model")
        skew = np.abs(served["prediction"].to_numpy() - said[: served.height]).max(initial=0.0)
        if served.height == len(said) and skew > LARGEST_SKEW:
            return self._tried("replay", "fail", f"answers differ from the offline path by up to {skew:.3g}")
        return self._tried("replay", "pass", f"{served.height:,} replayed answers equal the offline path")

    def _name_version(self, blob: str) -> None:
        ws, runner = self.ws, self.runner
        sources = ws.blobs.put(msgspec.json.encode(dict(ws.code.sources), order="deterministic"))
        body = {
            "model": ws.project.model.name,
            "idea": self.name,
            "run": digest(runner.key(MODEL))[:12],
            "parent": ws.state.route.live,
            "artifact": blob,
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
        body = {
            "run": digest(self.runner.key(MODEL))[:12], "name": self.name, "params": self.runner.params, "steps": tried.steps,
            "rung": tried.rung, "verdict": tried.verdict, "reason": tried.reason, "version": self.version,
        }
        events = [ws.event("tried", self.name, because=self.because, **body), *self.events]
        is_new = any(event.kind == "versioned" for event in self.events)
        if tried.verdict == "pass" and self.version and tried.rung == "replay" and is_new:
            events.append(ws.event("staged", self.version, because=tried.reason, stage="replay", **{"from": None, "share": None}))
            events.append(ws.event("staged", self.version, because="the gate and the replay passed", stage="shadow",
                                   **{"from": "replay", "share": None}))
        tried.events = events
        return tried
