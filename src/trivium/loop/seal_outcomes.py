"""Seal what was posted: outcomes become frames, and those that name an answer by its id find the row it was about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.events import Event
from trivium.core.posted import LoggedOutcome
from trivium.core.values import EPOCH, iso
from trivium.loop.find_answer import row_ids_of
from trivium.loop.log_account import Account, clear, unread
from trivium.loop.log_book import Posted
from trivium.loop.workspace import Workspace
from trivium.store.segments import OUTCOMES, log_folder, sealing

if TYPE_CHECKING:
    import polars as pl

# So many small sealed frames become one; a large one is left as it is.
MERGED, SMALL_ROWS = 32, 100_000


def seal_outcomes(ws: Workspace) -> list[Event]:
    """Seal all outcomes that were posted by now, and look again for the rows of those whose answers were not known."""
    folder = log_folder(ws.root, OUTCOMES)
    if not folder.is_dir():
        return ws.unit(None, _Work(ws))  # of reviews alone, small frames may be put together
    done: list[Event] = []
    with sealing(folder):
        while new := ws.unit(None, _Work(ws)):
            done += new
        clear(ws, OUTCOMES)
    return done


@dataclass
class _Work:
    """What one event accounts for; see `seal`."""

    ws: Workspace
    _decided: list[Event] = field(default_factory=list)
    _as_of: int = -1

    def __call__(self) -> list[Event]:
        seq = self.ws.state.log.seq
        if self._as_of != seq:
            self._decided, self._as_of = self._decide(), seq
        return list(self._decided)

    def _decide(self) -> list[Event]:
        ws, account = self.ws, Account()
        records: list[LoggedOutcome] = []
        for reading, _ in unread(ws, OUTCOMES):
            account.note(reading)
            for record in reading.records:
                try:
                    records.append(msgspec.msgpack.decode(record, type=LoggedOutcome))
                except msgspec.DecodeError:
                    account.keep_strange(record)
        rows, left, found = _resolved(ws, outcomes_frame(sorted(records, key=lambda record: record.got)))
        merged = _merged(ws)
        if not account.read and not found and merged is None:
            return []
        known = rows["known_at"]
        body: dict[str, Any] = {
            "rows": rows.height,
            "blob": ws.blobs.put_frame(rows) if rows.height else None,
            "since": iso(known.min()) if rows.height else None,  # type: ignore[arg-type]  # the column holds datetimes
            "through": iso(known.max()) if rows.height else None,  # type: ignore[arg-type]
            "unresolved": ws.blobs.put_frame(left) if left.height else None,
            "unresolved_rows": left.height,
            "merged": merged,
        }
        return [ws.event("posted", ws.project.model.name, **body, **account.told(ws))]


def outcomes_frame(records: Sequence[LoggedOutcome]) -> "pl.DataFrame":
    """Lay outcomes out as they are sealed."""
    import polars as pl

    return pl.DataFrame(
        {
            "row_id": pl.Series([one.row_id for one in records], dtype=pl.String),
            "label": pl.Series([one.label for one in records], dtype=pl.Float64),
            "known_at": pl.Series(
                [EPOCH + timedelta(microseconds=one.at) for one in records], dtype=pl.Datetime("us", "UTC")
            ),
            "prediction_id": pl.Series([one.id for one in records], dtype=pl.String),
            "by": pl.Series([one.by for one in records], dtype=pl.String),
        }
    )


def _resolved(ws: Workspace, new: "pl.DataFrame") -> "tuple[pl.DataFrame, pl.DataFrame, int]":
    """Give the outcomes whose rows are known, those whose are not, and how many of the earlier ones were found."""
    import polars as pl

    before = ws.state.log.unresolved
    waiting = new.clear() if before is None else ws.frame(before)
    rows = pl.concat([waiting, new])
    ids = rows.filter(rows["row_id"].is_null())["prediction_id"].to_list()
    held = row_ids_of(ws, list(dict.fromkeys(ids))) if ids else {}
    found = sum(held.get(name) is not None for name in waiting["prediction_id"].to_list())
    names = [row or held.get(name) for row, name in zip(rows["row_id"].to_list(), rows["prediction_id"], strict=True)]
    rows = rows.with_columns(pl.Series("row_id", names, dtype=pl.String))
    return rows.drop_nulls("row_id"), rows.filter(rows["row_id"].is_null()), found


def _merged(ws: Workspace) -> dict[str, Any] | None:
    """Put small frames together, once there are many whose outcomes are accounted for; reviews by themselves."""
    through = ws.state.journal.joined_through
    small = [one for one in ws.state.log.posted if one.rows < SMALL_ROWS and one.seq <= through]
    for is_review in (False, True):
        alike = [one for one in small if one.is_review == is_review]
        if len(alike) >= MERGED:
            return {"blob": _together(ws, alike), "replaces": [one.blob for one in alike]}
    return None


def _together(ws: Workspace, small: Sequence[Posted]) -> str:
    with ws.blobs.frame_writer() as writer:
        for one in small:
            writer.write(ws.frame(one.blob))
        return writer.keep()
