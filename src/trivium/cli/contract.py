"""`contract infer`, `contract check`, `contract diff` and `contract sql`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count

if TYPE_CHECKING:
    from trivium.loop.infer_contract import Inferred


def infer(name: str, files: list[Path] | None = None, /, *, write: bool = False, replace: bool = False) -> Answer:
    """Propose a contract from a table's past, each line with its evidence and what it would have refused.

    Parameters
    ----------
    name
        The table.
    files
        What to look at; the partitions collected so far when left out, and the table's files before there are any.
    write
        Put the lines that are new into trivium.toml.
    replace
        Let them take the place of lines that stand there.
    """
    from trivium.loop.infer_contract import infer_contract, write_contract

    ws = workspace()
    found = infer_contract(ws, name, files=files or [], replace=replace)
    written = write and write_contract(ws, found)
    new = found.new
    left = [column for column in found.lines if column not in new.columns]
    return Answer(
        {
            "table": name,
            "from": found.past,
            "columns": {
                column: {
                    "line": text,
                    "evidence": found.proposal.lines[column].why,
                    "tried": found.proposal.lines[column].tried,
                    "is_new": column in new.columns,
                }
                for column, text in found.lines.items()
            },
            "key": list(found.proposal.key),
            "checks": [msgspec.to_builtins(check) for check, _ in found.proposal.checks],
            "written": written,
        },
        [*_proposal(name, found), _outcome(left, written=written, write=write, replace=replace)],
    )


def _proposal(name: str, found: "Inferred") -> list[Any]:
    from rich.text import Text

    from trivium.data.contract import header

    lines = [f"# from {found.past}"]
    lines += [header("tables", name), found.new.key] if found.new.key else []
    lines += [header("tables", name, "columns"), *found.lines.values()]
    for check in found.new.checks:
        lines += ["", *check]
    # As it is written, so that it can be copied: brackets are no markup, and no line is broken.
    return [Text("\n".join(lines), no_wrap=True, overflow="ignore")]


def _outcome(left: list[str], *, written: bool, write: bool, replace: bool) -> str:
    if not write:
        return "\nnothing is written; --write puts what is new into trivium.toml"
    done = "trivium.toml has the new lines" if written else "trivium.toml says all of this, or something of its own"
    stays = f"; {len(left)} lines stay as they were" + ("" if replace else " (--replace lets the proposal take over)")
    return f"\n{done}{stays if left else ''}"


def diff(name: str, /, *, against: str | None = None, last: Count | None = None) -> Answer:
    """Say what a change of a table's contract would have let in or kept out, over the rows that are kept.

    Parameters
    ----------
    name
        The table.
    against
        A project file or a git revision to compare the present trivium.toml with; the contract last used when left out.
    last
        Look at this many of the latest partitions only.
    """
    from rich.text import Text

    from trivium.loop.diff_contract import diff_contract

    found = diff_contract(workspace(), name, against=against, last=last)
    shown: list[Any] = [Text(line) for line in found["lines"]] or [f"the contract is that of {found['against']}"]
    for key, title in (("let_in", "would be let in"), ("kept_out", "would be kept out")):
        moved = found[key]
        shown.append(_moved(f"{moved['rows']:,} of {found['rows']:,} rows {title}", moved["rules"]))
    if found["refused_partitions"]:
        shown.append(f"{found['refused_partitions']} refused partitions are left out: their rows are not kept")
    return Answer(found, shown)


def _moved(title: str, rules: Mapping[str, Any]) -> Any:
    if not rules:
        return title
    rows = [(rule, each["rows"], "; ".join(each["examples"])) for rule, each in rules.items()]
    return lay_out(title, ("rule", "rows", "such as"), rows)


def check(name: str, files: list[Path] | None = None, /) -> Answer:
    """Hold a table's files to its contract and checks before anyone sends them, and keep nothing.

    Parameters
    ----------
    name
        The table.
    files
        The files to check; those of the table's pattern when left out.
    """
    from rich.text import Text

    from trivium.core.problems import Problem
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
    problems = [msgspec.convert(problem, Problem) for each in found[:5] for problem in each["problems"]]
    return Answer(
        {"table": name, "partitions": found},
        [
            lay_out(
                f"{name}: {len(found)} partitions, {len(broken)} with broken rows",
                ("partition", "read", "= good", "+ to quarantine", "+ to refuse", "problems"),
                [row for row in rows if row[5]],
            ),
            *(Text(str(problem)) for problem in problems),
        ],
        exit_code=1 if broken or any(not each["read"] for each in found) else 0,
    )


def sql(name: str, /, *, dialect: Literal["duckdb", "postgresql", "sqlite"] = "duckdb") -> Answer:
    """Write the checks of a table as one SQL query that counts the rows which break them, where the rows live.

    Parameters
    ----------
    name
        The table.
    dialect
        Whose SQL it is.
    """
    from rich.text import Text

    from trivium.data.check_sql import counting_query
    from trivium.loop.collect import known_table

    ws = workspace()
    known_table(ws, name)
    today = ws.clock.now().date()
    query = counting_query(ws.project.tables[name], ws.project.checks, name=name, today=today, dialect=dialect)
    whole = Text(query.rstrip(), no_wrap=True, overflow="ignore")
    return Answer({"table": name, "dialect": dialect, "sql": query}, [whole])
