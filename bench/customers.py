"""Customers who ask without pause, and tell later what was true of the answers."""

import http.client
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator

from bench.vintage import Wine

RATE = 40  # requests a second
DELAY = 1.0  # seconds until what was true is known
OK = "200"
JSON = {"Content-Type": "application/json"}


class Customers:
    """One who asks about wines one by one, and one who tells what they were really like.

    Attributes
    ----------
    wines : iterator of (record, truth)
        What is asked next; may be replaced at any time.
    telling : bool
        Whether feedback is given, of what is asked from then on.
    outcomes : Counter
        By status, or by what went wrong.
    versions : Counter
        Answers by version.
    ids : list of str
        Those of all answers.
    told : Counter
        Rows of feedback by the status that they got.
    """

    def __init__(self, port: int, wines: Iterator[Wine]) -> None:
        self.port, self.wines, self.telling = port, wines, False
        self.outcomes: Counter[str] = Counter()
        self.versions: Counter[int] = Counter()
        self.told: Counter[str] = Counter()
        self.ids: list[str] = []
        self._known: deque[tuple[float, str, str]] = deque()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._ask, self._tell)]

    def are_answered(self) -> bool:
        """Whether anybody would answer, and rightly."""
        return self._send("GET", "/health/ready")[0] == OK

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End in good order: what was asked is answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            record, truth = next(self.wines)
            outcome, answer = self._send("POST", "/predict", record)
            self.outcomes[outcome] += 1
            if outcome == OK:
                self.versions[answer["version"]] += 1
                self.ids.append(answer["id"])
                if self.telling:
                    self._known.append((time.monotonic() + DELAY, answer["id"], truth))
            due = max(due + 1 / RATE, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _tell(self) -> None:
        while not self._stop.wait(0.5):
            said = []
            while self._known and self._known[0][0] < time.monotonic():
                _, prediction_id, truth = self._known.popleft()
                said.append({"id": prediction_id, "actual": truth})
            if said:
                outcome, _ = self._send("POST", "/feedback", said)
                self.told[outcome] += len(said)

    def _send(self, method: str, path: str, value: object = None) -> tuple[str, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(value), JSON)
            response = connection.getresponse()
            return str(response.status), json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            return f"lost: {error!r}", {}
        finally:
            connection.close()
