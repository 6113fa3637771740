"""Release: versions go up the stages, one at a time, by hand or by themselves; and come down again."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from trivium.core.events import Event
from trivium.core.problems import Problem, VerdictError
from trivium.core.values import span
from trivium.loop.bodies import body_of
from trivium.loop.condense import forget_stays
from trivium.loop.observe import observe
from trivium.loop.replay import replay, replayed
from trivium.loop.taken_off import tell_taken_off
from trivium.loop.workspace import Workspace
from trivium.release.evidence import Finding
from trivium.release.stages import RETIRED, STAGES, Decision, decide, next_stage
from trivium.release.versions import Stay


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
    """Move each version in shadow or canary as far as what was seen of it allows: up, out, or not yet."""
    ws.refresh()
    route = ws.state.route
    done = _moved(ws, (*route.shadow, *route.canary_refs), _observed)
    forget_stays(ws)
    return done


def replay_waiting(ws: Workspace, *, timer: Callable[[], float]) -> list[Event]:
    """Let each version at replay answer the logged traffic; where there is too little of it, it waits for more."""
    ws.refresh()
    return _moved(ws, ws.state.route.replay, partial(_replayed, timer=timer))


def _moved(ws: Workspace, refs: Sequence[str], decide_on: Callable[[Workspace, str, Stay], list[Event]]) -> list[Event]:
    done: list[Event] = []
    for ref in refs:
        stays = ws.state.versions.stays(ref)

        def work(ref: str = ref, stay: Stay = stays[-1]) -> list[Event]:
            # Somebody may have moved it by hand meanwhile.
            return decide_on(ws, ref, stay) if ws.state.versions.stays(ref)[-1] == stay else []

        done += ws.unit(f"advance/{ref}/{len(stays)}", work)
    return done


def _observed(ws: Workspace, ref: str, stay: Stay) -> list[Event]:
    weighed = observe(ws, ref, stage=stay.stage, since=stay.at)
    decision = decide(
        stay.stage,
        stayed=ws.clock.now() - stay.at,
        answers=weighed.seen.answers,
        outcomes=weighed.seen.outcomes,
        findings=weighed.findings,
        rule=ws.project.release,
    )
    return [
        *decided(ws, ref, decision, was=stay.stage, findings=weighed.findings),
        *tell_taken_off(ws, ref, stay, decision, weighed),
    ]


def _replayed(ws: Workspace, ref: str, stay: Stay, *, timer: Callable[[], float]) -> list[Event]:
    now = ws.clock.now()
    done = replay(
        ws,
        body_of(ws, ref),
        since=now - span(ws.project.release.replay),
        until=now,
        learnt_until=ws.state.versions.get(ref).trained_until,
        stayed=now - stay.at,
        timer=timer,
    )
    if done.decision.verdict is None:
        return []
    return [
        replayed(ws, ref, done),
        *decided(ws, ref, done.decision, was=stay.stage),
        *tell_taken_off(ws, ref, stay, done.decision, done.weighed),
    ]


def decided(ws: Workspace, ref: str, decision: Decision, *, was: str, findings: Sequence[Finding] = ()) -> list[Event]:
    """Make the event that a verdict comes to: a stage up, or out; none without a verdict."""
    if decision.verdict is None:
        return []
    to = next_stage(was) if decision.verdict == "promote" else RETIRED
    assert to is not None
    event = staged(ws, ref, to, was=was, because=decision.reason)
    harm = msgspec.to_builtins(decision.harm)
    told = {"verdict": decision.verdict, "harm": harm, "findings": msgspec.to_builtins(findings)}
    return [msgspec.structs.replace(event, body={**event.body, **told})]
