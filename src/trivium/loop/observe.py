"""Observe: how a version in shadow or canary does, from what was logged since it came there.

Beside a canary and a shadow the other answers the same rows, so both are compared row by row. Speed alone is told by
those who were really answered: the arms, which are drawn by entity.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trivium.loop.condense import condensed, name_of, rules_of
from trivium.loop.traffic import Batch, sheets
from trivium.loop.weigh import Weighed, compared, weigh
from trivium.loop.workspace import Workspace
from trivium.release.canary import Arms as Draw
from trivium.release.evidence import Arms

if TYPE_CHECKING:
    import polars as pl


def observe(ws: Workspace, ref: str, *, stage: str, since: datetime) -> Weighed:
    """Weigh all that a version said since it came to its stage against what the live one, or the heuristic, said."""
    live, now = ws.state.route.live, ws.clock.now()

    def boiled(batch: Batch) -> "tuple[pl.DataFrame, pl.DataFrame]":
        return compared(ws, batch, _beside(batch.log, ref, live)), _timed(ws, batch, ref)

    asked = sheets(ws, since=since, until=now, asked=ref)
    parts = condensed(ws, asked, boiled, stay=name_of(ws, ref), until=now, by=(ref, live, rules_of(ws)))
    latency = _latency(ws, [part.timed for part in parts], ref) if stage == "canary" else None
    return weigh(ws, (part.pairs for part in parts), latency=latency)


def _beside(log: "pl.DataFrame", ref: str, live: str | None) -> "pl.DataFrame":
    """Put what a version said of each row beside what the other did."""
    import polars as pl

    mine = _spoken(log, ref).rename({"prediction": "said"})
    other = _spoken(log, live).select("prediction_id", pl.col("prediction").alias("other"), is_asked=pl.lit(True))
    return (
        mine.join(other, on="prediction_id", how="left", maintain_order="left")
        .with_columns(pl.col("is_asked").fill_null(False), is_version=pl.lit(live is not None))
        .drop("prediction_id")
    )


def _spoken(log: "pl.DataFrame", ref: str | None) -> "pl.DataFrame":
    """Give the answers of a version, or of the heuristic: null where it failed.

    What it said beside others is its own word; what it served stands for it where nobody asked it again, unless a check
    changed that.
    """
    import polars as pl

    columns = ["prediction_id", "row_id", "at", "prediction"]
    is_beside = pl.col("source") == "unserved"
    own = pl.col("version").eq_missing(ref) & (~is_beside if ref is None else pl.lit(True))
    served_as = "heuristic" if ref is None else "model"
    beside = is_beside & pl.col("version").eq_missing(ref)
    if ref is None:
        beside &= pl.col("stage") == "heuristic"
    parts = [log.filter(beside), log.filter(own & (pl.col("source") == served_as))]
    if ref is not None:
        failed = ~is_beside & pl.col("failed").list.contains(ref)
        parts.append(log.filter(failed).with_columns(prediction=pl.lit(None, dtype=pl.Float64)))
    spoken = pl.concat([part.select(columns) for part in parts])
    return spoken.unique("prediction_id", keep="first", maintain_order=True)


def _latency(ws: Workspace, timed: "Sequence[pl.DataFrame]", ref: str) -> Arms | None:
    """Count the slow answers of both arms, of the first row of each entity; None where no time was taken.

    Only since the youngest canary came: before that, another share of the entities fell to each arm.
    """
    import polars as pl

    shares = Draw(ws.state.route).shares
    since = max(ws.state.versions.stays(canary)[-1].at for canary in ws.state.route.canary_refs)
    parts = [part.filter(pl.col("at") >= since) for part in timed]
    if not parts or shares[ref] + shares[None] <= 0:
        return None
    rows = pl.concat(parts).unique("entity", keep="first", maintain_order=True)
    slow = rows["latency_ms"] > ws.project.release.max_latency_ms
    mine = rows["is_mine"]
    if not rows.height:
        return None
    return Arms(
        slow=int((slow & mine).sum()),
        rows=int(mine.sum()),
        live_slow=int((slow & ~mine).sum()),
        live_rows=int((~mine).sum()),
        share=shares[ref] / (shares[ref] + shares[None]),
    )


def _timed(ws: Workspace, batch: Batch, ref: str) -> "pl.DataFrame":
    """Give the timed answers of the canary's arm and of the live one's, with whom each was about."""
    import polars as pl

    log = batch.log.filter(pl.col("latency_ms").is_not_null(), pl.col("source") != "unserved")
    asked = pl.col("version").eq_missing(ref) | pl.col("failed").list.contains(ref)
    mine = (pl.col("stage") == "canary") & asked.fill_null(False)
    entity = pl.col(ws.project.entity) if ws.project.entity in batch.requests.columns else pl.col("row_id")
    whom = batch.requests.select("row_id", entity.cast(pl.String).fill_null(pl.col("row_id")).alias("entity"))
    rows = log.with_columns(is_mine=mine).filter(pl.col("is_mine") | (pl.col("stage") == "live"))
    return rows.join(whom, on="row_id", how="inner", maintain_order="left").select(
        "entity", "at", "latency_ms", "is_mine"
    )
