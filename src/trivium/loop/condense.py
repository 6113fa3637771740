"""Condense: what an observed version and the other said in a period, boiled down once and kept while the version stays.

A look at a stay reads again what is new, and of all before it the few columns that are compared. Nothing is decided
here, and nothing is lost by losing what is kept: it is made anew from the log.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.values import digest, iso, moment
from trivium.loop.traffic import Batch, Sheet
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

KEPT = "observed/"
_IS_TIMED = "_is_timed"


@dataclass(frozen=True)
class Condensed:
    """One batch: `pairs` as `weigh.compared` gives them, and `timed`, the answers whose time is compared.

    `through` is the last time in the log that it was made from; None where no time cuts it.
    """

    pairs: "pl.DataFrame"
    timed: "pl.DataFrame"
    through: datetime | None


@dataclass
class _Held:
    """What this process holds of one stay, by key."""

    parts: dict[str, Condensed] = field(default_factory=dict)


def condensed(
    ws: Workspace,
    sheets: Iterable[Sheet],
    make: "Callable[[Batch], tuple[pl.DataFrame, pl.DataFrame]]",
    *,
    stay: str,
    until: datetime,
    by: object,
) -> list[Condensed]:
    """Boil sheets down, in their order, those that were boiled down before without reading them.

    Args:
        ws: the project.
        sheets: what a stay's answers are read from, up to `until`.
        make: gives the pairs and the timed answers of a batch.
        stay: the name of the stay; what is kept of others this process forgets.
        until: the first moment that is left out. A sheet that holds a later answer is not kept: it is not whole yet.
        by: all else that `make` stands on, as plain values.
    """
    before: _Held = ws.cache.get(KEPT + stay) or _Held()
    now = ws.cache[KEPT + stay] = _Held()
    found = []
    for sheet in sheets:
        key = f"{KEPT}{stay}/{digest(sheet.key, by)}"
        part = before.parts.get(key) or (_read(ws, key) if sheet.is_over else None)
        if part is None or (part.through is not None and part.through >= until):
            batch = sheet.read()
            part = Condensed(*make(batch), batch.through)
            if sheet.is_over and (part.through is None or part.through < until):
                _keep(ws, key, part)
        if part.through is None or part.through < until:
            now.parts[key] = part
        found.append(part)
    return found


def _read(ws: Workspace, key: str) -> Condensed | None:
    import polars as pl

    known = ws.memo.find(key)
    if known is None or not ws.blobs.has(known["blob"]):
        return None
    rows = ws.blobs.get_frame(known["blob"])
    pairs, timed = (
        rows.filter(pl.col(_IS_TIMED) == is_timed).select(known[name])
        for is_timed, name in ((False, "pairs"), (True, "timed"))
    )
    return Condensed(pairs, timed, known["through"] and moment(known["through"]))


def _keep(ws: Workspace, key: str, part: Condensed) -> None:
    import polars as pl

    both = [
        part.pairs.with_columns(pl.lit(False).alias(_IS_TIMED)),
        part.timed.with_columns(pl.lit(True).alias(_IS_TIMED)),
    ]
    columns: dict[str, Any] = {"pairs": part.pairs.columns, "timed": part.timed.columns}
    blob = ws.blobs.put_frame(pl.concat(both, how="diagonal"))
    ws.memo.remember(key, {"blob": blob, "through": part.through and iso(part.through), **columns})


def forget_stays(ws: Workspace) -> None:
    """Drop what is kept of stays that are over: it names rows that the log may not hold for ever."""
    route = ws.state.route
    on_trial = [KEPT + name_of(ws, ref) + "/" for ref in (*route.shadow, *route.canary_refs)]
    for known in ws.memo.forget(KEPT, but=on_trial):
        ws.blobs.drop(known["blob"])
    for name in [name for name in ws.cache if name.startswith(KEPT) and f"{name}/" not in on_trial]:
        del ws.cache[name]


def name_of(ws: Workspace, ref: str) -> str:
    """Name the present stay of a version at its stage."""
    return f"{ref}/{len(ws.state.versions.stays(ref))}"


def rules_of(ws: Workspace) -> object:
    """Give, as plain values, the project's settings that `weigh.compared` stands on."""
    project = ws.project
    return msgspec.to_builtins((project.checks, project.slices, project.tables[project.requests], project.entity))
