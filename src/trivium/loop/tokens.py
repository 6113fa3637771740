"""Tokens: make one and show its secret once, list them, take one back, and tell who is at the door."""

import secrets
from datetime import datetime
from typing import Any

from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.tokens import NAME, ROLES, SECRET_BYTES, Actor, Role, Token, secret_of
from trivium.core.values import iso, moment, sha256, span
from trivium.loop.workspace import Workspace

NEVER = "never"


def create_token(
    ws: Workspace, role: str, *, expires: str, name: str | None = None, because: str = ""
) -> tuple[Token, str]:
    """Make a token; the secret that comes back is written down nowhere else.

    Args:
        ws: the project.
        role: one of `ROLES`.
        expires: how long it is valid (`90d`), until when (`2027-01-31`), or `never`.
        name: what its changes are recorded under; its role and a number when left out.
        because: why, for the ledger.

    Raises:
        ProjectError: TV-RUN-080 no such role, -081 the name is taken or no name, -082 it would be expired at once;
            TV-PROJ-006 and -007 the time cannot be read.
    """
    if role not in ROLES:
        raise ProjectError(unknown_name("TV-RUN-080", "role", role, ROLES, where="--role"))
    drawn = secrets.token_bytes(SECRET_BYTES)
    made: list[str] = []

    def work() -> list[Event]:
        until = _until(ws, expires)
        chosen = _free_name(ws, role) if name is None else name
        if not NAME.fullmatch(chosen) or ws.state.tokens.named(chosen) is not None:
            raise _no_name(chosen, is_taken=bool(NAME.fullmatch(chosen)))
        secret = secret_of(chosen, drawn)
        made[:] = [secret, chosen]
        said = {"role": role, "digest": sha256(secret.encode()), "expires": None if until is None else iso(until)}
        return [ws.event("token_created", chosen, because=because, **said)]

    ws.unit(None, work)
    token = ws.state.tokens.named(made[1])
    assert token is not None
    return token, made[0]


def revoke_token(ws: Workspace, name: str, *, because: str) -> Token:
    """Take a token back, for good; one that was taken back before stays so.

    Raises:
        ProjectError (TV-RUN-083): there is none of that name.
    """

    def work() -> list[Event]:
        held = ws.state.tokens.named(name)
        if held is None:
            names = [token.name for token in ws.state.tokens.all()]
            raise ProjectError(unknown_name("TV-RUN-083", "token", name, names, where="trivium token revoke"))
        return [ws.event("token_revoked", name, because=because)] if held.revoked_at is None else []

    ws.unit(None, work)
    token = ws.state.tokens.named(name)
    assert token is not None
    return token


def token_list(ws: Workspace) -> list[dict[str, Any]]:
    """List every token with its role, state and times, without digests."""
    now = ws.clock.now()
    return [
        {
            "name": token.name,
            "role": token.role,
            "state": token.state(now),
            "made_at": iso(token.made_at),
            "by": token.by,
            "because": token.because,
            "expires_at": None if token.expires_at is None else iso(token.expires_at),
            "revoked_at": None if token.revoked_at is None else iso(token.revoked_at),
            "revoked_by": token.revoked_by,
        }
        for token in ws.state.tokens.all()
    ]


def who(ws: Workspace, secret: str, now: datetime) -> Actor | None:
    """Tell who holds a secret, as far as the state has been brought up; asks no disk."""
    return ws.state.tokens.holder(secret, now=now)


def any_tokens(ws: Workspace) -> bool:
    """Tell whether a token was ever made: then everybody needs one, those on this machine too."""
    return bool(ws.state.tokens.all())


def _until(ws: Workspace, expires: str) -> datetime | None:
    if expires == NEVER:
        return None
    now = ws.clock.now()
    until = now + span(expires, where="--expires") if expires[-1:].isalpha() else moment(expires, where="--expires")
    if until <= now:
        raise ProjectError(
            Problem(
                code="TV-RUN-082",
                what="the token would be expired at once",
                where="--expires",
                seen=f"{expires}, and it is {iso(now)}",
                fix="write a time to come, a length of time such as 90d, or never",
            )
        )
    return until


def _free_name(ws: Workspace, role: Role) -> str:
    number = 1
    while ws.state.tokens.named(f"{role}-{number}") is not None:
        number += 1
    return f"{role}-{number}"


def _no_name(name: str, *, is_taken: bool) -> ProjectError:
    """Names are not given twice: what was done under one must be one token's doing."""
    return ProjectError(
        Problem(
            code="TV-RUN-081",
            what=f"a token {name!r} was made before" if is_taken else f"{name!r} cannot name a token",
            where="--name",
            seen=name,
            fix="choose another name" if is_taken else "use letters, digits, . and -, 63 at most",
        )
    )
