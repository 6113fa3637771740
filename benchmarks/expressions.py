"""What a check costs on one row, on a million rows and before it runs, beside other ways to run a rule from a file.

The floor is Python's `eval` of compiled code: nothing interpreted in Python can be faster, and no text from a file may
reach it. It knows no null; neither do the peers. `polars.sql_expr` keeps NaN and whole numbers as they are, and so does
less. Reading a text is measured beside sqlglot, which builds its tree and no more.
"""

import platform
from importlib.metadata import version
from pathlib import Path

from harness.environments import environment
from harness.processes import own_python, run
from harness.results import of_runs, ratio, table, write

PEERS = ["simpleeval==1.0.7", "cel-python==0.5.0", "common-expression-language==0.10.0", "sqlglot==30.30.0"]
ROUNDS = 7
CASES = ["1 clause", "3 clauses", "3 clauses, arithmetic"]
# figure -> ours, then the others with their cases and whether they live in the peers' environment
FIGURES: dict[str, list[tuple[str, list[str], bool]]] = {
    "one row": [
        ("trivium", CASES, False),
        ("Python eval (floor)", CASES, False),
        ("simpleeval", CASES, True),
        ("cel-python", CASES, True),
        ("common-expression-language", CASES, True),
    ],
    "1,000,000 rows": [("trivium, columns", CASES, False), ("polars.sql_expr", CASES[:2], False)],
    "reading": [("trivium, parser", CASES, False), ("sqlglot", CASES, True)],
    "refusing": [("trivium, hostile", ["10,000 brackets"], False)],
}


def main() -> None:
    """Measure every system in turn, seven times, and keep the medians."""
    python = environment("expressions", PEERS)
    script = Path(__file__).parent / "expression_study" / "measured.py"
    taken: dict[tuple[str, str, str], list[float]] = {}
    for _ in range(ROUNDS):
        for figure, systems in FIGURES.items():
            for system, cases, is_peer in systems:
                asked = {"system": system, "cases": cases}
                told = run(python if is_peer else own_python(), script, asked, ours=not is_peer).told
                for case in cases:
                    taken.setdefault((figure, case, system), []).append(told[case] * 1e6)
    rows = [of_runs(system, case, figure, "µs", values) for (figure, case, system), values in sorted(taken.items())]
    ratios = [
        ratio(rows, case, figure, ours=systems[0][0], over=peer)
        for figure, systems in FIGURES.items()
        for peer, cases, _ in systems[1:]
        for case in cases
    ]
    print(table(rows))
    versions = {"trivium": version("trivium"), "python": platform.python_version(), "polars": version("polars")}
    write("expressions", rows, versions=versions | dict(peer.split("==") for peer in PEERS), ratios=ratios)


if __name__ == "__main__":
    main()
