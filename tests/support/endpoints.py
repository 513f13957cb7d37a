"""What a Service of Kubernetes does with connections, and clients that open them."""

import http.client
import json
import random
import threading
from collections import Counter

from servers import PATIENCE

PAUSE, LONG_PAUSE = 0.03, 1.0  # seconds between two requests of a client, of one that is slow


class Endpoints:
    """The addresses that get new connections; those that are open stay with their pod."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        self._addresses = [*addresses]
        self._changing = threading.Lock()

    def add(self, address: tuple[str, int]) -> None:
        with self._changing:
            self._addresses.append(address)

    def remove_after(self, seconds: float, address: tuple[str, int]) -> threading.Timer:
        """Take an address away as late as the nodes of a cluster learn of it."""
        timer = threading.Timer(seconds, self._remove, (address,))
        timer.start()
        return timer

    def pick(self) -> tuple[str, int]:
        with self._changing:
            return random.choice(self._addresses)

    def _remove(self, address: tuple[str, int]) -> None:
        with self._changing:
            self._addresses.remove(address)


class Clients:
    """Clients that post a record each, again and again.

    Half of them keep their connection, and half of these are slow.

    Attributes
    ----------
    outcomes : Counter of str
        Statuses of responses, and `lost: …` for every request without one: nothing is retried.
    ids : list of str
        Of all predictions that were returned.
    """

    def __init__(self, endpoints: Endpoints, record: object, key: str = "", count: int = 8) -> None:
        self.outcomes: Counter[str] = Counter()
        self.ids: list[str] = []
        self._endpoints, self._body = endpoints, json.dumps(record).encode()
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(number % 2 == 0, PAUSE if number % 4 else LONG_PAUSE)
            )
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, keeps: bool, pause: float) -> None:
        connection = None
        while not self._stop.wait(pause):
            if connection is None:
                connection = http.client.HTTPConnection(*self._endpoints.pick(), timeout=PATIENCE)
            try:
                stays = self._post(connection) and keeps
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[f"lost: {error!r}"] += 1
                stays = False
            if not stays:
                connection.close()
                connection = None
        if connection:
            connection.close()

    def _post(self, connection: http.client.HTTPConnection) -> bool:
        """Post once; return whether the connection stays open."""
        connection.request("POST", "/predict", self._body, self._headers)
        response = connection.getresponse()
        content = response.read()
        self.outcomes[str(response.status)] += 1
        if response.status == http.client.OK:
            self.ids.append(json.loads(content)["id"])
        return not response.will_close
