"""Feedback may name a prediction by the caller's own id, wherever the prediction is."""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from conftest import BAD, GOOD, body, moved
from keyed import bearing, entry, written
from monitored import monitor

from app import create_app
from serving.recording.collector import Collector
from serving.recording.store import Store
from serving.settings import Settings

OWN = "order-17"
HEADERS = {"X-Own-ID": OWN}


@pytest.fixture
def kept_in(
    settings: Settings, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """Settings with a store of each kind, which the app closes when the test ends."""
    with ExitStack() as opened:
        monkeypatch.setattr(
            "app.Store", lambda *given: opened.enter_context(closing(Store(*given)))
        )
        yield replace(settings, database_url=store_url)


def test_feedback_finds_own_ids_in_the_journal_and_in_the_store(kept_in: Settings):
    moved(kept_in).close()
    client = create_app(kept_in).test_client()
    client.post("/predict", **body([GOOD, BAD]), headers=HEADERS)
    sent = [{"own_id": f"{OWN}/{place}", "actual": "bom"} for place in (1, 0)]
    assert client.post("/feedback", **body(sent[0])).json == {"recorded": 1, "unmatched": []}
    moved(kept_in).close()
    one = client.post("/predict", **body(GOOD)).json["id"]
    client.post("/predict", **body(GOOD), headers={"X-Own-ID": "order-18"})
    sent += [{"own_id": "order-18", "actual": "ruim"}, {"id": one, "actual": "ruim"}]
    assert client.post("/feedback", **body(sent)).json == {"recorded": 4, "unmatched": []}
    moved(kept_in).close()
    listed = client.get("/models/wine/predictions").json["predictions"]
    assert {each.get("own_id"): each["actual"] for each in listed} == {
        f"{OWN}/0": "bom",
        f"{OWN}/1": "bom",
        "order-18": "ruim",
        None: "ruim",
    }
    page = client.get("/models/wine/predictions", headers={"Accept": "text/csv"})
    rows = csv.DictReader(io.StringIO(page.data.decode("utf-8-sig")))
    assert {each["own_id"] for each in rows} == {f"{OWN}/0", f"{OWN}/1", "order-18", ""}


def test_thousands_of_own_ids_are_looked_up(settings: Settings):
    client = create_app(settings).test_client()
    client.post("/predict", **body([GOOD] * 2_000), headers=HEADERS)
    moved(settings).close()
    client.post("/predict", **body([GOOD] * 1_000), headers={"X-Own-ID": "order-18"})
    names = [f"{OWN}/{place}" for place in range(2_000)]
    names += [f"order-18/{place}" for place in range(1_000)]
    sent = body([{"own_id": name, "actual": "bom"} for name in names])
    assert client.post("/feedback", **sent).json == {"recorded": 3_000, "unmatched": []}


def test_the_monitor_measures_what_feedback_by_own_id_shows(settings: Settings):
    client = create_app(settings).test_client()
    client.post("/predict", **body([GOOD, BAD] * 60), headers=HEADERS)
    sent = [{"own_id": f"{OWN}/{place}", "actual": "bom"} for place in range(120)]
    assert client.post("/feedback", **body(sent)).json["recorded"] == 120
    moved(settings).close()
    monitor(settings)
    realised = client.get("/models/wine/monitor").json["report"]["realised"]
    accuracy = next(each for each in realised if each["metric"] == "accuracy")
    assert (accuracy["rows"], accuracy["value"]) == (120, 0.5)


FAULTS = {
    "both": ({"id": "x", "own_id": OWN, "actual": "bom"}, "own_id", "is sent beside id"),
    "neither": ({"actual": "bom"}, "id", "is missing"),
    "a number": ({"own_id": 17, "actual": "bom"}, "own_id", "17 is not an own id"),
    "an invalid one": ({"own_id": "a b", "actual": "bom"}, "own_id", '"a b" is not an own id'),
    "an unknown one": (
        {"own_id": "nobody", "actual": "bom"},
        "own_id",
        'is recorded here; send its id, or, of several records, "nobody/0" for the first',
    ),
    "of several, the request": ({"own_id": OWN, "actual": "bom"}, "own_id", f'"{OWN}/0"'),
    "an unknown position": ({"own_id": f"{OWN}/2", "actual": "bom"}, "own_id", "send its id"),
    "an unknown label": ({"own_id": f"{OWN}/1", "actual": "good"}, "actual", "is not a label"),
    "an unknown name": ({"own_id": f"{OWN}/1", "actual": "bom", "note": 1}, "note", "is unknown"),
}


def test_every_fault_of_feedback_by_own_id_is_reported_together(kept_in: Settings):
    client = create_app(kept_in).test_client()
    client.post("/predict", **body([GOOD, BAD]), headers=HEADERS)
    for collected in (False, True):
        refused = client.post("/feedback", **body([sent for sent, *_ in FAULTS.values()]))
        assert refused.status_code == 422
        faults = refused.json["errors"]
        assert [each["record"] for each in faults] == [*range(len(FAULTS))]
        for fault, (_, field, part) in zip(faults, FAULTS.values(), strict=True):
            assert (fault["field"], part in fault["message"]) == (field, True), fault
        twice = '{"own_id": "order-17/0", "own_id": "order-17/1", "actual": "bom"}'
        (fault,) = client.post("/feedback", data=twice).json["errors"]
        assert (fault["field"], fault["message"]) == ("own_id", "is repeated; send it once")
        if not collected:
            moved(kept_in).close()


def test_an_own_id_of_several_predictions_is_refused_with_some_of_their_ids(kept_in: Settings):
    client = create_app(kept_in).test_client()

    def refusal() -> str:
        refused = client.post("/feedback", **body({"own_id": OWN, "actual": "bom"}))
        assert refused.status_code == 422
        return str(refused.json["errors"][0]["message"])

    made = [client.post("/predict", **body(GOOD), headers=HEADERS).json["id"] for _ in range(2)]
    for collected in (False, True):
        assert refusal().startswith(f'2 predictions have the own id "{OWN}"; send the id of one')
        assert all(each in refusal() for each in made)
        if not collected:
            moved(kept_in).close()
    made.append(client.post("/predict", **body(GOOD), headers=HEADERS).json["id"])
    assert refusal().startswith("3 predictions")
    assert made[-1] in refusal()
    sent = client.post("/feedback", **body({"id": made[0], "actual": "bom"}))
    assert sent.json == {"recorded": 1, "unmatched": []}


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/x.db", "postgresql://u@127.0.0.1:9/x"])
def test_without_a_store_feedback_by_own_id_is_refused_and_by_id_recorded(
    settings: Settings, url: str
):
    client = create_app(replace(settings, database_url=url)).test_client()
    made = client.post("/predict", **body(GOOD), headers=HEADERS).json["id"]
    refused = client.post("/feedback", **body({"own_id": OWN, "actual": "bom"}))
    assert refused.status_code == 503
    assert client.get(f"/predictions/{made}").json["feedback"] == []
    assert client.post("/feedback", **body({"id": made, "actual": "bom"})).status_code == 200


def test_while_the_store_is_behind_feedback_by_own_id_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("serving.predicting.lookup.MAX_WAITING", -1)
    client = create_app(settings).test_client()
    client.post("/predict", **body(GOOD), headers=HEADERS)
    with closing(Store(settings.store_url)) as store:
        Collector(settings.journal_dir, store).attempt()
    refused = client.post("/feedback", **body({"own_id": OWN, "actual": "bom"}))
    assert (refused.status_code, "behind" in refused.json["detail"]) == (503, True)


def test_a_key_names_only_predictions_of_its_models(kept_in: Settings):
    keys = written(
        shop=entry("shop", "predict", "feedback", models=["diabetes"]),
        cellar=entry("cellar", "predict", "feedback", models=["wine"]),
    )
    settings = replace(kept_in, api_keys=keys)
    client = create_app(settings).test_client()
    patient = client.get("/models/diabetes/example", headers=bearing("shop")).json["input"]
    for key, model, record in (("shop", "diabetes", patient), ("cellar", "wine", GOOD)):
        sent = body(record) | {"headers": HEADERS | bearing(key)}
        assert client.post(f"/models/{model}/predict", **sent).status_code == 200
    sent = body(GOOD) | {"headers": {"X-Own-ID": "order-18"} | bearing("cellar")}
    client.post("/models/wine/predict", **sent)
    for collected in (False, True):
        shop = bearing("shop")
        given = client.post(
            "/feedback", **body({"own_id": OWN, "actual": "positive"}), headers=shop
        )
        assert given.json["recorded"] == 1
        refused = client.post(
            "/feedback", **body({"own_id": "order-18", "actual": "bom"}), headers=shop
        )
        assert refused.status_code == 422
        assert "no prediction with the own id" in refused.json["errors"][0]["message"]
        if not collected:
            moved(settings).close()
