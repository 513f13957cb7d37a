"""A server of S3's protocol for tests and measurements: SeaweedFS, on free ports."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bench.errors import BenchError
from bench.server import free_ports
from bench.waiting import PATIENCE, wait_until
from bench.workload import ROOT

PROGRAM = ROOT / "tests" / "objects" / ".venv" / "bin" / "weed"  # of make test-objects
PARTS = ("master", "volume", "filer", "s3")  # each listens on two ports
LOOPBACK = "127.0.0.1"
BUCKET = "adega"
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
        wait_until(self._responds, self._folder / "log")

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

        wait_until(is_made, self._folder / "log")

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _responds(self) -> bool:
        """Whether it refuses, as it should, who has no key."""
        with suppress(OSError):
            try:
                urllib.request.urlopen(f"http://{self.address}:{self.port}/", timeout=PATIENCE)
            except urllib.error.HTTPError as error:
                return error.code == HTTPStatus.FORBIDDEN
        return False


@contextmanager
def running(folder: Path, address: str = LOOPBACK) -> Iterator[SeaweedFS]:
    """Run a new server with a bucket until the block ends.

    Raises
    ------
    BenchError
        If it is not installed, or does not respond in time.
    """
    if not PROGRAM.exists():
        raise BenchError("SeaweedFS is not installed: run make test-objects first")
    server = SeaweedFS(folder, address)
    try:
        server.start()
        server.make_bucket(BUCKET)
        yield server
    finally:
        server.kill()
