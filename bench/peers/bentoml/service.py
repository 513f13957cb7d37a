"""BentoML as its documentation has it: a class, the model loaded in its constructor."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=2)
class Wine:
    """The forest behind BentoML's own API."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Predict each of the rows."""
        return self.model.predict_proba(rows)
