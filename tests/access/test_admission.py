"""A request is accepted for its key and its scope, by plain requests as well as through Flask."""

import base64
from typing import Any

import pytest
from conftest import body, predict, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing, key_of
from plain_way import WAYS, ask

from app import create_app
from serving.settings import Settings

ADMIN = "a-key-of-a-person"


@pytest.fixture(params=WAYS)
def keyed(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    own = Settings(var_dir=settings.var_dir, api_keys=KEYS, admin_keys=f"ana:{ADMIN}")
    return ask(create_app(own), request.param).test_client()


def post(client: FlaskClient, path: str, sent: Any, headers: dict[str, str], **more: Any) -> Any:
    return client.post(path, **body(sent), headers=headers, **more)


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        bearing("predict"),
        {"Authorization": f"bearer  {key_of('predict')}"},
        {"X-API-Key": key_of("predict")},
        {"Authorization": basic(key_of("predict"))},
        {"Authorization": "Basic ignored", "X-API-Key": key_of("predict")},
        {"Authorization": f"Bearer {ADMIN}"},
    ],
)
def test_a_key_is_accepted_however_it_is_sent(keyed: FlaskClient, headers: dict[str, str]):
    assert post(keyed, "/predict", wine(), headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": key_of("predict")},
        {"Authorization": "Basic %%%"},
        {"Authorization": basic("wrong")},
        {"X-API-Key": key_of("predict")[:-1]},
        {"X-API-Key": "wrong", **bearing("predict")},
        bearing("old"),
    ],
)
def test_a_wrong_key_is_refused_and_never_repeated(keyed: FlaskClient, headers: dict[str, str]):
    answer = post(keyed, "/predict", wine(), headers)
    assert answer.status_code == 401
    assert answer.headers.getlist("WWW-Authenticate") == [
        "Bearer",
        'Basic realm="Adega", charset="UTF-8"',
    ]
    assert not any(value in answer.text for value in headers.values())


def test_a_request_without_a_key_is_refused_with_how_to_send_one(keyed: FlaskClient):
    answer = post(keyed, "/predict", wine(), {})
    assert answer.status_code == 401
    assert "`Authorization: Bearer KEY` or `X-API-Key: KEY`" in answer.json["detail"]


def test_an_expired_key_is_refused_with_its_reason(keyed: FlaskClient):
    answer = post(keyed, "/predict", wine(), bearing("old"))
    assert answer.json["detail"] == "the key 'old' has expired; ask for a new one"


def test_a_missing_scope_is_named(keyed: FlaskClient):
    answer = post(keyed, "/predict", wine(), bearing("read"))
    assert answer.status_code == 403
    assert answer.json["detail"] == "the key 'read' has no scope 'predict'; it has read"


def test_a_browsers_script_gets_no_prompt_for_a_password(keyed: FlaskClient):
    answer = post(keyed, "/predict", wine(), {"Sec-Fetch-Mode": "cors"})
    assert answer.headers.getlist("WWW-Authenticate") == ["Bearer"]


@pytest.mark.parametrize("path", ["/predict", "/models/wine/predict", "/models/nobody/predict"])
def test_a_key_for_one_model_predicts_with_no_other(keyed: FlaskClient, path: str):
    answer = post(keyed, path, wine(), bearing("shop"))
    assert answer.status_code == 403
    other = "nobody" if "nobody" in path else "wine"
    assert answer.json["detail"] == (
        "the key 'shop' is limited to the models diabetes; "
        f"this needs the scope 'predict' for {other!r}"
    )
    example = keyed.get("/models/diabetes/example", headers=bearing("shop")).json["input"]
    assert post(keyed, "/models/diabetes/predict", example, bearing("shop")).status_code == 200


def test_a_key_for_one_model_gives_feedback_to_no_other(keyed: FlaskClient):
    made = post(keyed, "/predict", wine(), bearing("predict")).json["id"]
    own = keyed.get("/models/diabetes/example", headers=bearing("shop")).json["input"]
    its = post(keyed, "/models/diabetes/predict", own, bearing("shop")).json["id"]
    both = [{"id": its, "actual": "negative"}, {"id": made, "actual": "bom"}]
    refused = post(keyed, "/feedback", both, bearing("shop"))
    assert refused.status_code == 403
    assert "'feedback' for 'wine'" in refused.json["detail"]
    assert post(keyed, "/feedback", both[:1], bearing("shop")).json["recorded"] == 1
    assert post(keyed, "/feedback", both, bearing("feedback")).json["recorded"] == 2


def test_a_key_for_one_model_reads_no_prediction_of_another(keyed: FlaskClient):
    made = post(keyed, "/predict", wine(), bearing("predict")).json["id"]
    assert keyed.get(f"/predictions/{made}", headers=bearing("shop")).status_code == 403
    for path in ("/models/wine/predictions", "/models/wine/card", "/monitor/wine", "/?model=wine"):
        assert keyed.get(path, headers=bearing("shop") | PAGE).status_code == 403


PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize("path", ["/models", "/openapi.json", "/health/ready", "/", "/monitor"])
def test_what_lists_models_shows_only_those_of_the_key(
    keyed: FlaskClient, settings: Settings, path: str
):
    from conftest import moved  # noqa: PLC0415

    moved(settings).close()
    headers = bearing("shop") | (PAGE if path in {"/", "/monitor"} else {})
    shown = keyed.get(path, headers=headers)
    assert shown.status_code == 200
    text = shown.text.replace("of a good wine", "")
    assert "diabetes" in text
    assert "wine" not in text
    everything = keyed.get(
        path, headers=bearing("admin") | PAGE if "Accept" in headers else bearing("admin")
    )
    assert "wine" in everything.text


@pytest.mark.parametrize("path", ["/metrics", "/feedback/unmatched"])
def test_what_mixes_models_needs_a_key_for_all(settings: Settings, path: str):
    from keyed import entry, written  # noqa: PLC0415

    own = written(
        all=entry("all", "read", "metrics"), one=entry("one", "read", "metrics", models=["wine"])
    )
    client = create_app(Settings(var_dir=settings.var_dir, api_keys=own)).test_client()
    answer = client.get(path, headers=bearing("one"))
    assert answer.status_code == 403
    assert "for all models" in answer.json["detail"]
    assert client.get(path, headers=bearing("all")).status_code in {200, 503}  # 503: no store


def test_health_is_open_and_names_no_model(keyed: FlaskClient):
    ready = keyed.get("/health/ready", headers={"X-API-Key": "wrong"}).json
    assert (ready["status"], ready["models"]) == ("ready", {})
    assert ready["access"] == {"keys": True, "open": [], "exposed": False}


def test_without_keys_everything_is_open_whatever_is_sent(client: FlaskClient):
    assert client.get("/metrics", headers={"Authorization": "Bearer of-a-proxy"}).status_code == 200
    open_ = client.get("/health/ready").json["access"]["open"]
    assert open_ == ["predict", "feedback", "read", "metrics", "admin"]


def test_admin_keys_alone_close_nothing_else(settings: Settings):
    own = Settings(var_dir=settings.var_dir, admin_keys=f"ana:{ADMIN}")
    client = create_app(own).test_client()
    assert predict(client, wine())["prediction"] == "bom"
    assert client.post("/models/wine/versions", **body({"action": "retire"})).status_code == 401


def test_what_is_refused_is_counted_by_its_reason(keyed: FlaskClient):
    post(keyed, "/predict", wine(), {})
    post(keyed, "/predict", wine(), {"X-API-Key": "wrong"})
    post(keyed, "/predict", wine(), bearing("metrics"))
    counted = keyed.get("/metrics", headers=bearing("metrics")).text
    for reason in ("no key", "wrong key", "scope"):
        assert f'serving_refused_total{{reason="{reason}"}} 1' in counted


def test_commands_have_a_place_for_the_key_where_one_is_needed(
    keyed: FlaskClient, client: FlaskClient
):
    shown = keyed.get("/predict", headers=bearing("predict")).json["curl"]
    assert all('curl -H "X-API-Key: $ADEGA_KEY" -' in command for command in shown.values())
    assert "X-API-Key" not in client.get("/predict").text


def test_a_preflight_needs_no_key(settings: Settings):
    own = Settings(var_dir=settings.var_dir, api_keys=KEYS, cors_origins="https://a.example")
    headers = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = create_app(own).test_client().options("/predict", headers=headers)
    assert answer.status_code == 200
    assert "X-API-Key" in answer.headers["Access-Control-Allow-Headers"]
