"""Tokens in a project: made, shown once, listed, taken back, each with who did it."""

import json
from datetime import timedelta

import pytest

import small_project
from terminal import say
from trivium.core.problems import ProjectError
from trivium.loop.tokens import any_tokens, create_token, revoke_token, token_list, who
from trivium.loop.workspace import Workspace


@pytest.fixture
def ws(tmp_path):
    return Workspace(small_project.make(tmp_path, days=1), actor="ann", durable=False)


def test_made_and_known(ws):
    """Whoever shows the secret is known by the token's name and role; before the first token nobody needs one."""
    assert not any_tokens(ws)
    token, secret = create_token(ws, "predict", expires="90d", because="the shop")
    assert any_tokens(ws)
    now = ws.clock.now()
    actor = who(ws, secret, now)
    assert (actor.name, actor.role) == ("token predict-1", "predict")
    assert timedelta(days=89) < token.expires_at - now <= timedelta(days=90)
    assert who(ws, secret + "x", now) is None


def test_the_secret_is_kept_nowhere(ws):
    """Neither the ledger nor the list holds the secret, and the list holds no digest."""
    _, secret = create_token(ws, "admin", expires="never", name="root")
    digits = secret.rpartition("_")[2]
    assert digits not in json.dumps([event.body for event in ws.ledger.events()])
    [told] = token_list(ws)
    assert (told["name"], told["role"], told["state"], told["by"], told["expires_at"]) == (
        "root",
        "admin",
        "valid",
        "ann",
        None,
    )
    assert "digest" not in told


def test_another_process_knows_it_too(ws):
    """A token made here opens the door of a server that has its own workspace, once that one has caught up."""
    server = Workspace(ws.folder, durable=False)
    server.refresh()
    _, secret = create_token(ws, "observe", expires="1d")
    assert who(server, secret, ws.clock.now()) is None
    server.refresh()
    assert who(server, secret, ws.clock.now()).role == "observe"
    revoke_token(ws, "observe-1", because="leaked")
    server.refresh()
    assert who(server, secret, ws.clock.now()) is None


def test_revoked_twice(ws):
    """Taking a token back again changes nothing: the first to do it stays on record."""
    create_token(ws, "predict", expires="1d", name="x")
    revoke_token(ws, "x", because="first")
    revoke_token(ws, "x", because="second")
    assert [event.because for event in ws.ledger.events(kind="token_revoked")] == ["first"]


def test_names_are_not_given_twice(ws):
    """A name stays its token's, revoked or not; made-up names count on."""
    create_token(ws, "predict", expires="1d")
    create_token(ws, "predict", expires="1d")
    revoke_token(ws, "predict-1", because="rotate")
    create_token(ws, "predict", expires="1d")
    assert [told["name"] for told in token_list(ws)] == ["predict-1", "predict-2", "predict-3"]
    with pytest.raises(ProjectError, match="TV-RUN-081"):
        create_token(ws, "predict", expires="1d", name="predict-1")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"role": "root"}, "TV-RUN-080"),
        ({"name": "a_b"}, "TV-RUN-081"),
        ({"name": ""}, "TV-RUN-081"),
        ({"name": "x" * 64}, "TV-RUN-081"),
        ({"expires": "2013-01-01"}, "TV-RUN-082"),
        ({"expires": "0d"}, "TV-PROJ-006"),
        ({"expires": "soon"}, "TV-PROJ-006"),
        ({"expires": ""}, "TV-PROJ-007"),
    ],
)
def test_what_is_refused(ws, words, code):
    """A role, name or time that makes no sense is refused, and no token is made."""
    asked = {"role": "predict", "expires": "1d", "name": None, **words}
    with pytest.raises(ProjectError, match=code):
        create_token(ws, asked.pop("role"), **asked)
    assert not any_tokens(ws)


def test_none_of_that_name(ws):
    """A token that was never made cannot be taken back; the nearest name is told."""
    create_token(ws, "predict", expires="1d", name="shop")
    with pytest.raises(ProjectError, match="did you mean 'shop'"):
        revoke_token(ws, "shp", because="x")


def test_the_commands(tmp_path):
    """Created, the secret is in the answer; listed, it is not; revoked, the list says so."""
    folder = small_project.make(tmp_path, days=1)
    made = say("token", "create", "--role", "operate", "--expires", "30d", "--name", "ci", project=folder)
    assert made.code == 0
    assert made.document["secret"].startswith("tv_ci_")
    assert made.document["token"]["state"] == "valid"
    [told] = say("token", project=folder).document["tokens"]
    assert told["name"] == "ci"
    said = say("token", "revoke", "ci", "--because", "rotated", project=folder)
    assert said.document["token"]["state"] == "revoked"
    assert say("token", "create", "--role", "predit", project=folder).problems[0]["code"] == "TV-RUN-080"
