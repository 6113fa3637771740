"""What a peer is asked and how it answers; runs in the peer's environment, where trivium is not."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd


class Job:
    """A folder with `job.json`, the rows of each part, and the answers so far, one a line: a stop costs little."""

    def __init__(self, folder: Path) -> None:
        said = json.loads((folder / "job.json").read_text())
        self.numbers, self.texts, self.warm_up = said["numbers"], said["texts"], said["warm_up"]
        self.folder = folder
        self._answers = folder / "answers.jsonl"
        done = {self._key(line) for line in map(json.loads, self._lines())}
        self._asked = said["asked"]
        self.left = [one for one in self._asked if self._key(one) not in done]
        self._rows: dict[str, dict[int, pd.DataFrame]] = {}
        self._told = time.monotonic()

    @staticmethod
    def _key(one: dict) -> tuple:
        return one["part"], one["day"], one["reference"]

    def _lines(self) -> list[str]:
        return self._answers.read_text().splitlines() if self._answers.exists() else []

    def rows(self, part: str, day: int) -> pd.DataFrame:
        """Read a day's rows; numbers as floats, all else as text. Two parts at most are held."""
        if part not in self._rows:
            for old in [name for name in self._rows if name != "clean"]:
                del self._rows[old]
            frame = pd.read_parquet(self.folder / f"{part}.parquet")
            frame[self.numbers] = frame[self.numbers].astype("float64")
            for name in self.texts:
                frame[name] = frame[name].astype(object).where(frame[name].isna(), frame[name].astype(str))
            self._rows[part] = {day: rows.drop(columns="_day") for day, rows in frame.groupby("_day", sort=True)}
        return self._rows[part][day]

    def reference(self, number: int) -> list[pd.DataFrame]:
        """Give the days of a reference."""
        return [self.rows("clean", day) for day in range(number * self.warm_up, (number + 1) * self.warm_up)]

    def by_reference(self) -> Iterator[tuple[int, list[dict]]]:
        """Give what is left, reference by reference."""
        for number in sorted({one["reference"] for one in self.left}):
            yield number, [one for one in self.left if one["reference"] == number]

    def answer(self, one: dict, columns: dict[str, tuple[bool, float]]) -> None:
        """Write an answer: for each column whether it alarms, and how odd it is."""
        plain = {name: [bool(alarm), float(score)] for name, (alarm, score) in columns.items()}
        with self._answers.open("a") as out:
            out.write(json.dumps({**{k: one[k] for k in ("part", "day", "reference")}, "columns": plain}) + "\n")
        self.left = [other for other in self.left if other is not one]
        if time.monotonic() - self._told > 15:
            self._told = time.monotonic()
            print(
                f"    {len(self._asked) - len(self.left):,} of {len(self._asked):,} days", file=sys.stderr, flush=True
            )
