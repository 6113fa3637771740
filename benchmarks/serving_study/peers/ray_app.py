"""Ray Serve: one replica; `@serve.batch` collects up to 16 rows for 2 ms where a second word says `batched`."""

import os
import signal
import sys

import joblib
import numpy as np
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=64)
class Plain:
    """A row a call."""

    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    async def __call__(self, request: Request) -> dict:
        """Answer one row."""
        row = (await request.json())["row"]
        return {"prediction": float(self.model.predict_proba(np.array([row]))[0, 1])}


@serve.deployment(num_replicas=1, max_ongoing_requests=64)
class Batched:
    """Rows that come within 2 ms together."""

    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.002)
    async def together(self, rows: list[list[float]]) -> list[float]:
        """Answer a batch."""
        return self.model.predict_proba(np.array(rows))[:, 1].tolist()

    async def __call__(self, request: Request) -> dict:
        """Answer one row, with others."""
        return {"prediction": await self.together((await request.json())["row"])}


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(sys.argv[1])}, logging_config={"enable_access_log": False}
    )
    deployment = Batched if sys.argv[2:] == ["batched"] else Plain
    serve.run(deployment.bind(os.environ["MODEL"]), route_prefix="/predict")
    signal.pause()
