"""A load of many clients, and what became of each of their requests."""

import http.client
import json
import threading
from collections import Counter

from conftest import wine
from servers import PATIENCE

RECORD = json.dumps(wine()).encode()


class Load:
    """Clients that post one record after the other, each on a connection of its own.

    `outcomes` counts statuses, `not connected` for a client that was turned away before it was
    accepted, and `lost: …` for one that was accepted and got no whole answer.
    """

    def __init__(self, host: str, port: int, clients: int = 16) -> None:
        self.address, self.stop = (host, port), threading.Event()
        self.outcomes: Counter[str] = Counter()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self) -> None:
        while not self.stop.is_set():
            outcome = self.post()
            self.outcomes[outcome] += 1
            if outcome != "200":
                return

    def post(self) -> str:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        try:
            connection.connect()
        except OSError:
            return "not connected"
        try:
            connection.request("POST", "/predict", RECORD)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"lost: {error!r}"
        finally:
            connection.close()
        return str(answer.status)

    def finish(self) -> Counter[str]:
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return self.outcomes
