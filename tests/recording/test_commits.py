"""With JOURNAL_REQUIRED=store each way to an answer waits until the store has what it records."""

import os
import select
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import body, wine
from plain_way import WAYS, ask
from servers import ROOT

from app import create_app
from serving.recording import collecting, commits
from serving.recording.feed import Feed
from serving.recording.store import Store
from serving.settings import STORE, Settings

CSV = (ROOT / "examples/wines.csv").read_bytes()
LINE = msgspec.json.encode(wine()) + b"\n"
TENSORS = {
    "inputs": [
        {
            "name": name,
            "shape": [1],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [value],
        }
        for name, value in wine().items()
    ]
}

SENT: dict[str, tuple[int, dict[str, Any]]] = {
    "/predict": (1, body(wine())),
    "/models/wine/predict": (3, body([wine()] * 3)),
    "/models/wine/versions/1/predict": (1, body(wine())),
    "/predict?explain=2": (1, body(wine())),
    "/predict?faults=inline": (12, {"data": CSV, "content_type": "text/csv"}),
    "/predict?": (5, {"data": LINE * 5, "content_type": "application/jsonl"}),
    "/v1/models/wine:predict": (1, body({"instances": [wine()]})),
    "/v2/models/wine/infer": (1, body(TENSORS)),
    "/invocations": (2, body({"dataframe_records": [wine(), wine()]})),
}


@pytest.fixture
def required(tmp_path: Path) -> Settings:
    return Settings(var_dir=tmp_path / "var", journal_required=STORE)


@contextmanager
def a_collector(settings: Settings) -> Iterator[None]:
    """Run a collector as long as the block lasts."""
    ended, end = os.pipe()

    def pause(seconds: float, *woken_by: Feed) -> bool:
        files: list[Any] = [ended, *woken_by]
        return ended not in select.select(files, [], [], seconds)[0]

    thread = threading.Thread(target=collecting.run, args=(settings, pause))
    thread.start()
    try:
        yield
    finally:
        os.close(end)
        thread.join()
        os.close(ended)


def stored(settings: Settings) -> int:
    with closing(Store(settings.store_url)) as store:
        return len(store.predictions("wine", limit=1_000_000))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_answered_is_stored(required: Settings, way: str):
    client = ask(create_app(required), way).test_client()
    with a_collector(required):
        before = 0
        for path, (records, sent) in SENT.items():
            response = client.post(path, **sent)
            assert response.status_code == 200, (path, response.text)
            assert response.get_data()  # of a stream, all of it
            assert stored(required) == before + records, path
            before += records


def test_feedback_is_stored_when_it_is_answered(required: Settings):
    client = create_app(required).test_client()
    with a_collector(required), closing(Store(required.store_url)) as store:
        id_ = client.post("/predict", **body(wine())).json["id"]
        assert client.post("/feedback", **body({"id": id_, "actual": "bom"})).status_code == 200
        _, given = store.prediction(id_)
        assert [bytes(each.actual) for each in given] == [b'"bom"']


@pytest.mark.parametrize("way", WAYS)
def test_without_a_collector_one_request_waits_and_the_next_are_refused_at_once(
    required: Settings, way: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commits, "MAX_WAIT", 0.5)
    client = ask(create_app(required), way).test_client()
    refused = client.post("/predict", **body(wine()))
    for path, (_, sent) in SENT.items():
        response = client.post(path, **sent)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "10")
        assert "no collector is running" in response.text
    assert refused.status_code == 503
    (segment,) = required.journal_dir.glob("*.jsonl")
    assert len(segment.read_bytes().splitlines()) == 1
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json["journal"]["state"]) == (503, "failing")
    assert client.get("/v2/health/ready").status_code == 503


def test_predictions_are_made_again_as_soon_as_there_is_a_collector(
    required: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(commits, "MAX_WAIT", 0.5)
    client = create_app(required).test_client()
    assert client.post("/predict", **body(wine())).status_code == 503
    with a_collector(required):
        while client.get("/health/ready").status_code == 503:
            pass
        assert client.post("/predict", **body(wine())).status_code == 200
    assert stored(required) == 2  # what was refused may be stored later


def test_a_journal_in_a_folder_with_a_long_name_is_waited_for(tmp_path: Path):
    folder = tmp_path / ("x" * 200)
    required = Settings(var_dir=folder, journal_required=STORE)
    client = create_app(required).test_client()
    with a_collector(required):
        assert client.post("/predict", **body(wine())).status_code == 200
