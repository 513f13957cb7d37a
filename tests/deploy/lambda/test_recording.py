"""What an invocation records is in PostgreSQL when its response is sent, or the client knows."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from conftest import BAD, GOOD, MODELS, rewrite
from functions import Function, running
from lambda_events import rest

from bench.postgres import Postgres
from serving.recording.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    return postgres.new()


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory, url: str) -> Iterator[Function]:
    """A function whose predictions have to be recorded."""
    folder = tmp_path_factory.mktemp("function")
    variables = {"DATABASE_URL": url, "JOURNAL_REQUIRED": "store", "ADMIN_KEYS": f"ana:{'k' * 16}"}
    with running(folder, **variables) as started:
        yield started


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(Store(url)) as opened:
        yield opened


def stored(store: Store) -> list[str]:
    return [each.id for each in store.predictions("wine", limit=1_000)]


def feedback(store: Store, prediction_id: str) -> list[str]:
    _, given = store.prediction(prediction_id) or (None, [])
    return [json.loads(bytes(each.actual)) for each in given]


def test_a_prediction_is_stored_before_its_response(function: Function, store: Store):
    for record in (GOOD, BAD):
        made = function.post("/predict", record).json["id"]
        assert made in stored(store)


def test_each_record_of_a_stream_is_stored(function: Function, store: Store):
    lines = "\n".join(map(json.dumps, [GOOD, BAD] * 50))
    before = len(stored(store))
    answer = function.send(rest("POST", "/predict", lines, {"content-type": "application/jsonl"}))
    assert answer.status == 200
    made = [json.loads(each)["id"] for each in answer.body.splitlines()]
    assert len(made) == 100
    assert {*made} <= {*stored(store)}
    assert len(stored(store)) == before + 100


def test_feedback_by_an_own_id_is_stored_too(function: Function, store: Store):
    made = function.post("/predict", GOOD, **{"X-Own-ID": "order-7"}).json["id"]
    answer = function.post("/feedback", {"own_id": "order-7", "actual": "ruim"})
    assert answer.json == {"recorded": 1, "unmatched": []}
    shown = function.get(f"/predictions/{made}").json
    assert (shown["own_id"], feedback(store, made)) == ("order-7", ["ruim"])


def test_an_erasure_is_carried_out_before_its_response(function: Function, store: Store):
    made = function.post("/predict", GOOD).json["id"]
    admin = {"authorization": f"Bearer {'k' * 16}"}
    assert function.send(rest("DELETE", f"/predictions/{made}", None, admin)).status == 202
    assert made not in stored(store)
    assert function.get(f"/predictions/{made}").status in {404, 410}


def test_no_host_waits_for_an_environment_that_may_have_ended(function: Function, url: str):
    assert function.post("/predict", GOOD).status == 200
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT stopped FROM hosts").fetchall() == [(1,)]


def test_readiness_tries_the_database(function: Function):
    state = function.get("/health/ready").json["journal"]
    assert (state["state"], state["store"]["state"]) == ("recording", "reached")


def test_the_database_away_is_a_503_until_it_is_back(
    function: Function, store: Store, postgres: Postgres
):
    made = function.post("/predict", GOOD).json["id"]
    postgres.stop()
    try:
        refused = function.post("/predict", GOOD)
        assert (refused.status, refused.headers["content-type"]) == (
            503,
            "application/problem+json",
        )
        assert "not in the database" in refused.json["detail"]
        assert refused.headers["retry-after"]
        assert function.post("/feedback", {"id": made, "actual": "bom"}).status == 503
        assert function.post("/predict", {"alcohol": "x"}).status == 422
        assert function.get("/models").status == 200
        state = function.get("/health/ready").json["journal"]["store"]
        assert (state["state"], bool(state["waiting_bytes"])) == ("failing", True)
    finally:
        postgres.start()
    again = function.post("/predict", GOOD)
    assert again.status == 200
    assert again.json["id"] in stored(store)
    assert feedback(store, made) == ["bom"]


def test_what_need_not_be_recorded_waits_and_the_log_has_how_much(
    tmp_path: Path, postgres: Postgres
):
    url = postgres.new()
    with running(tmp_path, DATABASE_URL=url) as function, closing(Store(url)) as store:
        made = [function.post("/predict", GOOD).json["id"]]
        postgres.stop()
        try:
            for _ in range(3):
                answer = function.post("/predict", BAD)
                assert answer.status == 200
                made.append(answer.json["id"])
            assert function.post("/feedback", {"id": made[0], "actual": "bom"}).status == 503
        finally:
            postgres.start()
        waiting = [each for each in function.lines() if "are lost if it ends" in each["message"]]
        assert [each["message"].split()[0] for each in waiting][:3] == ["1", "2", "3"]
        assert function.get("/health/ready").json["journal"]["store"]["state"] == "reached"
        assert {*made} == {*stored(store)}


def test_what_a_process_left_in_an_environment_is_stored_by_the_next(
    tmp_path: Path, postgres: Postgres
):
    """As after a timeout: Lambda ends the process, and /tmp stays."""
    url = postgres.new()
    with running(tmp_path, DATABASE_URL=url) as function, closing(Store(url)) as store:
        function.post("/predict", GOOD)
        postgres.stop()
        try:
            left = function.post("/predict", GOOD).json["id"]
            function.process.kill()
            function.process.wait()
        finally:
            postgres.start()
        assert left not in stored(store)
        with running(tmp_path, DATABASE_URL=url) as next_:
            assert next_.get("/models").status == 200
            assert left in stored(store)


def test_a_trial_is_stored_with_what_it_is_compared_with(tmp_path: Path, postgres: Postgres):
    url, models = postgres.new(), tmp_path / "models"
    shutil.copytree(MODELS, models)
    number = rewrite(models, lambda *_: None)
    (models / "wine/trial").write_text(f"{number}\n")
    with running(tmp_path / "f", DATABASE_URL=url, MODELS_DIR=str(models)) as function:
        for record in (GOOD, BAD, GOOD):
            assert function.post("/predict", record).status == 200
        with closing(Store(url)) as store:
            compared = store.trial("wine", number, numbers=False)
            assert (compared.rows, compared.agreement) == (3, 1)


def test_retention_is_kept_without_a_collector(tmp_path: Path, postgres: Postgres):
    url = postgres.new()
    with running(tmp_path / "a", DATABASE_URL=url) as function, closing(Store(url)) as store:
        old = function.post("/predict", GOOD).json["id"]
        assert stored(store) == [old]
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE predictions SET time = 1000")
    with running(tmp_path / "b", DATABASE_URL=url, RETENTION_DAYS="1") as function:
        new = function.post("/predict", GOOD).json["id"]
        with closing(Store(url)) as store:
            assert stored(store) == [new]
