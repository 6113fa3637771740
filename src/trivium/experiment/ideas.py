"""The funnel of ideas: how far each climbed, and what stopped it. A fold over the ledger; it decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from trivium.core.events import Event

RUNGS = ("sample", "full", "replay", "shadow", "canary", "live")
_STAGES = ("shadow", "canary", "live")


@dataclass(frozen=True, slots=True)
class Idea:
    """One run of one idea. `rung` is the highest it reached, `verdict` (pass, fail, unknown) what it got there.

    `steps` holds, per step, its memo key and whether it ran or was remembered.
    """

    name: str
    at: datetime
    run: str
    rung: str
    verdict: str
    reason: str
    params: Mapping[str, Any]
    version: str | None = None
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Ideas:
    """All ideas, folded from events `tried`, `versioned`, `judged` and `staged`; other kinds pass by."""

    def __init__(self) -> None:
        self._by_run: dict[str, Idea] = {}
        self._run_of: dict[str, str] = {}

    def apply(self, event: Event) -> None:
        """Take in the next event of the ledger."""
        fold = {
            "tried": self._tried,
            "versioned": self._versioned,
            "judged": self._judged,
            "staged": self._staged,
        }.get(event.kind)
        if fold:
            fold(event)

    def all(self) -> tuple[Idea, ...]:
        """Return every idea, in the order they were first tried."""
        return tuple(self._by_run.values())

    def of_version(self, version: str) -> Idea | None:
        """Return the idea a version came from; None for a version the ledger does not tie to one."""
        return self._by_run.get(self._run_of.get(version, ""))

    def funnel(self) -> list[tuple[str, int, int]]:
        """Count, for each rung from the lowest, the ideas that reached it and those that it stopped.

        An idea reached every rung below its highest. A verdict of fail or unknown stops.
        """
        ideas = self.all()
        return [
            (
                rung,
                sum(RUNGS.index(idea.rung) >= place for idea in ideas),
                sum(idea.rung == rung and idea.verdict != "pass" for idea in ideas),
            )
            for place, rung in enumerate(RUNGS)
        ]

    def _tried(self, event: Event) -> None:
        body = event.body
        before = self._by_run.get(body["run"])
        version = body.get("version") or (before.version if before else None)
        self._by_run[body["run"]] = Idea(
            name=body["name"],
            at=before.at if before else event.at,
            run=body["run"],
            rung=body["rung"],
            verdict=body["verdict"],
            reason=body["reason"],
            params=body["params"],
            version=version,
            steps=body["steps"],
        )
        if version:
            self._run_of[version] = body["run"]

    def _versioned(self, event: Event) -> None:
        run = event.body["run"]
        self._run_of[event.subject] = run
        if run in self._by_run:
            self._by_run[run] = replace(self._by_run[run], version=event.subject)

    def _judged(self, event: Event) -> None:
        """The gate's verdict stands until the version is staged; judging again later is no verdict on the idea."""
        idea = self.of_version(event.subject)
        if idea and idea.rung not in _STAGES:
            reason = "; ".join(event.body["reasons"])
            self._by_run[idea.run] = replace(idea, verdict=event.body["verdict"], reason=reason)

    def _staged(self, event: Event) -> None:
        """A stage lifts the idea; leaving the stages without having been live stops it at its highest."""
        idea = self.of_version(event.subject)
        if idea is None:
            return
        stage = event.body["stage"]
        if stage == "retired":
            if idea.rung != "live":
                self._by_run[idea.run] = replace(idea, verdict="fail", reason=event.because)
        elif stage in RUNGS and RUNGS.index(stage) >= RUNGS.index(idea.rung):
            self._by_run[idea.run] = replace(idea, rung=stage, verdict="pass", reason=event.because)
