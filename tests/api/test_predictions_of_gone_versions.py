"""Predictions of versions that are gone are found by the names that only they had."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import pytest
from conftest import GOOD
from entries import NOON
from flask.testing import FlaskClient

from app import create_app
from serving import ids
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store, searching
from serving.settings import Settings

WIDE = "\N{FULLWIDTH EQUALS SIGN}1"  # a formula, where people write Chinese or Japanese
OLD = ["age", "shop size", "grape", "is>red", "P(bom)"]
RECORDS = [[3, 2.5, "merlot", True, 0.9], [4, None, "2", False, 0.9], [5, 1.0, "merlot", None, 0.9]]


def entry(version: int, time: int, model: str = "wine", **values: Any) -> PredictionEntry[Any]:
    """Predictions by a version of a model."""
    made = ids.make(model, version, time, len(values["records"]))
    return PredictionEntry(time, model, version, "query", 1, made, **values)


@pytest.fixture(
    scope="module", params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)]
)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Predictions of wine 9, which has no folder any more, and of wine 1 and another model."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db"
    if request.param == "PostgreSQL":
        url = request.getfixturevalue("postgres").new()
    with closing(Store(url)) as opened:
        opened.migrate()
        gone = {"fields": OLD, "records": RECORDS, "predictions": ["tinto", "bom", WIDE]}
        kept = {"fields": [*GOOD], "records": [[*GOOD.values()]], "predictions": ["bom"]}
        other = {"fields": ["glucose"], "records": [[9]], "predictions": ["positive"]}
        made = [entry(9, NOON, **gone), entry(1, NOON + 1, **kept)]
        opened.add([*made, entry(1, NOON, "diabetes", **other)], {})
        score = {"fields": ["years"], "records": [[7]], "predictions": [5.0]}
        once = entry(8, NOON - 1, **score, intervals=[(4.0, 6.0)])
        opened.add([once, FeedbackEntry(NOON, "result", once.ids, ["bom"])], {})
        yield opened


@pytest.fixture(scope="module")
def client(store: Store, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.Store", lambda *_: store)
        return create_app(Settings(var_dir=tmp_path_factory.mktemp("var"))).test_client()


def listed(client: FlaskClient, *where: str, path: str = "/models/wine/predictions") -> Any:
    return client.get(f"{path}?{urlencode([('where', each) for each in where])}")


@pytest.mark.parametrize(
    ("where", "ages"),
    [
        (["age>=4"], [5, 4]),
        (["age>3", "age<5"], [4]),
        (["age=4.0"], [4]),
        (["grape=merlot"], [5, 3]),
        (["grape=2"], [4]),
        (["shop size=", "grape=2"], [4]),
        (["is>red=true"], [3]),
        (["is>red=false", "is>red="], [5, 4]),
        (["alcohol>0", "age>0"], []),
    ],
)
def test_a_field_that_only_a_gone_version_had_is_filtered_by(
    client: FlaskClient, where: list[str], ages: list[int]
):
    found = listed(client, *where)
    assert found.status_code == 200, found.text
    assert sorted(each["record"]["age"] for each in found.json["predictions"]) == sorted(ages)
    page = listed(client, *where, path="/monitor/wine/predictions")
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("glucose>1", 'there is no field "glucose"'),  # another model's
        ("grape>merlot", '"merlot" is not a number; write one such as 9.5'),
    ],
)
def test_a_name_that_no_version_had_is_refused(client: FlaskClient, where: str, said: str):
    response = listed(client, where)
    assert response.status_code == 400
    assert said in response.json["detail"]


def test_the_page_offers_the_labels_that_only_a_gone_version_had(client: FlaskClient):
    page = client.get("/monitor/wine/predictions?label=tinto").text
    for label in ("bom", "ruim", WIDE):
        assert f"<option>{label}</option>" in page
    assert "<option selected>tinto</option>" in page
    assert "positive" not in page
    found = client.get("/models/wine/predictions?label=tinto").json["predictions"]
    assert [each["record"]["age"] for each in found] == [3]


def test_a_label_is_neither_right_nor_wrong_where_a_gone_version_had_numbers(client: FlaskClient):
    for path in ("/models/wine/predictions", "/monitor/wine/predictions"):
        for query in ("version=8", "version=8&wrong=true", "version=8&wrong=false"):
            found = client.get(f"{path}?{query}")
            assert found.status_code == 200
            assert ("5.0" in found.text or ">5<" in found.text) == (query == "version=8")


def test_what_comes_while_a_csv_is_written_is_not_in_it(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
):
    find_extent = searching.Searches.extent

    def extent(searches: searching.Searches, *given: Any, **filters: Any) -> Any:
        found = find_extent(searches, *given, **filters)
        new = {"fields": ["more"], "records": [[1]], "predictions": ["bom"]}
        store.add([entry(10, NOON + 2, **new)], {})
        return found

    monkeypatch.setattr(searching.Searches, "extent", extent)
    path = "/models/wine/predictions?format=csv&limit=all"
    text = client.get(path).text
    assert len(text.splitlines()) == 6
    assert f",'{WIDE}," in text
    assert ",P(bom) (field)," in text
    assert len(client.get("/models/wine/predictions?limit=9").json["predictions"]) == 6
