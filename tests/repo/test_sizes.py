"""A module that has outgrown one concept is cut before it is a burden."""

import pytest

from repo.house import ROOT, modules

MOST_LINES = 400


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_can_be_read_in_one_go(path) -> None:
    """No module is longer than the house allows."""
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_packages_are_nouns_of_the_loop() -> None:
    """No module is named for having no concept."""
    homeless = {"utils", "util", "common", "helpers", "misc", "base", "manager"}
    assert [path for path in modules() if path.stem in homeless or path.parent.name in homeless] == []
