"""Release: versions go up the stages, one at a time, by hand or by themselves; and come down again."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.core.events import Event
from trivium.core.problems import Problem, VerdictError
from trivium.core.values import moment
from trivium.evaluate.metrics import BUILTIN
from trivium.loop.outcomes import truth
from trivium.loop.workspace import Workspace
from trivium.release.sequential import HarmTest, harm_test
from trivium.release.stages import RETIRED, STAGES, decide, next_stage

if TYPE_CHECKING:
    import polars as pl

# The sequential test takes blocks of rows as its units, since flights of one morning are late together.
BLOCK_ROWS = 25


def move(ws: Workspace, ref: str, *, to: str | None = None, because: str) -> Event:
    """Move a version to a stage by hand: the next one, or the one named.

    Raises:
        ProjectError (TV-REL-001, -004): no such version or stage.
        VerdictError (TV-RUN-030): the gate did not pass it; (TV-RUN-031) it is there already.
    """

    def work() -> list[Event]:
        version = ws.state.versions.resolve(ref)
        at = ws.state.versions.stage(version.ref)
        stage = to or (next_stage(at) if at in STAGES else STAGES[0])
        if stage is None or at == stage:
            raise VerdictError(
                Problem(
                    code="TV-RUN-031",
                    what=f"{version.ref} is at {at} already",
                    where="route",
                    seen=str(at),
                    fix=f"name another stage with --to: {', '.join(STAGES)}",
                )
            )
        next_stage(stage)
        _ask_gate(ws, version.ref)
        return [staged(ws, version.ref, stage, was=at, because=because)]

    return ws.unit(None, work)[0]


def _ask_gate(ws: Workspace, ref: str) -> None:
    verdicts = ws.state.versions.verdicts(ref)
    if not verdicts or verdicts[-1].verdict != "pass":
        raise VerdictError(
            Problem(
                code="TV-RUN-030",
                what=f"the gate did not pass {ref}",
                where=ref,
                seen="; ".join(verdicts[-1].reasons) if verdicts else "it was never judged",
                fix=f"judge it on the present suite with `trivium judge {ref}`, or improve it",
            )
        )


def staged(ws: Workspace, ref: str, stage: str, *, was: str | None, because: str) -> Event:
    """Make the event that moves a version to a stage."""
    share = ws.project.release.canary_share if stage == "canary" else None
    return ws.event("staged", ref, because=because, stage=stage, share=share, **{"from": was})


def roll_back(ws: Workspace, ref: str | None = None, *, because: str) -> Event:
    """Let an earlier version answer again: the last good one, or the one named; the heuristic when there is none.

    Raises:
        VerdictError (TV-RUN-032): no version is live.
    """

    def work() -> list[Event]:
        route = ws.state.route
        if route.live is None:
            raise VerdictError(
                Problem(
                    code="TV-RUN-032",
                    what="no version is live, so there is nothing to roll back",
                    where="route",
                    seen="the heuristic answers",
                    fix="release a version first: trivium release VERSION",
                )
            )
        to = ws.state.versions.resolve(ref).ref if ref else next(iter(route.fallback), None)
        return [rolled_back(ws, to, because=because)]

    return ws.unit(None, work)[0]


def rolled_back(ws: Workspace, to: str | None, *, because: str) -> Event:
    """Make the event that takes the live version down; `to` None lets the heuristic answer."""
    subject = to or ws.project.model.name
    return ws.event("rolled_back", subject, because=because, to=to, reason=because, **{"from": ws.state.route.live})


def advance_stages(ws: Workspace) -> list[Event]:
    """Move each version that is on its way as far as its stage's rule says: up, out, or not yet."""
    done: list[Event] = []
    ws.refresh()
    route = ws.state.route
    for ref in (*route.shadow, *route.canary_refs, *route.replay):
        stays = ws.state.versions.stays(ref)
        stay = stays[-1]

        def work(ref: str = ref, stage: str = stay.stage, entered: datetime = stay.at) -> list[Event]:
            return _advance(ws, ref, stage, entered)

        done += ws.unit(f"advance/{ref}/{len(stays)}", work)
    return done


def _advance(ws: Workspace, ref: str, stage: str, entered: datetime) -> list[Event]:
    record = stage_record(ws, ref, since=entered)
    decision = decide(
        stage,
        entered=entered,
        now=ws.clock.now(),
        outcomes=record["outcomes"],
        errors=record["errors"],
        answers=record["answers"],
        latency_ms=float("nan"),
        harm=record["harm"],
        rule=ws.project.release,
    )
    if decision.move == "stay":
        return []
    if decision.move == "retire":
        return [staged(ws, ref, RETIRED, was=stage, because=decision.reason)]
    to = next_stage(stage)
    assert to is not None
    return [staged(ws, ref, to, was=stage, because=decision.reason)]


def stage_record(ws: Workspace, ref: str, *, since: datetime) -> dict[str, Any]:
    """Gather how a version did since it came to its stage: answers, errors, outcomes, and its losses beside live's."""
    import polars as pl

    events = [
        event
        for event in ws.state.journal.answered.values()
        if moment(event.body["start"]) >= since and ref in event.body["asked"]
    ]
    errors = sum(t["rows"] for event in events for t in event.body["troubles"] if t["version"] == ref)
    logs = [ws.frame(event.body["blob"]) for event in events]
    mine = [log.filter(pl.col("version").eq_missing(ref)).unique("row_id", maintain_order=True) for log in logs]
    answers = sum(log.height for log in mine)
    theirs = [_others(log, ws.state.route.live) for log in logs]
    paired = _paired(ws, mine, theirs, since=since) if events else None
    return {
        "answers": answers,
        "errors": errors,
        "outcomes": 0 if paired is None else paired.height,
        "harm": None if paired is None or not paired.height else _harm(ws, paired),
    }


def _others(log: "pl.DataFrame", live: str | None) -> "pl.DataFrame":
    """What the version it must not be worse than said: the live one, else the heuristic."""
    import polars as pl

    if live is None:
        return log.filter(pl.col("stage") == "heuristic")
    return log.filter(pl.col("version").eq_missing(live)).unique("row_id", maintain_order=True)


def _paired(
    ws: Workspace, mine: "list[pl.DataFrame]", theirs: "list[pl.DataFrame]", *, since: datetime
) -> "pl.DataFrame":
    import polars as pl

    columns = ["row_id", "prediction"]
    left = pl.concat([log.select(columns) for log in mine])
    right = pl.concat([log.select(columns) for log in theirs]).rename({"prediction": "other"})
    # A version's own answers decide which rows are reviewed, so reviews say nothing of which version is better.
    known = truth(ws, since=since, until=ws.clock.now())
    return (
        left.join(right, on="row_id", how="inner", maintain_order="left")
        .join(known, on="row_id", how="inner", maintain_order="left")
        .drop_nulls(["prediction", "other", "label"])
    )


def _harm(ws: Workspace, paired: "pl.DataFrame") -> HarmTest:
    """Test the mean difference of losses, candidate minus live, over blocks of rows in the order they were asked."""
    loss = BUILTIN["log_loss" if ws.project.model.task == "binary" else "mae"].per_row
    assert loss is not None
    label = paired["label"].to_numpy()
    extra = loss(label, paired["prediction"].to_numpy()) - loss(label, paired["other"].to_numpy())
    blocks = np.array([block.mean() for block in np.array_split(extra, max(1, len(extra) // BLOCK_ROWS))])
    return harm_test(
        len(blocks),
        float(blocks.mean()),
        float(blocks.var(ddof=1)) if len(blocks) > 1 else float("nan"),
        margin=ws.project.gate.margins.get(ws.project.primary, 0.0),
        rho_n=100,
        least_rows=20,
    )
