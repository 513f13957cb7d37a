"""A webhook of the tests' own, and a message for it."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from serving.monitor.alerts.webhook import Webhook
from serving.recording.store import Store
from serving.recording.store.deliveries import Delivery
from serving.settings import Settings

KEY = "whsec_" + base64.b64encode(b"only the receiver knows").decode()
NOW = 1_760_000_000_000
DAY = 86_400_000


class Received(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """A webhook that answers as it is told to, and at last 204."""

    def __init__(self, answers: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.received = answers, []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/alerts?for=us"


class Handler(BaseHTTPRequestHandler):
    """Keeps what comes, and answers."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.path, headers, body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status in (302, 307):
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    with Receiver(list(answers)) as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield receiver
        finally:
            receiver.shutdown()


@contextmanager
def with_a_message(folder: Path) -> Iterator[Store]:
    """A store with a message that is due."""
    store = Store(f"sqlite:///{folder}/store.db")
    store.migrate()
    store.reports.settle([], [Delivery("msg_1", '{"type":"alert.raised"}', NOW)])
    yield store
    store.close()


def hook(url: str, *, private: bool = True, key: str = KEY) -> Webhook:
    return Webhook(
        Settings(alert_webhook=url, alert_webhook_key=key, alert_webhook_private=private)
    )


def waiting(store: Store) -> list[Delivery]:
    return store.deliveries.due(NOW + 9 * DAY, 99)
