"""dataframely: a schema with the same types and 20 rules; `filter` parts the good rows from the bad."""

import re

import dataframely as dy
import polars as pl

from harness.told import job, measured, tell
from summary_study.values import COUNTRIES, STATUSES


class Orders(dy.Schema):
    """The table of orders. Each column rule is as wide as its neighbour of the other tools."""

    ordered_at = dy.Datetime(time_zone="UTC", nullable=True)
    status = dy.String(nullable=True, check=lambda column: column.is_in(STATUSES))
    country = dy.String(nullable=True, check=lambda column: column.is_in(COUNTRIES))
    city = dy.String(nullable=False)
    product = dy.String(nullable=True, regex=r"^P-\d{5}$")
    is_member = dy.Bool(nullable=True)
    items = dy.Int64(nullable=True, check=lambda column: column.is_between(1, 100))
    visits = dy.Int64(nullable=True, min=1)
    age = dy.Int64(nullable=True, check=lambda column: column.is_between(18, 99))
    points = dy.Int64(nullable=True, check=lambda column: column.is_between(0, 9_999))
    amount = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, min=0.0)
    discount = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, check=lambda c: c.is_between(0.0, 1.0))
    tax = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, min=-1e5)
    total = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, min=-1e5)
    weight = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, min=0.0)
    distance = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, min=0.0)
    temperature = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, check=lambda c: c.is_between(-60.0, 60.0))
    balance = dy.Float64(
        nullable=True, allow_inf=True, allow_nan=True, check=lambda column: column.is_between(-5_000.0, 5_000.0)
    )
    score = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, check=lambda column: column.is_between(0.0, 1.0))
    seconds = dy.Float64(nullable=True, allow_inf=True, allow_nan=True, min=0.0)

    @dy.rule()
    def total_is_below_amount_and_tax(cls) -> pl.Expr:  # noqa: N805  # handed the class
        """First rule across columns."""
        return pl.col("total") <= pl.col("tax") + 20 + pl.col("amount").abs()

    @dy.rule()
    def tax_is_below_amount(cls) -> pl.Expr:  # noqa: N805  # handed the class
        """Second rule across columns."""
        return pl.col("tax") <= pl.col("amount").abs()


def check(rows: pl.DataFrame, *, parted: bool) -> dict[str, int]:
    """Validate, which tells what broke in its error; or part the rows, and count what broke."""
    if parted:
        good, failures = Orders.filter(rows)
        return {"good": good.height, "broken": sum(failures.counts().values())}
    try:
        Orders.validate(rows)
    except dy.exc.ValidationError as found:
        return {"broken": sum(map(int, re.findall(r"failed for ([\d,]+) rows", str(found).replace(",", ""))))}
    return {"broken": 0}


def main() -> None:
    """Warm up on a few rows, then measure."""
    rows, parted = pl.read_parquet(job()["files"][0]), job()["kind"] == "parted"
    check(rows.head(10_000), parted=parted)
    tell(measured(lambda: check(rows, parted=parted)))


if __name__ == "__main__":
    main()
