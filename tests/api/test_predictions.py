"""Lists of predictions: filtered as plain Python would, page by page or as one file."""

import json
from collections.abc import Callable, Iterator

import pytest
from conftest import MODELS
from entries import NOON
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from listed import SCORE, WINE, Listed, Query, Row, recorded

THRESHOLD = json.loads((MODELS / "wine/1/model.json").read_text())["threshold"]["value"]  # of bom


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
