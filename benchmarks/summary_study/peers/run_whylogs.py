"""whylogs: a profile of one million rows with its defaults; it judges nothing, and stands beside our summary."""

import time

import pandas as pd
import whylogs

from harness.told import job, tell


def main() -> None:
    """Measure the profile, and the size of what is kept."""
    frame = pd.read_parquet(job()["files"][0])
    whylogs.log(frame.head(1_000))
    started = time.perf_counter()
    profile = whylogs.log(frame).profile().view()
    seconds = time.perf_counter() - started
    tell({"seconds": seconds, "whole": len(profile.serialize())})


if __name__ == "__main__":
    main()
