"""What a pass changes about the alerts: raised once, lasting in silence, cleared once."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from serving import clock
from serving.monitor.report import Statements, Verdict
from serving.monitor.wording import sentence
from serving.recording.store.deliveries import Delivery
from serving.recording.store.reports import Alert, Kind
from serving.settings import Settings
from serving.statement import Statement

log = logging.getLogger(__name__)


class Signal(NamedTuple):
    """What a pass found of one kind, about one version."""

    model: str
    version: int
    kind: Kind
    verdict: Verdict
    statements: Statements


class Changes(NamedTuple):
    """What becomes of the alerts.

    Attributes
    ----------
    raised, cleared : list of Alert
        Those that begin, and those that end, with this pass.
    lasting : list of Alert
        All others that have not ended, with what the latest pass says of them.
    reworded : list of Alert
        Those of the lasting that say something else than before.
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
        """What the webhook is to be told: each beginning and each end; nothing if there is none."""
        if not settings.alert_webhook:
            return []
        return [
            Delivery(f"msg_{secrets.token_hex(16)}", _message(alert, now), now)
            for alert in self.raised + self.cleared
        ]

    def log(self) -> None:
        """Log each beginning as a warning and each end; to be called once these are kept."""
        for state, level, alerts in (
            ("raised", logging.WARNING, self.raised),
            ("cleared", logging.INFO, self.cleared),
        ):
            for alert in alerts:
                known = {"model": alert.model, "version": alert.version, "kind": alert.kind}
                text = "%s %d: %s is %s: %s"
                said = (
                    alert.model,
                    alert.version,
                    alert.kind,
                    state,
                    sentence(alert.statements, alert.ended),
                )
                log.log(level, text, *said, extra={"alert": state, **known})


def change(
    lasting: Sequence[Alert], signals: Sequence[Signal], live: Mapping[str, int], now: int
) -> Changes:
    """What signals make of the alerts that last.

    "not enough yet", or no signal, leaves an alert as it is. Whatever is about a version that is
    not live ends, and does not begin.

    Parameters
    ----------
    lasting : sequence of Alert
        Those that are not cleared; of other models too, or not.
    signals : sequence of Signal
        At most one of a kind about a version.
    live : mapping of str to int
        By model, the version that answers; of all models that `lasting` is about.
    now : int
        Milliseconds since 1970, UTC.

    >>> moved = Statement("moved", {"distance": 0.5}, "alcohol")
    >>> drifting = Signal("wine", 2, "data drift", "drift", (moved,))
    >>> begun = change([], [drifting], {"wine": 2}, 1_000)
    >>> change(begun.raised, [drifting], {"wine": 2}, 2_000).changed
    []
    >>> change(begun.raised, [], {"wine": 3}, 3_000).cleared[0].ended
    (Statement(code='not_live', values={'version': 2}, field=''),)
    """
    said = {(signal.model, signal.version, signal.kind): signal for signal in signals}
    changes = Changes([], [], [], [])
    for alert in lasting:
        signal = said.pop((alert.model, alert.version, alert.kind), None)
        ended: Statements | None = None
        if live.get(alert.model) != alert.version:
            ended = (Statement("not_live", {"version": alert.version}),)
        elif signal and signal.verdict == "no drift":
            ended = signal.statements
        if ended is not None:
            changes.cleared.append(
                msgspec.structs.replace(
                    alert,
                    cleared=max(now, alert.raised),  # a clock may have been set back
                    ended=ended,
                )
            )
        elif signal and signal.verdict == "drift" and signal.statements != alert.statements:
            reworded = msgspec.structs.replace(alert, statements=signal.statements)
            changes.reworded.append(reworded)
            changes.lasting.append(reworded)
        else:
            changes.lasting.append(alert)
    for signal in said.values():
        if signal.verdict == "drift" and live.get(signal.model) == signal.version:
            model, version, kind, _, statements = signal
            changes.raised.append(
                Alert(model=model, version=version, kind=kind, raised=now, statements=statements)
            )
    return changes


def _message(alert: Alert, now: int) -> str:
    """JSON in the form that Standard Webhooks recommends: type, timestamp and data."""
    state = "raised" if alert.cleared is None else "cleared"
    told = {
        "state": state,
        "model": alert.model,
        "version": alert.version,
        "kind": alert.kind,
        "sentence": sentence(alert.statements, alert.ended),
        "raised": clock.iso(alert.raised),
        "cleared": None if alert.cleared is None else clock.iso(alert.cleared),
    }
    whole = {"type": f"alert.{state}", "timestamp": clock.iso(now), "data": told}
    return msgspec.json.encode(whole).decode()
