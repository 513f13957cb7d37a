"""Clients that send wines without pause, and feedback on the predictions later."""

import http.client
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator

from bench.vintage import Wine

RATE = 40  # requests a second
DELAY = 1.0  # seconds until the actual label is known
OK = "200"
JSON = {"Content-Type": "application/json"}


class Customers:
    """Two clients: one sends wines one by one, the other feedback on them.

    Attributes
    ----------
    wines : iterator of (record, actual)
        The wines to send next; may be replaced at any time.
    gives_feedback : bool
        Whether feedback is sent on the wines from now on.
    outcomes : Counter
        By status, or by what went wrong.
    versions : Counter
        Predictions by version.
    ids : list of str
        Those of all predictions.
    feedback : Counter
        Rows of feedback by the status that they got.
    """

    def __init__(self, port: int, wines: Iterator[Wine]) -> None:
        self.port, self.wines, self.gives_feedback = port, wines, False
        self.outcomes: Counter[str] = Counter()
        self.versions: Counter[int] = Counter()
        self.feedback: Counter[str] = Counter()
        self.ids: list[str] = []
        self._known: deque[tuple[float, str, str]] = deque()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._predict, self._report)]

    def are_answered(self) -> bool:
        """Whether the service is ready."""
        return self._send("GET", "/health/ready")[0] == OK

    def start(self) -> None:
        """Start both clients."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop both clients, after their last response."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _predict(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            record, actual = next(self.wines)
            outcome, answer = self._send("POST", "/predict", record)
            self.outcomes[outcome] += 1
            if outcome == OK:
                self.versions[answer["version"]] += 1
                self.ids.append(answer["id"])
                if self.gives_feedback:
                    self._known.append((time.monotonic() + DELAY, answer["id"], actual))
            due = max(due + 1 / RATE, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _report(self) -> None:
        while not self._stop.wait(0.5):
            feedback = []
            while self._known and self._known[0][0] < time.monotonic():
                _, prediction_id, actual = self._known.popleft()
                feedback.append({"id": prediction_id, "actual": actual})
            if feedback:
                outcome, _ = self._send("POST", "/feedback", feedback)
                self.feedback[outcome] += len(feedback)

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
