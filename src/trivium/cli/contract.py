"""`contract infer`, `contract check` and `contract diff`."""

from pathlib import Path
from typing import Any

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.door import table as lay_out


def _first_rows(name: str) -> Any:
    from trivium.core.problems import DataError, Problem
    from trivium.loop.collect import known_table
    from trivium.loop.file_chunks import read_file
    from trivium.loop.sources import FileSource

    ws = workspace()
    known_table(ws, name)
    frames = []
    for file in FileSource(ws.folder, ws.project).files(name):
        if isinstance(file, Problem):
            raise DataError(file)
        frames.append(read_file(file))
    import polars as pl

    return ws, pl.concat(frames, how="diagonal_relaxed")


def infer(name: str, /) -> Answer:
    """Propose a contract for a table from the rows of its files; print it as TOML."""
    from trivium.data.contract import infer as propose
    from trivium.data.contract import to_toml

    _, rows = _first_rows(name)
    columns = propose(rows)
    return Answer({"table": name, "columns": msgspec.to_builtins(columns)}, [to_toml(name, columns)])


def diff(name: str, /) -> Answer:
    """Compare a table's contract with what its files hold now."""
    from trivium.data.contract import diff as compare
    from trivium.data.contract import infer as propose

    ws, rows = _first_rows(name)
    lines = compare(ws.project.tables[name].columns, propose(rows))
    return Answer({"table": name, "differences": lines}, lines or ["the contract says what the files hold"])


def check(name: str, files: list[Path] | None = None, /) -> Answer:
    """Hold a table's files to its contract and checks, and change nothing.

    Parameters
    ----------
    name
        The table.
    files
        The files to check; those of the table's pattern when left out.
    """
    from trivium.loop.collect import check_files

    ws = workspace()
    found = check_files(ws, name, files)
    rows = [
        (
            each["partition"],
            each["read"],
            each["committed"],
            each["quarantined"],
            each["refused"],
            "; ".join(problem["code"] for problem in each["problems"]),
        )
        for each in found
    ]
    broken = [each for each in found if each["quarantined"] or each["refused"]]
    problems = [msgspec.convert(p, _problem()) for each in broken[:5] for p in each["problems"]]
    return Answer(
        {"table": name, "partitions": found},
        [
            lay_out(
                f"{name}: {len(found)} partitions, {len(broken)} with broken rows",
                ("partition", "read", "= good", "+ to quarantine", "+ to refuse", "problems"),
                [row for row in rows if row[3] or row[4]],
            ),
            *(str(problem) for problem in problems),
        ],
        exit_code=1 if broken else 0,
    )


def _problem() -> Any:
    from trivium.core.problems import Problem

    return Problem
