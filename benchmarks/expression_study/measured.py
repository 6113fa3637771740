"""One system's time for each case, asked as JSON and told as JSON. Runs under our Python or under the peers'."""

import timeit
from collections.abc import Callable

from harness.told import job, tell

ROW = {"hour": 3, "prediction": 0.95, "carrier": "AA", "distance": 1400.0}
CASES = {
    "1 clause": ("hour < 5", "hour < 5", "hour < 5"),
    "3 clauses": (
        "hour < 5 and prediction > 0.9 and carrier = 'AA'",
        "hour < 5 and prediction > 0.9 and carrier == 'AA'",
        "hour < 5 && prediction > 0.9 && carrier == 'AA'",
    ),
    "3 clauses, arithmetic": (
        "not (hour % 12 > 5) and distance / 60 between 10 and 30 and carrier in ('AA', 'B6', 'UA')",
        "not (hour % 12 > 5) and 10 <= distance / 60 <= 30 and carrier in ('AA', 'B6', 'UA')",
        "!(hour % 12 > 5) && distance / 60.0 >= 10.0 && distance / 60.0 <= 30.0 && carrier in ['AA', 'B6', 'UA']",
    ),
}
FASTEST_RUN_S = 0.02


def row_closure(case: str) -> Callable[[], object]:
    """Our closure, of a row as a request brings it."""
    from trivium.core.expressions.parse import parse
    from trivium.core.expressions.row import to_row

    rule = to_row(parse(CASES[case][0]))
    return lambda: rule(ROW)


def python_eval(case: str) -> Callable[[], object]:
    """Python's own `eval` of compiled code: the floor."""
    code = compile(CASES[case][1], "rule", "eval")
    return lambda: eval(code, {}, ROW)  # the floor: our own text, in this file


def simple_eval(case: str) -> Callable[[], object]:
    """simpleeval, its text parsed before, as it advises."""
    from simpleeval import EvalWithCompoundTypes

    evaluator = EvalWithCompoundTypes(names=ROW)
    parsed = evaluator.parse(CASES[case][1])
    return lambda: evaluator.eval(CASES[case][1], previously_parsed=parsed)


def cel_python(case: str) -> Callable[[], object]:
    """cel-python's program; a row must first become CEL's values."""
    import celpy

    environment = celpy.Environment()
    program = environment.program(environment.compile(CASES[case][2]))
    return lambda: program.evaluate(celpy.json_to_cel(ROW))


def cel_rust(case: str) -> Callable[[], object]:
    """The CEL of Rust, compiled before."""
    import cel

    program = cel.compile(CASES[case][2])
    return lambda: program.execute(ROW)


def parse_ours(case: str) -> Callable[[], object]:
    """Read the text: tokens, tree, kinds, costs."""
    from trivium.core.expressions import parse

    return lambda: parse._parse.__wrapped__(CASES[case][0])


def parse_sqlglot(case: str) -> Callable[[], object]:
    """Read the same text with sqlglot, the parser that we had."""
    from sqlglot import exp, parse_one

    return lambda: parse_one(CASES[case][0], into=exp.Condition, dialect="duckdb")


def brackets(case: str) -> Callable[[], object]:
    """Refuse 10,000 opening brackets."""
    from trivium.core.expressions.parse import parse
    from trivium.core.problems import ProjectError

    def run() -> object:
        try:
            return parse("(" * 10_000)
        except ProjectError as error:
            return error.problems

    return run


def columns(case: str) -> Callable[[], object]:
    """Answer a million rows with our Polars expression."""
    from trivium.core.expressions.columns import to_columns
    from trivium.core.expressions.parse import parse

    frame, rule = _million_rows(), to_columns(parse(CASES[case][0]))
    return lambda: frame.select(rule.alias("x"))


def columns_by_hand(case: str) -> Callable[[], object]:
    """Answer a million rows with Polars' own SQL, which keeps NaN and whole numbers as they are."""
    import polars as pl

    frame, rule = _million_rows(), pl.sql_expr(CASES[case][0])
    return lambda: frame.select(rule.alias("x"))


def _million_rows() -> object:
    import numpy as np
    import polars as pl

    draw = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "hour": draw.integers(0, 24, 1_000_000),
            "prediction": draw.random(1_000_000),
            "carrier": draw.choice(["AA", "B6", "UA", "DL"], 1_000_000),
            "distance": draw.uniform(50, 5000, 1_000_000),
        }
    )


SYSTEMS: dict[str, Callable[[str], Callable[[], object]]] = {
    "trivium": row_closure,
    "Python eval (floor)": python_eval,
    "simpleeval": simple_eval,
    "cel-python": cel_python,
    "common-expression-language": cel_rust,
    "trivium, columns": columns,
    "polars.sql_expr": columns_by_hand,
    "trivium, parser": parse_ours,
    "sqlglot": parse_sqlglot,
    "trivium, hostile": brackets,
}


def seconds_a_call(run: Callable[[], object]) -> float:
    """Time a call: as many as fill 20 ms, the best of three."""
    calls, took = timeit.Timer(run).autorange()
    calls = max(1, int(calls * FASTEST_RUN_S / took))
    return min(timeit.repeat(run, number=calls, repeat=3)) / calls


def main() -> None:
    """Measure the system that the job names on the job's cases."""
    asked = job()
    tell({case: seconds_a_call(SYSTEMS[asked["system"]](case)) for case in asked["cases"]})


if __name__ == "__main__":
    main()
