"""Plain requests: which are answered from their bytes, where, and what is left to the app."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import gevent
import pytest
from conftest import wine
from raw_requests import MB, RECORD, head, length, memory
from servers import PATIENCE, Server, connect, gunicorn, running

from serving.errors import NoRoom
from serving.front import SMALL, Front, PlainRequest, PlainResponse
from serving.server.client import Client, Pace
from serving.server.plain import PlainRequests
from serving.server.threads import Threads
from serving.spool import Room

MAX_BYTES = 1_000_000
RECORDS = [wine(alcohol=8 + place / 200) for place in range(1_000)]
BATCH = json.dumps(RECORDS).encode()
FAULTY = json.dumps([*RECORDS, wine(alcohol="much")]).encode()
UNUSUAL = b"X-Unusual: header\r\n"  # which gunicorn has to parse


class Route:
    """Answers with the length of a body; a large one when it may."""

    def __init__(self) -> None:
        self.may_end, self.threads = threading.Event(), set[int]()

    def is_prompt(self, _: bytes) -> bool:
        return True

    def answer(self, request: PlainRequest) -> PlainResponse | None:
        if len(request.body) >= SMALL:
            self.threads.add(threading.get_ident())
            assert self.may_end.wait(PATIENCE)
        if request.body.startswith(b"faulty"):
            return None
        if request.body.startswith(b"large"):
            return PlainResponse("", "", "Content-Length: 9000000\r\n", bytes(9_000_000))
        return PlainResponse("", "", "Content-Length: 7\r\n", b"%7d" % len(request.body))


class Connections:
    """A worker's side and a client's side of several connections."""

    def __init__(self, folder: Path) -> None:
        self.route, self.room = Route(), Room(folder, 300_000)
        front = Front(
            find_plain=lambda path: self.route if path == "/predict" else None,
            client=lambda peer, _: peer,
            immediate=frozenset(),
            prompt=frozenset(),
            max_body_bytes=lambda *_: MAX_BYTES,
            room=self.room,
        )
        self.plain = PlainRequests(front, Threads(lambda *_: [], front, 1).compute)
        self.open: list[tuple[Client, socket.socket]] = []

    def begin(self, request: bytes) -> tuple[Any, Client, socket.socket]:
        """Send a request; return what answers it and both sides."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            other = socket.create_connection(listener.getsockname(), timeout=PATIENCE)
            ours = Client(listener.accept()[0], Pace(idle=5))
        self.open.append((ours, other))
        ours.await_rest()
        threading.Thread(target=other.sendall, args=(request,)).start()
        received = ours.recv(65_536)
        return gevent.spawn(self.plain.answer, ours, received, ("a", 1)), ours, other


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Connections]:
    made = Connections(tmp_path)
    yield made
    made.route.may_end.set()
    for pair in made.open:
        for each in pair:
            each.close()


def request(body: bytes, *headers: bytes) -> bytes:
    return head(b"/predict", *headers, length(len(body))) + body


def test_a_large_batch_does_not_hold_up_small_ones(connections: Connections):
    batches = [connections.begin(request(b"a" * 90_000)) for _ in range(3)]
    gevent.sleep(0.1)
    with gevent.Timeout(PATIENCE):
        small, _, other = connections.begin(request(b"small"))
        assert small.get() is None
        assert other.recv(999).endswith(b"      5")
    assert not any(each.ready() for each, *_ in batches)
    connections.route.may_end.set()
    for answered, _, other in batches:
        assert answered.get(timeout=PATIENCE) is None
        assert other.recv(999).endswith(b"  90000")
    assert threading.get_ident() not in connections.route.threads


@pytest.mark.parametrize("body", [b"faulty", b"faulty" * 30_000])
def test_what_is_faulty_is_left_as_it_came(connections: Connections, body: bytes):
    connections.route.may_end.set()
    sent = request(body)
    answered, ours, _ = connections.begin(sent + b"GET / HTTP/1.1\r\n")
    assert answered.get(timeout=PATIENCE) == sent
    assert ours.recv(99) == b"GET / HTTP/1.1\r\n"
    connections.room.take(300_000)  # all is given back


def test_what_is_larger_than_a_body_may_be_is_left(connections: Connections):
    sent = head(b"/predict", length(MAX_BYTES + 1))
    answered, *_ = connections.begin(sent)
    assert answered.get(timeout=PATIENCE) == sent


def test_a_batch_without_room_is_left_as_it_came(connections: Connections):
    connections.room.take(200_000)
    sent = request(bytes(200_000))
    answered, ours, _ = connections.begin(sent)
    left = answered.get(timeout=PATIENCE)
    while len(left) < len(sent):
        left += ours.recv(len(sent))
    assert left == sent
    connections.room.take(100_000)
    small, *_ = connections.begin(request(b"small"))
    assert small.get(timeout=PATIENCE) is None


@pytest.mark.faults
@pytest.mark.parametrize("body", [b"large", b"large" * 20_000])
def test_a_response_takes_room_until_it_is_read(connections: Connections, body: bytes):
    connections.route.may_end.set()
    answered, _, other = connections.begin(request(body))
    other.settimeout(0.1)
    gevent.sleep(0.5)
    with pytest.raises(NoRoom):
        connections.room.take(1)
    small, *_ = connections.begin(request(b"small"))
    assert small.get(timeout=PATIENCE) is None
    while not answered.ready():
        with suppress(TimeoutError):
            other.recv(MB)
        gevent.sleep(0)
    connections.room.take(300_000)


def respond(responses: IO[bytes]) -> tuple[int, Any]:
    """Status and JSON of the next response."""
    _, status, _ = responses.readline().split(b" ", 2)
    headers = http.client.parse_headers(responses)
    return int(status), json.loads(responses.read(int(headers["Content-Length"])))


def without_ids(answer: Any) -> Any:
    return [{**each, "id": ""} for each in answer["predictions"]]


def test_a_batch_and_what_follows_it_get_the_responses_of_flask(server: Server):
    seen = []
    for unusual in (b"", UNUSUAL):
        with connect(server) as client, client.makefile("rb") as responses:
            client.sendall(request(BATCH, unusual) + request(FAULTY, unusual) + request(RECORD))
            predicted, refused, one = (respond(responses) for _ in range(3))
        assert [predicted[0], refused[0], one[0]] == [200, 422, 200]
        seen.append((without_ids(predicted[1]), refused[1]))
    assert seen[0] == seen[1]
    assert [each["record"] for each in seen[0][1]["errors"]] == [1_000]


@pytest.mark.slow
def test_announced_batches_take_no_memory(server: Server):
    before = memory(server)
    clients = [connect(server) for _ in range(64)]
    for client in clients:
        client.sendall(head(b"/predict", length(16 * MB)) + b"[" * 9)
    with connect(server) as client:
        client.sendall(request(RECORD))
        assert client.recv(12) == b"HTTP/1.1 200"
    assert memory(server) - before < 64 * MB
    for client in clients:
        client.close()


@pytest.mark.faults
def test_large_bodies_are_answered_from_the_disk_where_they_are_many(tmp_path: Path):
    body = RECORD + b" " * 10 * MB
    own = {"MAX_STALL_SECONDS": str(PATIENCE)}  # while the others are sent
    with running(gunicorn("--workers=1"), tmp_path / "log", **own) as started:
        before = memory(started)
        clients = [connect(started) for _ in range(24)]
        for client in clients:
            client.sendall(request(body)[:-1])
        assert memory(started) - before < 150 * MB
        for client in clients:
            client.sendall(body[-1:])
            assert client.recv(12) == b"HTTP/1.1 200"
            client.close()
