"""Versions come and go under load: no request fails, and each answer is of the version it names."""

import http.client
import json
import os
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from conftest import rewrite, wine
from load import Load
from servers import PATIENCE, Server, children, gunicorn, running, wait_until

pytestmark = pytest.mark.faults

KEY = "sixteen-or-more-characters"
FULL = os.environ.get("FAULTS") == "full"
SWAPS = 200 if FULL else 6
RECORD = json.dumps(wine())
WITHIN = 2  # seconds in which every worker serves what was decided


class Versions(Load):
    """A load that counts which version answered, and what."""

    def run(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        while not self.stop.is_set():
            connection.request("POST", "/predict", RECORD)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            self.outcomes[answer.status, told.get("version"), told.get("prediction")] += 1
        connection.close()


def decide(server: Server, **asked: Any) -> None:
    request = urllib.request.Request(
        f"{server.url}/models/wine/versions",
        json.dumps(asked).encode(),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.status == 200


def version(server: Server) -> int:
    with urllib.request.urlopen(f"{server.url}/predict", RECORD.encode()) as answer:
        return json.load(answer)["version"]


def memory(server: Server) -> int:
    """Megabytes of the server's processes, what they share counted once."""
    lines = []
    for pid in (server.process.pid, *children(server.process.pid)):
        with suppress(OSError):  # one that only loads pickles has ended meanwhile
            lines += Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def test_no_request_fails_while_versions_are_swapped(models: Path, tmp_path: Path):
    # No wine is good to the other version, so an answer shows who made it.
    rewrite(models, lambda manifest, _: manifest["threshold"].update(value=1.0))
    settings = {"MODELS_DIR": str(models), "ADMIN_KEYS": f"ana:{KEY}"}
    with running(gunicorn(), tmp_path / "log", **settings) as server:
        load = Versions("127.0.0.1", int(server.url.rsplit(":", 1)[1]), 8)
        sizes, took = [], []
        for swap in range(SWAPS):
            began = time.monotonic()
            if swap % 2:
                decide(server, action="rollback")
            else:
                decide(server, action="promote", version=2)
            if not FULL or swap % 20 == 0:
                wanted = 1 + (swap + 1) % 2
                wait_until(lambda: {version(server) for _ in range(20)} == {wanted})  # noqa: B023
                took.append(time.monotonic() - began)
            sizes.append(memory(server))
        outcomes = load.finish()
    print(
        f"{SWAPS} swaps: {dict(outcomes)}; all workers follow in {median(took):.2f} s, at most "
        f"{max(took):.2f}; {sizes[2]} MB after 3 swaps, {sizes[-1]} MB at the end"
    )
    assert outcomes.keys() == {(200, 1, "bom"), (200, 2, "ruim")}
    if FULL:  # figures, of a quiet machine
        assert max(took) < WITHIN
        assert min(sizes[-2:]) < max(sizes[:3]) * 1.3  # pickles are loaded beside now and then


def test_a_broken_version_is_reported_in_the_log_and_by_the_model(models: Path, tmp_path: Path):
    number = rewrite(models, lambda manifest, _: manifest.update(title="newer"))
    (models / "wine" / str(number) / "model.onnx").write_bytes(b"")
    with running(gunicorn(), tmp_path / "log", MODELS_DIR=str(models)) as server:
        (models / "wine" / "current").write_text(f"{number}\n")
        reason = "model.onnx is not the file"
        wait_until(lambda: server.log.read_text().count(reason) == 2)  # each worker's
        with urllib.request.urlopen(f"{server.url}/models") as answer:
            assert reason in json.load(answer)["broken"]["wine"]
        assert Counter(version(server) for _ in range(20)) == {1: 20}
