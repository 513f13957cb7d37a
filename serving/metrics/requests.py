"""Counts of requests and predictions, shared by all workers.

The counts are in files that all workers share (see counters.py), so any worker can return the sums.
Prometheus's own client for Python does the same, but with a file for each process there ever was
and at several times the cost per request.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from serving.metrics import counters
from serving.metrics.counters import Counters, Name
from serving.metrics.families import (
    DURATION,
    PREDICTIONS,
    REFUSED,
    REQUEST_ROWS,
    REQUESTS,
    ROWS,
    SECONDS,
    Metric,
    Sample,
)

MICROSECONDS = [round(bound * 1e6) for bound in SECONDS]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
FAILED = "400"  # the lowest status of an error
PREDICTS = "true"  # the label of requests for predictions
SUM = "sum"
SECOND_BUCKETS, ROW_BUCKETS = DURATION.buckets, REQUEST_ROWS.buckets


class Metrics:
    """Counts requests and predictions, together with all other workers.

    Parameters
    ----------
    folder : Path
        Created when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._counters = Counters(folder)

    def open(self) -> None:
        """Open the files of this process's counts, before its first request."""
        self._counters.add(())

    def count_request(
        self, route: str, method: str, status: str, microseconds: int, *, predicts: bool
    ) -> None:
        """Count a request.

        Parameters
        ----------
        route : str
            The pattern that the path matches, empty if none, so there are only few.
        predicts : bool
            Whether it was a request for predictions.
        """
        method = method if method in METHODS else "other"
        bucket = SECOND_BUCKETS[bisect_left(MICROSECONDS, microseconds)]
        flag = PREDICTS if predicts else "false"
        self._counters.add(
            (
                ((REQUESTS.name, route, method, status, flag), 1),
                ((DURATION.name, route, flag, bucket), 1),
                ((DURATION.name, route, flag, SUM), microseconds),
            )
        )

    def count_refused(self, reason: str) -> None:
        """Count a request that is refused for its key."""
        self._counters.add([((REFUSED.name, reason), 1)])

    def count_predictions(
        self, model: str, version: int, rows: int, labels: Sequence[str | float]
    ) -> None:
        """Count the predictions of a request; a regression has no labels."""
        number, bucket = str(version), ROW_BUCKETS[bisect_left(ROWS, rows)]
        if rows == 1:  # as most requests are; Counter alone costs as much as all the rest
            of_label: Mapping[str | float, int] = {labels[0] if labels else "": 1}
        else:
            of_label = Counter(labels) if labels else {"": rows}
        counts: list[tuple[Name, int]] = [
            ((PREDICTIONS.name, model, number, str(label)), more)
            for label, more in of_label.items()
        ]
        counts.append(((REQUEST_ROWS.name, model, bucket), 1))
        counts.append(((REQUEST_ROWS.name, model, SUM), rows))
        self._counters.add(counts)

    def samples(self) -> Iterator[Sample]:
        """Yield the sums of all processes."""
        sums = counters.read(self._counters.folder)
        for metric in (REQUESTS, REFUSED, PREDICTIONS):
            for (name, *labels), value in sums.items():
                if (name, len(labels)) == (metric.name, len(metric.labels)):  # of this release
                    yield Sample(metric, tuple(labels), value)
        for metric in (DURATION, REQUEST_ROWS):
            for values in sorted({name[1:-1] for name in sums if name[0] == metric.name}):
                if len(values) == len(metric.labels):
                    yield from _histogram(metric, values, sums)


class Totals(NamedTuple):
    """Requests for predictions, over all restarts, and those that failed by their status."""

    requests: int
    errors: dict[str, int]

    def since(self, before: "Totals") -> "Totals":
        """Subtract earlier totals, unless these are higher: then the counts were reset."""
        if self.requests < before.requests:
            return self
        errors = Counter(self.errors) - Counter(before.errors)
        return Totals(self.requests - before.requests, dict(errors))


def read_totals(folder: Path) -> Totals:
    """Read the totals from a folder, whether or not a worker runs."""
    requests, errors = 0, Counter[str]()
    for (name, *labels), count in counters.read(folder).items():
        if name == REQUESTS.name and labels[-1] == PREDICTS:
            status = labels[2]
            requests += count
            if status >= FAILED:
                errors[status] += count
    return Totals(requests, dict(errors))


def _histogram(metric: Metric, labels: Name, sums: Counter[Name]) -> Iterator[Sample]:
    below = 0
    for bucket in metric.buckets:
        below += sums[metric.name, *labels, bucket]
        yield Sample(metric, labels, below, "_bucket", bucket)
    yield Sample(metric, labels, sums[metric.name, *labels, SUM] / metric.scale, "_sum")
    yield Sample(metric, labels, below, "_count")
