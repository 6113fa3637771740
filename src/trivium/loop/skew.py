"""Skew: logged requests go through the offline path again, and must give the features and predictions that were served.

Three ways to the features of a row are compared, bit by bit. A server logs those that it answered from; where a tick
answered, or where they were not logged, rows are made anew as a server would: one at a time, and under another clock.
Both are held to the offline path: the whole period in one batch, from the tables as they were then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.contract import Column
from trivium.core.events import Event
from trivium.core.problems import StepError
from trivium.core.values import iso, moment, span
from trivium.loop.bodies import Body, body_of
from trivium.loop.features import FeatureSteps, Frames, earliest
from trivium.loop.log_records import FEATURES, HEAD
from trivium.loop.lookups import empty_of
from trivium.loop.private import hider_of
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]
# Two ways to one number: as far as a model's own sums may differ between one row and many.
TOLERANCE = 1e-9
ROWS_ALONE = 32
MOST_SHOWN = 20
BY_MODEL = ("model", "fallback")


@dataclass(frozen=True)
class Part:
    """Rows of one period that one version answered from one state of the tables.

    `features` are those that were logged, shape (rows, features), or None. `alone` are the places to make one by one.
    """

    period: str
    start: datetime
    version: str
    head: int
    rows: "pl.DataFrame"
    ids: list[str]
    row_ids: list[str]
    served: Array
    features: Array | None
    alone: Sequence[int]


@dataclass
class Skew:
    """What was compared, and what differs: `differing` by version and feature, `shown` the first rows of it."""

    rows: int = 0
    compared: int = 0
    hidden: int = 0
    skewed: int = 0
    differing: dict[tuple[str, str], tuple[int, float | None]] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Tell it as a document."""
        by = [
            {"version": version, "feature": name, "rows": rows, "largest": largest}
            for (version, name), (rows, largest) in sorted(self.differing.items())
        ]
        told = {"rows": self.rows, "compared": self.compared, "hidden": self.hidden, "skewed": self.skewed}
        return {**told, "differing": by, "shown": self.shown, "raised": self.raised}


def skew_of(
    ws: Workspace,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    periods: int | None = None,
    alone: int = ROWS_ALONE,
) -> Skew:
    """Hold logged answers to the offline path.

    Args:
        ws: the project, its log sealed as far as it is to count.
        since: the first period that counts; all when left out.
        until: periods that start then or later are left out.
        periods: at most so many, evenly from all; all when left out.
        alone: of a period whose features were not logged, so many rows at most are made one by one.
    """
    found = Skew()
    names = [
        name
        for name, event in sorted(ws.state.journal.answered.items())
        if (since is None or moment(event.body["start"]) >= since)
        and (until is None or moment(event.body["start"]) < until)
    ]
    step = 1 if periods is None else max(1, -(-len(names) // periods))
    hides = bool(hider_of(ws).columns)
    for name in names[::-1][::step][::-1]:
        for part in _parts(ws, name, found, alone):
            _compare(ws, part, found, hides=hides)
    return found


def _parts(ws: Workspace, name: str, found: Skew, alone: int) -> Iterator[Part]:
    """Cut a period into the rows that one version answered from one state of the tables."""
    import polars as pl

    event = ws.state.journal.answered[name]
    log = ws.frame(event.body["blob"]).filter(pl.col("source").is_in(BY_MODEL))
    is_logged = "requests" in event.body
    if is_logged and hider_of(ws).columns:
        found.hidden += log.height
        return
    answers = log.select(*(pl.col(name).alias(f"_{name}") for name in ANSWERED))
    requests = _logged_requests(ws, event) if is_logged else _asked_by_tick(ws, event, name)
    key = "_prediction_id" if is_logged else "_row_id"
    held = requests if is_logged else requests.unique("_row_id", keep="last", maintain_order=True)
    joined = answers.join(held.drop(set(answers.columns) - {key}, strict=False), on=key, maintain_order="left")
    for (version, head), rows in joined.partition_by(["_version", HEAD], as_dict=True, maintain_order=True).items():
        logged = rows[FEATURES].to_list()
        yield Part(
            period=name,
            start=moment(event.body["start"]),
            version=str(version),
            head=int(head),
            rows=_whole(rows.drop(*answers.columns, FEATURES, HEAD), ws.project.tables[ws.project.requests].columns),
            ids=rows["_prediction_id"].to_list(),
            row_ids=rows["_row_id"].to_list(),
            served=rows["_prediction"].to_numpy(),
            features=_logged(logged),
            alone=range(0, rows.height, max(1, rows.height // alone)) if None in logged else (),
        )


ANSWERED = ("prediction_id", "row_id", "version", "prediction")


def _logged_requests(ws: Workspace, event: Event) -> "pl.DataFrame":
    """Give a server's requests of a period, with the features and the ledger's place that they were answered from."""
    return ws.frame(event.body["requests"])


def _asked_by_tick(ws: Workspace, event: Event, partition: str) -> "pl.DataFrame":
    """Give the requests that a tick answered, as their partition was then."""
    import polars as pl

    history = ws.state.snapshot.history(ws.project.requests, partition)
    record = [one for one in history if one.seq <= event.seq][-1]
    return ws.frame(record.blob).with_columns(
        pl.col(ws.project.model.row_id).cast(pl.String).alias("_row_id"),
        pl.lit(None, dtype=pl.Binary).alias(FEATURES),
        pl.lit(event.seq, dtype=pl.Int64).alias(HEAD),
    )


def _whole(rows: "pl.DataFrame", columns: Mapping[str, Column]) -> "pl.DataFrame":
    """Add the columns of the contract that nobody sent, null."""
    import polars as pl

    missing = empty_of({name: one for name, one in columns.items() if name not in rows.columns})
    return rows.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in missing.schema.items())


def _logged(features: Sequence[bytes | None]) -> Array | None:
    """Read logged features as a matrix; None where a row has none."""
    held = [one for one in features if one is not None]
    if not held or len(held) < len(features) or len({len(one) for one in held}) > 1:
        return None
    return np.frombuffer(b"".join(held), dtype="<f8").reshape(len(held), -1)


def _compare(ws: Workspace, part: Part, found: Skew, *, hides: bool) -> None:
    """Make the part's features and predictions by the offline path, and note what differs from what was served."""
    body = body_of(ws, part.version)
    if not isinstance(body.features, FeatureSteps):
        return
    frames = {**_tables_of(ws, part, body.features), ws.project.requests: part.rows}
    found.rows += part.rows.height
    try:
        made = body.features(frames)
        differing = _Differing(part, made, hides=hides)
        if part.features is not None:
            differing.features(range(part.rows.height), part.features)
        if part.alone:
            differing.features(part.alone, _one_by_one(body, frames, part))
        differing.predictions(body.predict(made))
    except StepError as error:
        found.raised.append(f"{part.version} on {part.period}: {error.problems[0].what}; {error.problems[0].seen}")
        return
    differing.note(found)


def _tables_of(ws: Workspace, part: Part, steps: FeatureSteps) -> dict[str, Any]:
    """Read the other tables as they were at the part's place in the ledger."""
    frames, start = {}, earliest(part.rows, ws.project.model.time, before=part.start)
    for name in steps.tables:
        table = ws.project.tables[name]
        since = None if table.time is None else start - span(table.lookback)
        records = []
        for record in ws.state.snapshot.partitions(name, since=since):
            before = [one for one in ws.state.snapshot.history(name, record.partition) if one.seq <= part.head]
            records += before[-1:]
        frames[name] = ws.rows(records)
    return frames


def _one_by_one(body: Body, frames: Frames, part: Part) -> Array:
    """Make some rows' features as a server would: each alone, and at another time."""
    import polars as pl

    steps = body.features
    assert isinstance(steps, FeatureSteps)
    elsewhen = steps.elsewhen
    requests = steps.project.requests
    ready = elsewhen.beside({name: frame for name, frame in frames.items() if name != requests})
    made = [elsewhen({**ready, requests: part.rows[place]}) for place in part.alone]
    if any(one.columns != made[0].columns for one in made):
        return np.empty((0, 0))
    return np.vstack([one.cast(pl.Float64).to_numpy() for one in made])


class _Differing:
    """The rows of a part in which something differs, by feature; `prediction` is what was answered."""

    def __init__(self, part: Part, made: "pl.DataFrame", *, hides: bool) -> None:
        import polars as pl

        self._part, self._hides = part, hides
        self._names = made.columns
        self._offline: Array = made.cast(pl.Float64).to_numpy()
        self._compared: set[int] = set()
        self._found: dict[str, dict[int, tuple[float, float]]] = {}

    def features(self, places: Sequence[int], online: Array) -> None:
        """Compare features, shape (places, features), to the bit; null is NaN on both sides."""
        self._compared.update(places)
        offline = self._offline[list(places)]
        if online.shape != offline.shape:
            self._found["(its columns)"] = {place: (float("nan"), float("nan")) for place in places}
            return
        for row, column in np.argwhere(~((online == offline) | (np.isnan(online) & np.isnan(offline)))):
            held = self._found.setdefault(self._names[column], {})
            held[places[row]] = (float(online[row, column]), float(offline[row, column]))

    def predictions(self, offline: Array) -> None:
        """Compare predictions with what was served."""
        served = self._part.served
        self._compared.update(range(len(served)))
        apart = ~(np.abs(served - offline) <= TOLERANCE)
        if apart.any():
            self._found["prediction"] = {
                int(place): (float(served[place]), float(offline[place])) for place in np.flatnonzero(apart)
            }

    def note(self, found: Skew) -> None:
        """Add what differs to what was found so far."""
        part = self._part
        found.compared += len(self._compared)
        found.skewed += len({place for rows in self._found.values() for place in rows})
        for name, rows in self._found.items():
            gaps = [abs(one - other) for one, other in rows.values() if np.isfinite(one - other)]
            count, largest = found.differing.get((part.version, name), (0, None))
            largest = max([*gaps, *([] if largest is None else [largest])], default=None)
            found.differing[part.version, name] = (count + len(rows), largest)
            for place, (online, offline) in sorted(rows.items()):
                if len(found.shown) < MOST_SHOWN:
                    found.shown.append(self._shown(place, name, online, offline))

    def _shown(self, place: int, name: str, online: float, offline: float) -> dict[str, Any]:
        """Tell of one row; where requests hold private columns, neither its id nor the values made of them."""
        part = self._part
        values = {"online": _plain(online), "offline": _plain(offline)}
        told = {"row_id": part.row_ids[place], **values} if not self._hides else {}
        return {
            "prediction_id": part.ids[place],
            "period": part.period,
            "version": part.version,
            "feature": name,
            **told,
        }


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None


def told_period(since: datetime | None, until: datetime | None) -> dict[str, str | None]:
    """Tell the span that was asked for."""
    return {"from": None if since is None else iso(since), "to": None if until is None else iso(until)}
