"""NannyML: univariate drift with its defaults, fitted on one million rows, one chunk of a million judged."""

import time

import nannyml as nml
import pandas as pd

from harness.told import job, tell

TEXT = ["status", "country", "city", "product", "is_member"]


def read(path: str) -> pd.DataFrame:
    """Read a table; the boolean counts as a category."""
    frame = pd.read_parquet(path).drop(columns=["ordered_at"])
    return frame.assign(is_member=frame["is_member"].astype(str))


def main() -> None:
    """Measure fitting and judging: a reference must be fitted before the first answer, and again when it moves."""
    reference, current = (read(path) for path in job()["files"])
    started = time.perf_counter()
    judge = nml.UnivariateDriftCalculator(
        column_names=list(reference.columns), treat_as_categorical=TEXT, chunk_size=len(current)
    )
    judge.fit(reference)
    fitted = time.perf_counter()
    found = judge.calculate(current).to_df()
    tell({"seconds": time.perf_counter() - started, "judging_s": time.perf_counter() - fitted, "chunks": len(found)})


if __name__ == "__main__":
    main()
