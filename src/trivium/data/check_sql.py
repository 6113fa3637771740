"""A table's checks as one SQL query, to count broken rows where they live: in a warehouse, before anyone sends them.

Only the `[[checks]]` on rows: what a contract says of columns, the source's own schema mostly says already.
"""

from collections.abc import Sequence
from datetime import date

from trivium.core.contract import Check
from trivium.core.expressions.dialects import Dialects
from trivium.core.expressions.parse import check_types, parse
from trivium.core.expressions.sql import quoted_name, to_sql
from trivium.core.project import WHERE, Table


def counting_query(table: Table, checks: Sequence[Check], *, name: str, today: date, dialect: Dialects) -> str:
    """Write the query: how many rows the table has, and how many break each of its checks.

    A row breaks a check where it is false; where it is null it does not. What has expired by `today` is left out.

    Raises:
        ProjectError: the problems of `core.expressions` for a `must` that is no condition on the contract's columns.
    """
    types = {column: rule.type for column, rule in table.columns.items()}
    counted = ["  count(*) AS rows_read"]
    for check in checks:
        if check.measure is None and check.holds(name, today=today):
            where = f"{WHERE}, checks {check.name!r}"
            expression = parse(check.must, where=where)
            check_types(expression, types, where=where)
            condition = to_sql(expression, types, dialect=dialect)
            counted.append(f"  count(*) FILTER (WHERE {condition} IS FALSE) AS {quoted_name(check.name)}")
    return "SELECT\n" + ",\n".join(counted) + f"\nFROM {quoted_name(name)}\n"
