"""Lists of predictions: filtered as plain Python would, page by page or as one file."""

import csv
import gzip
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from conftest import GOOD, MODELS, body, moved, wine
from entries import NOON
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app import create_app
from serving import ids
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store, searching
from serving.settings import Settings

WINE, SCORE = "wine", "wine-score"
THRESHOLD = json.loads((MODELS / "wine/1/model.json").read_text())["threshold"]["value"]  # of bom

Row = dict[str, Any]
Query = list[tuple[str, str]]


def rows(model: str, count: int = 60) -> list[Row]:
    """Made-up predictions of a classifier or a regression, the oldest first."""
    seeded, found = random.Random(1), []
    for at in range(count):
        bad = seeded.choice([0.1, 0.44, 0.5, 0.56, 0.9])
        label = "ruim" if bad >= 0.5 else "bom"
        number = float(seeded.randrange(4, 8))
        row: Row = {
            "time": NOON + at // 3,
            "version": 1 + at // 40,
            "alcohol": seeded.choice([9.0, 9.5, 10.0, 11.5, None]),
            "color": seeded.choice(["red", "white"]),
            "prediction": label if model == WINE else number,
            "bad": bad,
            "width": seeded.choice([0.5, 1.0, 2.0]),
            "actual": None,
        }
        if seeded.randrange(2):
            row["actual"] = (
                seeded.choice(["bom", "ruim"]) if model == WINE else number + seeded.choice([0, 1])
            )
        found.append(row)
    return found


def record(store: Store, model: str, made: list[Row]) -> None:
    """Add them to a store, and to each its id."""
    entries: list[PredictionEntry[Any] | FeedbackEntry] = []
    for row in made:
        (row["id"],) = ids.make(model, row["version"], row["time"], 1)
        values = GOOD | {"alcohol": row["alcohol"], "color": row["color"]}
        half, number = row["width"] / 2, row["prediction"]
        classes = {"classes": ("ruim", "bom"), "probabilities": [[row["bad"], 1 - row["bad"]]]}
        interval = {"intervals": [(number - half, number + half)]} if model == SCORE else {}
        entries.append(
            PredictionEntry(
                *(row["time"], model, row["version"], "query", 321, [row["id"]]),
                fields=list(values),
                records=[list(values.values())],
                predictions=[number],
                **(classes if model == WINE else interval),
            )
        )
        if row["actual"] is not None:
            entries.append(FeedbackEntry(row["time"], "result", [row["id"]], [row["actual"]]))
    store.add(entries, {})


class Listed:
    """A service whose store has predictions of both kinds of model."""

    def __init__(self, client: FlaskClient, made: dict[str, list[Row]]) -> None:
        self.client, self.made = client, made

    def ids(self, model: str, query: Query) -> list[str]:
        """All that a client finds who follows the links."""
        found, path = [], f"/models/{model}/predictions?{urlencode([*query, ('limit', '7')])}"
        while path:
            response = self.client.get(path)
            assert response.status_code == 200, response.text
            found += [each["id"] for each in response.json["predictions"]]
            link = response.headers.get("Link", "")
            assert "stopped_at" not in response.json or link
            path = link.partition(">")[0][1:]
        return found

    def ids_back(self, model: str, query: Query, newest: str) -> list[str]:
        """The same from the oldest page back to the newest, by `newer`."""
        made = next(row for row in self.made[model] if row["id"] == newest)
        found: list[str] = []
        path = f"/models/{model}/predictions?{urlencode([*query, ('limit', '7')])}"
        path += f"&newer=true&after={made['time']}~{newest}"
        while path:
            response = self.client.get(path)
            assert response.status_code == 200, response.text
            found = [*(each["id"] for each in response.json["predictions"]), *found]
            links = re.findall('<([^>]*)>; rel="prev"', ", ".join(response.headers.getlist("Link")))
            path = links[0] if links else ""
        return found

    def expected(self, model: str, fits: Callable[[Row], bool]) -> list[str]:
        newest = sorted(self.made[model], key=lambda row: (row["time"], row["id"]), reverse=True)
        return [row["id"] for row in newest if fits(row)]


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
    made = {model: rows(model) for model in (WINE, SCORE)}
    with closing(Store(url)) as store, pytest.MonkeyPatch.context() as patched:
        store.migrate()
        for model, each in made.items():
            record(store, model, each)
        patched.setattr("app.Store", lambda *_: store)  # which is closed at the end
        client = create_app(Settings(var_dir=var, database_url=url)).test_client()
        patched.undo()
        for name, few in (("FIRST_CHUNK", 5), ("CHUNK", 9), ("MAX_ROWS", 20)):
            patched.setattr(searching, name, few)  # so that searches stop in between
        yield Listed(client, made)


def is_wrong(row: Row) -> bool | None:
    """Whether a prediction was wrong, None without feedback, the plain way."""
    if row["actual"] is None:
        return None
    if isinstance(row["prediction"], str):
        return bool(row["prediction"] != row["actual"])
    return bool(abs(row["prediction"] - row["actual"]) > row["width"] / 2)


Filter = tuple[Query, Callable[[Row], bool]]

ANY: Filter = ([], lambda _: True)
STORED: list[Filter] = [
    ([("version", "2")], lambda row: row["version"] == 2),
    ([("since", "2023-11-14T22:13:20.010Z")], lambda row: row["time"] >= NOON + 10),
]
JUDGED: list[Filter] = [
    ([("feedback", "true")], lambda row: row["actual"] is not None),
    ([("feedback", "false")], lambda row: row["actual"] is None),
    ([("wrong", "true")], lambda row: is_wrong(row) is True),
    ([("wrong", "false")], lambda row: is_wrong(row) is False),
]
STRENGTHS: list[Filter] = [
    ([("where", "alcohol>=9.5")], lambda row: (row["alcohol"] or 0) >= 9.5),
    ([("where", "Alcohol < 10")], lambda row: row["alcohol"] is not None and row["alcohol"] < 10),
    ([("where", "alcohol=")], lambda row: row["alcohol"] is None),
    (
        [("where", "alcohol>9"), ("where", "alcohol<=10"), ("where", "alcohol=")],
        lambda row: row["alcohol"] is None or 9 < row["alcohol"] <= 10,
    ),
]
COLORS: list[Filter] = [
    ([("where", "color=red")], lambda row: row["color"] == "red"),
    ([("where", "color=red"), ("where", "color=white")], lambda _: True),
]
OF_LABELS: list[Filter] = [
    ([("label", "bom")], lambda row: row["prediction"] == "bom"),
    ([("probability_below", "0.6")], lambda row: max(row["bad"], 1 - row["bad"]) < 0.6),
    ([("threshold_within", "0.05")], lambda row: abs(1 - row["bad"] - THRESHOLD) <= 0.05),
]
OF_NUMBERS: list[Filter] = [
    ([("interval_above", "0.5")], lambda row: row["width"] > 0.5),
    (
        [("error_above", "0.5")],
        lambda row: row["actual"] is not None and abs(row["actual"] - row["prediction"]) > 0.5,
    ),
]


@pytest.mark.parametrize(("model", "own"), [(WINE, [OF_LABELS, COLORS]), (SCORE, [OF_NUMBERS])])
@given(data=st.data())
@hypothesis_settings(max_examples=30)
def test_any_filters_find_what_plain_python_finds(
    listed: Listed, model: str, own: list[list[Filter]], data: st.DataObject
):
    kinds = (STORED, JUDGED, STRENGTHS, *own)
    chosen = [data.draw(st.sampled_from([ANY, *kind])) for kind in kinds]
    query = [pair for pairs, _ in chosen for pair in pairs]
    if ("feedback", "false") in query and "error_above" in dict(query):
        return  # a contradiction, which is refused
    found = listed.ids(model, query)
    assert found == listed.expected(model, lambda row: all(fits(row) for _, fits in chosen))
    if found:
        assert listed.ids_back(model, query, found[-1]) == found[:-1]


@pytest.mark.parametrize(
    ("model", "query", "said"),
    [
        (WINE, "wrong=maybe", "wrong='maybe' is neither true nor false"),
        (WINE, "wrong=true&feedback=false", "feedback='false' leaves none"),
        (WINE, "error_above=1", "error_above='1': wine 1 predicts labels; send wrong=true"),
        (WINE, "interval_above=1", "interval_above='1': wine 1 has no intervals"),
        (WINE, "probability_below=60", "'60' is not a number from 0 to 1, such as 0.5"),
        (SCORE, "probability_below=0.6", "wine-score 1 predicts numbers; send interval_above"),
        (SCORE, "threshold_within=0.1", "wine-score 1 predicts numbers"),
        (SCORE, "error_above=-1", "error_above='-1' is not a number of at least 0"),
        (WINE, "where=alcohl>9", 'where="alcohl>9": there is no field "alcohl"; is it "alcohol"?'),
        (
            WINE,
            "where=alcohol",
            'where="alcohol" is no condition; write one such as fixed acidity>=',
        ),
        (WINE, "where=alcohol>9,5", '"9,5" is not a number; write one such as 9.5'),
        (WINE, "where=color=blue", '"blue" is none of "red", "white"'),
        (WINE, "where=color>red", "a category has no order; write color="),
        (WINE, "&".join(["where=alcohol>9"] * 21), "where is sent 21 times"),
        (WINE, "label=bom&label=ruim", "label is sent 2 times; send it once"),
        (WINE, "since=2026-11-21T14:30:00+01:00", "14:30:00Z, with + of a zone sent as %2B"),
        (WINE, "limit=all", "limit='all' is for CSV; send format=csv"),
        (WINE, "format=xlsx", "format='xlsx' is neither json nor csv"),
        (WINE, "verson=1", "there is no parameter 'verson'"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_its_value_and_a_remedy(
    listed: Listed, model: str, query: str, said: str
):
    response = listed.client.get(f"/models/{model}/predictions?{query}")
    assert response.status_code == 400
    assert said in response.json["detail"]


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
