"""How long a slow client is waited for, and how much a body may take."""

import gzip
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise, product
from pathlib import Path

import pytest
from raw_requests import CSV, HEADER, MB, RECORD, ROW, head, length, memory
from servers import PATIENCE, Server, connect, get, gunicorn, running, wait_until

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that waits a second for clients."""
    limits = {"MAX_HEAD_SECONDS": "1", "MAX_STALL_SECONDS": "1", "MIN_BYTES_PER_SECOND": "500"}
    with running(gunicorn(), tmp_path_factory.mktemp("impatient") / "log", **limits) as started:
        yield started


def received(client: socket.socket) -> bytes:
    with suppress(ConnectionError):
        return b"".join(iter(lambda: client.recv(65536), b""))
    return b""


def test_a_dripped_head_is_not_waited_for(impatient: Server):
    with connect(impatient) as client:
        for byte in b"POST /predict HTTP/1.1\r\n":
            try:
                client.sendall(bytes([byte]))
            except OSError:
                break
            time.sleep(0.3)
        else:
            pytest.fail("the whole head was waited for")


def test_who_drips_a_body_is_told_so(impatient: Server):
    with ExitStack() as open_:
        clients = []
        for kind, size in product((b"", CSV), (400, 300_000)):
            clients.append(open_.enter_context(connect(impatient)))
            clients[-1].sendall(head(b"/predict", kind, length(size)))
        for _ in range(20):
            for client in clients:
                with suppress(OSError):
                    client.sendall(b"a")
            time.sleep(0.1)
        for client in clients:
            assert received(client).startswith(b"HTTP/1.1 408 ")


def test_who_stalls_within_a_request_is_given_up(impatient: Server):
    begun = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
    with ExitStack() as open_:
        stalled = []
        for number in range(16):
            stalled.append(open_.enter_context(connect(impatient)))
            stalled[-1].sendall(begun + (b"\r\n{" if number % 2 else b""))
        for number, client in enumerate(stalled):  # who stalls within a body is told so
            assert client.recv(12) == (b"HTTP/1.1 408" if number % 2 else b"")


def test_who_sends_slowly_but_steadily_is_waited_for(impatient: Server):
    """Two seconds, at more than 500 bytes a second; again where the machine was too busy."""
    for _ in range(20):
        times, answer = [time.monotonic()], b""
        with connect(impatient) as client, suppress(ConnectionError):
            client.sendall(head(b"/predict", length(len(RECORD) + 4_000)))
            for _ in range(20):
                client.sendall(b" " * 200)
                time.sleep(0.1)
                times.append(time.monotonic())
            client.sendall(RECORD)
            answer = client.recv(12)
        if max(later - sooner for sooner, later in pairwise(times)) < 0.3:
            break
    assert answer == b"HTTP/1.1 200"


def test_who_stops_reading_is_dropped(impatient: Server):
    before, seen = memory(impatient), len(impatient.log.read_text())
    body = HEADER + b"\n" + b"x\n" * 400_000
    with connect(impatient) as client:
        client.sendall(head(b"/predict?faults=inline", CSV, length(len(body))) + body)
        wait_until(lambda: '"POST /predict","request_id"' in impatient.log.read_text()[seen:])
        answer = received(client)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert not answer.endswith(b"\r\n0\r\n\r\n")
    assert memory(impatient) - before < 100 * MB


@pytest.mark.parametrize(
    ("kind", "body"),
    [(CSV, HEADER + b"\n" + b"\n".join([ROW] * 5_000)), (b"", RECORD + b" " * 300_000)],
)
def test_a_body_is_refused_while_others_take_all_the_room(tmp_path: Path, kind: bytes, body: bytes):
    request = head(b"/predict", kind, length(len(body))) + body
    limits = {"MAX_SPOOL_BYTES": "1000000", "MAX_STALL_SECONDS": str(PATIENCE)}
    with running(gunicorn("--workers=1"), tmp_path / "log", **limits) as started:

        def refused() -> bool:
            with connect(started) as client:
                client.sendall(request)
                answer = client.recv(65536)
            return answer.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: " in answer

        with ExitStack() as open_:
            for _ in range(8):
                held = open_.enter_context(connect(started))
                held.sendall(request[:-1])
            wait_until(refused)
            assert get(f"{started.url}/health/live")[0] == 200
        wait_until(lambda: not refused())


def test_a_gzip_body_may_not_unpack_to_much_more_than_it_is(server: Server):
    content = gzip.compress(HEADER + b"\n" * 20_000_000)
    with connect(server) as client:
        packed = b"Content-Encoding: gzip\r\n"
        client.sendall(head(b"/predict", CSV, packed, length(len(content))) + content)
        assert client.recv(12) == b"HTTP/1.1 400"
