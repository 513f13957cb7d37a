"""Clients of a service that answers what is in the database, and what of that is missing."""

import http.client
import json
import time
from typing import Any, Self

import psycopg
from conftest import wine
from load import Load
from servers import PATIENCE, Server, wait_until

RECORD = json.dumps(wine()).encode()


class Clients(Load):
    """A load that keeps what was answered, and all else by its status."""

    def __init__(self, server: Server, clients: int = 8) -> None:
        self.ids: list[str] = []
        self.refusals: list[tuple[int, dict[str, Any], str]] = []
        self.broken: list[str] = []
        self.longest = 0.0
        super().__init__("127.0.0.1", int(server.url.rsplit(":", 1)[1]), clients)
        wait_until(lambda: len(self.ids) > 100)

    def run(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                connection.request("POST", "/predict", RECORD)
                response = connection.getresponse()
                content = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as fault:
                self.broken.append(repr(fault))
                connection.close()
                time.sleep(0.01)
                continue
            self.longest = max(self.longest, time.monotonic() - began)
            if response.status == 200:
                self.ids.append(content["id"])
            else:
                retry_after = response.headers.get("Retry-After", "")
                self.refusals.append((response.status, content, retry_after))
                time.sleep(0.05)
        connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def has_resumed(self) -> bool:
        """Whether clients get predictions again."""
        before = len(self.ids)
        time.sleep(0.2)
        return len(self.ids) > before + 10


def missing(url: str, ids: list[str]) -> set[str]:
    """Which ids are not in PostgreSQL; none is there twice."""
    with psycopg.connect(url) as connection:
        stored = [each for (each,) in connection.execute("SELECT id FROM predictions").fetchall()]
    assert len(stored) == len({*stored})
    return {*ids} - {*stored}
