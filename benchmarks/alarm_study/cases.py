"""The study's cases: which rows each table has in each, laid down once as Parquet for whoever reads them."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from alarm_study import faults, tables
from alarm_study.tables import EXTRA, TABLES, Table
from trivium.loop import faults as product_faults
from trivium.loop import strike as product_strike


def digest_of(paths: Iterable[Path], *more: object) -> str:
    """Name a state of some files, so that what was computed from another is not taken for it."""
    found = hashlib.sha256(json.dumps([str(one) for one in more]).encode())
    for path in sorted(paths):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".bench" / "alarms"
# Which rows are drawn is tuned on no more than which faults strike: the report's are others than the development's.
ROWS_SEED = {"development": 0, "report": 200}
IDENTICAL_DAYS = 1_030
# What says which rows a day has and how a fault changes them: what anybody said of other rows is void.
DRAWN_BY = digest_of(
    [Path(module.__file__ or "") for module in (tables, faults, product_strike)],
    sorted(product_faults.GRID.items()),
    sorted(product_faults.USUAL.items()),
)


@dataclass(frozen=True)
class Case:
    """Some rows for every table: `enough` (5,000 a day), `natural` (as many as there were) or `identical` (no days)."""

    name: str
    words: str


ENOUGH = Case("enough", "5,000 rows a day")
NATURAL = Case("natural", "the tables' own rows a day")
IDENTICAL = Case("identical", "identical distributions, 5,000 rows a partition")


def laid_down(case: Case, name: str, *, purpose: str, sources: Path, extra: Path | None = None) -> Path:
    """Write a table as a case has it, if it is not there; give its folder."""
    folder = CACHE / f"{case.name}-{name}-{purpose}-{digest_of([Path(tables.__file__)])}"
    if not (folder / "table.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = TABLES[name](sources) if name in TABLES else EXTRA[name](extra or sources)
        table, seed = made, ROWS_SEED[purpose]
        if case is ENOUGH:
            table = tables.resampled(table, seed=seed)
        if case is IDENTICAL:
            table = tables.identical(table, days=IDENTICAL_DAYS, seed=seed)
        table.rows.write_parquet(folder / "rows.parquet")
        said = {"name": name, "dates": [day.isoformat() for day in table.dates], "label": table.label}
        (folder / "table.json").write_text(json.dumps({**said, "outcomes": table.outcomes}))
    return folder


def read(folder: Path) -> Table:
    """Read a table that was laid down."""
    said = json.loads((folder / "table.json").read_text())
    dates = tuple(map(date.fromisoformat, said["dates"]))
    return Table(said["name"], pl.read_parquet(folder / "rows.parquet"), dates, said["label"], tuple(said["outcomes"]))
