"""A server of S3's protocol for tests and measurements: SeaweedFS, on free ports."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bench.errors import BenchError
from bench.server import free_ports
from bench.workload import ROOT

PROGRAM = ROOT / "tests" / "objects" / ".venv" / "bin" / "weed"  # of make test-objects
PATIENCE = 60  # seconds until it must respond
PARTS = ("master", "volume", "filer", "s3")  # each listens on two ports
LOOPBACK = "127.0.0.1"
KEY, SECRET = "key-of-a-test", "secret-of-a-test"
IDENTITIES = {
    "identities": [
        {
            "name": "test",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
    ]
}


def environment(port: int, address: str = LOOPBACK) -> dict[str, str]:
    """The variables by which a client finds a server, and the keys for it."""
    return {
        "AWS_ENDPOINT_URL": f"http://{address}:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }


class SeaweedFS:
    """A server that can be killed and started again with what it had.

    Parameters
    ----------
    address : str
        Where it listens.
    """

    def __init__(self, folder: Path, address: str = LOOPBACK) -> None:
        self.address = address
        names = [f"{part}.port{grpc}" for part in PARTS for grpc in ("", ".grpc")]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.port = int(ports["s3.port"])
        self._folder = folder
        # Ports of gRPC are 10,000 higher unless they are given; those of other protocols are fixed.
        self._options = [f"-{name}={port}" for name, port in ports.items()]
        self._options += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(json.dumps(IDENTITIES))

    def start(self) -> None:
        """Start it, or start it again.

        Raises
        ------
        BenchError
            If it does not respond in time.
        """
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(PROGRAM, "server", f"-dir={self._folder / 'data'}", "-filer", "-s3"),
                    *(f"-ip={self.address}", f"-ip.bind={self.address}", *self._options),
                    *(f"-s3.config={self._folder / 's3.json'}", "-volume.max=100"),
                    "-master.volumeSizeLimitMB=64",
                ],
                stdout=log,
                stderr=log,
            )
        self._wait(self._responds)

    def make_bucket(self, name: str) -> None:
        """Make a bucket, as a first object does, which is not taken in its first seconds.

        Raises
        ------
        BenchError
        """
        store = S3Store(
            name, config=environment(self.port, self.address), client_options={"allow_http": True}
        )  # type: ignore[arg-type]

        def is_made() -> bool:
            with suppress(BaseError):
                obstore.put(store, "first", b"content")
                return True
            return False

        self._wait(is_made)

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise BenchError(f"SeaweedFS does not respond; its log is in {self._folder}")
            time.sleep(0.05)

    def _responds(self) -> bool:
        """Whether it refuses, as it should, who has no key."""
        with suppress(OSError):
            try:
                urllib.request.urlopen(f"http://{self.address}:{self.port}/", timeout=PATIENCE)
            except urllib.error.HTTPError as error:
                return error.code == HTTPStatus.FORBIDDEN
        return False
