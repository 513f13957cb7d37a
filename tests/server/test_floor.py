"""The floor of the bench runs under the service's own configuration of gunicorn."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from servers import PATIENCE, ROOT, free_port, wait_until


def test_the_floor_answers_under_the_configuration_of_the_service(tmp_path: Path):
    port, log = free_port(), tmp_path / "log"
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "VAR_DIR": str(tmp_path)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "bench.floor:app"],
            cwd=ROOT,
            env=os.environ | settings | {"BENCH_ANSWER": "{}", "JOURNAL": "off"},
            stdout=out,
            stderr=out,
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/predict", data=b"") as response:
            return response.read() == b"{}"

    try:
        wait_until(answers)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
