"""The results of the monitor: reports, figures over time, alerts."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sql
from msgspec import Raw

from serving.recording.store import deliveries
from serving.recording.store.database import Database
from serving.recording.store.deliveries import Delivery
from serving.recording.store.rows import table
from serving.statement import Statement

Kind = Literal["data drift", "prediction drift", "concept drift"]

_ALERT = ("model", "version", "kind", "raised", "cleared", "statements", "ended")

reports = table("reports", "model", "version", "time", "report", "place", "watch")
points = table("points", "model", "time", "version", "figures")
alerts = table("alerts", *_ALERT, "report")

decode = msgspec.json.Decoder(tuple[Statement, ...]).decode
encode = msgspec.json.Encoder().encode

OF_VERSION = (reports.c.model == sql.bindparam("of")) & (
    reports.c.version == sql.bindparam("number")
)
INSERT_FIRST = sql.text("""
    INSERT INTO reports (model, version, time, report, place, watch)
    VALUES (:model, :version, 0, '', 0, '') ON CONFLICT DO NOTHING
""")
UPDATE_NEXT = sql.text("""
    UPDATE reports SET time = :time, report = :report, place = :place, watch = :watch
    WHERE model = :model AND version = :version AND time = :before
""")


# While an erasure waits for a host that is away, checks from after its last deletion are written;
# clocks of hosts may differ by `SKEW` milliseconds.
SKEW = 60_000
ERASED_SINCE = sql.text(f"""
    SELECT 1 FROM erasures
    WHERE done >= :time OR done IS NULL AND deleted > :time - {SKEW} LIMIT 1
""")  # noqa: S608 - the text is constant


class Report(msgspec.Struct, frozen=True):
    """The latest check of a version, and where the next one continues.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC; 0 before the first check.
    report : Raw
        JSON: what the latest check found that had anything new to look at.
    place : int
        Up to which place of feedback the watch for concept drift has come.
    watch : Raw
        JSON: the state of that watch.
    """

    model: str
    version: int
    time: int
    report: Raw
    place: int
    watch: Raw


class Point(msgspec.Struct, frozen=True):
    """The figures of one check, as JSON, for a chart over time."""

    model: str
    time: int
    version: int
    figures: Raw


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A drift of a version, or worse predictions, for as long as it lasts.

    Attributes
    ----------
    raised, cleared : int
        Milliseconds since 1970, UTC; `cleared` is None while it lasts.
    statements : tuple of Statement
        What is wrong, as of the latest check.
    ended : tuple of Statement
        Why it was cleared; empty while it lasts.
    """

    model: str
    version: int
    kind: Kind
    raised: int
    cleared: int | None = None
    statements: tuple[Statement, ...]
    ended: tuple[Statement, ...] = ()


class Reports:
    """The monitor's tables; every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, model: str, version: int) -> Report | None:
        """Return the latest check of a version."""
        query = sql.select(*reports.c).where(OF_VERSION)
        with self._database.reading() as connection:
            row = connection.execute(query, {"of": model, "number": version}).first()
        if row is None or not row.time:
            return None
        found = (row.model, row.version, row.time, Raw(row.report), row.place, Raw(row.watch))
        return Report(*found)

    def points(self, model: str, since: int, *, max_points: int | None = None) -> list[Point]:
        """Return the figures of checks of a model's versions since a time, the oldest first.

        Parameters
        ----------
        max_points : int, optional
            About how many: evenly spaced, the latest among them. All if not given.
        """
        wanted = (points.c.model == model) & (points.c.time >= since)
        order = (points.c.time, points.c.version)
        with self._database.reading() as connection:
            if max_points is not None:  # from the index only: the figures are long
                times = connection.scalars(sql.select(points.c.time).where(wanted).order_by(*order))
                every = times.all()[::-1]
                step = -(-len(every) // max_points)
                if step > 1:
                    wanted &= points.c.time.in_(every[::step])
            rows = connection.execute(sql.select(*points.c).where(wanted).order_by(*order))
            return [Point(row.model, row.time, row.version, Raw(row.figures)) for row in rows]

    def alerts(
        self, model: str | None = None, *, limit: int = 100, lasting: bool = False
    ) -> list[Alert]:
        """Return alerts, the latest first.

        Parameters
        ----------
        model : str, optional
            All models if not given.
        lasting : bool
            Whether to exclude cleared ones.
        """
        query = sql.select(*(alerts.c[name] for name in _ALERT)).order_by(alerts.c.raised.desc())
        if model is not None:
            query = query.where(alerts.c.model == model)
        if lasting:
            query = query.where(alerts.c.cleared.is_(None))
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit))
            return [_alert(row) for row in rows]

    def of_alert(self, model: str, time: int) -> Raw | None:
        """Return the JSON report of the check that raised alerts at a time, if it still exists."""
        wanted = (alerts.c.model == model) & (alerts.c.raised == time)
        with self._database.reading() as connection:
            found = connection.scalar(sql.select(alerts.c.report).where(wanted).limit(1))
        return None if found in {None, "null"} else Raw(found)

    def write(
        self,
        report: Report,
        figures: Raw,
        changed: Sequence[Alert],
        messages: Sequence[Delivery],
        *,
        before: int,
    ) -> bool:
        """Write the results of a check in one transaction.

        Parameters
        ----------
        changed : sequence of Alert
            Raised, changed or cleared.
        before : int
            The time of the version's latest report when the check began, 0 if there was none.

        Returns
        -------
        bool
            False, with nothing written, if another monitor made a check meanwhile, or something
            was erased, which the check may have read before.
        """
        row: dict[str, Any] = msgspec.structs.asdict(report) | {
            "report": bytes(report.report).decode(),
            "watch": bytes(report.watch).decode(),
        }
        point = {"model": report.model, "time": report.time, "version": report.version}
        with self._database.writing() as connection:
            connection.execute(INSERT_FIRST, point)
            if connection.scalar(ERASED_SINCE, {"time": report.time}):
                return False
            if not connection.execute(UPDATE_NEXT, row | {"before": before}).rowcount:
                return False
            connection.execute(points.insert(), point | {"figures": bytes(figures).decode()})
            _settle(connection, changed, row["report"])
            deliveries.add(connection, messages)
        return True

    def renew(self, report: Report, time: int) -> None:
        """Set the time of a check that had nothing new to look at."""
        update = reports.update().where(OF_VERSION & (reports.c.time == report.time))
        with self._database.writing() as connection:
            connection.execute(
                update.values(time=time), {"of": report.model, "number": report.version}
            )

    def settle(self, changed: Sequence[Alert], messages: Sequence[Delivery]) -> None:
        """Change alerts without a check, such as those of a version that is no longer live."""
        with self._database.writing() as connection:
            _settle(connection, changed, "null")
            deliveries.add(connection, messages)


def _same(alert: Alert) -> sql.ColumnElement[bool]:
    return (
        (alerts.c.model == alert.model)
        & (alerts.c.version == alert.version)
        & (alerts.c.kind == alert.kind)
        & (alerts.c.raised == alert.raised)
    )


def _alert(row: sql.Row[Any]) -> Alert:
    kept = row._asdict()
    statements, ended = (decode(kept.pop(name)) for name in ("statements", "ended"))
    return Alert(**kept, statements=statements, ended=ended)


def _settle(connection: sql.Connection, changed: Sequence[Alert], report: str) -> None:
    for alert in changed:
        update = alerts.update().where(_same(alert))
        texts = {name: encode(getattr(alert, name)).decode() for name in ("statements", "ended")}
        if not connection.execute(update.values(cleared=alert.cleared, **texts)).rowcount:
            row = msgspec.structs.asdict(alert) | texts | {"report": report}
            connection.execute(alerts.insert(), row)
