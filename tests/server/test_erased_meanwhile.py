"""The service as it runs erases while predictions arrive, and whatever is killed meanwhile."""

import json
import os
import random
import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import wine
from keyed import bearing, entry, written
from recorded import holding
from servers import PATIENCE, Server, children, gunicorn, running, wait_until

pytestmark = pytest.mark.faults

MARK = 13.0123456789
KEYS = {"API_KEYS": written(admin=entry("admin"))}


def call(server: Server, method: str, path: str, value: Any = None, **headers: str) -> Any:
    data = None if value is None else json.dumps(value).encode()
    about = bearing("admin") | {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(f"{server.url}{path}", data, about, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


def record(server: Server, subject: str, alcohol: float = 9.5) -> str:
    return call(server, "POST", "/predict", wine(alcohol=alcohol), X_Subject=subject)["id"]


def is_done(server: Server, erasure: Any) -> bool:
    (found,) = call(server, "GET", f"/erasures?id={erasure['id']}")["erasures"]
    return found["done"] is not None


def subject(server: Server, key: str) -> set[str]:
    return {each["id"] for each in call(server, "GET", f"/subjects/{key}")["predictions"]}


def test_a_person_is_erased_while_others_are_predicted(tmp_path: Path):
    with running(gunicorn(), tmp_path / "log", **KEYS) as server:
        kept, stop = [], threading.Event()

        def predict() -> None:
            while not stop.is_set():
                kept.append(record(server, "bia"))

        threads = [threading.Thread(target=predict) for _ in range(3)]
        for each in threads:
            each.start()
        for _ in range(3):
            made = [record(server, "ana", MARK) for _ in range(40)]
            feedback = [{"id": each, "actual": "bom"} for each in made]
            call(server, "POST", "/feedback", feedback)
            assert subject(server, "ana") == {*made}
            erasure = call(server, "POST", "/erasures", {"subject": "ana"})
            wait_until(lambda erasure=erasure: is_done(server, erasure))
            assert subject(server, "ana") == set()
            for mark in (str(MARK), '"ana"', made[0]):
                assert holding(tmp_path / "var", mark) == []
        stop.set()
        for each in threads:
            each.join()
        assert subject(server, "bia") == {*kept}
        erasures = call(server, "GET", "/erasures")["erasures"]
        assert {(each["who"], each["predictions"], each["feedback"]) for each in erasures} == {
            ("admin", 40, 40)
        }
        paths = {line.get("path") for line in server.lines()}
    assert "/subjects/<subject>" in paths
    assert not [each for each in paths if each and ("ana" in each or "bia" in each)]


@pytest.mark.parametrize("seed", range(4 if os.environ.get("FAULTS") == "full" else 2))
def test_what_is_killed_meanwhile_is_done_after_the_next_start(tmp_path: Path, seed: int):
    """All processes at once, at any moment, as when the machine loses its power."""
    chance = random.Random(seed)
    with running(gunicorn(), tmp_path / "log", **KEYS) as server:
        kept = [record(server, "bia") for _ in range(20)]
        made = [record(server, "ana", MARK) for _ in range(20)]
        erasure = call(server, "POST", "/erasures", {"subject": "ana"})
        kept += [record(server, "bia") for _ in range(20)]
        time.sleep(chance.uniform(0, 1))
        workers = children(server.process.pid)
        beside = [each for worker in workers for each in children(worker)]
        for each in (server.process.pid, *workers, *beside):
            os.kill(each, signal.SIGKILL)
    with running(gunicorn(), tmp_path / "log", **KEYS) as server:
        wait_until(lambda: is_done(server, erasure))
        assert subject(server, "ana") == set()
        assert subject(server, "bia") == {*kept}
        for mark in (str(MARK), '"ana"', made[0]):
            assert holding(tmp_path / "var", mark) == []
    for mark in (str(MARK), '"ana"', made[0]):
        assert holding(tmp_path / "var", mark) == []
