"""Who is let in: loopback at once, others by a token of the right role, nobody too often."""

import pytest

from trivium.core.tokens import Actor
from trivium.serve.access import Buckets, Gate, is_loopback
from trivium.serve.exchange import Request
from trivium.serve.refusal import RefusedError


class Door:
    """One token of each role; `asks` tells whether a token was ever made."""

    def __init__(self, asks=True):
        self._asks = asks

    def asks(self):
        return self._asks

    def who(self, secret):
        return Actor(f"token {secret}", secret) if secret in ("predict", "observe", "operate", "admin") else None


def gate(*, asks=True, is_loopback=False, is_open=False, rate=0.0):
    return Gate({"m": Door(asks)}, is_loopback=is_loopback, is_open=is_open, rates={"m": rate})


def enter(at, role="predict", *, token=None, host=b"127.0.0.1:8000", model="m", scheme="Bearer"):
    headers = {b"host": host} | ({b"authorization": f"{scheme} {token}".encode()} if token else {})
    return at.enter(Request("POST", "/", headers, "10.0.0.1", "r"), role=role, model=model)


@pytest.mark.parametrize(
    ("token", "role", "outcome"),
    [
        (None, "predict", (401, "TV-SERVE-050")),
        ("stolen", "predict", (401, "TV-SERVE-050")),
        ("predict", "predict", "token predict"),
        ("predict", "observe", (403, "TV-SERVE-051")),
        ("observe", "observe", "token observe"),
        ("observe", "predict", (403, "TV-SERVE-051")),
        ("operate", "predict", "token operate"),
        ("operate", "admin", (403, "TV-SERVE-051")),
        ("admin", "operate", "token admin"),
        (None, None, ""),
    ],
)
def test_a_role_opens_its_routes(token, role, outcome):
    """Each pair of role and route, from another machine."""
    try:
        found = enter(gate(), role, token=token)
    except RefusedError as error:
        found = (error.status, error.problems[0].code)
    assert found == outcome


def test_a_token_goes_by_bearer_alone():
    """Another scheme is no token; a route of no model takes one of any project."""
    with pytest.raises(RefusedError):
        enter(gate(), token="admin", scheme="Basic")
    assert enter(gate(), "observe", token="admin", model=None) == "token admin"


def test_loopback_works_at_once_until_a_token_is_made():
    """Nobody is asked for a token on this machine before there is one, and everybody after."""
    assert enter(gate(asks=False, is_loopback=True)) == ""
    with pytest.raises(RefusedError):
        enter(gate(asks=True, is_loopback=True))
    with pytest.raises(RefusedError):
        enter(gate(asks=False, is_loopback=False))
    assert enter(gate(asks=False, is_open=True)) == ""


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        (b"localhost", True),
        (b"127.0.0.1:1", True),
        (b"[::1]:80", True),
        (b"evil.example", False),
        (b"127.0.0.1.x", False),
    ],
)
def test_a_foreign_page_cannot_come_by_another_name(host, passes):
    """Without tokens, a name that was made to lead here is refused (DNS rebinding)."""
    try:
        enter(gate(asks=False, is_loopback=True), host=host)
        assert passes
    except RefusedError as error:
        assert (passes, error.problems[0].code) == (False, "TV-SERVE-052")


def test_a_client_that_asks_too_often_is_told_when_to_come_again():
    """As many at once as a second allows, then 429 with Retry-After."""
    at = gate(asks=False, is_open=True, rate=2.0)
    enter(at), enter(at)
    with pytest.raises(RefusedError) as caught:
        enter(at)
    assert (caught.value.status, caught.value.headers) == (429, {"retry-after": "1"})


def test_a_bucket_fills_by_its_rate():
    """2 a second: two at once, a third after half a second; another client has its own."""
    buckets = Buckets(2.0)
    taken = [buckets.take("a", now=now) for now in (0.0, 0.0, 0.0, 0.4, 0.5)]
    assert taken == [True, True, False, False, True]
    assert buckets.take("b", now=0.5)


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("x", False),
    ],
)
def test_what_others_cannot_reach(host, is_own):
    """All of 127/8 and ::1 are this machine's own; the wildcard addresses are everybody's."""
    assert is_loopback(host) is is_own
