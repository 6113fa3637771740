"""LitServe: one worker; batches of up to 16 rows, which wait 2 ms for more."""

import os
import sys

import joblib
import litserve
import numpy as np


class Trees(litserve.LitAPI):
    """The trees behind its batching hooks."""

    def setup(self, device: str) -> None:
        """Load them."""
        self.model = joblib.load(os.environ["MODEL"])

    def decode_request(self, request: dict) -> list[float]:
        """Take the row out."""
        return request["row"]

    def batch(self, inputs: list[list[float]]) -> np.ndarray:
        """Put rows together."""
        return np.array(inputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Answer a batch."""
        return self.model.predict_proba(x)[:, 1]

    def unbatch(self, output: np.ndarray) -> list[float]:
        """Take answers apart."""
        return output.tolist()

    def encode_response(self, output: float) -> dict:
        """Say one answer."""
        return {"prediction": output}


if __name__ == "__main__":
    api = Trees(max_batch_size=16, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
