"""Alerts: raised once, lasting in silence, cleared once."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from serving import clock
from serving.monitor.drift.detection import most_drifted, summary
from serving.monitor.findings import FieldDrift, Statements, Verdict
from serving.monitor.report import Report
from serving.monitor.wording import sentence
from serving.recording.store.deliveries import Delivery
from serving.recording.store.reports import Alert, Kind
from serving.settings import Settings
from serving.statement import Statement

log = logging.getLogger(__name__)


class Signal(NamedTuple):
    """The verdict of a check on one kind of alert, about one version."""

    model: str
    version: int
    kind: Kind
    verdict: Verdict
    statements: Statements


class Changes(NamedTuple):
    """What a check changes about the alerts.

    Attributes
    ----------
    raised, cleared : list of Alert
        Those that begin, and those that end, with this check.
    lasting : list of Alert
        All others that have not ended, with the statements of this check.
    reworded : list of Alert
        Those of the lasting whose statements are other than before.
    """

    raised: list[Alert]
    lasting: list[Alert]
    reworded: list[Alert]
    cleared: list[Alert]

    @property
    def changed(self) -> list[Alert]:
        """Those that the store does not hold as they are now."""
        return [*self.raised, *self.reworded, *self.cleared]

    def messages(self, settings: Settings, now: int) -> list[Delivery]:
        """A message to the webhook for each beginning and each end; none without a webhook."""
        if not settings.alert_webhook:
            return []
        return [
            Delivery(f"msg_{secrets.token_hex(16)}", _message(alert, now), now)
            for alert in self.raised + self.cleared
        ]

    def log(self) -> None:
        """Log each beginning as a warning, and each end; call it once they are stored."""
        for state, level, alerts in (
            ("raised", logging.WARNING, self.raised),
            ("cleared", logging.INFO, self.cleared),
        ):
            for alert in alerts:
                model, version, kind = alert.model, alert.version, alert.kind
                reasons = sentence(alert.statements, alert.ended)
                extra = {"alert": state, "model": model, "version": version, "kind": kind}
                text = "%s %d: %s is %s: %s"
                log.log(level, text, model, version, kind, state, reasons, extra=extra)


def signals_of(report: Report) -> list[Signal]:
    """The signals of a report, one of each kind that it can judge."""
    drift, concept = report.drift, report.concept
    why = report.mean_change.statements if report.mean_change else ()
    found: list[tuple[Kind, tuple[Verdict, Statements]]] = [
        ("data drift", _worst(drift.fields, "as_in_training", why)),
        ("prediction drift", _worst(drift.predictions, "as_held_out", why)),
    ]
    if concept is not None:
        found.append(("concept drift", (concept.verdict, concept.statements)))
    return [Signal(report.model, report.version, kind, *judged) for kind, judged in found]


def _worst(
    found: Sequence[FieldDrift], otherwise: str, why: Statements
) -> tuple[Verdict, Statements]:
    if drifted := most_drifted(found):
        return "drift", (*summary(drifted), *why)
    enough = any(each.verdict == "no drift" for each in found)
    return ("no drift", (Statement(otherwise),)) if enough else ("not enough yet", ())


def change_alerts(
    lasting: Sequence[Alert], signals: Sequence[Signal], live: Mapping[str, int], now: int
) -> Changes:
    """Raise, keep and clear alerts, as signals require.

    "not enough yet", or no signal, leaves an alert as it is. An alert about a version that is not
    live is cleared, and none is raised.

    Parameters
    ----------
    lasting : sequence of Alert
        Those that are not cleared, of any models.
    signals : sequence of Signal
        At most one of a kind about a version.
    live : mapping of str to int
        The live version of each model that `lasting` is about.
    now : int
        Milliseconds since 1970, UTC.

    >>> moved = Statement("moved", {"distance": 0.5}, "alcohol")
    >>> drifting = Signal("wine", 2, "data drift", "drift", (moved,))
    >>> begun = change_alerts([], [drifting], {"wine": 2}, 1_000)
    >>> change_alerts(begun.raised, [drifting], {"wine": 2}, 2_000).changed
    []
    >>> change_alerts(begun.raised, [], {"wine": 3}, 3_000).cleared[0].ended
    (Statement(code='not_live', values={'version': 2}, field=''),)
    """
    new = {(signal.model, signal.version, signal.kind): signal for signal in signals}
    changes = Changes([], [], [], [])
    for alert in lasting:
        signal = new.pop((alert.model, alert.version, alert.kind), None)
        ended: Statements | None = None
        if live.get(alert.model) != alert.version:
            ended = (Statement("not_live", {"version": alert.version}),)
        elif signal and signal.verdict == "no drift":
            ended = signal.statements
        if ended is not None:
            cleared = max(now, alert.raised)  # a clock may have been set back
            changes.cleared.append(msgspec.structs.replace(alert, cleared=cleared, ended=ended))
        elif signal and signal.verdict == "drift" and signal.statements != alert.statements:
            reworded = msgspec.structs.replace(alert, statements=signal.statements)
            changes.reworded.append(reworded)
            changes.lasting.append(reworded)
        else:
            changes.lasting.append(alert)
    for signal in new.values():
        if signal.verdict == "drift" and live.get(signal.model) == signal.version:
            model, version, kind, _, statements = signal
            changes.raised.append(
                Alert(model=model, version=version, kind=kind, raised=now, statements=statements)
            )
    return changes


def _message(alert: Alert, now: int) -> str:
    """JSON in the form that Standard Webhooks recommends: type, timestamp and data."""
    state = "raised" if alert.cleared is None else "cleared"
    data = {
        "state": state,
        "model": alert.model,
        "version": alert.version,
        "kind": alert.kind,
        "sentence": sentence(alert.statements, alert.ended),
        "raised": clock.iso(alert.raised),
        "cleared": None if alert.cleared is None else clock.iso(alert.cleared),
    }
    message = {"type": f"alert.{state}", "timestamp": clock.iso(now), "data": data}
    return msgspec.json.encode(message).decode()
