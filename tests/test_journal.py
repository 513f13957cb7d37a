"""Once an answer has left, its record survives: through kills, full disks and torn lines."""

import http.client
import json
import os
import signal
import threading
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Server, body, get, gunicorn, running, wait_until, wine
from flask.testing import FlaskClient
from load import Load

from app import create_app
from serving.collector import Collector
from serving.settings import Settings
from serving.store import Store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var_dir=tmp_path / "var")


def moved(settings: Settings) -> Store:
    """The store, with all that is in the journal."""
    settings.journal_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.store_url)
    Collector(settings.journal_dir, store).collect()
    return store


def predict(client: FlaskClient, record: Any) -> Any:
    return client.post("/predict", **body(record)).json


def test_a_prediction_is_told_again_as_it_was_asked_and_answered(client: FlaskClient):
    answer = predict(client, wine(alcohol=14.95, color=0))
    told = client.get(f"/predictions/{answer['id']}").json
    assert told["record"] == wine(alcohol=14.95, color="red")
    assert {name: told[name] for name in answer} == answer
    assert len(answer["warnings"]) == 1
    assert (told["actual"], told["feedback"]) == (None, [])


def test_each_prediction_of_a_batch_has_a_record(client: FlaskClient):
    answers = predict(client, [wine(), wine(alcohol=9)])["predictions"]
    told = [client.get(f"/predictions/{answer['id']}").json for answer in answers]
    assert [one["record"]["alcohol"] for one in told] == [12.8, 9]
    assert [one["prediction"] for one in told] == [answer["prediction"] for answer in answers]


def test_the_example_is_recorded_like_any_answer(client: FlaskClient):
    example = client.get("/example").json
    assert client.get(f"/predictions/{example['id']}").json["record"] == example["input"]


def test_of_two_different_feedbacks_the_last_holds_and_both_are_told(client: FlaskClient):
    answer = predict(client, wine())
    for actual in ("ruim", "bom", "bom"):
        sent = client.post("/feedback", **body({"id": answer["id"], "actual": actual}))
        assert (sent.status_code, sent.json) == (200, {"recorded": 1})
        time.sleep(0.002)
    told = client.get(f"/predictions/{answer['id']}").json
    assert told["actual"] == "bom"
    assert [said["actual"] for said in told["feedback"]] == ["bom", "ruim"]


KNOWN = "wine.1.19aa63c2f3c0123456789abcdef"
FAULTS = {
    "no object": (["bom"], "record"),
    "no id": ({"actual": "bom"}, "is missing"),
    "no actual": ({"id": KNOWN}, "is missing"),
    "id of another make": ({"id": "42", "actual": "bom"}, "is not the id of a prediction"),
    "id that is a number": ({"id": 42, "actual": "bom"}, "is not the id of a prediction"),
    "id of the future": ({"id": KNOWN.replace(".1.1", ".1.f"), "actual": "bom"}, "of the future"),
    "id of no model": ({"id": KNOWN.replace("wine", "vine"), "actual": "bom"}, "try 'wine'"),
    "unknown label": ({"id": KNOWN, "actual": "good"}, 'no label of this model; send one of "bom"'),
    "label as code": ({"id": KNOWN, "actual": 1}, "no label"),
    "label in a list": ({"id": KNOWN, "actual": ["bom"]}, "no label"),
    "more than is taken": ({"id": KNOWN, "actual": "bom", "note": 1}, "is not taken"),
    "none": ([], "the array is empty"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_feedback_is_refused_with_the_reason(client: FlaskClient, fault: str):
    sent, message = FAULTS[fault]
    answer = client.post("/feedback", **body(sent))
    assert answer.status_code == 422
    if fault != "no object":
        assert message in answer.json["errors"][0]["message"]


def test_nothing_is_learnt_of_an_array_with_one_fault(client: FlaskClient):
    id_ = predict(client, wine())["id"]
    sent = [{"id": id_, "actual": "bom"}, {"id": id_, "actual": "good"}]
    assert client.post("/feedback", **body(sent)).json["errors"][0]["record"] == 1
    assert client.get(f"/predictions/{id_}").json["feedback"] == []


def test_feedback_may_come_before_its_prediction_is_known(settings: Settings):
    client = create_app(settings).test_client()
    assert client.post("/feedback", **body({"id": KNOWN, "actual": "bom"})).status_code == 200
    with closing(moved(settings)) as store:
        count, (said,) = store.unmatched(time.time_ns() // 1_000_000 + 1, 10)
    assert (count, said.prediction_id) == (1, KNOWN)


def test_a_model_s_predictions_are_listed_page_by_page(settings: Settings):
    client = create_app(settings).test_client()
    ids = [one["id"] for _ in range(3) for one in predict(client, [wine(), wine()])["predictions"]]
    bad = predict(client, json.loads((ROOT / "ruim.json").read_text()))
    moved(settings).close()
    url, found = "/models/wine/predictions?limit=4", []
    while url:
        page = client.get(url)
        found += [one["id"] for one in page.json["predictions"]]
        url = page.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert len(found) == 7
    assert set(found) == {*ids, bad["id"]}
    only = client.get("/models/wine/predictions?label=ruim&since=2026-01-01&version=1").json
    assert [one["id"] for one in only["predictions"]] == [bad["id"]]
    assert client.get("/models/wine/predictions?until=2026-01-01").json == {"predictions": []}


def test_a_list_is_had_as_csv_with_a_column_for_each_field(settings: Settings):
    client = create_app(settings).test_client()
    answer = predict(client, wine())
    client.post("/feedback", **body({"id": answer["id"], "actual": "ruim"}))
    moved(settings).close()
    listed = client.get("/models/wine/predictions", headers={"Accept": "text/csv"})
    assert listed.mimetype == "text/csv"
    head, row = listed.data.decode("utf-8-sig").splitlines()
    columns = dict(zip(head.split(","), row.split(","), strict=True))
    assert columns.items() > {"id": answer["id"], "pH": "3.46", "color": "white"}.items()
    assert (columns["prediction"], columns["actual"]) == ("bom", "ruim")
    assert columns["P(bom)"] == str(answer["probabilities"]["bom"])


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "since=soon", "after=1", "colour=red"])
def test_a_query_that_is_not_understood_is_refused(client: FlaskClient, query: str):
    answer = client.get(f"/models/wine/predictions?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json["detail"]


def test_a_prediction_that_nobody_made_is_not_found(settings: Settings):
    client = create_app(settings).test_client()
    moved(settings).close()
    answer = client.get(f"/predictions/{KNOWN}")
    assert answer.status_code == 404
    assert KNOWN in answer.json["detail"]


def test_no_record_is_kept_where_none_is_wanted(tmp_path: Path):
    client = create_app(Settings(var_dir=tmp_path / "var", journal=False)).test_client()
    id_ = predict(client, wine())["id"]
    assert not (tmp_path / "var").exists()
    assert client.post("/feedback", **body({"id": id_, "actual": "bom"})).status_code == 404
    assert client.get("/health/ready").json["journal"] == {"state": "off"}


@pytest.mark.parametrize("required", [False, True])
def test_a_journal_that_cannot_be_written_is_told_and_recovers(tmp_path: Path, required: bool):
    folder = tmp_path / "var"
    folder.write_text("in the way")
    client = create_app(Settings(var_dir=folder, journal_required=required)).test_client()
    answers = [client.post("/predict", **body([wine(), wine()])) for _ in range(3)]
    ready = client.get("/health/ready")
    feedback = client.post("/feedback", **body({"id": KNOWN, "actual": "bom"}))
    assert {answer.status_code for answer in answers} == {503 if required else 200}
    assert feedback.status_code == 503
    assert ready.status_code == (503 if required else 200)
    assert (
        ready.json["journal"].items() >= {"state": "failing", "lost": 0 if required else 6}.items()
    )
    folder.unlink()
    assert client.get("/health/ready").json["journal"]["state"] == "recording"
    assert client.get(f"/predictions/{predict(client, wine())['id']}").status_code == 200


def test_torn_lines_are_left_out_and_counted(settings: Settings):
    client = create_app(settings).test_client()
    ids = [predict(client, wine())["id"] for _ in range(2)]
    (segment,) = settings.journal_dir.glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    torn = settings.journal_dir / "0-another-1.jsonl"
    torn.write_bytes(lines[0] + lines[0][:40] + b"\n" + b" " * 50 + b"\n" + lines[1][:99])
    segment.unlink()
    with closing(moved(settings)) as store:
        assert store.prediction(ids[0])
        assert not store.prediction(ids[1])
        assert [position.torn for position in store.positions().values()] == [2]
    assert not torn.exists()


class Answers(Load):
    """A load that keeps the id of every answer."""

    def __init__(self, host: str, port: int, clients: int = 8) -> None:
        self.ids: list[str] = []
        super().__init__(host, port, clients)

    def run(self) -> None:
        url = f"http://{self.address[0]}:{self.address[1]}/predict"
        record = json.dumps([wine()] * 3).encode()
        while not self.stop.is_set():
            try:
                with urllib.request.urlopen(url, record, timeout=30) as answer:
                    told = json.load(answer)["predictions"]
            except (OSError, http.client.HTTPException):
                continue  # a killed worker's clients: what was not answered need not be recorded
            self.ids += [one["id"] for one in told]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def tree(pid: int) -> list[int]:
    return [pid, *(below for child in children(pid) for below in tree(child))]


def stored(settings: Settings, ids: list[str]) -> list[str]:
    """The ids that are not in the store, all of the journal being moved."""
    with closing(moved(settings)) as store:
        return [id_ for id_ in ids if not store.prediction(id_)]


def loaded(server: Server) -> Answers:
    load = Answers("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    wait_until(lambda: len(load.ids) > 100)
    return load


def test_what_killed_workers_answered_is_in_the_store(tmp_path: Path):
    settings = Settings(var_dir=tmp_path / "var")
    with running(gunicorn(), tmp_path / "log") as server:
        load = loaded(server)
        for _ in range(6):
            time.sleep(0.5)
            os.kill(children(server.process.pid)[-1], signal.SIGKILL)
        load.finish()
    assert len(load.ids) > 300
    assert stored(settings, load.ids) == []


def test_what_a_killed_service_answered_is_in_the_store_after_its_restart(tmp_path: Path):
    settings = Settings(var_dir=tmp_path / "var")
    with running(gunicorn(), tmp_path / "log") as server:
        load = loaded(server)
        for process in tree(server.process.pid):
            os.kill(process, signal.SIGKILL)
        load.finish()
    with running(gunicorn(), tmp_path / "log"):
        wait_until(lambda: not list(settings.journal_dir.glob("*.jsonl")))
    assert stored(settings, load.ids) == []


def test_collecting_is_taken_over_when_it_ends(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as server:
        request = urllib.request.Request(f"{server.url}/predict", json.dumps(wine()).encode())
        for worker in children(server.process.pid):
            for companion in children(worker):
                os.kill(companion, signal.SIGKILL)
        wait_until(lambda: "its worker is replaced" in server.log.read_text())
        with urllib.request.urlopen(request) as answer:
            id_ = json.load(answer)["id"]

        def listed() -> bool:
            status, found = get(f"{server.url}/models/wine/predictions")
            return status == 200 and [one["id"] for one in found["predictions"]] == [id_]

        wait_until(listed)


def test_lines_of_many_threads_stay_whole(settings: Settings):
    client = create_app(settings)
    ids: list[str] = []

    def ask() -> None:
        mine = client.test_client()
        ids.extend(predict(mine, wine())["id"] for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 400
    assert stored(settings, ids) == []
