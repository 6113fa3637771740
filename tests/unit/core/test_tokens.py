"""Tokens: what a role may do, what a secret opens, and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.events import Event
from trivium.core.tokens import ALLOWED, ROLES, Actor, Tokens, secret_of
from trivium.core.values import sha256

AT = datetime(2024, 1, 1, tzinfo=UTC)
SECRET = secret_of("ci", bytes(range(32)))


def made(**changes):
    body = {"role": "operate", "digest": sha256(SECRET.encode()), "expires": "2024-02-01", **changes}
    return Event(at=AT, kind="token_created", subject="ci", actor="ann", because="deploys", body=body)


def revoked(name="ci"):
    return Event(at=AT, kind="token_revoked", subject=name, actor="bob")


def folded(*events):
    tokens = Tokens()
    for event in events:
        tokens.apply(event)
    return tokens


def test_a_secret_by_hand():
    """A secret is a prefix, the token's name, and its bits in hexadecimal."""
    assert SECRET == "tv_ci_000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    with pytest.raises(ValueError, match="32 bytes"):
        secret_of("ci", b"short")


def test_roles():
    """A program that predicts reads nothing of others; an operator does both; only an admin does all."""
    may = {role: {needed for needed in ROLES if Actor("x", role).may(needed)} for role in ROLES}
    assert may == {
        "predict": {"predict"},
        "observe": {"observe"},
        "operate": {"predict", "observe", "operate"},
        "admin": {"predict", "observe", "operate", "admin"},
    }
    assert set(ALLOWED) == set(ROLES)


def test_who_holds_it():
    """The secret opens until its time, and not at it."""
    tokens = folded(made())
    assert tokens.holder(SECRET, now=AT) == Actor("token ci", "operate")
    expires = datetime(2024, 2, 1, tzinfo=UTC)
    assert tokens.holder(SECRET, now=expires - timedelta(microseconds=1)) is not None
    assert tokens.holder(SECRET, now=expires) is None
    assert [token.state(expires) for token in tokens.all()] == ["expired"]


def test_without_an_end():
    """A token without an expiry is valid until it is revoked; then no more."""
    tokens = folded(made(expires=None))
    assert tokens.holder(SECRET, now=AT + timedelta(days=9999)) is not None
    tokens.apply(revoked())
    assert tokens.holder(SECRET, now=AT) is None
    token = tokens.named("ci")
    assert (token.state(AT), token.revoked_by, token.by, token.because) == ("revoked", "bob", "ann", "deploys")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "tv_",
        SECRET[:-1],
        SECRET + "0",
        SECRET[:-1] + "e",
        SECRET.upper(),
        secret_of("ci", bytes(32)),
        secret_of("other", bytes(range(32))),
        "tv_" + "é" * 80,
    ],
)
def test_what_opens_nothing(wrong):
    """Anything but the very secret is nobody's."""
    assert folded(made()).holder(wrong, now=AT) is None


def test_other_events_pass():
    """Events about other things change nothing."""
    assert folded(Event(at=AT, kind="ticked", subject="m", actor="a")).all() == []
