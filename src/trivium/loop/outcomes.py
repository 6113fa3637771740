"""The truth, as far as it was known at a time: the outcomes' table and what was posted, turned into labels.

Where nobody knows the truth of a row, what a person said who reviewed its answer stands in for it. A review never takes
the place of what came true, whichever was first: it is a judgement, made before that was known.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.parse import parse
from trivium.core.problems import Problem, ProjectError
from trivium.core.values import digest, span
from trivium.loop.workspace import Workspace
from trivium.store.tables import records_digest

if TYPE_CHECKING:
    import polars as pl

    from trivium.loop.log_book import Posted
    from trivium.store.tables import PartitionRecord

REMEMBERED = 400


def outcomes(ws: Workspace, *, since: datetime, until: datetime) -> "pl.DataFrame":
    """Read the outcomes that became known in a span of time, the latest word on each row.

    Returns:
        Columns `row_id` (text), `label` (float, 1 and 0 when binary) and `known_at`; rows without a label left out. Of
        several words on one row the one that became known last counts, of equal times the one read last; a word from
        the future is not known yet. Reviews count for the rows on which there is no other word.

    Raises:
        ProjectError (TV-RUN-016): the project declares no outcomes.
    """
    import polars as pl

    if not has_outcomes(ws):
        raise ProjectError(
            Problem(
                code="TV-RUN-016",
                what="the project does not say where its outcomes come from",
                where="trivium.toml",
                seen="no [outcomes], and none was posted",
                fix="add [outcomes] with table, label and at, or post outcomes to the server",
            )
        )
    known = truth(ws, since=since, until=until)
    reviewed = _reviewed(ws, since=since, until=until)
    if not reviewed.height:
        return known
    return pl.concat([known, reviewed.join(known, on="row_id", how="anti", maintain_order="left")])


def truth(ws: Workspace, *, since: datetime, until: datetime) -> "pl.DataFrame":
    """Read what came true: as `outcomes`, without what people said who reviewed answers."""
    frames = [labels(ws, record) for record in _records(ws, since=since, until=until)]
    posted = _posted(ws, since=since, until=until)
    frames += [posted_labels(ws, one) for one in posted if not one.is_review]
    return _latest(frames, until=until)


def without_reviews(ws: Workspace, known: "pl.DataFrame", *, since: datetime) -> "pl.DataFrame":
    """Leave out of `outcomes` what reviews alone say: rows that were picked, which stand for no others."""
    reviewed = _reviewed(ws, since=since, until=ws.clock.now())
    if not reviewed.height:
        return known
    return known.join(reviewed, on=["row_id", "known_at"], how="anti", maintain_order="left")


def _reviewed(ws: Workspace, *, since: datetime, until: datetime) -> "pl.DataFrame":
    posted = _posted(ws, since=since, until=until)
    return _latest([posted_labels(ws, one) for one in posted if one.is_review], until=until)


def _latest(frames: "list[pl.DataFrame]", *, until: datetime) -> "pl.DataFrame":
    """Keep the last word on each row."""
    import polars as pl

    if not frames:
        return no_labels()
    known = pl.concat(frames).filter(pl.col("label").is_not_null() & (pl.col("known_at") <= until))
    last = known.unique("row_id", keep="last", maintain_order=True)
    if last.height == known.height:
        return last
    return known.sort("known_at", maintain_order=True).unique("row_id", keep="last", maintain_order=True)


def has_outcomes(ws: Workspace) -> bool:
    """Tell whether outcomes come from anywhere: a table that is declared, clients who posted some, or reviews."""
    return ws.project.outcomes is not None or bool(ws.state.log.posted)


def posted_labels(ws: Workspace, posted: "Posted") -> "pl.DataFrame":
    """Read sealed outcomes that were posted, in the columns of `labels`."""
    return ws.frame(posted.blob).select("row_id", "label", "known_at")


def _posted(ws: Workspace, *, since: datetime, until: datetime) -> "list[Posted]":
    return [one for one in ws.state.log.posted if one.through >= since and one.since <= until]


def no_labels() -> "pl.DataFrame":
    """Make the frame of `outcomes` without rows."""
    import polars as pl

    return pl.DataFrame(schema={"row_id": pl.String, "label": pl.Float64, "known_at": pl.Datetime("us", "UTC")})


def outcomes_key(ws: Workspace, *, since: datetime, until: datetime) -> str:
    """Digest what `outcomes` would read."""
    settings = ws.project.outcomes
    posted = [one.blob for one in _posted(ws, since=since, until=until)]
    said = [settings and settings.label, *([posted] if posted else [])]
    return digest(records_digest(_records(ws, since=since, until=until)), *said)


def outcome_rows(ws: Workspace, *, since: datetime, until: datetime) -> "pl.DataFrame":
    """Read the rows of the outcomes' table whole, with `row_id` as text; of several words on a row the last read."""
    import polars as pl

    frames = [ws.frame(record.blob) for record in _records(ws, since=since, until=until)]
    held = [frame for frame in frames if frame.width]
    if not held:
        return pl.DataFrame(schema={"row_id": pl.String})
    rows = pl.concat(held, how="diagonal_relaxed")
    return rows.with_columns(pl.col(ws.project.model.row_id).cast(pl.String).alias("row_id")).unique(
        "row_id", keep="last", maintain_order=True
    )


def _records(ws: Workspace, *, since: datetime, until: datetime) -> "list[PartitionRecord]":
    settings = ws.project.outcomes
    if settings is None:
        return []
    every = span(ws.project.tables[settings.table].every)
    return ws.state.snapshot.partitions(settings.table, since=since - every, until=until + timedelta(microseconds=1))


def outcome_blobs(ws: Workspace, *, since: datetime, until: datetime) -> "list[tuple[str, bool]]":
    """List the blobs that `truth` reads of a span of time, in its order: the table's, then those posted (True)."""
    standing = ws.state.log.standing
    posted = [one for one in _posted(ws, since=since, until=until) if not one.is_review]
    return [
        *((standing(record.blob), False) for record in _records(ws, since=since, until=until)),
        *((standing(one.blob), True) for one in posted),
    ]


def labels(ws: Workspace, record: "PartitionRecord") -> "pl.DataFrame":
    """Evaluate the label's expression over a partition; remembered for the last 400 partitions."""
    known: dict[str, pl.DataFrame] = ws.cache.setdefault("labels", {})
    if record.blob not in known:
        known[record.blob] = labels_in(ws, ws.frame(record.blob))
        while len(known) > REMEMBERED:
            known.pop(next(iter(known)))
    return known[record.blob]


def labels_in(ws: Workspace, rows: "pl.DataFrame") -> "pl.DataFrame":
    """Evaluate the label's expression over rows of the outcomes' table."""
    import polars as pl

    settings = ws.project.outcomes
    assert settings is not None
    if not rows.width:
        return no_labels()
    return rows.select(
        pl.col(ws.project.model.row_id).cast(pl.String).alias("row_id"),
        to_columns(parse(settings.label, where="outcomes.label")).cast(pl.Float64).alias("label"),
        pl.col(settings.at).cast(pl.Datetime("us", "UTC")).alias("known_at"),
    )
