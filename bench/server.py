"""A target as a running process: started, checked against scikit-learn, measured, ended."""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.errors import BenchError
from bench.targets import BATCH, FIRST, Target
from bench.workload import MODEL, Workload

PATIENCE = 120  # seconds until a target must have answered
TOLERANCE = 1e-5  # of a probability
LAST_WORDS = 2000  # characters of its log that are shown

Answer = tuple[int, bytes]  # status and body


@dataclass(frozen=True)
class Server:
    """A target whose first responses were right.

    Attributes
    ----------
    one, many : pathlib.Path
        Files with the bodies to post to `one_url` and `many_url`.
    seconds_to_answer : float
        From its start to its first right answer.
    """

    target: Target
    pid: int
    base_url: str
    one: Path
    many: Path
    seconds_to_answer: float

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.base_url.rsplit(":", 1)[1])

    @property
    def one_url(self) -> str:
        """Where one row is posted."""
        return self.base_url + self.target.path

    @property
    def many_url(self) -> str:
        """Where a batch is posted."""
        return self.base_url + (self.target.batch_path or self.target.path)


@contextmanager
def serving(target: Target, work: Workload) -> Iterator[Server]:
    """Start a target on a free port of this machine, check its answers, and end it afterwards.

    Raises
    ------
    BenchError
        If it does not start, or answers anything but what scikit-learn does.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        one, many = folder / "one.json", folder / "many.json"
        one.write_text(json.dumps(target.encode(work, FIRST)))
        many.write_text(json.dumps(target.encode(work, BATCH)))
        ports = dict(zip(("port", "spare", "spare2"), free_ports(3), strict=True))
        filled = {**ports, "scratch": scratch, "model": str(MODEL / "model.pkl")}
        environment = _environment(target, work, filled)
        python, log = target.python, folder / "log"
        if target.prepare:
            _prepare(target, python, filled, environment)
        command = [python, *(part.format(**filled) for part in target.command)]
        with log.open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=target.folder,
                env=environment,
                start_new_session=True,
            )
        port = int(ports["port"])
        try:
            _check(target, work, FIRST, _first_answer(target, port, one.read_bytes(), process, log))
            seconds = time.perf_counter() - started
            if target.batches:
                path = target.batch_path or target.path
                _check(target, work, BATCH, post(port, path, many.read_bytes()))
            url = f"http://127.0.0.1:{port}"
            yield Server(target, process.pid, url, one, many, seconds)
        finally:
            processes.stop(process)


def _environment(target: Target, work: Workload, filled: dict[str, str]) -> dict[str, str]:
    binaries = str(Path(target.python).parent)
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "BENCH_MODEL": filled["model"],
        "BENCH_FIELDS": ",".join(work.fields),
        "BENCH_ANSWER": work.answer,
        **{name: value.format(**filled) for name, value in target.settings.items()},
    }


def _prepare(
    target: Target, python: str, filled: dict[str, str], environment: dict[str, str]
) -> None:
    command = [python, *(part.format(**filled) for part in target.prepare)]
    result = subprocess.run(
        command, cwd=target.folder, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise BenchError(f"{target.name}: {' '.join(target.prepare)}: {result.stderr.strip()}")


def free_ports(count: int) -> list[str]:
    """Ports that nobody listens on, as text."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [str(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _first_answer(
    target: Target, port: int, body: bytes, process: subprocess.Popen[bytes], log: Path
) -> Answer:
    last = "it does not listen"
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            status, answer = post(port, target.path, body)
            if status == http.HTTPStatus.OK:
                return status, answer
            last = f"it answers {status}: {answer[:200]!r}"  # some listen before they are ready
        time.sleep(0.01)
    end = log.read_text(errors="replace")[-LAST_WORDS:].strip()
    raise BenchError(f"{target.name} gave no answer: {last}; its log ends with:\n{end}")


def post(port: int, path: str, body: bytes) -> Answer:
    """Post a body over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _check(target: Target, work: Workload, wines: slice, response: Answer) -> None:
    status, answer = response
    expected = work.probabilities[wines]
    try:
        given = target.decode(json.loads(answer), work.classes)
        gap = max(
            abs(ours - theirs)
            for left, right in zip(expected, given, strict=True)
            for ours, theirs in zip(left, right, strict=True)
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        start = answer[:300]
        raise BenchError(f"{target.name} answered {status} {start!r}: {error!r}") from error
    if status != http.HTTPStatus.OK or not gap <= TOLERANCE:
        raise BenchError(
            f"{target.name} answered {status}, {gap:.2g} away from scikit-learn's predict_proba; "
            "it is not timed"
        )
