"""Load by wrk: how many requests a second, and how long each took."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE = 30  # seconds until a request counts as failed
NO_HEADERS: Mapping[str, str] = {}
ERRORS = {
    "connect": "connections refused",
    "read": "connections broken while reading",
    "write": "connections broken while writing",
    "timeout": f"requests unanswered after {PATIENCE} s",
    "status": "answers with status 400 or above",
}


@dataclass(frozen=True)
class Figures:
    """What one run of wrk measured."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: dict[str, int]

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds

    @property
    def fault(self) -> str:
        """What went wrong, empty when nothing did."""
        if not self.requests and not self.errors:
            return "not one request was answered in time; make --seconds longer"
        return ", ".join(f"{count} {ERRORS[kind]}" for kind, count in self.errors.items())


def require() -> None:
    """Make sure that wrk is there.

    Raises
    ------
    BenchError
        If it is not.
    """
    if not shutil.which("wrk"):
        raise BenchError("wrk is not installed: `apt-get install wrk`")


def start(
    url: str,
    body: Path,
    *,
    connections: int,
    seconds: int,
    headers: Mapping[str, str] = NO_HEADERS,
) -> subprocess.Popen[str]:
    """Begin to post a body for some seconds over some connections, each waiting for its answer."""
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={PATIENCE}s"]
    sent = [f"-H{name}: {value}" for name, value in headers.items()]
    command = ["wrk", *options, *sent, "-s", str(SCRIPT), url, "--", str(body)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str], seconds: int) -> Figures:
    """Wait for the end of a run and read its figures.

    Raises
    ------
    BenchError
        If wrk could not run, with its output.
    """
    try:
        output, _ = process.communicate(timeout=seconds + 2 * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise BenchError(f"wrk did not end within {seconds + 2 * PATIENCE} s") from None
    if process.returncode:
        raise BenchError(f"wrk failed: {output.strip()}")
    read = json.loads(output.rstrip().splitlines()[-1])
    errors = {kind: read[kind] for kind in ERRORS if read[kind]}
    return Figures(read["requests"], read["seconds"], read["p50_ms"], read["p99_ms"], errors)


def run(
    url: str,
    body: Path,
    *,
    connections: int,
    seconds: int,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Figures:
    """Post a body for some seconds and return the figures."""
    started = start(url, body, connections=connections, seconds=seconds, headers=headers)
    return finish(started, seconds)
