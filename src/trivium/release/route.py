"""The route: which version answers, which try out beside it, and who stands behind it. One immutable value.

Folded from the ledger's `staged` and `rolled_back` events, so the route at any time in the past is the same fold. Who
stands behind every version (the heuristic, the default) and what salts the canaries' draw is the project's to say;
`Workspace.route` puts it in.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from trivium.core.events import Event

MOST_FALLBACKS = 3


# The events that move the route.
MOVES = ("staged", "rolled_back")


class Canary(msgspec.Struct, frozen=True):
    """A version that answers a share of the entities, 0 to 1."""

    ref: str
    share: float


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers. `live` None: no version answers, the heuristic does.

    `canaries` stand in the order they came. `fallback` holds earlier live versions, the most recent first. `since`,
    `by` and `because` tell of the last change of `live`. A version stands in one place at most. `heuristic` names the
    function behind every version, `default` is the last word, `salt` the model, whose canaries are drawn by themselves.
    """

    live: str | None = None
    canaries: tuple[Canary, ...] = ()
    shadow: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    heuristic: str | None = None
    default: float | None = None
    salt: str = ""
    since: datetime | None = None
    by: str = ""
    because: str = ""

    @property
    def canary_refs(self) -> tuple[str, ...]:
        """The canaries' names, in the order they came."""
        return tuple(canary.ref for canary in self.canaries)

    @property
    def named(self) -> tuple[str, ...]:
        """Every version that answers a request of this route, served or not: live, canaries, shadows, fallbacks."""
        live = () if self.live is None else (self.live,)
        return (*live, *self.canary_refs, *self.shadow, *self.fallback)


def with_only(route: Route, ready: Collection[str]) -> Route:
    """Make the route that can be answered by those versions alone, before the others are loaded.

    Canaries, shadows and fallbacks that are not ready are left out. A live version that is not ready waits behind the
    first fallback that is, so the one that it takes over from answers on; without one the heuristic answers.
    """
    fallback = tuple(ref for ref in route.fallback if ref in ready)
    live = route.live
    if live is not None and live not in ready:
        live, fallback = (fallback[0], fallback[1:]) if fallback else (None, ())
    return msgspec.structs.replace(
        route,
        live=live,
        canaries=tuple(canary for canary in route.canaries if canary.ref in ready),
        shadow=tuple(ref for ref in route.shadow if ref in ready),
        fallback=fallback,
    )


def advance(route: Route, event: Event) -> Route:
    """Fold one event into the route; events of other kinds leave it as it is.

    `staged` (subject: the version) takes the version from where it stood to its new stage; `retired` takes it out
    altogether. A version staged live sends the old one to the front of `fallback`; one staged to the canary comes after
    the canaries there are. `rolled_back` {to, from} makes `to` live again (None: the heuristic answers) and
    takes `from` (left out: the live version) out altogether, of `fallback` too. It comes back only if it is staged
    anew.
    """
    if event.kind == "staged":
        return _staged(route, event)
    if event.kind == "rolled_back":
        return _rolled_back(route, event)
    return route


def route_at(events: Iterable[Event], at: datetime | None = None) -> Route:
    """Fold the events, in their order, up to and with those of time `at`; None takes them all."""
    route = Route()
    for event in events:
        if at is None or event.at <= at:
            route = advance(route, event)
    return route


def _without(route: Route, ref: str | None) -> Route:
    """Take a version out of every place but `live`."""
    if ref is None:
        return route
    return msgspec.structs.replace(
        route,
        canaries=tuple(canary for canary in route.canaries if canary.ref != ref),
        shadow=tuple(each for each in route.shadow if each != ref),
        replay=tuple(each for each in route.replay if each != ref),
        fallback=tuple(each for each in route.fallback if each != ref),
    )


def _with_live(route: Route, live: str | None, *, event: Event) -> Route:
    because = event.because or str(event.body.get("reason") or "")
    return msgspec.structs.replace(route, live=live, since=event.at, by=event.actor, because=because)


def _staged(route: Route, event: Event) -> Route:
    ref, stage = event.subject, event.body["stage"]
    moved = _without(route, ref)
    if stage == "live":
        if route.live == ref:
            return route
        earlier = () if route.live is None else (route.live,)
        moved = msgspec.structs.replace(moved, fallback=(*earlier, *moved.fallback)[:MOST_FALLBACKS])
        return _with_live(moved, ref, event=event)
    if route.live == ref:
        moved = _with_live(moved, None, event=event)
    if stage == "canary":
        canary = Canary(ref, float(event.body.get("share") or 0.0))
        return msgspec.structs.replace(moved, canaries=(*moved.canaries, canary))
    if stage == "shadow":
        return msgspec.structs.replace(moved, shadow=(*moved.shadow, ref))
    if stage == "replay":
        return msgspec.structs.replace(moved, replay=(*moved.replay, ref))
    return moved


def _rolled_back(route: Route, event: Event) -> Route:
    back_to = event.body.get("to")
    away_from = event.body.get("from") or route.live
    moved = _without(_without(route, away_from), back_to)
    if back_to != route.live:
        moved = _with_live(moved, back_to, event=event)
    return moved
