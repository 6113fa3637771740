"""Who is recorded as the author of what a client says."""

import pytest

from trivium.serve.exchange import Request
from trivium.serve.reviews import author


@pytest.mark.parametrize(
    ("actor", "client", "by", "said"),
    [
        ("token ann", "10.0.0.7", None, "token ann"),
        ("token desk", "10.0.0.7", "ann", "ann (token desk)"),
        ("", "127.0.0.1", None, "anybody on this machine"),
        ("", "::1", "ann", "ann (anybody on this machine)"),
        ("", "10.0.0.7", None, "anybody at 10.0.0.7"),
    ],
)
def test_the_author(actor: str, client: str, by: str | None, said: str) -> None:
    """The token where there is one, else the place; and the person whom the request names, never in their stead."""
    assert author(Request("POST", "/", {}, client, "r1", actor=actor), by) == said
