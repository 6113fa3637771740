"""Judge: a version's scorecard on the suite, and the gate's verdict against what is live."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trivium.core.events import Event
from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.core.problems import DataError, Problem
from trivium.core.values import iso, span
from trivium.evaluate.gate import Verdict, judge
from trivium.evaluate.metrics import Metric, custom_metric, select
from trivium.evaluate.scorecard import Scorecard, blocks, score
from trivium.evaluate.slices import masks
from trivium.loop.bodies import HEURISTIC, body_of, heuristic_of
from trivium.loop.features import input_frames
from trivium.loop.outcomes import outcomes
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Window:
    """What a version is trained on, `[train_from, train_until)`, and judged on, `[train_until, until)`."""

    train_from: datetime
    train_until: datetime
    until: datetime


@dataclass(frozen=True)
class Suite:
    """Labelled rows to judge on, in time order, and the features of each key computed so far."""

    rows: "pl.DataFrame"
    label: Array
    masks: dict[str, Array]
    groups: Array
    frames: "dict[str, pl.DataFrame]"
    features: "dict[str, pl.DataFrame]"


def window_now(ws: Workspace) -> Window | None:
    """Find the window that ends with the last partition whose outcomes are all due; None with less than a holdout.

    It moves with the data, not with the clock: nothing new collected, the same window.
    """
    rule = ws.project.retrain
    now = ws.clock.now()
    records = [
        record
        for record in ws.state.snapshot.partitions(ws.project.requests)
        if record.end + ws.project.label_delay <= now
    ]
    if not records:
        return None
    until = records[-1].end
    train_until = until - span(rule.holdout)
    train_from = max(train_until - span(rule.window), records[0].start)
    return Window(train_from, train_until, until) if train_from < train_until else None


def labelled_rows(ws: Workspace, *, since: datetime, until: datetime) -> "pl.DataFrame":
    """Read the requests of a span that have an outcome by now, in time order, with columns `_label` and `_known_at`."""
    import polars as pl

    rows = ws.rows(ws.state.snapshot.partitions(ws.project.requests, since=since, until=until))
    truth = outcomes(ws, since=since, until=ws.clock.now())
    if not rows.height or not truth.height:
        raise DataError(
            Problem(
                code="TV-RUN-020",
                what="there are no rows with an outcome to train or judge on",
                where=f"{ws.project.requests}, {iso(since)} to {iso(until)}",
                seen=f"{rows.height:,} rows, {truth.height:,} outcomes",
                fix="collect more of both tables; look at outcomes.at and model.label_delay",
            )
        )
    row_id = ws.project.model.row_id
    return (
        rows.with_columns(pl.col(row_id).cast(pl.String).alias("_row_id"))
        .join(
            truth.rename({"label": "_label", "known_at": "_known_at"}),
            left_on="_row_id",
            right_on="row_id",
            how="inner",
            maintain_order="left",
        )
        .drop("_row_id")
        .sort(ws.project.model.time, maintain_order=True)
    )


def suite_of(ws: Workspace, rows: "pl.DataFrame", *, since: datetime, until: datetime) -> Suite:
    """Make a suite of labelled rows (see `labelled_rows`)."""
    plain = rows.drop("_label", "_known_at")
    return Suite(
        rows=plain,
        label=rows["_label"].to_numpy(),
        masks=slice_masks(ws, plain),
        groups=blocks(rows.height),
        frames=input_frames(ws, plain, start=since, until=until),
        features={},
    )


def slice_masks(ws: Workspace, rows: "pl.DataFrame") -> dict[str, Array]:
    """Tell which rows are in which of the project's slices; `all` first."""
    named = {part.name: to_columns(parse(part.where, where=f"slice {part.name!r}")) for part in ws.project.slices}
    return masks(rows, named)


def metrics_of(ws: Workspace) -> list[Metric]:
    """The project's metrics, its own among them, in the order of the project file."""
    key = "metrics"
    if key not in ws.cache:
        custom = {
            name: custom_metric(marker.function, better=marker.better, unit=marker.unit, name=name)
            for name, marker in ws.code.metrics.items()
        }
        ws.cache[key] = select([metric.name for metric in ws.project.metrics], custom, task=ws.project.model.task)
    found = ws.cache[key]
    assert isinstance(found, list)
    return found


def predict_on(ws: Workspace, ref: str | None, suite: Suite) -> Array:
    """Say what a version (None: the heuristic) predicts on a suite, shape (rows,); NaN where it says nothing."""
    if ref is None:
        body = heuristic_of(ws)
        if body is None:
            return np.full(suite.rows.height, np.nan)
    else:
        body = body_of(ws, ref)
    if body.features_key not in suite.features:
        suite.features[body.features_key] = body.features(suite.frames)
    return body.predict(suite.features[body.features_key])


def verdict_on(ws: Workspace, suite: Suite, *, candidate: Array, against: Array) -> Verdict:
    """Hold a candidate's predictions to the gate, against others' on the same rows."""
    if not np.isfinite(against).any():
        against = np.full(len(candidate), float(suite.label.mean()))
    return judge(
        suite.label,
        candidate,
        against,
        suite.rows,
        metrics=metrics_of(ws),
        masks=suite.masks,
        groups=suite.groups,
        gate=ws.project.gate,
        primary=ws.project.primary,
    )


def scorecard_on(ws: Workspace, suite: Suite, *, prediction: Array, version: str) -> Scorecard:
    """Score predictions on a suite, by metric and slice, with confidence intervals."""
    return score(
        suite.label,
        prediction,
        suite.rows,
        metrics=metrics_of(ws),
        masks=suite.masks,
        groups=suite.groups,
        confidence=ws.project.gate.confidence,
        version=version,
    )


def judged(ws: Workspace, ref: str, *, suite: Suite, candidate: Array, against: str | None) -> tuple[Event, Verdict]:
    """Judge a version's predictions, and make the event that says so."""
    other = predict_on(ws, against, suite)
    verdict = verdict_on(ws, suite, candidate=candidate, against=other)
    evidence = {
        "verdict": verdict,
        "scorecard": scorecard_on(ws, suite, prediction=candidate, version=ref),
        "against": scorecard_on(ws, suite, prediction=other, version=against or HEURISTIC),
    }
    return (
        ws.event(
            "judged",
            ref,
            because="; ".join(verdict.reasons),
            against=against or HEURISTIC,
            verdict=verdict.verdict,
            reasons=list(verdict.reasons),
            scorecard=ws.blobs.put(msgspec.json.encode(evidence)),
            rows=suite.rows.height,
            expected=_expected(evidence["scorecard"], ws.project.primary),
        ),
        verdict,
    )


def _expected(card: Any, primary: str) -> dict[str, float | None]:
    cell = next(cell for cell in card.cells if cell.metric == primary and cell.slice == "all")
    return {"value": cell.value, "low": cell.low, "high": cell.high}


def judge_version(ws: Workspace, ref: str, *, against: str | None = None, because: str = "") -> Event:
    """Judge a version anew on the present suite, against another (else the live one, else the heuristic).

    Raises:
        DataError (TV-RUN-020, -021): there is nothing to judge on.
    """

    def work() -> list[Event]:
        window = window_now(ws)
        if window is None:
            raise nothing_to_judge(ws)
        rows = labelled_rows(ws, since=window.train_until, until=window.until)
        suite = suite_of(ws, rows, since=window.train_until, until=window.until)
        version = ws.state.versions.resolve(ref).ref
        other = ws.state.versions.resolve(against).ref if against else ws.state.route.live
        event, _ = judged(ws, version, suite=suite, candidate=predict_on(ws, version, suite), against=other)
        return [msgspec.structs.replace(event, because=because or event.because)]

    return ws.unit(None, work)[0]


def nothing_to_judge(ws: Workspace) -> DataError:
    """Say that there is not enough history yet to train on and to judge on."""
    held = ws.state.snapshot.partitions(ws.project.requests)
    return DataError(
        Problem(
            code="TV-RUN-021",
            what="there is not enough history to train on and judge on",
            where=ws.project.requests,
            seen=f"{len(held)} partitions" + (f", {iso(held[0].start)} to {iso(held[-1].end)}" if held else ""),
            fix=f"collect more than retrain.holdout ({ws.project.retrain.holdout}) of rows whose outcomes are due "
            "(`trivium collect`)",
        )
    )
