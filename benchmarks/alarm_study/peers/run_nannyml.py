"""NannyML's univariate drift with its defaults: Jensen-Shannon, thresholds 3 standard deviations from its mean."""

import logging
import sys
import warnings
from pathlib import Path

import nannyml as nml
import pandas as pd
from job import Job

BATCH = 60  # days a call: what fits into memory with room to spare
FIRST = pd.Timestamp("2000-01-01")


def main(folder: Path) -> None:
    """Answer all that is left of a job."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    job = Job(folder)
    for number, asked in job.by_reference():
        calculator = nml.UnivariateDriftCalculator(
            column_names=[*job.numbers, *job.texts],
            treat_as_categorical=job.texts,
            timestamp_column_name="_at",
            chunk_period="D",
        )
        calculator.fit(_dated(job.reference(number)))
        for begin in range(0, len(asked), BATCH):
            batch = asked[begin : begin + BATCH]
            said = calculator.calculate(_dated([job.rows(one["part"], one["day"]) for one in batch]))
            frame = said.filter(period="analysis").to_df()
            for place, one in enumerate(batch):
                row = frame.iloc[place]
                assert row[("chunk", "chunk", "start_date")].normalize() == FIRST + pd.Timedelta(days=place)
                job.answer(one, {name: _says(row, name, one["missing"]) for name in [*job.numbers, *job.texts]})


def _dated(days: list[pd.DataFrame]) -> pd.DataFrame:
    """Give each part a date of its own, so that it is one chunk."""
    dated = [day.assign(_at=FIRST + pd.Timedelta(days=place)) for place, day in enumerate(days)]
    return pd.concat(dated, ignore_index=True)


def _says(row: pd.Series, name: str, missing: list[str]) -> tuple[bool, float]:
    if name in missing:
        return True, float("inf")  # the calculator raises, which whoever runs it hears of
    method = row[(name, "jensen_shannon")]
    limit = method.get("upper_threshold")
    value = float(method["value"])
    return bool(method["alert"]), value / float(limit) if limit else value


if __name__ == "__main__":
    main(Path(sys.argv[1]))
