"""Counts outlive workers and restarts, and the monitor reads them where no worker runs."""

import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import predict, wine
from servers import Server, gunicorn, running, wait_until, workers

from app import create_app
from serving.metrics.requests import Metrics, Totals, read_totals
from serving.settings import Settings

RECORD = json.dumps(wine()).encode()


def post(server: Server, count: int, record: bytes = RECORD) -> None:
    for _ in range(count):
        try:
            urllib.request.urlopen(f"{server.url}/predict", record).close()
        except urllib.error.HTTPError as error:
            error.close()


def counted(server: Server) -> set[str]:
    """What several scrapes, whichever workers they reach, say of the requests to predict."""
    seen = set()
    for _ in range(8):
        with urllib.request.urlopen(f"{server.url}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        seen |= {
            line for line in lines if line.startswith('serving_requests_total{route="/predict')
        }
    return seen


@pytest.mark.faults
def test_every_worker_reports_the_counts_of_all_even_of_killed_ones(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log") as server:
        post(server, 20)
        before = workers(server.process.pid)
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len({*workers(server.process.pid)} - {*before}) == 2)
        post(server, 10)
        post(server, 5, b"{}")
        at = 'serving_requests_total{route="/predict",method="POST",status="%s",predicts="true"} %s'
        wait_until(lambda: counted(server) == {at % (200, 30), at % (422, 5)})
    assert read_totals(tmp_path / "var" / "metrics") == Totals(35, {"422": 5})
    restarted = create_app(Settings(var_dir=tmp_path / "var")).test_client()
    predict(restarted, wine())
    assert at % (200, 31) in restarted.get("/metrics").text
    assert len(list((tmp_path / "var" / "metrics").glob("*.names"))) <= 3


def test_totals_are_of_requests_for_predictions(tmp_path: Path):
    assert read_totals(tmp_path / "none") == Totals(0, {})
    count = Metrics(tmp_path).count_request
    for route, status in (("/predict", "200"), ("/invocations", "422"), ("/predict", "500")):
        count(route, "POST", status, 50, predicts=True)
    for route, status in (("/metrics", "200"), ("", "404"), ("/feedback", "422")):
        count(route, "POST", status, 50, predicts=False)
    assert read_totals(tmp_path) == Totals(3, {"422": 1, "500": 1})


def test_the_difference_is_the_whole_count_where_counting_started_anew():
    before = Totals(10, {"422": 2, "500": 1})
    assert Totals(15, {"422": 4, "500": 1}).since(before) == Totals(5, {"422": 2})
    assert Totals(3, {"422": 1}).since(before) == Totals(3, {"422": 1})
