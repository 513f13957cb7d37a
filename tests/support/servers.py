"""The service as a process of its own, and what Linux shows of its processes."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120  # seconds for what is done in one on a quiet machine


class Server(NamedTuple):
    """A process of the service, where it listens and the file its log goes to."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        whole, _, _ = self.log.read_text().rpartition("\n")  # without a line that is being written
        return [json.loads(line) for line in whole.splitlines()]


def free_port() -> int:
    """A port to listen on; none of those that clients are given, which are taken at any time."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def get(url: str) -> tuple[int, Any]:
    """Status and JSON of a GET; connection errors are the caller's."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def predict(url: str, name: str) -> dict[str, Any]:
    """Post the record of a file, `bom` or `ruim`; the response is that of a prediction."""
    record = (ROOT / f"{name}.json").read_bytes()
    with urllib.request.urlopen(f"{url}/predict", data=record, timeout=PATIENCE) as answer:
        made: dict[str, Any] = json.load(answer)
    return made


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as a condition holds; connection errors mean not yet."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"not within {PATIENCE} s")


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[Server]:
    """Run a command that serves on PORT, from when it is ready until the block ends."""
    port = free_port()
    own = {"HOST": "127.0.0.1", "PORT": str(port), "VAR_DIR": str(log.parent / "var")}
    variables = os.environ | own | environment
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=out, stderr=out)
    server = Server(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(
            lambda: process.poll() is not None or get(f"{server.url}/health/ready")[0] == 200
        )
        assert process.poll() is None, log.read_text()
        yield server
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


@contextmanager
def small_disk(folder: Path, options: str = "size=4m") -> Iterator[None]:
    """A file system of its own at a folder, as long as the block lasts."""
    if os.geteuid() or sys.platform != "linux":
        pytest.skip("only root on Linux may mount a small disk")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        wait_until(lambda: subprocess.run(["umount", folder], check=False).returncode == 0)


def proc(pid: int | str) -> Path:
    """What Linux tells of a process; elsewhere the test is skipped."""
    folder = Path(f"/proc/{pid}")
    if sys.platform != "linux":
        pytest.skip("it looks at processes in Linux's /proc")
    return folder


def children(pid: int) -> list[int]:
    """The processes that one started; none of one that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in (proc(pid) / f"task/{pid}/children").read_text().split()]
    return []


def workers(pid: int) -> list[int]:
    """The workers of a gunicorn; its check of the pickles is not one."""

    def is_worker(child: int) -> bool:
        with suppress(FileNotFoundError, ProcessLookupError):
            return b"gunicorn" in (proc(child) / "cmdline").read_bytes()
        return False

    return [child for child in children(pid) if is_worker(child)]


def connect(server: Server) -> socket.socket:
    port = int(server.url.rsplit(":", 1)[1])
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def gunicorn(*options: str, check_pickles: bool = False) -> list[str]:
    """The service as in production, but that a client may be slow to ask: the machine may be busy.

    A connection that is closed for its silence fails a request that was just being sent. The check
    of the pickles computes for two seconds beside each service that starts, so it is left out.
    """
    command = [sys.executable, "-m", "gunicorn", f"--keep-alive={PATIENCE}"]
    if not check_pickles:
        command.append(f"--config={ROOT}/tests/support/without_pickle_check.py")
    return [*command, *options, "app:app"]
