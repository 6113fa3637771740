"""Taken off: the alarm that tells a team of a version that went before it was live, down for harm or unproven.

The verdict is `release.stages`'s, and is carried out before anybody reads of it.
"""

from typing import Any

import msgspec

from trivium.core.alarms import Severity
from trivium.core.events import Event
from trivium.loop.alarm import raise_alarms
from trivium.loop.weigh import Weighed
from trivium.loop.workspace import Workspace
from trivium.monitor.alarms import Finding, rule_for
from trivium.release.evidence import LATENCY
from trivium.release.stages import Decision
from trivium.release.versions import Stay

# How each measure is held against the live version: what a reader of the alarm may look up.
_TESTS = {"loss": "a confidence sequence on blocks of loss differences"}
_BET = "a bet that may be looked at any time"


def tell_taken_off(ws: Workspace, ref: str, stay: Stay, decision: Decision, weighed: Weighed) -> list[Event]:
    """Raise the alarm on a version that a verdict takes out of its stage; none where it goes up, or stays."""
    if decision.verdict not in ("roll back", "unknown"):
        return []
    finding = _harm(ws, ref, stay, decision) if decision.verdict == "roll back" else _unproven(ws, ref, stay, decision)
    if rule_for(finding.alarm, ws.project.alarms).severity == "off":
        return []
    evidence = {
        **finding.evidence,
        "stage": stay.stage,
        "verdict": decision.verdict,
        "answers": weighed.seen.answers,
        "outcomes": weighed.seen.outcomes,
        "findings": msgspec.to_builtins(weighed.findings),
    }
    return raise_alarms(ws, [msgspec.structs.replace(finding, evidence=evidence)])


def _harm(ws: Workspace, ref: str, stay: Stay, decision: Decision) -> Finding:
    """Say what harm took it down. People met the answers of a canary alone: of any other it can wait till morning."""
    found = decision.harm
    measure = found.measure if found else LATENCY
    told: dict[str, Any] = {"harm": msgspec.to_builtins(found), "test": _TESTS.get(measure, _BET)} if found else {}
    severity: Severity = "page" if stay.stage == "canary" else "note"
    # By measure, not by version: what a version's alarms were worth is asked after many versions.
    rule = f"harm {ws.project.model.name}: {measure}"
    what = f"{ref} was taken down at {stay.stage}: {decision.reason}"
    return _of_version(ws, ref, stay, alarm="harm", rule=rule, severity=severity, what=what, evidence=told)


def _unproven(ws: Workspace, ref: str, stay: Stay, decision: Decision) -> Finding:
    rule = f"unproven {ws.project.model.name}: {stay.stage}"
    what = f"{ref} was taken off at {stay.stage}, unproven: {decision.reason}"
    return _of_version(ws, ref, stay, alarm="unproven", rule=rule, severity="note", what=what)


def _of_version(ws: Workspace, ref: str, stay: Stay, **more: Any) -> Finding:
    return Finding(subject=ref, since=stay.at, until=ws.clock.now(), **more)
