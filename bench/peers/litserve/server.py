"""LitServe as its quick start has it: setup, decode_request, predict, encode_response."""

import os
import sys
from typing import Any

import joblib
import litserve
import numpy as np


class Wine(litserve.LitAPI):
    """The forest behind LitServe's own API."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        """Load the forest, once in each worker."""
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        """Read the rows."""
        return np.array(request["rows"])

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Predict each of the rows."""
        return self.model.predict_proba(rows)

    def encode_response(self, probabilities: np.ndarray) -> dict[str, Any]:
        """Answer the probabilities."""
        return {"probabilities": probabilities.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Wine(), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
