"""Clients that predict through a load balancer, and note what became of each request."""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

TIMEOUT = 60  # seconds without a byte after which a client gives up
REFUSED = 0.05  # seconds until a client that was refused connects again, as any client may
JSON = {"Content-Type": "application/json"}


class Sent(NamedTuple):
    """A request and its response.

    Attributes
    ----------
    began, seconds : float
        When it began, by `time.monotonic`, and how long it took.
    status : int
        0 if there was no whole response.
    ids : tuple of str
        Of its predictions.
    version : int
        Of the model that made them.
    failure : str
        The content of a response that is no success, or what happened in place of one.
    """

    began: float
    seconds: float
    status: int
    ids: tuple[str, ...] = ()
    version: int = 0
    failure: str = ""


class Clients:
    """Threads that post records again and again, from entering a block to its end.

    Every second one keeps its connection, and every fourth sends several records at once.

    Attributes
    ----------
    sent : list of Sent
        In the order of their ends.
    """

    def __init__(
        self,
        address: tuple[str, int],
        record: Mapping[str, object],
        *,
        count: int = 8,
        pause: float = 0.08,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.sent: list[Sent] = []
        self._address, self._pause = address, pause
        self._bodies = json.dumps(record).encode(), json.dumps([record] * 3).encode()
        self._headers = JSON | dict(headers or {})
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(at,)) for at in range(count)]

    @property
    def failed(self) -> list[Sent]:
        """Requests that were not answered with a success."""
        return [each for each in self.sent if each.status != http.HTTPStatus.OK]

    @property
    def ids(self) -> set[str]:
        """The ids of all predictions that were returned."""
        return {made for each in self.sent for made in each.ids}

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the last responses."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        body, connection = self._bodies[number % 4 == 0], self._connection()
        while not self._stop.wait(self._pause):
            began = time.monotonic()
            try:
                status, content = self._post(connection, body)
                sent = _sent(began, status, content)
            except (OSError, http.client.HTTPException) as error:
                sent = Sent(began, time.monotonic() - began, 0, failure=repr(error))
            self.sent.append(sent)
            if number % 2 or not sent.status:
                connection.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self._address, timeout=TIMEOUT)

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        while connection.sock is None:
            try:
                connection.connect()
            except ConnectionRefusedError:
                time.sleep(REFUSED)
        connection.request("POST", "/predict", body, self._headers)
        response = connection.getresponse()
        return response.status, response.read()


def _sent(began: float, status: int, content: bytes) -> Sent:
    seconds = time.monotonic() - began
    if status != http.HTTPStatus.OK:
        return Sent(began, seconds, status, failure=content.decode(errors="replace"))
    made = json.loads(content)
    ids = [each["id"] for each in made["predictions"]] if "predictions" in made else [made["id"]]
    return Sent(began, seconds, status, tuple(ids), made["version"])
