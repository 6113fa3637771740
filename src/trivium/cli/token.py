"""`token create`, `list` and `revoke`: who may do what over the network."""

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Reason


def create(*, role: str, expires: str = "90d", name: str | None = None, because: str = "") -> Answer:
    """Make a token and show its secret, once.

    Parameters
    ----------
    role
        What it may do: predict (ask, and tell outcomes), observe (read), operate (both, and change), admin (all).
    expires
        A length of time, a date or time, or `never`.
    name
        Letters, digits, . and -; its role and a number when left out.
    because
        Why, for the ledger.
    """
    from rich.text import Text

    from trivium.loop.tokens import create_token, token_list

    ws = workspace()
    token, secret = create_token(ws, role, expires=expires, name=name, because=because)
    told = next(each for each in token_list(ws) if each["name"] == token.name)
    until = f"until {told['expires_at']}" if told["expires_at"] else "until it is revoked"
    return Answer(
        {"token": told, "secret": secret},
        [
            f"token {token.name}, role {token.role}, valid {until}",
            Text(secret, no_wrap=True),
            "copy the secret now: it is kept nowhere and cannot be shown again",
        ],
    )


def list_() -> Answer:
    """List the tokens: role, state, who made each and until when it is valid; no secrets, since none are kept."""
    from trivium.loop.tokens import token_list

    found = token_list(workspace())
    columns = ("name", "role", "state", "until", "made", "by", "because")
    rows = [
        (
            token["name"],
            token["role"],
            f"revoked by {token['revoked_by']}" if token["revoked_by"] else token["state"],
            token["expires_at"] or "revoked",
            token["made_at"],
            token["by"],
            token["because"],
        )
        for token in found
    ]
    nothing = "no tokens yet: trivium token create --role predict"
    return Answer({"tokens": found}, [lay_out("Tokens", columns, rows) if rows else nothing])


def revoke(name: str, /, *, because: Reason) -> Answer:
    """Take a token back; servers refuse it within 250 ms.

    Parameters
    ----------
    name
        The token's name, as `trivium token list` shows it.
    because
        Why, for the ledger.
    """
    from trivium.loop.tokens import revoke_token, token_list

    ws = workspace()
    token = revoke_token(ws, name, because=because)
    told = next(each for each in token_list(ws) if each["name"] == token.name)
    return Answer({"token": told}, [f"{token.name} is revoked, by {token.revoked_by}"])
