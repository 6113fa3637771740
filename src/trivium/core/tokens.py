"""Tokens: who may do what over the network. Values and their fold; the secrets themselves are kept nowhere."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

from trivium.core.events import Event
from trivium.core.values import moment, sha256

Role = Literal["predict", "observe", "operate", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
# What a role may do is named as the roles are. A program that asks for predictions does not read those of others.
ALLOWED: Mapping[Role, frozenset[Role]] = {
    "predict": frozenset({"predict"}),
    "observe": frozenset({"observe"}),
    "operate": frozenset({"predict", "observe", "operate"}),
    "admin": frozenset(ROLES),
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
SECRET_BYTES = 32
_PREFIX = "tv_"


class Actor(msgspec.Struct, frozen=True):
    """Who is at the door: the name that its changes are recorded under, and its role."""

    name: str
    role: Role

    def may(self, needed: Role) -> bool:
        """Tell whether the role allows what is asked."""
        return needed in ALLOWED[self.role]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as the ledger knows it. `digest` is the sha256 of its secret: 256 drawn bits need no slow hash."""

    name: str
    role: Role
    digest: str
    made_at: datetime
    by: str
    because: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    def state(self, now: datetime) -> str:
        """Tell `valid`, `expired` or `revoked`; it expires at its time, not after it."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "valid"


class Tokens:
    """A fold over `token_created` and `token_revoked` events."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        if event.kind == "token_created":
            expires = event.body["expires"]
            self._tokens[event.subject] = Token(
                name=event.subject,
                role=event.body["role"],
                digest=event.body["digest"],
                made_at=event.at,
                by=event.actor,
                because=event.because,
                expires_at=None if expires is None else moment(expires),
            )
        elif event.kind == "token_revoked":
            held = self._tokens[event.subject]
            self._tokens[event.subject] = msgspec.structs.replace(held, revoked_at=event.at, revoked_by=event.actor)

    def all(self) -> list[Token]:
        """List every token there ever was, in the order they were made."""
        return list(self._tokens.values())

    def named(self, name: str) -> Token | None:
        """Find a token by its name."""
        return self._tokens.get(name)

    def holder(self, secret: str, *, now: datetime) -> Actor | None:
        """Tell who holds a secret; None where no valid token has it. Takes as long whatever part of it is right."""
        token = self._tokens.get(secret[len(_PREFIX) : -2 * SECRET_BYTES - 1])
        if token is None or not hmac.compare_digest(sha256(secret.encode()), token.digest):
            return None
        return Actor(f"token {token.name}", token.role) if token.state(now) == "valid" else None


def secret_of(name: str, drawn: bytes) -> str:
    """Write a token's secret: `tv_`, its name, and 64 digits. A scanner for leaked secrets finds it by its form."""
    if len(drawn) != SECRET_BYTES:
        raise ValueError(f"a secret is drawn from {SECRET_BYTES} bytes, not {len(drawn)}")
    return f"{_PREFIX}{name}_{drawn.hex()}"
