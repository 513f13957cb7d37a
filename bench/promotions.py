"""How soon every host serves a version that was promoted, with models in an object store."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import processes, seaweedfs
from bench.errors import BenchError
from bench.server import free_ports
from bench.waiting import PATIENCE, wait_until
from bench.workload import ROOT
from serving.models import artefact

KEY = "sixteen-or-more-characters"
RECORD = (ROOT / "bom.json").read_bytes()


class Host(NamedTuple):
    """A service with a VAR_DIR of its own."""

    port: int

    def ask(self, path: str, body: bytes) -> Any:
        """Post JSON, and return what the response has."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise BenchError(f"{path}: {response.status} {content[:300]!r}")
        return json.loads(content)

    def promote(self, version: int) -> None:
        """Put a version live."""
        body = {"action": "promote", "version": version, "force": True}
        self.ask("/models/wine/versions", json.dumps(body).encode())

    def version(self) -> int:
        """Predict, and return the version that did."""
        return int(self.ask("/predict", RECORD)["version"])


def measure(hosts: int, times: int) -> Iterator[str]:
    """Promote two versions in turn, each time on another host.

    Raises
    ------
    BenchError
        If a host does not start or follow, or SeaweedFS is missing.
    """
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = running.enter_context(seaweedfs.running(folder))
        shared = {
            **seaweedfs.environment(server.port),
            "MODELS_URL": "s3://adega/models",
            "ADMIN_KEYS": f"bench:{KEY}",
            "JOURNAL": "off",
            "WEB_CONCURRENCY": "1",
            "HOST": "127.0.0.1",
        }
        _upload(folder, shared)
        services = [running.enter_context(_service(folder / f"{n}", shared)) for n in range(hosts)]
        decided, followed = list[float](), list[float]()
        for host, version in zip(islice(cycle(services), times), cycle((2, 1)), strict=False):
            began = time.monotonic()
            host.promote(version)
            decided.append(time.monotonic() - began)
            wait_until(lambda version=version: all(each.version() == version for each in services))
            followed.append(time.monotonic() - began)
    yield f"{hosts} hosts, {times} promotions, SeaweedFS on the same machine; seconds"
    yield f"until the response:          median {median(decided):.2f}, at most {max(decided):.2f}"
    yield f"until every host serves it:  median {median(followed):.2f}, at most {max(followed):.2f}"
    after = [late - soon for soon, late in zip(decided, followed, strict=True)]
    yield f"of these after the response: median {median(after):.2f}, at most {max(after):.2f}"


def _upload(folder: Path, shared: dict[str, str]) -> None:
    """Put the wine model into the object store, and the same once more as version 2."""
    models, own = folder / "models", os.environ | shared | {"VAR_DIR": str(folder / "uploader")}
    shutil.copytree(ROOT / "models" / "wine", models / "wine")
    first = artefact.read(models, "wine", 1)
    artefact.write(models, first.manifest, first.contents)
    command = [sys.executable, "-m", "serving", "upload", str(models)]
    subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def _service(folder: Path, shared: dict[str, str]) -> Iterator[Host]:
    folder.mkdir()
    (port,) = free_ports(1)
    own = shared | {"VAR_DIR": str(folder), "PORT": port}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "app:app"],
            cwd=ROOT,
            env=os.environ | own,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        host = Host(int(port))
        wait_until(lambda: host.version() > 0)
        yield host
    finally:
        processes.stop(process)
