"""Join: what was asked, answered and came out, put side by side for one period and measured."""

from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.loop.cohort import EARLY, Cohort
from trivium.loop.outcomes import outcome_rows
from trivium.loop.workspace import Workspace
from trivium.monitor.joined import Joined, join
from trivium.monitor.maturity import Arrival

if TYPE_CHECKING:
    import polars as pl

Array = np.ndarray[Any, Any]


def join_of(ws: Workspace, one: Cohort, arrival: Arrival) -> Joined:
    """Measure the joined table of a period: what was served, with its request and outcome, weighted as it is scored."""
    served = one.weighted(one.served, arrival)
    came = outcome_rows(ws, since=one.start - EARLY, until=ws.clock.now())
    requests = served.select("row_id").join(one.requests, on="row_id", how="left", maintain_order="left")
    outcomes = served.select("row_id").join(came, on="row_id", how="left", maintain_order="left")
    return join(
        served["label"].to_numpy(),
        served["prediction"].to_numpy(),
        requests=_numbers(ws, ws.project.requests, requests),
        outcomes=_numbers(ws, ws.project.outcomes.table, outcomes) if ws.project.outcomes else {},
        agree=_agree(ws, requests, outcomes),
        is_probability=ws.project.model.task == "binary",
    )


def _numbers(ws: Workspace, table: str, rows: "pl.DataFrame") -> dict[str, Array]:
    """Take the watched columns of numbers; private ones are left out, for their name could be told with a value."""
    import polars as pl

    settings = ws.project.tables[table]
    left_out = {"row_id", ws.project.model.row_id, settings.time, *settings.key}
    left_out |= {name for name, rule in settings.columns.items() if rule.private or not rule.watch}
    return {
        name: rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name, kind in rows.schema.items()
        if name not in left_out and (kind.is_numeric() or kind == pl.Boolean)
    }


def _agree(ws: Workspace, requests: "pl.DataFrame", outcomes: "pl.DataFrame") -> dict[str, float]:
    """Tell in which share of the rows a column that both tables have is the same."""
    if not requests.height:
        return {}
    keys = {"row_id", ws.project.model.row_id}
    return {
        name: int(requests[name].eq_missing(outcomes[name]).sum()) / requests.height
        for name, kind in requests.schema.items()
        if name not in keys and outcomes.schema.get(name) == kind
    }
