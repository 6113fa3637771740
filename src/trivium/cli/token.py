"""`token create`, `list` and `revoke`: who may do what over the network."""

from trivium.cli.door import Answer, workspace
from trivium.cli.door import table as lay_out


def create(*, role: str, expires: str = "90d", name: str | None = None, because: str = "") -> Answer:
    """Make a token and show its secret, once."""
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
    columns = ("name", "role", "state", "made_at", "by", "expires_at", "revoked_by", "because")
    return Answer(
        {"tokens": found},
        [
            lay_out("Tokens", columns, [tuple(token[column] for column in columns) for token in found])
            if found
            else "no tokens yet: trivium token create --role predict"
        ],
    )


def revoke(name: str, /, *, because: str) -> Answer:
    """Take a token back; servers refuse it within 250 ms."""
    from trivium.loop.tokens import revoke_token, token_list

    ws = workspace()
    token = revoke_token(ws, name, because=because)
    told = next(each for each in token_list(ws) if each["name"] == token.name)
    return Answer({"token": told}, [f"{token.name} is revoked, by {token.revoked_by}"])
