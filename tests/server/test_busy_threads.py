"""What is prompt is answered while every thread that may take long is taken."""

import json
import shutil
import urllib.request
from pathlib import Path

import pytest
from conftest import MODELS, wine
from servers import PATIENCE, connect, get, gunicorn, running

from serving.lock import locked

KEY = "sixteen-or-more-characters"


@pytest.mark.slow
def test_health_metrics_and_small_predictions_wait_for_no_thread(tmp_path: Path):
    models = shutil.copytree(MODELS, tmp_path / "models")
    settings = {"MODELS_DIR": str(models), "ADMIN_KEYS": f"ana:{KEY}"}
    command = gunicorn("--workers=1", "--threads=1")
    with (
        running(command, tmp_path / "log", **settings) as server,
        connect(server) as deciding,
        connect(server) as waiting,
    ):
        with locked(models / "wine"):  # which a decision waits for, in the only thread
            decision = b'{"action": "trial"}'
            deciding.sendall(
                b"POST /models/wine/versions HTTP/1.1\r\nHost: x\r\n"
                b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
                % (KEY.encode(), len(decision), decision)
            )
            assert get(f"{server.url}/health/live")[0] == 200
            waiting.sendall(b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n")
            assert get(f"{server.url}/health/ready")[0] == 200
            with urllib.request.urlopen(f"{server.url}/metrics", timeout=PATIENCE) as metrics:
                assert metrics.status == 200
            for unusual in ({}, {"X-Unusual": "header"}):  # which gunicorn has to parse
                request = urllib.request.Request(
                    f"{server.url}/predict", json.dumps(wine()).encode(), unusual
                )
                with urllib.request.urlopen(request, timeout=PATIENCE) as prediction:
                    assert json.load(prediction)["prediction"] == "bom"
            waiting.settimeout(0)
            with pytest.raises(BlockingIOError):  # the thread is taken, as it has to be here
                waiting.recv(1)
            waiting.settimeout(PATIENCE)
        assert deciding.recv(12).startswith(b"HTTP/1.1 ")
        assert waiting.recv(12) == b"HTTP/1.1 200"
