"""Weigh: rows that a candidate and somebody else said something of, made into what `release.evidence` measures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.evaluate.metrics import BUILTIN, Metric
from trivium.evaluate.slices import masks
from trivium.loop.cohort import EARLY
from trivium.loop.outcomes import has_outcomes, truth
from trivium.loop.scores import MATURE
from trivium.loop.traffic import Batch
from trivium.loop.workspace import Workspace
from trivium.release.evidence import (
    ALL,
    MOST_DEVIATIONS,
    Arms,
    Finding,
    Pairs,
    Seen,
    complete_blocks,
    findings,
)

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Weighed:
    """What was seen of a candidate, and what it amounts to."""

    seen: Seen
    findings: tuple[Finding, ...]


def compared(ws: Workspace, batch: Batch, pairs: "pl.DataFrame") -> "pl.DataFrame":
    """Add to a batch's pairs of answers what the requests tell of them.

    Args:
        ws: the project.
        batch: where the requests are.
        pairs: columns `row_id`, `at`, `said` and `other` (null where either failed), `is_asked` (whether the other was
            asked at all) and `is_version` (whether the other is a version, not the heuristic).

    Returns:
        One row per row id, the first asked, with `hit` and `other_hit` (whether the answer breaks a check on
        predictions), and `slice_0`, `slice_1` and so on, in the order of the project's slices.
    """
    import polars as pl

    pairs = pairs.unique("row_id", keep="first", maintain_order=True)
    # Requests may have columns of these names.
    own = [name for name in batch.requests.columns if name not in pairs.columns or name == "row_id"]
    rows = pairs.join(batch.requests.select(own), on="row_id", how="left", maintain_order="left")
    seen = {name for name in own if not _is_private(ws, name)}
    named = {part.name: parse(part.where, where=f"slice {part.name!r}") for part in ws.project.slices}
    known = masks(rows, {name: to_columns(rule) for name, rule in named.items() if set(rule.columns) <= seen})
    nowhere = np.zeros(rows.height, dtype=bool)
    return pairs.with_columns(
        _breaks(ws, rows, column="said", seen=seen, at=batch.end).alias("hit"),
        _breaks(ws, rows, column="other", seen=seen, at=batch.end).alias("other_hit"),
        *(pl.Series(f"slice_{place}", known.get(name, nowhere)) for place, name in enumerate(named)),
    )


def _is_private(ws: Workspace, name: str) -> bool:
    """Tell whether the log may hide a column's values; rules over it cannot be held to what was logged."""
    column = ws.project.tables[ws.project.requests].columns.get(name)
    return column is not None and column.private


def _breaks(ws: Workspace, rows: "pl.DataFrame", *, column: str, seen: set[str], at: datetime) -> "pl.Series":
    import polars as pl

    broken = pl.Series("broken", np.zeros(rows.height, dtype=bool))
    asked = rows.with_columns(pl.col(column).alias("prediction"))
    for check in ws.project.checks:
        if not check.holds("prediction", today=at.date()):
            continue
        rule = parse(check.must, where=f"check {check.name!r}")
        if set(rule.columns) <= {*seen, "prediction"}:
            broken |= asked.with_columns(to_columns(rule).alias("_ok"))["_ok"].eq_missing(False)
    return broken & rows[column].is_not_null()


def weigh(
    ws: Workspace, parts: "Iterable[pl.DataFrame]", *, latency: Arms | None, learnt_until: datetime | None = None
) -> Weighed:
    """Measure a candidate by rows that `compared` gave; rows before `learnt_until` tell nothing of its losses."""
    import polars as pl

    held = [part for part in parts if part.height]
    names = tuple(part.name for part in ws.project.slices)
    margins = _margins(ws, names)
    if not held:
        return Weighed(Seen(), ())
    rows = pl.concat(held).unique("row_id", keep="first", maintain_order=True).sort("at", maintain_order=True)
    rows = _with_outcomes(ws, rows)
    both = rows["said"].is_not_null() & rows["other"].is_not_null()
    fresh = rows if learnt_until is None else rows.filter(pl.col("at") > learnt_until)
    seen = Seen(
        answers=rows.height,
        outcomes=fresh.drop_nulls(["said", "other", "label"]).height,
        errors=_pairs(rows["said"].is_null(), rows["other"].is_null() & rows["is_asked"]),
        guardrails=_guardrails(ws, rows.filter(both)),
        latency=latency,
        shift=_shift(rows.filter(both & rows["is_version"]), task=ws.project.model.task),
        losses=_losses(ws, fresh, names),
    )
    task = ws.project.model.task
    return Weighed(seen, findings(seen, rule=ws.project.release, task=task, margins=margins, slices=names))


def _with_outcomes(ws: Workspace, rows: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    if not has_outcomes(ws):
        return rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("label"))
    first = rows["at"].min()
    assert isinstance(first, datetime)
    every = EARLY + ws.project.label_delay
    # A version's own answers decide which rows are reviewed, so reviews say nothing of which version is better.
    known = truth(ws, since=first - every, until=ws.clock.now()).select("row_id", "label")
    return rows.join(known, on="row_id", how="left", maintain_order="left")


def _pairs(worse: "pl.Series", better: "pl.Series") -> Pairs:
    return Pairs(int((worse & ~better).sum()), int((better & ~worse).sum()), len(worse))


def _guardrails(ws: Workspace, rows: "pl.DataFrame") -> Pairs | None:
    if not any(check.on == "prediction" for check in ws.project.checks):
        return None
    return _pairs(rows["hit"], rows["other_hit"])


def _shift(rows: "pl.DataFrame", *, task: str) -> Array | None:
    """Tell how far answers lie apart; of a regression in standard deviations of the other's, and cut."""
    if rows.height < 2:
        return None
    said, other = rows["said"].to_numpy(), rows["other"].to_numpy()
    if task == "binary":
        # A model may say more than 1, which the checks on predictions are there for.
        unit, limit = 1.0, 1.0
    else:
        unit, limit = float(other.std()), MOST_DEVIATIONS
    shift: Array = np.clip((said - other) / unit, -limit, limit) if unit > 0 else np.zeros(0)
    return shift if len(shift) else None


def loss_of(ws: Workspace) -> Metric:
    """The metric that losses are measured by: the primary one if it is a mean over rows, else the task's usual one."""
    primary = BUILTIN.get(ws.project.primary)
    if primary is not None and primary.per_row is not None and not primary.best_at_zero:
        return primary
    return BUILTIN["log_loss" if ws.project.model.task == "binary" else "mae"]


def _margins(ws: Workspace, slices: tuple[str, ...]) -> dict[str, float]:
    gate, name = ws.project.gate, loss_of(ws).name
    margin = gate.margins.get(name, 0.0)
    return {**dict.fromkeys(slices, gate.slice_margins.get(name, 2 * margin)), ALL: margin}


def _losses(ws: Workspace, rows: "pl.DataFrame", slices: tuple[str, ...]) -> dict[str, Array]:
    """Make the blocks of loss differences, candidate minus other, over all rows and in each slice."""
    if not rows.height or not rows["label"].is_not_null().any():
        return {}
    metric = loss_of(ws)
    assert metric.per_row is not None
    label, said, other = (rows[name].fill_null(np.nan).to_numpy() for name in ("label", "said", "other"))
    sign = 1.0 if metric.better == "lower" else -1.0
    known = np.isfinite(label) & np.isfinite(said) & np.isfinite(other)
    lost = np.where(known, sign * (metric.per_row(label, said) - metric.per_row(label, other)), 0.0)
    due = (rows["at"] + ws.project.label_delay <= ws.clock.now()).to_numpy()
    share = ws.project.outcomes.mature if ws.project.outcomes else MATURE
    parts = {name: rows[f"slice_{place}"].to_numpy() for place, name in enumerate(slices)}
    return {
        part: complete_blocks(known[mask], lost[mask], share=share, is_due=due[mask])
        for part, mask in {ALL: np.ones(rows.height, dtype=bool), **parts}.items()
    }
