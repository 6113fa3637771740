"""Who may do what: tokens by role, names of hosts while there are none, and how often one client may ask.

A server on loopback whose project never had a token answers anybody on this machine. Once a token was made, tokens are
asked for there too; on any other address they always are, unless the server was told not to.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

from trivium.core.problems import Problem
from trivium.core.tokens import Actor, Role
from trivium.serve.exchange import Request
from trivium.serve.refusal import FORBIDDEN, TOO_MANY, UNAUTHORIZED, RefusedError

# Clients whose rate is remembered; the one that has been silent longest is forgotten first, and starts anew.
MOST_CLIENTS = 10_000


class Doorman(Protocol):
    """What a project says of who is at the door."""

    def asks(self) -> bool:
        """Tell whether tokens are asked for on loopback too: one was made at some time."""
        ...

    def who(self, secret: str) -> Actor | None:
        """Tell whose token it is; None for one that is not known, expired or revoked."""
        ...


class Gate:
    """Lets requests in, by model; a route of no model is let in by a token of any of the projects."""

    def __init__(
        self, doormen: Mapping[str, Doorman], *, is_loopback: bool, is_open: bool, rates: Mapping[str, float]
    ) -> None:
        self._doormen, self._is_loopback, self._is_open = dict(doormen), is_loopback, is_open
        self._buckets = {model: Buckets(rate) for model, rate in rates.items() if rate > 0}

    def enter(self, request: Request, *, role: Role | None, model: str | None) -> str:
        """Tell who asks; an empty name is anybody.

        Raises:
            RefusedError: TV-SERVE-050 no token, or one that is not valid; -051 its role may not; -052 the host's name
                is not one of this machine; -053 too many requests.
        """
        if role is None:
            return ""
        asked = [self._doormen[model]] if model is not None else list(self._doormen.values())
        actor = ""
        if not self._is_open:
            if self._is_loopback and not any(doorman.asks() for doorman in asked):
                _held_to_loopback(request)
            else:
                actor = _known(request, asked, role)
        if model in self._buckets and not self._buckets[model].take(actor or request.client, now=time.monotonic()):
            raise self._too_often(model)
        return actor

    def _too_often(self, model: str) -> RefusedError:
        rate = self._buckets[model].rate
        problem = Problem(
            code="TV-SERVE-053",
            what=f"more than {rate:g} requests a second from one client",
            where="serve.rate_per_s",
            fix="wait as Retry-After says, and put more rows into one request",
        )
        return RefusedError(TOO_MANY, problem, headers={"retry-after": str(max(1, round(1 / rate)))})


def _known(request: Request, asked: list[Doorman], role: Role) -> str:
    scheme, _, secret = request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    found = [who for doorman in asked if scheme.lower() == "bearer" and (who := doorman.who(secret.strip()))]
    if not found:
        problem = Problem(
            code="TV-SERVE-050",
            what="a valid token is needed" if secret else "a token is needed",
            where="Authorization",
            seen="a token that is unknown, expired or revoked" if secret else "no token",
            fix=f"make one with `trivium token create --role {role}`, and send it as `Authorization: Bearer TOKEN`",
        )
        raise RefusedError(UNAUTHORIZED, problem, headers={"www-authenticate": 'Bearer realm="trivium"'})
    for actor in found:
        if actor.may(role):
            return actor.name
    problem = Problem(
        code="TV-SERVE-051",
        what=f"this needs the role {role}",
        where="Authorization",
        seen=f"{found[0].name}, of the role {found[0].role}",
        fix=f"use a token made with --role {role}",
    )
    raise RefusedError(FORBIDDEN, problem)


def _held_to_loopback(request: Request) -> None:
    """Refuse a browser's request that a foreign page made by a name that leads here (DNS rebinding)."""
    host = request.headers.get(b"host", b"localhost")
    if not _is_own(host):
        problem = Problem(
            code="TV-SERVE-052",
            what="without tokens only this machine's own names are answered",
            where="Host",
            seen=host[:40].decode("latin-1"),
            fix="ask by 127.0.0.1 or localhost, or make tokens with `trivium token create`",
        )
        raise RefusedError(FORBIDDEN, problem)


@lru_cache(maxsize=256)
def _is_own(host: bytes) -> bool:
    text = host.decode("latin-1")
    return is_loopback(text[1 : text.find("]")] if text.startswith("[") else text.partition(":")[0])


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address is this machine's own, which nobody else can reach."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Buckets:
    """A token bucket per client: `rate` requests a second, and as many at once."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._most = max(1.0, rate)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str, *, now: float) -> bool:
        """Take one from the client's bucket, if there is one left at `now`, in seconds of any clock that runs on."""
        left, at = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self.rate)
        may = left >= 1
        self._left[client] = (left - 1 if may else left, now)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return may
