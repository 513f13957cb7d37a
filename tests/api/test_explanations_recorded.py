"""An explanation is recorded as it was sent, but for the fields that are kept out, and erased."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import body, moved
from deciding import KEY
from explained import LOAN, put_models, total
from flask.testing import FlaskClient
from recorded import holding

from app import create_app
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings

SALT = "sixteen or more characters"
FEW = {"explain_samples": 8}  # enough to test all but their error


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", **FEW)


def recorded(client: FlaskClient, settings: Settings, record: Any, query: str) -> Iterator[Any]:
    """What was sent, and what is found from the journal and from the store."""
    sent = client.post(
        f"/models/loan/predict?{query}", **body(record), headers={"X-Subject": "ana"}
    )
    found = f"/predictions/{sent.json['id']}"
    yield sent.json
    yield client.get(found).json
    moved(settings).close()
    yield client.get(found).json
    yield client.get("/subjects/ana").json["predictions"][0]
    yield client.get("/models/loan/predictions").json["predictions"][0]


@pytest.mark.parametrize("query", ["explain", "explain=2", "explain&explain_classes=all"])
def test_an_explanation_is_recorded_as_it_was_sent(
    own_client: FlaskClient, settings: Settings, query: str
):
    sent, *found = recorded(own_client, settings, LOAN, query)
    assert [each["explanation"] for each in found] == [sent["explanation"]] * 4


def test_without_an_explanation_none_is_recorded(own_client: FlaskClient, settings: Settings):
    _, *found = recorded(own_client, settings, LOAN, "")
    assert all("explanation" not in each for each in found)


@pytest.mark.parametrize("setting", ["journal_omit", "journal_hash"])
def test_fields_that_are_kept_out_of_the_record_are_kept_out_of_its_explanations(
    settings: Settings, setting: str
):
    kept_out = {"debt", "area"}
    own = {setting: json.dumps({"loan": [*kept_out]}), "journal_salt": SALT}
    settings = replace(settings, **own)
    client = create_app(settings).test_client()
    sent, *found = recorded(client, settings, LOAN, "explain&explain_classes=all")
    whole = {each["field"]: each["contribution"] for each in sent["explanation"]["contributions"]}
    for each in found:
        left = each["explanation"]
        fields = {part["field"] for part in left["contributions"]}
        assert fields == LOAN.keys() - kept_out
        assert left["rest"] == pytest.approx(sum(whole[name] for name in kept_out))
        for part in (left, *left["others"]):
            assert total(part) == pytest.approx(part["output"], abs=1e-9)
            assert not kept_out & {one["field"] for one in part["contributions"]}


def test_an_explanation_is_erased_with_its_prediction(settings: Settings):
    client = create_app(replace(settings, admin_keys=f"ana:{KEY}")).test_client()
    headers = {"Authorization": f"Bearer {KEY}"}
    sent = client.post("/models/loan/predict?explain", **body(LOAN), headers=headers).json
    mark = str(sent["explanation"]["contributions"][0]["contribution"])
    moved(settings).close()
    assert holding(settings.var_dir, mark)
    path = f"/predictions/{sent['id']}"
    assert client.get(path, headers=headers).json["explanation"]
    assert client.delete(path, headers=headers).status_code == 202
    with closing(Store(settings.store_url)) as store:
        Collector(settings.journal_dir, store).attempt()
    assert client.get(path, headers=headers).status_code == 404
    assert holding(settings.var_dir, mark) == []
