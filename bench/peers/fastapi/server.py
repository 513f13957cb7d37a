"""FastAPI as its tutorial teaches it: a Pydantic model of the body, blocking work in `def`."""

import os

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
model = joblib.load(os.environ["BENCH_MODEL"])
classes = model.classes_.tolist()


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
    """What the forest says of a wine."""

    prediction: str
    probabilities: dict[str, float]


@app.post("/predict")
def predict(wine: Wine) -> Prediction:
    """Predict one wine."""
    return predict_many([wine])[0]


@app.post("/predict-many")
def predict_many(wines: list[Wine]) -> list[Prediction]:
    """Predict each of many wines."""
    rows = np.array([list(wine.__dict__.values()) for wine in wines])
    return [
        Prediction(
            prediction=classes[row.argmax()],
            probabilities=dict(zip(classes, row.tolist(), strict=True)),
        )
        for row in model.predict_proba(rows)
    ]
