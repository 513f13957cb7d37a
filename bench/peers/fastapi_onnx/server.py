"""FastAPI with ONNX Runtime: what a good engineer writes by hand in an evening."""

import os
from pathlib import Path

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel, Field

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    Path(os.environ["BENCH_MODEL"]).with_name("model.onnx"),
    options,
    providers=["CPUExecutionProvider"],
)
app = FastAPI()
classes = ["bom", "ruim"]


class Wine(BaseModel):
    """A wine, in the order of the forest's columns."""

    fixed_acidity: float = Field(alias="fixed acidity")
    volatile_acidity: float = Field(alias="volatile acidity")
    citric_acid: float = Field(alias="citric acid")
    residual_sugar: float = Field(alias="residual sugar")
    chlorides: float
    free_sulfur_dioxide: float = Field(alias="free sulfur dioxide")
    total_sulfur_dioxide: float = Field(alias="total sulfur dioxide")
    density: float
    ph: float = Field(alias="pH")
    sulphates: float
    alcohol: float
    color: float


class Prediction(BaseModel):
    """What the forest predicts for a wine."""

    prediction: str
    probabilities: dict[str, float]


@app.post("/predict")
async def predict(wine: Wine) -> Prediction:
    """Predict one wine; `async`, because it takes less time than a thread would."""
    return predict_all([wine])[0]


@app.post("/predict-many")
def predict_many(wines: list[Wine]) -> list[Prediction]:
    """Predict each of many wines."""
    return predict_all(wines)


def predict_all(wines: list[Wine]) -> list[Prediction]:
    """Predict wines."""
    # In single precision and back, as scikit-learn's forests compare.
    rows = np.array([list(wine.__dict__.values()) for wine in wines], np.float32)
    outputs = session.run(None, {"rows": rows.astype(np.float64)})[0]
    return [
        Prediction(
            prediction=classes[row.argmax()],
            probabilities=dict(zip(classes, row.tolist(), strict=True)),
        )
        for row in outputs
    ]
