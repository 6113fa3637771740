"""Evidently's default drift test for each column (ValueDrift, as DataDriftPreset runs it), day by day."""

import sys
import warnings
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from job import Job

# The reference's rows a day. Above 1,000 in all Evidently takes its tests for large data; sampling is its own advice.
SAMPLED = 1_000


def main(folder: Path) -> None:
    """Answer all that is left of a job."""
    warnings.simplefilter("ignore")
    job = Job(folder)
    for number, asked in job.by_reference():
        sampled = [day.sample(min(SAMPLED, len(day)), random_state=0) for day in job.reference(number)]
        reference = pd.concat(sampled, ignore_index=True)
        for one in asked:
            recent = job.rows(one["part"], one["day"])
            job.answer(one, {name: _says(job, reference, recent, name, one["missing"]) for name in one["columns"]})


def _says(job: Job, reference: pd.DataFrame, recent: pd.DataFrame, name: str, missing: list[str]) -> tuple[bool, float]:
    if name in missing:
        return True, float("inf")  # the report raises, which whoever runs it hears of
    kinds = {"numerical_columns": [name]} if name in job.numbers else {"categorical_columns": [name]}
    definition = DataDefinition(**kinds)
    try:
        run = Report([ValueDrift(column=name)]).run(
            Dataset.from_pandas(recent[[name]], data_definition=definition),
            Dataset.from_pandas(reference[[name]], data_definition=definition),
        )
        (metric,) = run.dict()["metrics"]
    except Exception:  # noqa: BLE001  an empty column makes the report raise: that too is heard of
        return True, float("inf")
    value, config = float(metric["value"]), metric["config"]
    if "p_value" in config["method"]:
        return value < config["threshold"], 1 - value
    return value >= config["threshold"], value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
