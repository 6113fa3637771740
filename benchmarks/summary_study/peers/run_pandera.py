"""Pandera on Polars: a schema with the same types and 20 checks; `lazy=True` gives all failures, not the first."""

import copy

import pandera.polars as pa
import polars as pl

from harness.told import job, measured, tell
from summary_study.values import COUNTRIES, STATUSES

# An eager frame: on a lazy one Pandera leaves the checks of data out unless told otherwise.
SCHEMA = pa.DataFrameSchema(
    {
        "ordered_at": pa.Column(pl.Datetime("us", "UTC")),
        "status": pa.Column(pl.String, pa.Check.isin(STATUSES)),
        "country": pa.Column(pl.String, pa.Check.isin(COUNTRIES)),
        "city": pa.Column(pl.String, nullable=False),
        "product": pa.Column(pl.String, pa.Check.str_matches(r"^P-\d{5}$")),
        "is_member": pa.Column(pl.Boolean),
        "items": pa.Column(pl.Int64, pa.Check.in_range(1, 100)),
        "visits": pa.Column(pl.Int64, pa.Check.ge(1)),
        "age": pa.Column(pl.Int64, pa.Check.in_range(18, 99)),
        "points": pa.Column(pl.Int64, pa.Check.in_range(0, 9_999)),
        "amount": pa.Column(pl.Float64, pa.Check.ge(0.0)),
        "discount": pa.Column(pl.Float64, pa.Check.in_range(0.0, 1.0)),
        "tax": pa.Column(pl.Float64, pa.Check.ge(-1e5)),
        "total": pa.Column(pl.Float64, pa.Check.ge(-1e5)),
        "weight": pa.Column(pl.Float64, pa.Check.ge(0.0)),
        "distance": pa.Column(pl.Float64, pa.Check.ge(0.0), nullable=True),
        "temperature": pa.Column(pl.Float64, pa.Check.in_range(-60.0, 60.0), nullable=True),
        "balance": pa.Column(pl.Float64, pa.Check.in_range(-5_000.0, 5_000.0)),
        "score": pa.Column(pl.Float64, pa.Check.in_range(0.0, 1.0)),
        "seconds": pa.Column(pl.Float64, pa.Check.ge(0.0)),
    },
    checks=[
        pa.Check(lambda data: data.lazyframe.select(pl.col("total") <= pl.col("tax") + 20 + pl.col("amount").abs())),
        pa.Check(lambda data: data.lazyframe.select(pl.col("tax") <= pl.col("amount").abs())),
    ],
)


PARTING = copy.deepcopy(SCHEMA)
PARTING.drop_invalid_rows = True


def check(rows: pl.DataFrame, *, parted: bool) -> dict[str, int]:
    """Validate, and count the failures; or keep the good rows, which tells no failures."""
    if parted:
        return {"good": PARTING.validate(rows, lazy=True).height}
    try:
        SCHEMA.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as found:
        return {"broken": found.failure_cases.height}
    return {"broken": 0}


def main() -> None:
    """Warm up on a few rows, then measure."""
    rows, parted = pl.read_parquet(job()["files"][0]), job()["kind"] == "parted"
    check(rows.head(10_000), parted=parted)
    tell(measured(lambda: check(rows, parted=parted)))


if __name__ == "__main__":
    main()
