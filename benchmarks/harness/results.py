"""Figures as rows, as a table to read, and as a file to keep."""

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from harness.environments import ROOT

Row = dict[str, Any]
RESULTS = ROOT / "benchmarks" / "results"


def row(system: str, case: str, figure: str, unit: str, *, value: float, low: float, high: float, runs: int) -> Row:
    """Make one row of the results file."""
    known = {"system": system, "case": case, "figure": figure, "unit": unit}
    return {**known, "median": _short(value), "low": _short(low), "high": _short(high), "runs": runs}


def of_runs(system: str, case: str, figure: str, unit: str, values: Sequence[float]) -> Row:
    """Make the row of several runs: their median, least and greatest."""
    return row(system, case, figure, unit, value=median(values), low=min(values), high=max(values), runs=len(values))


def ratio(rows: Iterable[Row], case: str, figure: str, *, ours: str, over: str) -> Row:
    """Put our median over a peer's in one case: below 1 is less, so faster or smaller."""
    medians = {held["system"]: held["median"] for held in rows if (held["case"], held["figure"]) == (case, figure)}
    return {"case": case, "figure": figure, "ours_over": over, "ratio": _short(medians[ours] / medians[over])}


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def write(
    name: str,
    rows: Sequence[Row],
    *,
    versions: Mapping[str, str],
    ratios: Sequence[Row] = (),
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Write `benchmarks/results/NAME.json`."""
    document = {
        "name": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": dict(versions),
        **({"settings": dict(settings)} if settings else {}),
        "rows": list(rows),
        "ratios": list(ratios),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def machine() -> dict[str, Any]:
    """Tell what the figures were measured on, and how busy it was with other work."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def table(rows: Sequence[Row]) -> str:
    """Lay rows out to read, a row a line."""
    lines = [["case", "system", "figure", "median", "low to high", "runs"]]
    for held in rows:
        spread = f"{held['low']:g} to {held['high']:g}" if held["low"] != held["high"] else ""
        what = f"{held['median']:g} {held['unit']}"
        lines.append([held["case"], held["system"], held["figure"], what, spread, str(held["runs"])])
    return aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Pad cells to columns."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)
