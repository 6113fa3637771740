"""Who meets which canary: a sticky hash of the entity. Not the route, which says who the canaries are."""

import hashlib
from collections.abc import Iterable

from trivium.release.route import Route

_WHOLE = 1 << 64


class Arms:
    """The route's arms: the live version's, and one for each canary. Made once a route, asked for each request.

    An entity is drawn for each canary by itself, in the order of the route, and falls into the first that draws it. So
    a greater share keeps all those in who were in, the same entity meets the same arm in every process and on every
    machine (BLAKE2b, RFC 7693), and two rollouts, or two models, do not fall upon the same entities.
    """

    def __init__(self, route: Route) -> None:
        self._draws = [
            (
                canary.ref,
                hashlib.blake2b(f"{route.salt}/{canary.ref}\0".encode(), digest_size=8),
                int(min(max(canary.share, 0.0), 1.0) * _WHOLE),
            )
            for canary in route.canaries
        ]

    def of(self, entity: str) -> str | None:
        """Name the canary that answers an entity; None where the live version does."""
        for ref, salted, below in self._draws:
            one = salted.copy()
            one.update(entity.encode())
            if int.from_bytes(one.digest(), "big") < below:
                return ref
        return None

    def assign(self, entities: Iterable[str]) -> list[str | None]:
        """Name the canary of each entity, in their order; see `of`."""
        if not self._draws:
            return [None for _ in entities]
        return [self.of(entity) for entity in entities]

    @property
    def shares(self) -> dict[str | None, float]:
        """The share of entities that each arm meets; they add up to 1. None is the live version's arm."""
        left = 1.0
        shares: dict[str | None, float] = {}
        for ref, _, below in self._draws:
            shares[ref] = left * below / _WHOLE
            left *= 1.0 - below / _WHOLE
        return {**shares, None: left}
