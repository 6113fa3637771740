"""A rehearsal's source: your own history, delivered when it would have come, with faults on the way."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from trivium.core.problems import DataError, Problem, StepError
from trivium.core.project import Project
from trivium.core.values import Partition, digest, span
from trivium.loop.bodies import Body, Predict
from trivium.loop.collect import END_OF_TIME
from trivium.loop.faults import ON_VERSIONS, Fault, delay
from trivium.loop.lateness import MOST_LATE
from trivium.loop.sources import Delivery, Source
from trivium.loop.strike import strike
from trivium.loop.workspace import Workspace
from trivium.release.route import route_at

if TYPE_CHECKING:
    import numpy as np


class _Past(NamedTuple):
    """A partition as it once came, with its rows."""

    partition: Partition
    rows: pl.DataFrame
    source: str
    fingerprint: str


class HistorySource:
    """Every partition of every table, read once, held in memory, and given out as time goes by."""

    def __init__(self, source: Source, project: Project, *, faults: Sequence[Fault], seed: int) -> None:
        self._project = project
        self._faults = [fault for fault in faults if fault.kind not in ON_VERSIONS]
        self._seed = seed
        self._held: dict[str, list[_Past]] = {name: _read(source, name) for name in project.tables}

    def with_faults(self, faults: Sequence[Fault], *, seed: int) -> "HistorySource":
        """The same history with other faults."""
        struck = copy(self)
        struck._faults = [fault for fault in faults if fault.kind not in ON_VERSIONS]
        struck._seed = seed
        return struck

    def bounds(self) -> tuple[datetime, datetime]:
        """Tell when the requests' history starts, and until when every table has one.

        Where one table's rows were exported until a day sooner, all that came after would tell of is the export. A
        table that ended long before the others had stopped, and cuts nothing short.
        """
        held = self._held[self._project.requests]
        first, last = held[0].partition.start, held[-1].partition.end
        ends = [last]
        for name, past in self._held.items():
            settings = self._project.tables[name]
            if settings.time is not None and past and past[-1].partition.end > last - MOST_LATE * span(settings.every):
                ends.append(past[-1].partition.end)
        return first, min(ends)

    def deliveries(self, table: str, *, now: datetime, seen: Mapping[str, str]) -> Iterator[Delivery | Problem]:
        """See `Source`."""
        held = self._held[table]
        for place, delivery in enumerate(held):
            partition = delivery.partition
            if partition.end > now:
                return
            if partition.name in seen:
                continue
            if partition.end + delay(self._faults, table, start=partition.start, end=partition.end) <= now:
                yield self._struck(delivery, held[place - 1].rows if place else None)

    def reach(self, table: str) -> list[Problem]:
        """See `Source`: the history is in memory."""
        return []

    def _struck(self, delivery: _Past, before: "pl.DataFrame | None") -> Delivery:
        partition, rows = delivery.partition, delivery.rows
        settings = self._project.tables[partition.table]
        keep = [*settings.key, *([settings.time] if settings.time else []), self._project.model.row_id]
        on = [
            fault
            for fault in self._faults
            if fault.table == partition.table and fault.strikes(partition.start, partition.end)
        ]
        for fault in on:
            rows = strike(fault, rows, before, seed=self._seed, partition=partition.name, keep=keep)
        fingerprint = digest(delivery.fingerprint, [fault.id for fault in on])
        return Delivery.of(partition, rows, source=delivery.source, fingerprint=fingerprint)


def _read(source: Source, table: str) -> list[_Past]:
    held: list[_Past] = []
    for found in source.deliveries(table, now=END_OF_TIME, seen={}):
        if isinstance(found, Problem):
            raise DataError(found)
        if isinstance(found, Delivery):
            held.append(_Past(found.partition, found.frame(), found.source, found.fingerprint))
    return sorted(held, key=lambda past: past.partition)


class VersionFaults:
    """Strikes the version that was live when a fault began: it raises, is slow, or gives numbers that are none."""

    def __init__(self, ws: Workspace, faults: Sequence[Fault]) -> None:
        self._ws = ws
        self._faults = [fault for fault in faults if fault.kind in ON_VERSIONS]
        self._victims: dict[str, str | None] = {}
        self._seconds = 0.0

    def timer(self) -> float:
        """Tell virtual seconds: only a slow version makes time go by."""
        return self._seconds

    def strike(self, body: Body) -> Body:
        """Give the version as it is now: struck, when a fault is on and it is the victim."""
        for fault in self._faults:
            if fault.from_ < self._ws.clock.now() <= fault.until and self.victim(fault) == body.ref:
                return replace(body, predict=self._broken(fault, body), predict_rows=None, is_compiled=False)
        return body

    def victim(self, fault: Fault) -> str | None:
        """Name the version that was live when the fault began."""
        if fault.id not in self._victims:
            self._victims[fault.id] = route_at(self._ws.ledger.events(), fault.from_).live
        return self._victims[fault.id]

    def _broken(self, fault: Fault, body: Body) -> Predict:
        def predict(features: pl.DataFrame) -> "np.ndarray[Any, Any]":
            if fault.kind == "raise":
                raise StepError(
                    Problem(
                        code="TV-REH-004",
                        what=f"fault {fault.id!r} made {body.ref} raise",
                        where="rehearsal",
                        seen=fault.kind,
                        fix="end the fault, or see how the loop answers it",
                    )
                )
            said = body.predict(features).copy()
            if fault.kind == "slow":
                self._seconds += fault.seconds
            else:
                said[: int(len(said) * fault.size.share)] = float("nan")
            return said

        return predict
