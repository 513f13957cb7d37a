"""A client's connection: who is waited for how long, and who has gone."""
# ruff: noqa: SLF001 - how long it is still waited for

import socket
import time
from collections.abc import Iterator

import gevent
import pytest
from servers import PATIENCE, wait_until

from serving.server import client
from serving.server.client import Client, Pace

PACE = Pace(idle=5, head=5, stall=5, rate=500)


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    """A connection as the server has it, and as the client has it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = socket.create_connection(listener.getsockname(), timeout=PATIENCE)
        ours = Client(listener.accept()[0], PACE)
    yield ours, other
    ours.close()
    other.close()


def later(seconds: float) -> float:
    return time.monotonic() + seconds


def given_up(ours: Client, seconds: float) -> bool:
    """Whether a wait for the client ends by a look at it after so many seconds."""
    receiving = gevent.spawn(ours.recv, 9)
    gevent.sleep(0.01)
    ours.give_up_if_late(later(seconds))
    gevent.sleep(0.01)
    late = receiving.ready()
    if late:
        assert isinstance(receiving.exception, TimeoutError)
    receiving.kill()
    return late


def test_a_head_is_waited_for_in_all(pair: tuple[Client, socket.socket]):
    ours, other = pair
    ours.await_head(5)
    assert not given_up(ours, 1)
    other.sendall(b"GET /")
    assert ours.recv(9) == b"GET /"
    assert given_up(ours, 5)


def test_what_comes_steadily_is_waited_for_longer(pair: tuple[Client, socket.socket]):
    ours, other = pair
    ours.await_rest()
    ours._left = 1
    other.sendall(b"a" * 500)
    while len(ours.recv(500)) < 1:
        pass
    assert 1.5 < ours._left <= 2
    other.sendall(b"a" * 50_000)
    ours.recv(50_000)
    assert ours._left <= 5
    assert given_up(ours, 5.1)


def test_who_is_late_gets_no_more_time(pair: tuple[Client, socket.socket]):
    ours, _ = pair
    ours._left = 0
    with pytest.raises(TimeoutError):
        ours.recv(9)


def test_what_has_come_is_received_by_who_is_late(pair: tuple[Client, socket.socket]):
    ours, other = pair
    ours._left = 0
    other.sendall(b"{}")
    wait_until(lambda: not ours.has_left() and ours.recv(9) == b"{}")


def test_a_send_waits_for_the_client(pair: tuple[Client, socket.socket]):
    ours, other = pair
    content = bytes(20_000_000)
    sending = gevent.spawn(ours.sendall, content)
    gevent.sleep(0.05)
    assert not sending.ready()
    received = 0
    other.settimeout(0)
    while received < len(content):
        try:
            received += len(other.recv(2**20))
        except BlockingIOError:
            gevent.sleep(0.001)
    sending.get(timeout=PATIENCE)


def test_a_send_to_a_client_that_does_not_read_ends(pair: tuple[Client, socket.socket]):
    ours, _ = pair
    ours.await_rest()
    sending = gevent.spawn(ours.sendall, bytes(20_000_000))
    gevent.sleep(0.05)
    ours.give_up_if_late(later(6))
    gevent.sleep(0.05)
    assert isinstance(sending.exception, TimeoutError)


def test_a_client_that_closed_has_left(
    pair: tuple[Client, socket.socket], monkeypatch: pytest.MonkeyPatch
):
    ours, other = pair
    monkeypatch.setattr(client, "PATIENCE", 0.05)
    assert not ours.has_left()
    other.close()
    wait_until(ours.has_left)


def test_a_client_that_only_sends_no_more_has_not_left(
    pair: tuple[Client, socket.socket], monkeypatch: pytest.MonkeyPatch
):
    ours, other = pair
    monkeypatch.setattr(client, "PATIENCE", 0.05)
    other.shutdown(socket.SHUT_WR)
    for _ in range(20):
        assert not ours.has_left()
        time.sleep(0.01)
    ours.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    ours.close()
    received = b"".join(iter(lambda: other.recv(99), b""))
    assert {*received.split(b"\r\n\r\n")} == {b"HTTP/1.1 100 Continue", b"HTTP/1.1 200 OK", b""}
