"""A model that fails when a file says so: what a version may do to the server that asks it."""

import time
from pathlib import Path
from typing import Any

import numpy as np

MB = 1_000_000
HANGS_S = 3600.0


class Switched:
    """The trees, until the switch holds a word: `raise`, `hang`, `nan` or `leak`."""

    def __init__(self, trees: Any, switch: Path) -> None:
        self._trees, self._switch = trees, str(switch)
        self.classes_ = trees.classes_

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Answer as the trees do, or fail as the switch says."""
        switch = Path(self._switch)
        word = switch.read_text() if switch.exists() else ""
        if word == "raise":
            raise ValueError("the switch says so")
        if word == "hang":
            _sleep_while(switch)
        if word == "leak":
            _LEAKED.append(np.ones(MB // 8))
        said = self._trees.predict_proba(rows)
        return said * np.nan if word == "nan" else said


_LEAKED: list[np.ndarray] = []


def _sleep_while(switch: Path) -> None:
    """Hang for as long as the switch says so, or the process lives."""
    until = time.monotonic() + HANGS_S
    while time.monotonic() < until and switch.exists() and switch.read_text() == "hang":
        time.sleep(0.05)
