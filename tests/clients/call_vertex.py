"""Call a service by Google's client: prints each call that did what it should."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import requests
from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1 import PredictionServiceClient
from google.cloud.aiplatform_v1.services.prediction_service.transports.rest import (
    PredictionServiceRestTransport,
)
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value

ROOT = Path(__file__).parent.parent.parent
ENDPOINT = "projects/p/locations/l/endpoints/wine"


def value(python: object) -> Value:
    return json_format.ParseDict(python, Value())


def main(url: str) -> None:
    good, bad = (json.loads((ROOT / f"{name}.json").read_text()) for name in ("bom", "ruim"))
    transport = PredictionServiceRestTransport(
        host=urlsplit(url).netloc, url_scheme="http", credentials=AnonymousCredentials()
    )
    client = PredictionServiceClient(transport=transport)
    response = client.predict(endpoint=ENDPOINT, instances=[value(good), value(bad)])
    assert [*response.predictions] == ["bom", "ruim"], response
    print("predict")
    response = client.predict(
        endpoint=ENDPOINT,
        instances=[value([*good.values()])],
        parameters=value({"predict_method": "predict_proba"}),
    )
    assert len(response.predictions[0]) == 2, response
    print("predict-parameters")
    try:
        client.predict(endpoint=ENDPOINT, instances=[value(good | {"pH": "sour"})])
    except BadRequest as error:
        assert "record 0: pH" in error.message, error
        print("predict-faulty")
    health = requests.get(f"{url}/v1/endpoints/12", timeout=60)
    assert health.status_code == 200
    print("health-route")
    route = f"{url}/v1/endpoints/12:predict"
    answered = requests.post(route, json={"instances": [good, bad]}, timeout=60)
    assert answered.json()["predictions"] == ["bom", "ruim"]
    print("predict-route")


main(sys.argv[1])
