"""Call a service by Google's client of Vertex AI over REST, and at the routes of its containers."""

import sys
from typing import Any
from urllib.parse import urlsplit

import requests
from calls import BAD, GOOD, LABELS, refused, works
from google.api_core.exceptions import BadRequest, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1 import PredictionServiceClient
from google.cloud.aiplatform_v1.services.prediction_service.transports.rest import (
    PredictionServiceRestTransport,
)
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value

URL = sys.argv[1]
ENDPOINT = "projects/p/locations/l/endpoints/"
client = PredictionServiceClient(
    transport=PredictionServiceRestTransport(
        host=urlsplit(URL).netloc, url_scheme="http", credentials=AnonymousCredentials()
    )
)


def value(python: object) -> Value:
    return json_format.ParseDict(python, Value())


def predict(*instances: object, model: str = "wine", **more: Any) -> list[Any]:
    sent = [*map(value, instances)]
    return [*client.predict(endpoint=f"{ENDPOINT}{model}", instances=sent, **more).predictions]


with works("predict"):
    assert predict(GOOD, BAD) == LABELS
with works("predict: lists"):
    assert predict([*GOOD.values()], [*BAD.values()]) == LABELS
with works("predict: parameters"):
    (chances,) = predict(GOOD, parameters=value({"predict_method": "predict_proba"}))
    assert len(chances) == 2
with works("predict: a missing value and other faults with their text"):
    with refused(BadRequest) as errors:
        predict(GOOD | {"pH": None, "alcohol": "strong"})
    assert "record 0: pH" in str(errors[0])
    assert "record 0: alcohol" in str(errors[0])
with works("predict: an unknown model"), refused(NotFound):
    predict(GOOD, model="wime")
with works("requests: AIP_HEALTH_ROUTE"):
    assert requests.get(f"{URL}/v1/endpoints/12", timeout=60).status_code == 200
with works("requests: AIP_PREDICT_ROUTE"):
    route = f"{URL}/v1/endpoints/12:predict"
    response = requests.post(route, json={"instances": [GOOD, BAD]}, timeout=60)
    assert response.json()["predictions"] == LABELS
