"""whylogs: a profile of one million rows with its defaults; it judges nothing, and stands beside our summary."""

import pandas as pd
import whylogs

from harness.told import job, measured, tell


def main() -> None:
    """Measure the profile, and the size of what is kept."""
    frame = pd.read_parquet(job()["files"][0])
    whylogs.log(frame.head(1_000))
    tell(measured(lambda: {"whole": len(whylogs.log(frame).profile().view().serialize())}))


if __name__ == "__main__":
    main()
