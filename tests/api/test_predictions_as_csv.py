"""All predictions that filters find, as one CSV of what is recorded."""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import body, moved, wine
from entries import NOON
from listed import WINE, Listed, recorded

from app import create_app
from serving import ids
from serving.recording.entry import PredictionEntry
from serving.recording.store import Store, searching
from serving.settings import Settings


@pytest.fixture(
    scope="module", params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)]
)
def listed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Listed]:
    var = tmp_path_factory.mktemp("var")
    url = f"sqlite:///{var}/own.db"
    if request.param == "PostgreSQL":
        url = request.getfixturevalue("postgres").new()
    with recorded(url, var) as listed:
        yield listed


def read(text: str) -> list[dict[str, str]]:
    """The rows of a CSV for spreadsheets."""
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:])))


def test_all_that_is_filtered_is_one_csv(listed: Listed, monkeypatch: pytest.MonkeyPatch):
    path = f"/models/{WINE}/predictions?format=csv&limit=all&wrong=true"
    response = listed.client.get(path)
    assert response.headers["Content-Disposition"] == "attachment; filename=wine-predictions.csv"
    whole = read(response.text)
    assert [row["id"] for row in whole] == listed.ids(WINE, [("wrong", "true")])
    assert [*whole[0]][:4] == ["id", "time", "version", "fixed acidity"]
    assert [*whole[0]][-4:] == ["prediction", "P(ruim)", "P(bom)", "actual"]
    assert all(row["actual"] not in {"", row["prediction"]} for row in whole)
    packed = listed.client.get(path, headers={"Accept-Encoding": "gzip"})  # as browsers do
    assert gzip.decompress(packed.data).decode() == response.text
    monkeypatch.setattr(searching, "MAX_LISTED", 25)  # of 60
    parts, following = [], path
    while following:
        response = listed.client.get(following)
        parts.append(read(response.text))
        following = response.headers.get("Link", "").partition(">")[0][1:]
    assert len(parts) == 3
    assert [row for part in parts for row in part] == whole


def test_a_csv_has_the_columns_of_all_versions_and_no_formula(settings: Settings):
    client = create_app(settings).test_client()
    client.post("/predict", **body(wine(alcohol=9)), headers={"X-Own-ID": "=1+1"})
    moved(settings).close()
    with closing(Store(settings.store_url)) as store:
        old = {"fields": ["age", "low"], "records": [[3, 4]], "classes": ["=2"]}
        (made,) = ids.make(WINE, 9, NOON, 1)
        values = {"predictions": ["=2"], "probabilities": [[1.0]]}
        store.add([PredictionEntry(NOON, WINE, 9, "query", 1, [made], **old, **values)], {})
    newest, oldest = read(client.get("/models/wine/predictions?format=csv&limit=all").text)
    assert (newest["own_id"], newest["alcohol"], newest["age"]) == ("'=1+1", "9.0", "")
    assert (oldest["age"], oldest["low (field)"], oldest["prediction"]) == ("3", "4", "'=2")
    assert oldest["P(=2)"] == "1.0"


def test_nothing_is_filtered_by_what_is_kept_out_of_the_record(settings: Settings):
    hidden = replace(
        settings,
        journal_omit='{"wine": ["alcohol"]}',
        journal_hash='{"wine": ["color", "pH"]}',
        journal_salt="0123456789abcdef",
    )
    client = create_app(hidden).test_client()
    for color in ("red", "white"):
        client.post("/predict", **body(wine(color=color)))
    moved(hidden).close()
    for where in ("alcohol>9", "pH>3"):
        response = client.get(f"/models/wine/predictions?where={where}")
        assert "out of the record" in response.json["detail"]
    found = client.get("/models/wine/predictions?where=color=red").json["predictions"]
    assert len(found) == 1  # the same value has the same hash
