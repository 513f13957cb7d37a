"""Call a service by MLflow's client of its scoring server, and as its examples do by requests."""

import io
import sys
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import requests
from calls import BAD, GOOD, LABELS, refused, works
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

URL = sys.argv[1]
FRAME = pd.DataFrame([GOOD, BAD])
client = ScoringServerClient(urlsplit(URL).hostname, urlsplit(URL).port)


def labels(*sent: Any) -> list[str]:
    return [*client.invoke(*sent).get_predictions()[0]]


def post(content: Any, kind: str, path: str = "/invocations") -> Any:
    response = requests.post(
        f"{URL}{path}", data=content, headers={"Content-Type": kind}, timeout=60
    )
    assert response.status_code == 200, response.text
    return response.json()["predictions"]


def parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


with works("ping"):
    client.ping()
with works("get_version"):
    assert client.get_version()
with works("wait_server_ready"):
    client.wait_server_ready()
with works("invoke: a frame"):
    assert labels(FRAME) == LABELS
with works("invoke: a frame, columns in another order"):
    assert labels(FRAME[FRAME.columns[::-1]]) == LABELS
with works("invoke: an array"):
    assert labels(FRAME.to_numpy()) == LABELS
with works("invoke: params"):
    chosen = client.invoke(FRAME, params={"predict_method": "predict_proba"})
    assert chosen.get_predictions().shape == (2, 2)
with works("invoke: a missing value and other faults with their text"):
    with refused(Exception) as errors:
        client.invoke(FRAME.assign(pH=[np.nan, 3.0]))
    assert "error code 400" in str(errors[0])
    assert "record 0: pH" in str(errors[0])
with works("requests: dataframe_records"):
    assert (
        post(f'{{"dataframe_records": {FRAME.to_json(orient="records")}}}', "application/json")
        == LABELS
    )
with works("requests: CSV"):
    assert post(FRAME.to_csv(index=False), "text/csv") == LABELS
with works("requests: Parquet"):
    assert post(parquet(FRAME), "application/vnd.apache.parquet") == LABELS
with works("requests: Parquet, a category and columns in another order"):
    turned = FRAME.astype({"color": "category"})[FRAME.columns[::-1]]
    assert post(parquet(turned), "application/vnd.apache.parquet") == LABELS
with works("requests: Databricks' path"):
    path = "/serving-endpoints/wine/invocations"
    split = f'{{"dataframe_split": {FRAME.to_json(orient="split")}}}'
    assert post(split, "application/json", path) == LABELS
