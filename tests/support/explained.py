"""Models whose predictions are explained in every unit, exactly and by sampling."""

import math
from pathlib import Path
from typing import Any

from artefacts import made, put_live, records_of
from conftest import BAD, MODELS, body
from estimators import CASES, fitted, loans
from flask.testing import FlaskClient

FEW = {"explain_samples": 8}  # enough to test all but their error

LOAN = records_of(loans(missing=True))[0]
WHOLE = records_of(loans(missing=False))[0]


def put_models(folder: Path) -> Path:
    """Probabilities, log-odds, numbers, logarithms and labels alone; exact and sampled."""
    for name in ("wine", "wine-score", "diabetes"):
        (folder / name).symlink_to(MODELS / name)
    linear = CASES["text and numbers"]
    put_live(folder, made("loan", fitted(linear), loans(missing=True), **linear.says))
    sampled = fitted(CASES["nothing that compiles"])
    put_live(folder, made("amount", sampled, loans(missing=False), unit="R$"))
    put_live(folder, made("label", fitted(CASES["no probabilities"]), loans(missing=False)))
    return folder


def predict(client: FlaskClient, model: str, record: Any, query: str = "explain") -> Any:
    response = client.post(f"/models/{model}/predict?{query}", **body(record))
    assert response.status_code == 200, response.json
    return response.json


def explained(client: FlaskClient, model: str, record: Any, query: str = "explain") -> Any:
    return predict(client, model, record, query)["explanation"]


def total(part: dict[str, Any]) -> float:
    """The base and all contributions of an explanation, added up."""
    listed = (each["contribution"] for each in part["contributions"])
    return math.fsum([part["base"], part.get("rest", 0), *listed])


def rejected(client: FlaskClient) -> tuple[dict[str, Any], str]:
    """A record of wine that is predicted `ruim`, which is to have reasons."""
    assert predict(client, "wine", BAD, "")["prediction"] == "ruim"
    return BAD, "ruim"
