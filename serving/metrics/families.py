"""Every metric of the service by its name in Prometheus, and their text format."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    *(2.5, 5.0, 10.0, 30.0),
)
INFINITY = "+Inf"
ROWS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)


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
REFUSED = _counter(
    "refused", "reason", "Requests refused for their key: no key, wrong key, scope, too many."
)
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
ENTRIES = _gauge("collector_waiting_entries", "", "Entries, each of a request, in these bytes.")
BEHIND = _gauge(
    "collector_behind_seconds", "", "For how long the oldest has waited, at most; 0 without any."
)
TORN = _counter("collector_torn_lines", "", "Lines that were cut off while they were written.")
COLLECTED = _gauge("collector_last_run_timestamp_seconds", "", "When the collector last ran.")
COLLECTOR_FAILING = _gauge(
    "collector_failing", "", "1 while the collector cannot move the journal into the store."
)
ERASURES = _gauge("erasures_waiting", "", "Requests to erase that are not done.")
OBJECTS_FAILING = _gauge(
    "object_store_failing", "", "1 while this host does not follow the object store."
)
OBJECTS_REACHED = _gauge(
    "object_store_reached_timestamp_seconds", "", "When it could be reached, the last time."
)
STORE = _gauge("store_up", "", "1 if the store can be read; without it the following are missing.")
HOST_UP = _gauge("host_up", "host id", "0 for a host that has not reported for some time.")
HOST_LIVE = _gauge("host_live", "host id model version", "1 for the version that a host serves.")
HOST_ENTRIES = _gauge(
    "host_waiting_entries", "host id", "Entries of a host's journal that are not in the store."
)
HOST_BEHIND = _gauge(
    "host_behind_seconds", "host id", "For how long the oldest has waited, at most; 0 without any."
)
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
    *(REQUESTS, REFUSED, DURATION, REQUEST_ROWS, PREDICTIONS, BUILD, LIVE, TRIAL, LOADED, BROKEN),
    *(OBJECTS_FAILING, OBJECTS_REACHED),
    *(LOST, JOURNAL_FAILING, SEGMENTS, BYTES, WAITING, ENTRIES, BEHIND, TORN, COLLECTED),
    *(COLLECTOR_FAILING, ERASURES),
    *(STORE, HOST_UP, HOST_LIVE, HOST_ENTRIES, HOST_BEHIND, CHECKED, DRIFTED, CHANGE, ALERT),
)


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


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
