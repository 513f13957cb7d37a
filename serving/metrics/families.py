"""Every metric of the service by its name in Prometheus, and the counts of requests.

The counts are in files that all workers share (see counters.py), so any worker can return the sums.
Prometheus's own client for Python does the same, but with a file for each process there ever was
and at several times the cost per request.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from serving.metrics import counters
from serving.metrics.counters import Counters, Name

SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    *(2.5, 5.0, 10.0, 30.0),
)
ROWS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
MICROSECONDS = [round(bound * 1e6) for bound in SECONDS]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
FAILED = "400"  # the lowest status of an error
PREDICTS = "true"  # the label of requests for predictions
SUM, INFINITY = "sum", "+Inf"


class Metric(NamedTuple):
    """A metric family, as Prometheus calls it.

    Attributes
    ----------
    bounds : tuple of float
        Of a histogram: the upper bounds of all buckets but the last.
    scale : float
        Of a histogram: how many counted units make one unit of the metric.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    bounds: tuple[float, ...] = ()
    scale: float = 1

    @property
    def buckets(self) -> list[str]:
        """The labels of a histogram's buckets."""
        return [*map(str, self.bounds), INFINITY]


class Sample(NamedTuple):
    """The value of a metric for some values of its labels, in their order.

    Attributes
    ----------
    suffix, bucket : str
        Of a histogram, which has several samples: one for each bucket, the sum and the count.
    """

    metric: Metric
    labels: tuple[object, ...]
    value: float
    suffix: str = ""
    bucket: str = ""


def _counter(name: str, labels: str, description: str) -> Metric:
    return Metric(f"serving_{name}_total", "counter", tuple(labels.split()), description)


def _gauge(name: str, labels: str, description: str) -> Metric:
    return Metric(f"serving_{name}", "gauge", tuple(labels.split()), description)


REQUESTS = _counter("requests", "route method status predicts", "Requests that got a response.")
DURATION = Metric(
    "serving_request_duration_seconds",
    "histogram",
    ("route", "predicts"),
    "Time from the arrival of a request in the app to its response.",
    SECONDS,
    scale=1e6,
)
REQUEST_ROWS = Metric(
    "serving_request_rows",
    "histogram",
    ("model",),
    "Rows per request for predictions.",
    ROWS,
)
PREDICTIONS = _counter(
    "predictions", "model version label", "Predicted rows; the label is empty for a regression."
)
BUILD = _gauge(
    "build_info", "version python", "Always 1; the release of the service and its Python."
)
LIVE = _gauge("model_live_version", "model", "The live version.")
TRIAL = _gauge("model_trial_version", "model", "The version on trial.")
LOADED = _gauge(
    "model_loaded", "model version", "1 for a version in the memory of the worker that responds."
)
BROKEN = _gauge(
    "model_broken", "model", "1 if the live version or trial cannot be served as decided."
)
LOST = _counter("journal_lost", "", "Predictions since the start that could not be recorded.")
JOURNAL_FAILING = _gauge(
    "journal_failing", "", "1 while the worker that responds cannot write the journal."
)
SEGMENTS = _gauge(
    "journal_segments", "", "Files of the journal that are not completely in the store."
)
BYTES = _gauge("journal_bytes", "", "The size of these files.")
WAITING = _gauge("collector_waiting_bytes", "", "Bytes of the journal that are not in the store.")
TORN = _counter("collector_torn_lines", "", "Lines that were cut off while they were written.")
COLLECTED = _gauge("collector_last_run_timestamp_seconds", "", "When the collector last ran.")
COLLECTOR_FAILING = _gauge(
    "collector_failing", "", "1 while the collector cannot move the journal into the store."
)
STORE = _gauge("store_up", "", "1 if the store can be read; without it the following are missing.")
CHECKED = _gauge(
    "monitor_last_check_timestamp_seconds",
    "model version",
    "When the monitor last checked the version.",
)
DRIFTED = _gauge("drift_share", "model version", "Share of the fields that drifted, 0 to 1.")
CHANGE = _gauge(
    "drift_change",
    "model version of field",
    "Share of rows by which a field or a prediction changed.",
)
ALERT = _gauge("alert", "model version kind", "1 while an alert lasts.")
METRICS = (
    *(REQUESTS, DURATION, REQUEST_ROWS, PREDICTIONS, BUILD, LIVE, TRIAL, LOADED, BROKEN),
    *(LOST, JOURNAL_FAILING, SEGMENTS, BYTES, WAITING, TORN, COLLECTED, COLLECTOR_FAILING),
    *(STORE, CHECKED, DRIFTED, CHANGE, ALERT),
)

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
        for metric in (REQUESTS, PREDICTIONS):
            for (name, *labels), value in sums.items():
                if name == metric.name and len(labels) == len(
                    metric.labels
                ):  # not those of another release
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
        errors = {
            status: self.errors[status] - before.errors.get(status, 0) for status in self.errors
        }
        return Totals(
            self.requests - before.requests,
            {status: more for status, more in errors.items() if more > 0},
        )


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


def exposition(samples: Iterable[Sample]) -> str:
    """Write samples in Prometheus's text format, 0.0.4, each metric with its help."""
    of_metric: dict[Metric, list[str]] = {metric: [] for metric in METRICS}
    for metric, values, value, suffix, bucket in samples:
        labels = dict(zip(metric.labels, values, strict=True)) | ({"le": bucket} if bucket else {})
        pairs = ",".join(f'{label}="{_escaped(str(each))}"' for label, each in labels.items())
        braced = f"{{{pairs}}}" if pairs else ""
        of_metric[metric].append(f"{metric.name}{suffix}{braced} {+value}\n")
    return "".join(
        f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n{''.join(lines)}"
        for metric, lines in of_metric.items()
    )


def _histogram(metric: Metric, labels: Name, sums: Counter[Name]) -> Iterator[Sample]:
    below = 0
    for bucket in metric.buckets:
        below += sums[metric.name, *labels, bucket]
        yield Sample(metric, labels, below, "_bucket", bucket)
    yield Sample(metric, labels, sums[metric.name, *labels, SUM] / metric.scale, "_sum")
    yield Sample(metric, labels, below, "_count")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
