"""BentoML: a service of one worker, its access log off; `plain` answers a row at a time, `batched` collects rows."""

import os

import bentoml
import joblib
import numpy as np

QUIET = {"access": {"enabled": False}}


def load():
    """Load the trees."""
    return joblib.load(os.environ["MODEL"])


@bentoml.service(workers=1, logging=QUIET, metrics={"enabled": False})
class Plain:
    """A row a call, in the event loop: the fastest of its ways here."""

    def __init__(self) -> None:
        self.model = load()

    @bentoml.api
    async def predict(self, row: list[float]) -> float:
        """Answer one row."""
        return float(self.model.predict_proba(np.array([row]))[0, 1])


@bentoml.service(workers=1, logging=QUIET, metrics={"enabled": False})
class Batched:
    """Adaptive batching with its defaults but for the batch, which is no larger than there are connections."""

    def __init__(self) -> None:
        self.model = load()

    @bentoml.api(batchable=True, max_batch_size=16)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Answer the rows of a batch."""
        return self.model.predict_proba(rows)[:, 1]
