"""A made-up record is predicted and explained, and leaves no trace among the predictions."""

from typing import Any

from conftest import body, moved, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing

from app import create_app
from serving.settings import Settings

PATH = "/models/wine/what-if"


def what_if(client: FlaskClient, record: Any, query: str = "") -> Any:
    response = client.post(PATH + query, **body(record))
    assert response.status_code == 200, response.json
    return response.json


def test_it_is_predicted_and_explained_as_by_predict_but_has_no_id(own_client: FlaskClient):
    made_up = wine(alcohol=9.5)
    recorded = own_client.post("/models/wine/predict?explain", **body(made_up)).json
    assert what_if(own_client, made_up) == {key: recorded[key] for key in recorded if key != "id"}
    assert len(what_if(own_client, made_up, "?explain=2")["explanation"]["contributions"]) == 2
    (other,) = what_if(own_client, made_up, "?explain_classes=all")["explanation"]["others"]
    assert other["of"] != recorded["prediction"]


def test_it_is_neither_recorded_nor_counted(own_client: FlaskClient, settings: Settings):
    what_if(own_client, wine())
    assert moved(settings).predictions("wine", limit=10) == []
    counted = own_client.get("/metrics").text
    assert 'route="/models/<name>/what-if"' in counted
    assert "serving_predictions_total{" not in counted


def test_several_at_once_and_invalid_ones_are_refused(own_client: FlaskClient):
    assert own_client.post(PATH, **body([wine()])).status_code == 400
    assert own_client.post(f"{PATH}?explain=none", **body(wine())).status_code == 400
    refused = own_client.post(PATH, **body(wine(alcohol="strong")))
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "alcohol"


def test_a_key_must_be_for_predictions_and_its_limit_holds(settings: Settings):
    limited = Settings(var_dir=settings.var_dir, api_keys=KEYS, key_requests_per_second=1)
    client = create_app(limited).test_client()

    def status(headers: dict[str, str]) -> int:
        return client.post(PATH, **body(wine()), headers=headers).status_code

    assert (status({}), status(bearing("feedback")), status(bearing("shop"))) == (401, 403, 403)
    assert {status(bearing("predict")) for _ in range(20)} == {200, 429}
