"""An idea's steps run over one window, each at most once ever: results are remembered by code, params and inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.problems import Problem, StepError
from trivium.core.values import digest, iso, span
from trivium.experiment.memo import step_key
from trivium.loop.features import FEATURES, feature_steps, held_to_contract, input_frames, run_step
from trivium.loop.judge import Window, labelled_rows
from trivium.loop.outcomes import outcomes_key
from trivium.loop.register import register
from trivium.loop.workspace import Workspace
from trivium.store.tables import records_digest

if TYPE_CHECKING:
    import polars as pl

MODEL = "model"
SEED = 0


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

    def holdout_rows(self) -> "np.ndarray[Any, Any]":
        """The places of the rows that nothing is trained on."""
        return np.setdiff1d(np.arange(self.rows.height), self.train_rows())

    def key(self, name: str, *, share: float = 1.0) -> str:
        """The memo key of a step: its code, its params, the keys of what it reads, and for training the rows chosen."""
        spec = self.ws.code.graph.spec(name)
        inputs = [self._input_key(needed, share=share) for needed in spec.inputs]
        if name == MODEL and not self.ws.project.model.compile:
            inputs.append("as it was fitted")
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

    def model(self, *, share: float = 1.0) -> dict[str, Any]:
        """The fitted model, registered: see `register`."""
        key = self._note(MODEL, share)
        known = self.ws.memo.find(key)
        if known is None:
            known = register(self.ws, self._run(MODEL, share), self.features()[self.holdout_rows()])
            self.ws.memo.remember(key, known)
            self.steps[self._label(MODEL, share)]["ran"] = True
        return known

    def _label(self, name: str, share: float) -> str:
        return name if share == 1.0 or name in feature_steps(self.ws.code) else f"{name} on a sample"

    def _note(self, name: str, share: float) -> str:
        """Take a step down, and all that it stands on: they belong to the run whether they had to run again or not."""
        for each in (*self.ws.code.graph.ancestors(name), name):
            if self._label(each, share) not in self.steps:
                self.steps[self._label(each, share)] = {"key": self.key(each, share=share), "ran": False}
        return str(self.steps[self._label(name, share)]["key"])

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
        plain = self.rows.drop("_label", "_known_at")
        return input_frames(self.ws, plain, start=self.window.train_from, until=self.window.until)

    def _label_of(self, share: float) -> "pl.Series":
        import polars as pl

        label = self.rows["_label"][self.train_rows(share)].alias(self.ws.project.model.label)
        if self.ws.project.model.task != "binary":
            return label
        if label.n_unique() < 2:
            raise StepError(
                Problem(
                    code="TV-RUN-022",
                    what="only one class among the rows to train on",
                    where=self.ws.project.model.label,
                    seen=f"{label.len():,} rows, all {bool(label[0]) if label.len() else 'missing'}",
                    fix="widen retrain.window, or look at outcomes.label: it may be true of every row",
                )
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
                Problem(
                    code="TV-RUN-015",
                    what="the label is among the features",
                    where=FEATURES,
                    seen=", ".join(same),
                    fix="leave it out: it is known only later",
                )
            )
