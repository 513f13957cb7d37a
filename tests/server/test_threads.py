"""An app runs in threads, and what is prompt does not wait for what takes long."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import ref

import gevent
import pytest

from serving.errors import NoRoom
from serving.front import Front, PlainRequest
from serving.server.threads import Threads
from serving.spool import Room

COUNT = 2
asked: ContextVar[str] = ContextVar("asked")


class Given(list[bytes]):
    """The pieces of a response, which can be looked for."""


class App:
    """A WSGI app whose /long ends when it may, and whose /stream is computed piece by piece."""

    def __init__(self) -> None:
        self.may_end, self.computed, self.closed = threading.Event(), 0, 0
        self.threads: set[int] = set()
        self.given: Callable[[], Given | None] = lambda: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        asked.set(path)
        self.threads.add(threading.get_ident())
        if path == "/long":
            assert self.may_end.wait(60)
        if path == "/broken":
            raise ValueError(path)
        length = [("Content-Length", "140000")] if path == "/large" else []
        start_response("200 OK", [("X-Path", path), *length])
        if path == "/large":
            given = Given([bytes(140_000)])
            self.given = ref(given)
            return given
        return self.stream() if path == "/stream" else [path.encode(), environ["wsgi.input"].read()]

    def stream(self) -> Iterator[bytes]:
        try:
            for number in range(9):
                self.computed += 1
                assert asked.get() == "/stream"
                yield b"%d" % number
        finally:
            self.closed += 1


class Route:
    """A path that takes plain requests."""

    def is_prompt(self, body: bytes) -> bool:
        return body != b"long"

    def answer(self, _: PlainRequest) -> None:
        return None


class Door:
    """An app in threads."""

    def __init__(self, folder: Path) -> None:
        self.app, self.room = App(), Room(folder, 300_000)
        front = Front(
            find_plain=lambda path: Route() if path == "/predict" else None,
            client=lambda address, _: address,
            immediate=frozenset({"/live"}),
            prompt=frozenset({"/ready"}),
            max_body_bytes=lambda *_: 50_000,
            room=self.room,
        )
        self.run = Threads(self.app, front, COUNT)

    def begin(self, path: str, body: bytes = b"") -> Any:
        environ = {
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": Sent(body),
            "gunicorn.socket": SimpleNamespace(has_left=lambda: False),
        }
        return self.run(environ, lambda *_: None)

    def ask(self, path: str, body: bytes = b"") -> bytes:
        answer = self.begin(path, body)
        try:
            return b"".join(answer)
        finally:
            answer.close()


class Sent(io.BytesIO):
    """A body as gunicorn has it."""

    failed = False


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.app.may_end.set()


@pytest.mark.parametrize("path", ["/live", "/ready", "/predict"])
def test_what_is_prompt_is_answered_while_every_thread_computes(door: Door, path: str):
    long = [gevent.spawn(door.ask, "/long") for _ in range(3 * COUNT)]
    gevent.sleep(0.1)
    with gevent.Timeout(60):
        assert door.ask(path, b"{}") == path.encode() + b"{}"
    assert not any(each.ready() for each in long)
    door.app.may_end.set()
    gevent.joinall(long, timeout=60, raise_error=True)
    assert {each.value for each in long} == {b"/long"}


def test_a_small_body_that_may_take_long_waits_for_what_computes(door: Door):
    long = [gevent.spawn(door.ask, "/long") for _ in range(COUNT)]
    late = gevent.spawn(door.ask, "/predict", b"long")
    gevent.sleep(0.2)
    assert not late.ready()
    door.app.may_end.set()
    gevent.joinall([*long, late], timeout=60, raise_error=True)
    assert late.value == b"/predictlong"


def test_only_what_takes_no_time_runs_beside_the_greenlets(door: Door):
    for path in ("/ready", "/predict", "/stream"):
        door.ask(path)
    assert threading.get_ident() not in door.app.threads
    door.ask("/live")
    assert threading.get_ident() in door.app.threads


def test_a_piece_is_computed_when_the_one_before_it_was_sent(door: Door):
    answer = door.begin("/stream")
    pieces = iter(answer)
    for number in range(1, 4):
        next(pieces)
        assert door.app.computed == number
    answer.close()  # the client has gone
    assert (door.app.computed, door.app.closed) == (3, 1)


def test_an_error_of_the_app_reaches_the_server(door: Door):
    with pytest.raises(ValueError, match="/broken"):
        door.ask("/broken")


def test_bodies_give_back_their_room(door: Door):
    for path in ("/ready", "/broken", "/stream", "/long") * 3:
        door.app.may_end.set()
        with suppress(ValueError):
            door.ask(path, bytes(40_000))
    door.room.take(300_000)


def test_small_bodies_need_no_room(door: Door):
    door.room.take(300_000)
    assert door.ask("/predict", b"{}") == b"/predict{}"
    with pytest.raises(NoRoom):
        door.ask("/predict", bytes(40_000))


def test_responses_that_are_not_read_take_room_until_it_is_refused(door: Door):
    unread = [door.begin("/large") for _ in range(2)]
    assert door.app.given() is None  # all of it is kept outside of the memory, or counted
    refused = door.begin("/large")
    assert (refused.status[:3], next(iter(refused))[:1]) == ("503", b"{")
    assert {"X-Path", "Retry-After"} < dict(refused.headers).keys()
    refused.close()
    for each in unread:
        assert b"".join(each) == bytes(140_000)
        each.close()
    assert door.ask("/large") == bytes(140_000)
    door.room.take(300_000)


def test_nothing_is_received_of_a_body_that_is_too_large(door: Door):
    assert door.ask("/ready", bytes(60_000)) == b"/ready"
