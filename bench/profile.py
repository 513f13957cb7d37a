"""Where one request's microseconds go, from the bytes that come in to the bytes that go out.

What a worker does for a plain request is done here in one process, one step after the other. The
time of the answer is split by sampling, so the table names whatever the service is made of and
needs no change when that changes.
"""

import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import pairwise
from pathlib import Path
from statistics import median

from app import create_app
from bench import report
from bench.errors import BenchError
from bench.sampler import Sampler
from bench.workload import ROOT
from serving.front import Front
from serving.server.client import Client, Pace
from serving.server.plain import PlainRequests

STAGES = ("receive", "answer")
ANSWER = STAGES.index("answer")
WARM_UP = 500  # requests
LEAST = 0.01  # share of the answer's time below which functions are not listed one by one


class Worker:
    """What a worker does with one connection that stays open, but for waiting."""

    def __init__(self, front: Front, body: bytes, headers: str = "") -> None:
        self.plain = PlainRequests(front, lambda call, *given: call(*given))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = listener.getsockname()
            self.client = socket.create_connection(server)
            accepted, self.address = listener.accept()
        self.sock = Client(accepted, Pace(idle=5))
        for end in (self.client, self.sock):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = (
            f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{server[1]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        )
        self.request = head.encode() + body

    def answer(self, sampler: Sampler) -> list[int]:
        """Answer one request and return the nanoseconds of each stage.

        Raises
        ------
        BenchError
            If it is not answered as a plain one.
        """
        self.client.sendall(self.request)
        clock = [time.perf_counter_ns()]
        request = self.sock.recv(65536)
        clock.append(time.perf_counter_ns())
        sampler.watching = True
        unanswered = self.plain.answer(self.sock, request, self.address)
        sampler.watching = False
        clock.append(time.perf_counter_ns())
        if unanswered or not self.client.recv(65536).startswith(b"HTTP/1.1 200"):
            raise BenchError(f"the service does not answer {request[:300]!r}")
        return [end - start for start, end in pairwise(clock)]


def profile(seconds: int) -> str:
    """Answer bom.json for some seconds, then again while sampling; return the table.

    Raises
    ------
    BenchError
        If the service answers anything but a prediction.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, quiet(scratch):
        front = create_app().extensions["front"]
        worker = Worker(front, (ROOT / "bom.json").read_bytes())
        sampler = Sampler()
        for _ in range(WARM_UP):
            worker.answer(sampler)
        times = _answer_for(seconds, worker, sampler)
        with sampler.running():
            _answer_for(seconds, worker, sampler)
    stages = [median(stage) / 1000 for stage in zip(*times, strict=True)]
    return _table(stages, sampler.charged, len(times))


@contextmanager
def quiet(scratch: str) -> Iterator[None]:
    """The service's log goes nowhere and its files into a folder that is thrown away."""
    os.environ["VAR_DIR"] = scratch
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def _answer_for(seconds: int, worker: Worker, sampler: Sampler) -> list[list[int]]:
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(worker.answer(sampler))
    return times


def _table(stages: list[float], charged: Counter[tuple[str, str]], requests: int) -> str:
    samples, whole = sum(charged.values()), sum(stages)
    rows: list[list[str]] = []

    def row(part: str, function: str, microseconds: float) -> None:
        rows.append([part, function, f"{microseconds:.1f}", f"{microseconds / whole:.1%}"])

    for stage, (name, microseconds) in enumerate(zip(STAGES, stages, strict=True)):
        if stage == ANSWER:
            for part, functions in _by_part(charged).items():
                row(f"**{part}**", "", microseconds * sum(functions.values()) / samples)
                for function, count in functions.most_common():
                    if count >= samples * LEAST:
                        row("", f"`{function}`", microseconds * count / samples)
        else:
            row(f"**{name}**", "", microseconds)
    row("**in all**", "", whole)
    heads = ["part", "of which", "µs", "share"]
    notes = (
        f"Medians of {requests:,} requests of one row; the {stages[ANSWER]:.1f} µs of the answer "
        f"are split by {samples:,} samples. Python {sys.version.split()[0]}, one process, one "
        "connection."
    )
    return "\n".join(
        ["# Where one request's microseconds go", "", *report.table(heads, rows), "", notes]
    )


def _by_part(charged: Counter[tuple[str, str]]) -> dict[str, Counter[str]]:
    parts: dict[str, Counter[str]] = {}
    for (part, function), count in charged.items():
        parts.setdefault(part, Counter())[function] += count
    return dict(sorted(parts.items(), key=lambda item: -item[1].total()))
