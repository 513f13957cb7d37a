"""Checks of all live versions, one after the other, again and again."""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw

from serving import clock
from serving.errors import ArtefactError, ServingError
from serving.monitor.alerts.alerts import change_alerts
from serving.monitor.alerts.webhook import Webhook
from serving.monitor.check import check
from serving.recording.store import Store
from serving.settings import Settings
from serving.versions.decisions import Decisions

log = logging.getLogger(__name__)

MAX_ALERTS = 10_000  # that last, of all models


class Checked(NamedTuple):
    """What came of the check of one model.

    Attributes
    ----------
    version : int or None
        The live one; None where it is not known.
    report : Raw or None
        JSON; that of the last check where nothing came since. None with a failure.
    failure : str
        Why it could not be checked; empty where it was.
    """

    model: str
    version: int | None
    report: Raw | None
    failure: str = ""


class Checks:
    """Checks the live versions of a folder.

    A report is stored in one transaction with how far the check came: the monitor may be killed at
    any moment, and of two monitors the second to finish stores nothing.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.decisions = Decisions.from_settings(settings)
        self._webhook = Webhook(settings)
        self._failures: dict[str, str] = {}

    def run(self, models: Sequence[str] = ()) -> list[Checked]:
        """Check some models, or all that are live, and send what the webhook is due.

        A model that fails does not stop the others. What has been requested of them is done.

        Raises
        ------
        StoreError
            If the store cannot be used at all.
        """
        self.store.migrate()
        began = clock.now()
        if self.decisions.shared:
            self.decisions.shared.catch_up()
        live, checked = {}, []
        for model in models or self.decisions.models():
            try:
                live[model] = self.decisions.live(model)
            except ArtefactError as error:
                checked.append(Checked(model, None, None, str(error)))
        self._clear_alerts_of_others(live)
        checked += [self._check(model, version) for model, version in live.items()]
        self._log_new_failures(checked)
        failed = {each.model: bool(each.failure) for each in checked}
        self.store.check_requests.end(failed, began, clock.now())
        self._webhook.send_due(self.store.deliveries, clock.now())
        return sorted(checked, key=lambda each: each.model)

    def _clear_alerts_of_others(self, live: Mapping[str, int]) -> None:
        """Clear the alerts of versions, and of models, that are no longer live."""
        unknown = set(self.decisions.models()) - live.keys()
        lasting = self.store.reports.alerts(lasting=True, limit=MAX_ALERTS)
        now = clock.now()
        changes = change_alerts(
            [each for each in lasting if each.model not in unknown], [], live, now
        )
        if changes.cleared:
            self.store.reports.settle(changes.cleared, changes.messages(self.settings, now))
            changes.log()

    def _check(self, model: str, version: int) -> Checked:
        try:
            report = check(self.settings, self.store, self.decisions, model, version)
            return Checked(model, version, report)
        except ServingError as error:
            return Checked(model, version, None, str(error))
        except Exception as error:  # why: whatever happens to one model, the others are checked
            log.exception("%s %d could not be checked", model, version)
            return Checked(model, version, None, f"{type(error).__name__}: {error}")

    def _log_new_failures(self, checked: Sequence[Checked]) -> None:
        failures = {each.model: each.failure for each in checked if each.failure}
        for model, failure in failures.items():
            if self._failures.get(model) != failure:
                log.error("%s could not be checked: %s", model, failure)
        self._failures = failures
