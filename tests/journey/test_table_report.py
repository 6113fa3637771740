"""`trivium watch TABLE --report`: from a project's own ledger and summaries to a page, and what can go wrong."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import small_project
from html_page import Page
from terminal import say

DAYS = 40
NIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
START = NIGHT - timedelta(days=DAYS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Forty days, collected and watched; then one more, whose distances came in another unit."""
    folder = small_project.make(tmp_path_factory.mktemp("report") / "project", days=DAYS, start=START)
    last = max((folder / "data" / "visits").glob("*.parquet"))
    rows = pl.read_parquet(last)
    last.unlink()
    for _ in range(2):
        assert say("collect", project=folder).code == 0
        assert say("tick", project=folder).code == 0
        rows.with_columns(pl.col("distance") * 9).write_parquet(last)
    return folder


def test_the_command_writes_the_page(folder, tmp_path):
    """A folder that is not there is made; the page names the culprit, and what it drew."""
    report = tmp_path / "new" / "visits.html"
    said = say("watch", "visits", "--report", str(report), project=folder)
    assert said.code == 0, said.err
    page = Page(report.read_text())
    assert f"{DAYS} partitions of visits" in " ".join(page.words.split())
    assert "Before and after" in page.words and "distance" in page.words
    assert page.marks("middle") >= 2  # age and distance, by quantiles
    assert page.marks("blamed") == 1 + 1
    assert "1.0 north" not in page.words


def test_no_row_is_read(folder, tmp_path):
    """The partitions' own blobs may be gone: summaries are kept for ever, raw rows need not be."""
    import shutil

    copied = tmp_path / "project"
    shutil.copytree(folder, copied)
    removed = 0
    for blob in (copied / ".trivium").rglob("*"):
        if blob.is_file() and blob.read_bytes()[:4] == b"PAR1":
            blob.unlink()
            removed += 1
    assert removed
    assert say("watch", "visits", "--report", str(tmp_path / "a.html"), project=copied).code == 0


def test_the_same_ledger_gives_the_same_page(folder, tmp_path):
    """Twice the command, twice the same bytes."""
    pages = []
    for name in ("a.html", "b.html"):
        assert say("watch", "visits", "--report", str(tmp_path / name), project=folder).code == 0
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["live", "--report", "{}/a.html"], "TV-CLI-013"),
        (["visits", "--report", "{}/file/a.html"], "TV-CLI-014"),
        (["visits", "--report", "{}"], "TV-CLI-014"),
        (["visit", "--report", "{}/a.html"], "TV-RUN-006"),
    ],
)
def test_what_cannot_be_written_is_a_problem(folder, tmp_path, words, code):
    """The live model, a file where a folder should be, a folder where a file should be, an unknown table."""
    (tmp_path / "file").write_text("")
    said = say("watch", *[word.format(tmp_path) for word in words], "--json", project=folder)
    assert said.code == 2
    assert [problem["code"] for problem in said.problems] == [code], said.problems
    assert not (tmp_path / "a.html").exists()


def test_a_table_without_partitions_has_no_picture(tmp_path):
    """Before anything was collected, the problem says to collect."""
    folder = small_project.make(tmp_path / "project", days=2, start=NIGHT - timedelta(days=2))
    said = say("watch", "visits", "--report", str(tmp_path / "a.html"), "--json", project=folder)
    assert said.code == 2
    (problem,) = said.problems
    assert (problem["code"], problem["seen"]) == ("TV-RUN-060", "no partition was collected")


def test_the_checks_are_written_as_sql(folder):
    """One query for the warehouse, by the table's own checks."""
    said = say("contract", "sql", "visits", "--dialect", "postgresql", project=folder)
    assert said.code == 0, said.err
    assert 'AS "babies do not travel far"' in said.document["sql"]
    assert said.document["sql"].endswith('FROM "visits"\n')
    shown = say("contract", "sql", "visits", "--dialect", "postgresql", project=folder, as_json=False)
    assert shown.out.rstrip() == said.document["sql"].rstrip()
    assert say("contract", "sql", "visits", "--dialect", "oracle", project=folder).code == 2
