"""The model that every system serves: boosted trees on 20 numbers, and the rows they are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

COLUMNS = tuple(f"f{place:02}" for place in range(20))
TRAINED_ON = 20_000
ASKED = 1_000


@dataclass(frozen=True)
class Model:
    """The file that holds the fitted trees, one that holds others, and unseen rows with what the trees say of them."""

    path: Path
    other: Path
    rows: np.ndarray
    answers: np.ndarray


def rows_of(count: int, *, seed: int) -> np.ndarray:
    """Draw rows, shape (count, 20), to four decimals, as they stand in JSON."""
    return np.round(np.random.default_rng([2024, seed]).normal(0, 1, (count, len(COLUMNS))), 4)


def labels_of(rows: np.ndarray, *, seed: int) -> np.ndarray:
    """Draw the truth of rows: products, a threshold and a wave, so that trees have something to find."""
    push = (
        rows[:, 0] * rows[:, 1]
        + 1.5 * (rows[:, 2] > 0.5)
        - rows[:, 3]
        + np.sin(2 * rows[:, 4])
        + 0.3 * rows[:, 5:9].sum(1)
    )
    return np.random.default_rng([2025, seed]).random(len(rows)) < 1 / (1 + np.exp(-push))


def fitted(folder: Path, *, trained_on: int = TRAINED_ON) -> Model:
    """Fit 100 trees of 31 leaves (scikit-learn's defaults) and others beside them, or read them where they are kept."""
    paths = folder / "model.joblib", folder / "other.joblib"
    rows = rows_of(trained_on, seed=0)
    for path, rate in zip(paths, (0.1, 0.05), strict=True):
        if not path.exists():
            trees = HistGradientBoostingClassifier(learning_rate=rate, early_stopping=False, random_state=0)
            folder.mkdir(parents=True, exist_ok=True)
            joblib.dump(trees.fit(rows, labels_of(rows, seed=0)), path)
    asked = rows_of(ASKED, seed=1)
    return Model(*paths, asked, joblib.load(paths[0]).predict_proba(asked)[:, 1])


def frame_of(rows: np.ndarray, names: Sequence[str]) -> pl.DataFrame:
    """Lay rows out as a table with the row ids given."""
    return pl.DataFrame({"row_id": list(names), **{column: rows[:, place] for place, column in enumerate(COLUMNS)}})
