"""The benchmarks' own tools: rows, ratios, tables, and measured processes."""

import sys
from pathlib import Path

import pytest

from harness import results
from harness.processes import run


def test_a_row_of_runs_is_their_median_least_and_greatest() -> None:
    """Of 3, 1 and 2 seconds the median is 2."""
    assert results.of_runs("trivium", "1M rows", "time", "s", [3.0, 1.0, 2.0]) == {
        "system": "trivium", "case": "1M rows", "figure": "time", "unit": "s",
        "median": 2.0, "low": 1.0, "high": 3.0, "runs": 3,
    }  # fmt: skip


def test_a_ratio_is_ours_over_theirs() -> None:
    """Half a second against five: 0.1."""
    rows = [results.of_runs(system, "c", "time", "s", [value]) for system, value in (("trivium", 0.5), ("peer", 5.0))]
    assert results.ratio(rows, "c", "time", ours="trivium", over="peer")["ratio"] == 0.1


def test_results_are_written_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has what a reader needs to judge the figures: versions, machine, rows, ratios."""
    import json

    monkeypatch.setattr(results, "RESULTS", tmp_path)
    rows = [results.of_runs("trivium", "c", "time", "s", [0.5])]
    written = json.loads(results.write("x", rows, versions={"trivium": "0"}).read_text())
    assert set(written) == {"name", "at", "machine", "versions", "rows", "ratios"}
    assert written["rows"] == rows
    assert "0.5 s" in results.table(rows)


def test_a_process_tells_its_figures_and_its_peak(tmp_path: Path) -> None:
    """A script that holds 50 MB tells at least so much; its job comes in, its figures come out."""
    script = tmp_path / "work.py"
    script.write_text(
        "from harness.told import job, tell\nheld = bytearray(50_000_000)\ntell({'seconds': job()['n']})\n"
    )
    ran = run(sys.executable, script, {"n": 2.5})
    assert ran.seconds == 2.5
    assert 50 <= ran.peak_mb <= 500


def test_a_process_that_fails_is_told(tmp_path: Path) -> None:
    """What it said last is in the message."""
    script = tmp_path / "work.py"
    script.write_text("raise SystemExit('no such column')")
    with pytest.raises(RuntimeError, match="no such column"):
        run(sys.executable, script, {})
