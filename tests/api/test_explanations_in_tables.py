"""Explanations in the columns of a table, and where there is no place for them."""

from contextlib import closing
from pathlib import Path

import pytest
from conftest import body, moved, wine
from explained import FEW, LOAN, explained, put_models
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from streams import as_csv, read_table

from app import create_app
from serving.settings import Settings


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", **FEW)


@pytest.fixture(scope="module", params=WAYS)
def client(
    request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> FlaskClient:
    settings = Settings(models_dir=models, var_dir=tmp_path_factory.mktemp("var"), **FEW)
    return ask(create_app(settings), request.param).test_client()


def test_a_table_has_a_column_for_each_field(client: FlaskClient):
    found = explained(client, "loan", LOAN)
    response = client.post(
        "/models/loan/predict?explain", **as_csv(LOAN, {**LOAN, "area": "moon"}, LOAN)
    )
    assert response.status_code == 422
    query = "explain&faults=inline"
    response = client.post(
        f"/models/loan/predict?{query}", **as_csv(LOAN, {**LOAN, "area": "moon"})
    )
    first, faulty = read_table(response.text)
    assert first["explanation"] == found["unit"]
    assert float(first["base"]) == found["base"]
    for each in found["contributions"]:
        assert float(first[f"contribution({each['field']})"]) == each["contribution"]
    assert faulty["error"]
    assert {value for name, value in faulty.items() if name != "error"} == {""}


def test_a_table_has_columns_for_the_largest_contributions(client: FlaskClient):
    found = explained(client, "loan", LOAN, "explain=2")
    (row,) = read_table(client.post("/models/loan/predict?explain=2", **as_csv(LOAN)).text)
    for place, each in enumerate(found["contributions"], 1):
        assert row[f"reason_{place}"] == each["field"]
        assert float(row[f"contribution_{place}"]) == each["contribution"]
    assert float(row["rest"]) == found["rest"]
    assert "reason_3" not in row


def test_a_table_with_decimal_commas_has_them_in_explanations_too(client: FlaskClient):
    text = "\n".join(";".join(map(str, each)) for each in (wine(), wine().values()))
    text = text.replace(".", ",")
    response = client.post("/predict?explain=1", data=text, content_type="text/csv")
    (row,) = read_table(response.text, ";")
    assert float(row["contribution_1"].replace(",", ".")) > 0
    assert "," in row["contribution_1"]


def test_what_has_no_place_for_an_explanation_is_refused_before_it_is_predicted(
    own_client: FlaskClient, settings: Settings
):
    every = "/predict?explain&explain_classes=all"
    for path, sent, accept in (
        (every, as_csv(wine()), "text/csv"),
        (every, body(wine()), "text/csv"),
        ("/invocations?explain", body([[*wine().values()]]), "application/json"),
        ("/invocations?explain", as_csv(wine()), "text/csv"),
    ):
        response = own_client.post(path, **sent, headers={"Accept": accept})
        assert response.status_code == 400, response.text
    with closing(moved(settings)) as store:
        assert store.predictions("wine", limit=9) == []
