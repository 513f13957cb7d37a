"""What the monitor found, read from the store; what needs a person comes first."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from serving import clock
from serving.api.query import whole
from serving.errors import ArtefactError, EmptyStore, NotRecorded, RetiredModel, UnknownVersion
from serving.models.manifest import Manifest
from serving.monitor.findings import Estimated, FieldDrift, Realised
from serving.monitor.report import Report, read
from serving.predicting.service import Service
from serving.recording.store.reports import Alert

MAX_POINTS = 240  # in a line
DAYS = 7  # of which the predictions are counted, one by one
MAX_TIME = 10**15 - 1  # milliseconds since 1970, UTC


class State(NamedTuple):
    """A live version, and what the latest check found.

    Attributes
    ----------
    manifest : Manifest or None
        None where it cannot be read.
    report : Report or None
        None before the first check.
    lasting, past : list of Alert
        Of all the model's versions, the latest first.
    checked : int or None
        When it was checked last, whether or not that found anything new.
    silent : bool
        Whether there should have been checks since.
    broken : str
        Why a version that should be served is not.
    last_day : int
        Predictions of all versions in the last 24 hours, as `Store.count` counts them.
    raised : int or None
        When the alert was raised whose check this is; None for the latest check.
    """

    name: str
    version: int
    manifest: Manifest | None
    report: Report | None
    lasting: list[Alert]
    past: list[Alert]
    checked: int | None
    silent: bool
    broken: str
    last_day: int
    raised: int | None = None

    @property
    def verdict(self) -> str:
        """The worst verdict of the report."""
        return self.report.verdict if self.report else "no check yet"


def states(service: Service, due: int) -> list[State]:
    """The state of every live model.

    Raises
    ------
    StoreError
    """
    found = [state(service, name, due) for name in service.registry.live]
    return sorted(
        found, key=lambda each: (not (each.lasting or each.broken), not each.silent, each.name)
    )


def state(service: Service, name: str, due: int) -> State:
    """The state of one model.

    Parameters
    ----------
    due : int
        The last check should not be older, in milliseconds since 1970, UTC.

    Raises
    ------
    UnknownModel, StoreError
    """
    registry, reports = service.registry, service.store.reports
    manifest, broken = None, registry.broken.get(name, "")
    try:
        manifest = registry.manifest(name)
    except RetiredModel:
        raise
    except ArtefactError as error:
        broken = str(error)
    version = registry.live[name]
    latest, lasting, alerts, last_day = None, list[Alert](), list[Alert](), 0
    with suppress(EmptyStore):  # of a service that has just started
        latest = reports.latest(name, version)
        lasting, alerts = reports.alerts(name, lasting=True), reports.alerts(name)
        last_day = service.store.count(name, clock.now() - clock.DAY, clock.now() + 1)
    return State(
        name,
        version,
        manifest,
        read(latest.report if latest else None),
        lasting,
        [each for each in alerts if each.cleared is not None],
        latest.time if latest else None,
        silent=latest is not None and latest.time < due,
        broken=broken,
        last_day=last_day,
    )


def of_days(service: Service, name: str) -> list[tuple[int, int]]:
    """Count the predictions of each of the last 24-hour periods, with their ends, the first first.

    Raises
    ------
    StoreError
    """
    now = clock.now() + 1
    ends = [now - day * clock.DAY for day in reversed(range(DAYS))]
    counts = dict.fromkeys(ends, 0)
    with suppress(EmptyStore):
        counts = {end: service.store.count(name, end - clock.DAY, end) for end in ends}
    return [*counts.items()]


def selected(service: Service, name: str, due: int) -> State:
    """The state at the latest check, or at the one that raised the alert in the query.

    Raises
    ------
    BadRequest, UnknownModel, NotRecorded, StoreError
    """
    now, raised = state(service, name, due), whole("raised", 0, MAX_TIME)
    if raised is None:
        return now
    report = read(service.store.reports.of_alert(name, raised))
    if report is None:
        raise NotRecorded(
            f"raised={raised}: no report is kept of an alert of {name} that was raised then; "
            f"/monitor/{name} links to each"
        )
    try:
        manifest = service.registry.manifest(name, report.version)
    except (ArtefactError, UnknownVersion):
        manifest = None
    return now._replace(
        version=report.version,
        manifest=manifest,
        report=report,
        checked=report.time,
        silent=False,
        raised=raised,
    )


def most_drifted_first(fields: Iterable[FieldDrift]) -> list[FieldDrift]:
    """Sort fields or outputs: those that drifted, then the others; by change times importance."""
    return sorted(fields, key=lambda each: each.rank)


class Row(NamedTuple):
    """A metric with feedback, on held-out data and estimated; None where it was not measured."""

    metric: str
    realised: Realised | None
    held_out: float | None
    estimated: Estimated | None


def metric_rows(report: Report, manifest: Manifest | None) -> list[Row]:
    """A row for each metric; first those that training measured."""
    held_out = manifest.metrics if manifest else {}
    realised = {each.metric: each for each in report.realised}
    estimated = {each.metric: each for each in report.estimated}
    return [
        Row(
            metric,
            realised.get(metric),
            held_out[metric].mean if metric in held_out else None,
            estimated.get(metric),
        )
        for metric in dict.fromkeys([*held_out, *realised, *estimated])
    ]


class History(NamedTuple):
    """Checks over time, the oldest first: when, of which version, and what they found."""

    times: list[int]
    versions: list[int]
    figures: list[dict[str, Any]]

    @property
    def marks(self) -> list[tuple[int, int]]:
        """When another version went live, and which."""
        both = pairwise(zip(self.times, self.versions, strict=True))
        return [(time, now) for (_, before), (time, now) in both if now != before]

    def of(self, figure: str) -> list[Any]:
        """One figure of each check; None where it was not measured."""
        return [each.get(figure) for each in self.figures]


def history(service: Service, name: str, since: int) -> History:
    """The checks of a model since a time: the latest, and others evenly chosen, 240 at most.

    Raises
    ------
    StoreError
    """
    points = service.store.reports.points(name, since, max_points=MAX_POINTS)
    return History(
        [each.time for each in points],
        [each.version for each in points],
        [msgspec.json.decode(each.figures) for each in points],
    )
