"""The gate: may a candidate take the live version's place? A non-inferiority test on the same rows, cell by cell.

Each cell (a metric in a slice) asks how much worse the candidate is, and how sure that is. The margin says how much
worse is borne. A cell fails when the candidate is worse than the margin beyond doubt, passes when it is within the
margin beyond doubt, and is unknown in between: too few rows never make a pass.

Source:
    Non-inferiority: Wellek (2010), "Testing Statistical Hypotheses of Equivalence and Noninferiority", chapter 1.
    Step-down control over slices: Holm (1979), Scandinavian Journal of Statistics 6(2). Intervals: `jackknife`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from trivium.core.project import Gate
from trivium.evaluate.jackknife import (
    Part,
    Replicates,
    needs_rows,
    parts,
    replicates,
    row_losses,
    standard_error,
    t_quantile,
    upper_tail,
)
from trivium.evaluate.metrics import Array, Metric
from trivium.evaluate.scorecard import finite
from trivium.evaluate.slices import ALL, Mask

Outcome = Literal["pass", "fail", "unknown"]
# `slice_margins` left out: a slice has fewer rows, so it may sway twice as far (core.project.Gate).
SLICE_FACTOR = 2.0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One metric in one slice, candidate against live.

    `worse_by` is signed so that above 0 the candidate is worse. `margin` None marks a cell that only informs.
    """

    metric: str
    slice: str
    rows: int
    candidate: float | None
    live: float | None
    worse_by: float | None
    low: float | None
    high: float | None
    margin: float | None
    verdict: Outcome
    reason: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The gate's answer, why, and every comparison it looked at."""

    verdict: Outcome
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class _Margin:
    """`width` None: the cell only informs. `is_stated` False: no tolerance was given, so only proven harm counts."""

    width: float | None
    is_stated: bool


@dataclass(frozen=True, slots=True)
class _Cell:
    metric: Metric
    slice: str
    rows: int
    candidate: float
    live: float
    worse_by: float
    error: float
    degrees: int
    margin: _Margin
    is_too_small: str
    confidence: float

    @property
    def low(self) -> float:
        return self.worse_by - t_quantile(self.confidence, self.degrees) * self.error

    @property
    def high(self) -> float:
        return self.worse_by + t_quantile(self.confidence, self.degrees) * self.error

    @property
    def is_deciding(self) -> bool:
        return self.margin.width is not None and not self.is_too_small and math.isfinite(self.error)

    @property
    def chance(self) -> float:
        """The p-value of `worse by no more than the margin`: small means proven harm."""
        beyond = self.worse_by - (self.margin.width or 0.0)
        if self.error == 0:
            return 0.0 if beyond > 0 else 1.0
        return upper_tail(beyond / self.error, self.degrees)


def judge(
    label: Array,
    candidate: Array,
    live: Array,
    rows: pl.DataFrame,
    *,
    metrics: Sequence[Metric],
    masks: Mapping[str, Mask],
    groups: Array,
    gate: Gate,
    primary: str,
) -> Verdict:
    """Judge a candidate's predictions against the live version's, paired on the same rows in time order.

    Args:
        label: the truth, shape (rows,).
        candidate: its predictions, in the same order.
        live: the live version's predictions, in the same order.
        rows: the rows themselves; only a project's own metrics look at them.
        metrics: what to compare.
        masks: rows of each slice, from `slices.masks`; `all` is the whole.
        groups: the block of each row, from `scorecard.blocks`.
        gate: margins, confidence and least rows. A metric without a margin informs and does not decide, except the
            primary one: there the candidate must not be proven worse (a margin of 0, passed unless failed).
        primary: the name of the primary metric.

    Returns:
        `fail` if any deciding cell fails; else `pass` if the primary metric passes over all rows and each of the
        candidate's predictions is finite; else `unknown`. Cells of slices are many, so their failures are held by
        Holm's procedure to (1 - confidence) / 2 together; cells over all rows are each tested at that level.
    """
    cut = list(parts(rows, masks=masks, groups=groups, needs_rows=needs_rows(metrics)))
    cells: list[_Cell] = []
    for metric in metrics:
        candidate_losses, live_losses = row_losses(metric, label, candidate), row_losses(metric, label, live)
        for part in cut:
            first = replicates(metric, label, candidate, part=part, losses=candidate_losses)
            second = replicates(metric, label, live, part=part, losses=live_losses)
            margin = _margin(metric.name, part.name, gate=gate, primary=primary)
            small = _too_small(metric, label, part=part, least_rows=gate.least_rows)
            cells.append(_cell(metric, part, first=first, second=second, margin=margin, small=small, gate=gate))
    proven = _proven(cells, level=(1 - gate.confidence) / 2)
    comparisons = tuple(_compare(cell, is_proven=place in proven) for place, cell in enumerate(cells))
    return _conclude(comparisons, primary=primary, broken=_broken(candidate), rows=len(label))


def _cell(
    metric: Metric, part: Part, *, first: Replicates, second: Replicates, margin: _Margin, small: str, gate: Gate
) -> _Cell:
    worse_by = metric.badness(first.value) - metric.badness(second.value)
    if metric.best_at_zero:
        left_out = np.abs(first.left_out) - np.abs(second.left_out)
    else:
        left_out = (first.left_out - second.left_out) * (1 if metric.better == "lower" else -1)
    return _Cell(
        metric=metric,
        slice=part.name,
        rows=len(part.places),
        candidate=first.value,
        live=second.value,
        worse_by=worse_by,
        error=standard_error(worse_by, left_out, part.sizes),
        degrees=len(part.sizes) - 1,
        margin=margin,
        is_too_small=small,
        confidence=gate.confidence,
    )


def _margin(metric: str, part: str, *, gate: Gate, primary: str) -> _Margin:
    stated = gate.margins.get(metric)
    if part != ALL:
        stated = gate.slice_margins.get(metric, None if stated is None else SLICE_FACTOR * stated)
    if stated is None and metric == primary:
        return _Margin(0.0, False)
    return _Margin(stated, stated is not None)


def _too_small(metric: Metric, label: Array, *, part: Part, least_rows: int) -> str:
    if len(part.places) < least_rows:
        return f"fewer than the {least_rows:,} rows that the gate asks for"
    truth = label[part.places]
    if "regression" not in metric.tasks and len(truth) > 0 and bool((truth == truth[0]).all()):
        return "all of one class"
    return ""


def _proven(cells: Sequence[_Cell], *, level: float) -> set[int]:
    """Find the cells proven worse than their margin: each on its own over all rows, by Holm over the slices."""
    whole = [place for place, cell in enumerate(cells) if cell.is_deciding and cell.slice == ALL]
    found = {place for place in whole if cells[place].chance < level}
    sliced = [(cell.chance, place) for place, cell in enumerate(cells) if cell.is_deciding and cell.slice != ALL]
    for step, (chance, place) in enumerate(sorted(sliced)):
        if chance >= level / (len(sliced) - step):
            break
        found.add(place)
    return found


def _compare(cell: _Cell, *, is_proven: bool) -> Comparison:
    verdict: Outcome
    text = _sentence(cell)
    if cell.margin.width is None:
        verdict, note = "pass", ""
    elif cell.is_too_small:
        verdict, note = "unknown", f": {cell.is_too_small}"
    elif not math.isfinite(cell.error):
        verdict, note = "unknown", ": too few blocks of rows, or a value is undefined"
    elif is_proven:
        verdict, note = "fail", ""
    elif cell.high <= cell.margin.width or (not cell.margin.is_stated and cell.low <= cell.margin.width):
        verdict, note = "pass", ""
    elif cell.low > cell.margin.width:
        verdict, note = "unknown", ": not enough to fail one of several slices"
    else:
        verdict, note = "unknown", ": the interval holds the margin"
    return Comparison(
        metric=cell.metric.name,
        slice=cell.slice,
        rows=cell.rows,
        candidate=finite(cell.candidate),
        live=finite(cell.live),
        worse_by=finite(cell.worse_by),
        low=finite(cell.low),
        high=finite(cell.high),
        margin=cell.margin.width,
        verdict=verdict,
        reason=text + note,
    )


def _sentence(cell: _Cell) -> str:
    place = f"{cell.metric.name} over all rows" if cell.slice == ALL else f"{cell.metric.name} in {cell.slice!r}"
    margin = "" if cell.margin.width is None else f"margin {cell.margin.width:.3f}"
    rows = f"{cell.rows:,} rows"
    if not math.isfinite(cell.worse_by):
        return f"{place} is undefined" + (f" ({margin})" if margin else "") + f", {rows}"
    way = "worse" if cell.worse_by > 0 else "better"
    text = f"{place} is {abs(cell.worse_by):.3f} {way}" if cell.worse_by else f"{place} is the same"
    bounds = ""
    if math.isfinite(cell.low):
        bounds = f"{100 * cell.confidence:g} % interval {cell.low:.3f} to {cell.high:.3f}"
    inside = "; ".join(part for part in (bounds, margin) if part)
    return text + (f" ({inside})" if inside else "") + f", {rows}"


def _broken(candidate: Array) -> int:
    bad = ~np.isfinite(candidate)
    return int((bad.any(axis=1) if bad.ndim == 2 else bad).sum())


def _conclude(comparisons: tuple[Comparison, ...], *, primary: str, broken: int, rows: int) -> Verdict:
    failed = [each.reason for each in comparisons if each.verdict == "fail"]
    unsure = [each.reason for each in comparisons if each.verdict == "unknown"]
    main = [each for each in comparisons if each.metric == primary and each.slice == ALL]
    reasons = [f"{broken:,} of {rows:,} predictions of the candidate are not finite"] if broken else []
    if failed:
        return Verdict(verdict="fail", reasons=(*failed, *reasons), comparisons=comparisons)
    if not broken and main and main[0].verdict == "pass":
        return Verdict(verdict="pass", reasons=(main[0].reason, *unsure), comparisons=comparisons)
    if not main:
        reasons.append(f"the primary metric {primary} was not compared over all rows")
    return Verdict(verdict="unknown", reasons=(*reasons, *unsure), comparisons=comparisons)
