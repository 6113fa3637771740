"""Evidently: its drift preset with its defaults, one million rows against one million."""

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from harness.told import job, measured, tell

TEXT = ["status", "country", "city", "product", "is_member"]


def dataset(path: str) -> Dataset:
    """Read a table; the time stays out, as nothing compares it."""
    frame = pd.read_parquet(path).drop(columns=["ordered_at"])
    numbers = [column for column in frame.columns if column not in TEXT]
    return Dataset.from_pandas(frame, DataDefinition(numerical_columns=numbers, categorical_columns=TEXT))


def main() -> None:
    """Measure the comparison alone."""
    reference, current = (dataset(path) for path in job()["files"])
    tell(measured(lambda: {"metrics": len(Report([DataDriftPreset()]).run(current, reference).dict()["metrics"])}))


if __name__ == "__main__":
    main()
