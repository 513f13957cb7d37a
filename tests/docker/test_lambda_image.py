"""The image of deploy/lambda as AWS Lambda runs it: not as root, and writing to /tmp alone."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BAD, GOOD, ROOT
from images import build_function, run
from lambda_events import answer, rest

from bench.runtime_api import RuntimeAPI, function

JSON = {"content-type": "application/json"}
KEY = "k" * 16


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeAPI]:
    """The function in a container, which takes its invocations from an API of this machine."""
    name = f"adega-lambda-{os.getpid()}"
    command = [
        *("docker", "run", "--rm", "--name", name, "--network", "host", "--memory", "256m"),
        *("--read-only", "--tmpfs", "/tmp:size=512m,mode=1777", "--user", "993:990"),
        *("--cap-drop", "ALL", "--ipc", "none", "--env", "AWS_LAMBDA_RUNTIME_API"),
        *("--env", f"ADMIN_KEYS=ana:{KEY}", build_function()),
    ]
    folder = tmp_path_factory.mktemp("image")
    with function(command, folder / "log", {**os.environ}, ROOT) as (started, _):
        try:
            yield started
        finally:
            print(Path(folder / "log").read_text())
            subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def test_the_image_answers_events_within_256_mb_and_without_root(api: RuntimeAPI):
    for record, label in ((GOOD, "bom"), (BAD, "ruim")):
        event = rest("POST", "/predictions", json.dumps(record), JSON)
        made = answer(api.invoke(event))
        assert (made.status, made.json["prediction"]) == (200, label)
    ready = answer(api.invoke(rest("GET", "/health/ready"))).json
    assert (ready["status"], ready["journal"]["state"], ready["broken"]) == ("ready", "off", {})


def test_a_decision_that_would_end_with_the_environment_is_refused(api: RuntimeAPI):
    decision = json.dumps({"action": "promote", "version": 1, "why": "again"})
    headers = JSON | {"x-api-key": KEY}
    refused = answer(api.invoke(rest("POST", "/models/wine/versions", decision, headers)))
    assert refused.status == 503
    assert "cannot be written: Read-only file system" in refused.json["detail"]


def test_the_image_has_no_compiler_no_pip_and_no_health_check():
    image = build_function()
    size, check = run(
        *("docker", "image", "inspect", image),
        *("--format", "{{.Size}} {{.Config.Healthcheck.Test}}"),
    ).split()
    assert int(size) < 525_000_000
    assert check == "[NONE]"
    python = ("docker", "run", "--rm", "--entrypoint", "python", image, "-c")
    has = "import importlib.util as u, shutil; print(u.find_spec('pip'), shutil.which('gcc'))"
    assert run(*python, has).split() == ["None", "None"]
