"""Clients that are slow, silent or greedy, by the dozen: all others are answered meanwhile.

`make faults` (FAULTS=full) sends as many as one would to be sure, and reports how long others wait.
"""

import gzip
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from conftest import wine
from raw_requests import CSV, HEADER, MB, RECORD, ROW, head, length, memory
from servers import PATIENCE, Server, connect, proc, wait_until, workers

pytestmark = pytest.mark.faults

FULL = os.environ.get("FAULTS") == "full"
ATTACKERS = 64 if FULL else 24  # more than there are threads
IDLE = 3_000 if FULL else 300
SECONDS = 30 if FULL else 1
BOMBS = 24 if FULL else 8
ANSWERED = 1.0  # seconds in which others are answered, on a machine that does nothing else

CHUNKED = b"Transfer-Encoding: chunked\r\n"

Attack = Callable[[socket.socket, int], None]  # with the number of the step, from 0


def half_a_head(client: socket.socket, step: int) -> None:
    if step == 0:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost:")


def dripping(content: bytes, whole: int) -> Attack:
    """Send so many bytes at once, and of the others one at a time."""

    def drip(client: socket.socket, step: int) -> None:
        client.sendall(content[:whole] if step == 0 else content[whole + step - 1 :][:1])

    return drip


def dripped(start: bytes, rest: bytes) -> Attack:
    return dripping(start + rest, len(start))


def not_reading(client: socket.socket, step: int) -> None:
    """Send one request after the other and read no response."""
    client.settimeout(0)
    request = head(b"/predict", length(len(RECORD))) + RECORD
    with suppress(BlockingIOError):
        client.send(request * (100 if step == 0 else 1))


def reading_slowly(client: socket.socket, step: int) -> None:
    """Have a small request get a large response, and read hardly any of it."""
    if step == 0:
        body = HEADER + b"\n" + b"x\n" * 7_000
        client.sendall(head(b"/predict?faults=inline", CSV, length(len(body))) + body)
    elif step % 10 == 0:
        client.recv(3_000)


def reading_no_batch(client: socket.socket, step: int) -> None:
    """Have a batch get a response with a warning for each value, and do not read it."""
    if step == 0:
        client.sendall(head(b"/predict", length(len(WARNED))) + WARNED)


def bomb(client: socket.socket, step: int) -> None:
    """Send what unpacks to 250 MB, and wait for nothing."""
    if step == 0:
        packed = b"Content-Encoding: gzip\r\n"
        client.sendall(head(b"/predict", CSV, packed, length(len(BOMB))) + BOMB)
        client.close()


def silent(_: socket.socket, __: int) -> None:
    pass


# 14 MB, and the response has 11.
UNSEEN = wine(
    density=1.4, pH=13.9, sulphates=49, chlorides=49, volatile_acidity=49
) | dict.fromkeys(("fixed acidity", "citric acid", "residual sugar", "alcohol"), 99)
WARNED = json.dumps([UNSEEN] * 10_000).encode() + b" " * 12 * MB
BOMB = gzip.compress(HEADER + (b"\n" + ROW) * (200 * MB // len(ROW)), 1) if FULL else b""
BOMB = BOMB or gzip.compress(HEADER + (b"\n" + ROW) * (40 * MB // len(ROW)), 1)
ATTACKS = {
    "half-sent heads": half_a_head,
    "dripped heads": dripped(b"POST /pred", b"ict HTTP/1.1\r\nX: " + b"a" * 999),
    "dripped bodies": dripped(head(b"/predict", length(len(RECORD))) + RECORD[:9], RECORD[9:]),
    "dripped batches": dripped(head(b"/predict", length(16 * MB)) + RECORD, b" " * 999),
    "dripped chunks": dripped(head(b"/predict", CHUNKED), b"fff\r\n" + RECORD * 9),
    "dripped CSV": dripped(head(b"/predict", CSV, length(9_999)) + HEADER, b"\n" + ROW * 9),
    "slow readers": reading_slowly,
    "readers that stop": not_reading,
    "readers of no batch": reading_no_batch,
    "gzip bombs": bomb,
    "idle connections": silent,
}


@contextmanager
def attacking(server: Server, attack: Attack, count: int) -> Iterator[None]:
    """Attack a server for as long as the block lasts."""
    over = threading.Event()
    with ExitStack() as connections:
        clients = [connections.enter_context(connect(server)) for _ in range(count)]
        for client in clients:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)

        def run() -> None:
            for step in range(PATIENCE * 2):
                for client in clients:
                    with suppress(OSError):  # the server has had enough of it
                        attack(client, step)
                if over.wait(0.5):
                    return

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def ask(server: Server) -> list[float]:
    """Ask for a prediction and for health, each on a new connection; return the seconds taken."""
    taken = []
    for request in (
        head(b"/predict", length(len(RECORD))) + RECORD,
        b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        began = time.monotonic()
        with connect(server) as client:
            client.sendall(request)
            assert client.recv(12) == b"HTTP/1.1 200"
        taken.append(time.monotonic() - began)
    return taken


def spooled(server: Server) -> int:
    """Bytes of bodies on the disk; their files have no name."""
    found = 0
    for pid in workers(server.process.pid):
        for file in (proc(pid) / "fd").iterdir():
            with suppress(OSError):
                if "(deleted)" in str(file.readlink()):
                    found += file.stat().st_size
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_others_are_answered_during_an_attack(server: Server, name: str):
    wait_until(lambda: len(workers(server.process.pid)) == 2)
    before, size = workers(server.process.pid), memory(server)
    count = {"gzip bombs": BOMBS, "idle connections": IDLE}.get(name, ATTACKERS)
    taken: list[float] = []
    grown = kept = 0
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with attacking(server, ATTACKS[name], count):
        began = time.monotonic()
        while time.monotonic() - began < SECONDS or len(taken) < 20:
            taken += ask(server)
            grown, kept = max(grown, memory(server) - size), max(kept, spooled(server))
            time.sleep(0.05)
    late = sum(each > ANSWERED for each in taken)
    print(
        f"{count} {name}: {late} of {len(taken)} late, the latest {max(taken):.2f} s; "
        f"{grown / MB:.0f} MB more in memory, {kept / MB:.0f} MB on the disk"
    )
    assert workers(server.process.pid) == before
    assert grown < 500 * MB
    assert kept < 1_100 * MB
