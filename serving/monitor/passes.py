"""A pass of the monitor: every live version looked at, its report and its alerts kept."""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw

from serving import clock
from serving.errors import ArtefactError, ServingError
from serving.monitor.alerts.alerts import change
from serving.monitor.alerts.webhook import Webhook
from serving.monitor.check import Looks
from serving.recording.store import Store
from serving.settings import Settings
from serving.versions.decisions import Decisions

log = logging.getLogger(__name__)

MOST_ALERTS = 10_000  # that last, of all models


class Passed(NamedTuple):
    """What a pass made of one model.

    Attributes
    ----------
    version : int or None
        The live one; None where none can be told.
    report : Raw or None
        JSON of its report; the one before where nothing came since. None with a failure.
    failure : str
        Why it could not be looked at; empty where it was.
    """

    model: str
    version: int | None
    report: Raw | None
    failure: str = ""


class Passes:
    """Looks at the live versions of a folder, again and again.

    What a pass finds is kept in one transaction, and so is how far it came: it may be killed at any
    moment, and of two monitors the second to finish keeps nothing.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.decisions = Decisions(settings.models_dir, settings.decisions_dir)
        self._looks = Looks(settings, store, self.decisions)
        self._webhook = Webhook(settings)
        self._failures: dict[str, str] = {}

    def look(self, models: Sequence[str] = ()) -> list[Passed]:
        """Look at some models, or at all that are live; one that fails does not stop the others.

        Raises
        ------
        StoreError
            If the store cannot be used at all.
        """
        self.store.migrate()
        live, passed = {}, []
        for model in models or self.decisions.models():
            try:
                live[model] = self.decisions.live(model)
            except ArtefactError as error:
                passed.append(Passed(model, None, None, str(error)))
        self._clear_what_is_gone(live)
        passed += [self._attempt(model, version) for model, version in live.items()]
        self._tell(passed)
        self._webhook.send_due(self.store.deliveries, clock.now())
        return sorted(passed, key=lambda each: each.model)

    def _clear_what_is_gone(self, live: Mapping[str, int]) -> None:
        """Clear the alerts about versions, and about models, that are live no more."""
        others = set(self.decisions.models()) - live.keys()
        lasting = self.store.reports.alerts(lasting=True, limit=MOST_ALERTS)
        now = clock.now()
        changes = change([each for each in lasting if each.model not in others], [], live, now)
        if changes.cleared:
            messages = changes.messages(self.settings, now)
            self.store.reports.settle(changes.cleared, messages)
            changes.log()

    def _attempt(self, model: str, version: int) -> Passed:
        try:
            return Passed(model, version, self._looks.at(model, version))
        except ServingError as error:
            return Passed(model, version, None, str(error))
        except Exception as error:  # why: whatever one model meets, the others are looked at
            log.exception("%s %d could not be looked at", model, version)
            return Passed(model, version, None, f"{type(error).__name__}: {error}")

    def _tell(self, passed: Sequence[Passed]) -> None:
        """Log each failure when it begins."""
        failures = {each.model: each.failure for each in passed if each.failure}
        for model, failure in failures.items():
            if self._failures.get(model) != failure:
                log.error("%s could not be looked at: %s", model, failure)
        self._failures = failures
