"""The function of deploy/lambda as awslambdaric runs it, in the environment of its requirements."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

from conftest import ROOT
from lambda_events import Answer, answer, rest
from programs import skip_or_fail

from bench.runtime_api import RuntimeAPI, function

HERE = Path(__file__).parent
PYTHON = HERE / ".venv-function/bin/python"
JSON = {"content-type": "application/json"}
COMMAND = [str(PYTHON), "-m", "awslambdaric", "handler.handle"]
OF_AWS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


class Function(NamedTuple):
    """A function that runs."""

    api: RuntimeAPI
    process: Popen[bytes]
    log: Path

    def send(self, event: dict[str, Any]) -> Answer:
        """The response to an event, as its sender passes it on."""
        return answer(self.api.invoke(event))

    def post(self, path: str, sent: Any, kind: Callable[..., Any] = rest, **more: str) -> Answer:
        """The response to a POST of JSON."""
        return self.send(kind("POST", path, json.dumps(sent), JSON | more))

    def get(self, path: str, kind: Callable[..., Any] = rest, **more: str) -> Answer:
        return self.send(kind("GET", path, None, more))

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


@contextmanager
def running(folder: Path, **environment: str) -> Iterator[Function]:
    """Run the function with a /tmp of its own."""
    if not PYTHON.exists():
        skip_or_fail("awslambdaric is not installed: make test-lambda")
    folder.mkdir(parents=True, exist_ok=True)
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT}/deploy/lambda",
        "VAR_DIR": str(folder / "var"),
        **{name: os.environ[name] for name in OF_AWS if name in os.environ},
        **environment,
    }
    log = folder / "log"
    with function(COMMAND, log, variables, ROOT) as (api, process):
        yield Function(api, process, log)
