"""NannyML: univariate drift with its defaults, fitted on one million rows, one chunk of a million judged."""

import nannyml as nml
import pandas as pd

from harness.told import job, measured, tell

TEXT = ["status", "country", "city", "product", "is_member"]


def read(path: str) -> pd.DataFrame:
    """Read a table; the boolean counts as a category."""
    frame = pd.read_parquet(path).drop(columns=["ordered_at"])
    return frame.assign(is_member=frame["is_member"].astype(str))


def main() -> None:
    """Measure fitting and judging: a reference must be fitted before the first answer, and again when it moves."""
    reference, current = (read(path) for path in job()["files"])
    judge = nml.UnivariateDriftCalculator(
        column_names=list(reference.columns), treat_as_categorical=TEXT, chunk_size=len(current)
    )
    fitted = measured(lambda: {"reference": len(judge.fit(reference).column_names)})
    judged = measured(lambda: {"chunks": len(judge.calculate(current).to_df())})
    both = {figure: fitted[figure] + judged[figure] for figure in ("seconds", "cpu_s")}
    tell({**both, "judging_s": judged["seconds"], "chunks": judged["chunks"]})


if __name__ == "__main__":
    main()
