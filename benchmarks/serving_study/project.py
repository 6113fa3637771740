"""A Trivium project around the trees: its tables, its checks, and two versions, of which the second is live."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from harness.environments import ROOT
from harness.kept import digest_of
from serving_study.model import COLUMNS, Model, frame_of, labels_of, rows_of

COMMAND = [sys.executable, "-c", "from trivium.cli.main import main; main()"]
NAME = "trees"
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 12
ROWS_A_DAY = 500

SETTINGS = """\
[model]
name = "trees"
task = "binary"
code = "pipeline.py"
row_id = "row_id"
time = "at"
label = "truth"
label_delay = "1d"
default = 0.5
{model}
[outcomes]
table = "truths"
label = "truth"
at = "known_at"

[tables.rows]
files = "data/rows/*.parquet"
time = "at"
key = ["row_id"]

[tables.rows.columns]
row_id = {{ type = "str", nulls = 0 }}
at = {{ type = "datetime", nulls = 0 }}
{columns}

[tables.truths]
files = "data/truths/*.parquet"
time = "known_at"
key = ["row_id"]

[tables.truths.columns]
row_id = {{ type = "str", nulls = 0 }}
known_at = {{ type = "datetime", nulls = 0 }}
truth = {{ type = "bool", nulls = 0 }}

[[checks]]
name = "the first two are no twins"
on = "request"
must = "f00 <> f01 or f00 = 0"
else = "warn"
because = "a caller that sends one value twice has mixed up its columns"
owner = "bench"

[[checks]]
name = "a far third is never sure"
on = "prediction"
must = "not (f02 > 3.5 and prediction > 0.99)"
else = "review"
because = "hardly any row of the training lies there"
owner = "bench"

[[metrics]]
name = "log_loss"
primary = true

[gate]
margins = {{ log_loss = 1.0 }}
least_rows = 100

[params.model]
which = 1

[serve]
{serve}
"""

PIPELINE = '''\
"""The trees that every system of the benchmark serves, fitted beforehand."""

import polars as pl
import trivium as tv

COLUMNS = [f"f{{place:02}}" for place in range(20)]


@tv.step
def features(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(COLUMNS)


@tv.step
def model(features: pl.DataFrame, label: pl.Series, *, which: int):
    import joblib

    return joblib.load({model!r} if which == 1 else {other!r})
'''
HEURISTIC = """

@tv.heuristic
def usually(features: pl.DataFrame) -> pl.Series:
    return features.select(pl.when(pl.col("f02") > 0.5).then(0.7).otherwise(0.4))["literal"]
"""


def trivium(project: Path, *words: str, may_lose: bool = False, anywhere: bool = False) -> Any:
    """Run a command of this checkout on a project, and give what it says.

    `may_lose` lets a verdict go against it; `anywhere` names no project.

    Raises:
        RuntimeError: it ended with another code; what it said is in the message.
    """
    command = [*COMMAND, *([] if anywhere else ["--project", str(project)]), *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own_environment())
    if done.returncode > int(may_lose):
        said = f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        raise RuntimeError(f"trivium {' '.join(words)} ended with {done.returncode}:\n{said}")
    return json.loads(done.stdout)


def own_environment() -> dict[str, str]:
    """Give the environment in which a process imports this checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "benchmarks")))}


def kept(folder: Path, model: Model, *, more: str = "", alone: bool = False) -> Path:
    """Give the project as `made` makes it; made anew where other code made it, so that no old version is asked."""
    stamp, code = folder / "made-by", code_digest()
    if not stamp.exists() or stamp.read_text() != code:
        made(folder, model, more=more, alone=alone)
        stamp.write_text(code)
    return folder


def code_digest() -> str:
    """Name the state of the code that makes and serves projects."""
    return digest_of([ROOT / "src" / "trivium", Path(__file__)])


def made(folder: Path, model: Model, *, more: str = "", serve: str = "", alone: bool = False) -> Path:
    """Make the project anew with two versions: v2 (the trees) is live; v1 (others) was, and a rollback leads there.

    Version v1 and a heuristic are then asked about every row beside, for the log. `alone`, the trees are v1 and there
    is nobody else. `more` goes into [model], `serve` into [serve].
    """
    shutil.rmtree(folder, ignore_errors=True)
    for table in ("rows", "truths"):
        (folder / "data" / table).mkdir(parents=True)
    columns = "\n".join(f'{name} = {{ type = "float", min = -50, max = 50 }}' for name in COLUMNS)
    (folder / "trivium.toml").write_text(SETTINGS.format(model=more, columns=columns, serve=serve))
    code = PIPELINE.format(model=str(model.path), other=str(model.other))
    (folder / "pipeline.py").write_text(code if alone else code + HEURISTIC)
    for day in range(DAYS):
        _write_day(folder, day)
    trivium(folder, "collect")
    for version, which in (("v1", 1),) if alone else (("v1", 2), ("v2", 1)):
        trivium(folder, "try", "--set", f"model.which={which}")
        trivium(folder, "release", version, "--to", "live", "--because", "the benchmark's")
    return folder


def _write_day(folder: Path, day: int) -> None:
    """Write a day's rows, and its truths, known two hours later and so in two partitions."""
    rows = rows_of(ROWS_A_DAY, seed=100 + day)
    begins = START + timedelta(days=day)
    at = [begins + timedelta(minutes=2 * place) for place in range(ROWS_A_DAY)]
    names = [f"{begins:%Y%m%d}-{place:04}" for place in range(ROWS_A_DAY)]
    when = pl.Series("at", at, dtype=pl.Datetime("us", "UTC"))
    frame_of(rows, names).insert_column(1, when).write_parquet(folder / "data" / "rows" / f"{begins:%Y-%m-%d}.parquet")
    truths = pl.DataFrame(
        {"row_id": names, "known_at": when + timedelta(hours=2), "truth": labels_of(rows, seed=100 + day)}
    )
    for known, part in truths.group_by(pl.col("known_at").dt.date(), maintain_order=True):
        path = folder / "data" / "truths" / f"{known[0]}.parquet"
        held = [pl.read_parquet(path)] if path.exists() else []
        pl.concat([*held, part]).write_parquet(path)
