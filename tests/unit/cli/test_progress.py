"""The bar of a walk over the history."""

from collections.abc import Iterator

import pytest

from trivium.cli.door import MEANT, Meant
from trivium.cli.progress import ticks_bar


@pytest.fixture(autouse=True)
def _meant() -> Iterator[None]:
    """No option of a command that another test called."""
    before = MEANT.set(Meant())
    yield
    MEANT.reset(before)


def _walk(words: list[str]) -> None:
    with ticks_bar(lambda done: (done, 2, words[done - 1])) as told:
        for done in (1, 2):
            told(done)


def test_a_terminal_sees_where_the_walk_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes on and how many ticks are done stand on standard error."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    _walk(["2013-01-01", "2013-01-02"])
    said = capsys.readouterr()
    assert "2013-01-02" in said.err and "2/2" in said.err
    assert said.out == ""


def test_a_file_sees_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard error is no terminal, a log is spared."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    _walk(["a", "b"])
    assert capsys.readouterr() == ("", "")
