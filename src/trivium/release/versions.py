"""Versions: what each one is made of, how it was judged and where it stood. A fold over the ledger's events."""

from datetime import datetime
from typing import Any

import msgspec

from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError, StoreError, unknown_name
from trivium.core.values import moment
from trivium.release.route import Route, advance

_TIMES = ("trained_from", "trained_until", "holdout_until")


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable version: its artifact and all that went into it. Times are UTC; `rows` it was trained on.

    `artifact` is the blob that answers, of the given `form`, from the features `columns`; `original` the blob of the
    model as it was fitted, None where no safe format holds it. `parity` says how far the two are apart, `not_compiled`
    why the artifact is the original itself.
    """

    ref: str
    at: datetime
    model: str
    idea: str | None = None
    run: str | None = None
    parent: str | None = None
    artifact: str
    original: str | None = None
    form: str = "skops"
    columns: tuple[str, ...] = ()
    parity: dict[str, Any] | None = None
    not_compiled: str = ""
    tables: dict[str, str] = {}
    config: dict[str, Any] = {}
    code: dict[str, Any] = {}
    environment: str = ""
    seed: int = 0
    trained_from: datetime | None = None
    trained_until: datetime | None = None
    holdout_until: datetime | None = None
    rows: int = 0
    because: str = ""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict of the gate on a version; `scorecard` is the digest of its blob."""

    at: datetime
    against: str | None
    verdict: str
    reasons: tuple[str, ...] = ()
    scorecard: str | None = None


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """A version came to a stage; `retired` and `rolled_back` are stages too, from which it went."""

    at: datetime
    stage: str
    by: str
    because: str = ""


def from_event(event: Event) -> Version:
    """Read a version from its `versioned` event.

    Raises:
        StoreError (TV-REL-003): the event lacks what makes a version.
    """
    body = dict(event.body)
    for name in _TIMES:
        if isinstance(body.get(name), str):
            body[name] = moment(body[name], where=f"event {event.seq}")
    try:
        return msgspec.convert({**body, "ref": event.subject, "at": event.at, "because": event.because}, Version)
    except msgspec.ValidationError as error:
        raise StoreError(
            Problem(
                code="TV-REL-003",
                what=f"the event that made {event.subject!r} does not describe a version",
                where=f"ledger, event {event.seq}",
                seen=str(error),
                fix="restore the ledger from its backup, or train the version again",
            )
        ) from None


class Versions:
    """All versions of the ledger, with their verdicts, their stages and the route that they make up."""

    def __init__(self) -> None:
        self._versions: dict[str, Version] = {}
        self._verdicts: dict[str, list[Judgement]] = {}
        self._stays: dict[str, list[Stay]] = {}
        self._route = Route()

    @property
    def route(self) -> Route:
        """The route after the last event applied."""
        return self._route

    def apply(self, event: Event) -> None:
        """Fold one event in; kinds that say nothing of versions are passed over."""
        if event.kind == "versioned":
            self._versions[event.subject] = from_event(event)
        elif event.kind == "judged":
            self._verdicts.setdefault(event.subject, []).append(_judgement(event))
        elif event.kind == "staged":
            self._stay(event.subject, str(event.body["stage"]), event)
        elif event.kind == "rolled_back":
            away_from = event.body.get("from") or self._route.live
            if away_from is not None:
                self._stay(away_from, "rolled_back", event)
            if event.body.get("to") is not None:
                self._stay(event.body["to"], "live", event)
        self._route = advance(self._route, event)

    def _stay(self, ref: str, stage: str, event: Event) -> None:
        because = event.because or str(event.body.get("reason") or "")
        self._stays.setdefault(ref, []).append(Stay(at=event.at, stage=stage, by=event.actor, because=because))

    def all(self) -> tuple[Version, ...]:
        """List the versions in the order they were made."""
        return tuple(self._versions.values())

    def get(self, ref: str) -> Version:
        """Find a version by its own name, such as `v3`.

        Raises:
            ProjectError (TV-REL-001): there is no such version.
        """
        if ref not in self._versions:
            raise ProjectError(_unknown(ref, list(self._versions)))
        return self._versions[ref]

    def next_ref(self) -> str:
        """Name the version that is made next: `v1`, `v2` and so on; a number is never used twice."""
        numbers = [int(ref[1:]) for ref in self._versions if ref[:1] == "v" and ref[1:].isdecimal()]
        return f"v{max(numbers, default=0) + 1}"

    def verdicts(self, ref: str) -> tuple[Judgement, ...]:
        """List the verdicts on a version, the oldest first."""
        return tuple(self._verdicts.get(ref, ()))

    def stays(self, ref: str) -> tuple[Stay, ...]:
        """List the stages a version came to, the oldest first."""
        return tuple(self._stays.get(ref, ()))

    def stage(self, ref: str) -> str | None:
        """Tell the stage a version came to last; None where it was never staged.

        An earlier live version that a later one took over from stays `live` in its own history; `route` tells who
        answers.
        """
        stays = self._stays.get(ref)
        return stays[-1].stage if stays else None

    def resolve(self, name: str) -> Version:
        """Find a version by `live`, `previous` (the live version before it) or its own name.

        Raises:
            ProjectError: TV-REL-001 there is no such version, TV-REL-002 no version is live or previous.
        """
        if name not in ("live", "previous"):
            return self.get(name)
        ref = self._route.live if name == "live" else next(iter(self._route.fallback), None)
        if ref is None:
            raise ProjectError(
                Problem(
                    code="TV-REL-002",
                    what=f"no version is {name}",
                    where="route",
                    seen=", ".join(self._versions) or "no versions",
                    fix="name a version, or release one: trivium release VERSION --to live",
                )
            )
        return self.get(ref)


def _unknown(ref: str, known: list[str]) -> Problem:
    if known:
        return unknown_name("TV-REL-001", "version", ref, known, where="versions")
    what, fix = f"unknown version {ref!r}: there is none yet", "make one: trivium try"
    return Problem(code="TV-REL-001", what=what, where="versions", seen=ref, fix=fix)


def _judgement(event: Event) -> Judgement:
    body = event.body
    return Judgement(
        at=event.at,
        against=body.get("against"),
        verdict=str(body["verdict"]),
        reasons=tuple(body.get("reasons") or ()),
        scorecard=body.get("scorecard"),
    )
