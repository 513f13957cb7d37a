"""A pass of the monitor: every live version looked at, its report and its alerts kept."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec
from msgspec import Raw

from serving import artefact, ids, reports
from serving.decisions import Decisions
from serving.errors import ArtefactError, ServingError
from serving.monitor.alerts import Signal, change
from serving.monitor.concept import Watch
from serving.monitor.drift import FieldDrift
from serving.monitor.findings import Verdict
from serving.monitor.report import MILLISECONDS_A_DAY, Known, Report, Span, figures, report
from serving.monitor.watched import go_on
from serving.monitor.webhook import Webhook
from serving.monitor.window import Window
from serving.settings import Settings
from serving.store import Store
from serving.stored import Trial
from serving.windows import Extent

log = logging.getLogger(__name__)

MOST_ALERTS = 10_000  # that last, of all models

encode = msgspec.json.Encoder().encode


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


class _Before(msgspec.Struct, frozen=True):
    """Of a report that was kept, what tells whether it still holds."""

    window: Span


class Passes:
    """Looks at the live versions of a folder, again and again.

    What a pass finds is kept in one transaction, and so is how far it came: it may be killed at any
    moment, and of two monitors the second to finish keeps nothing.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self.decisions = Decisions(settings.models_dir, settings.decisions_dir)
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
                live[model] = self.decisions.current(model)
            except ArtefactError as error:
                passed.append(Passed(model, None, None, str(error)))
        self._clear_what_is_gone(live)
        passed += [self._attempt(model, version) for model, version in live.items()]
        self._tell(passed)
        self._webhook.send_due(self.store.reports, ids.now())
        return sorted(passed, key=lambda each: each.model)

    def _clear_what_is_gone(self, live: Mapping[str, int]) -> None:
        """Clear the alerts about versions, and about models, that are live no more."""
        others = set(self.decisions.models()) - live.keys()
        lasting = self.store.reports.alerts(lasting=True, limit=MOST_ALERTS)
        now = ids.now()
        changes = change([each for each in lasting if each.model not in others], [], live, now)
        if changes.cleared:
            messages = changes.messages(self.settings, now)
            self.store.reports.settle(changes.cleared, messages)
            changes.log()

    def _attempt(self, model: str, version: int) -> Passed:
        try:
            return Passed(model, version, self._pass(model, version))
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

    def _pass(self, model: str, version: int) -> Raw:
        """Look at one version, unless nothing came since it was looked at last."""
        kept = self.store.reports.latest(model, version)
        before, place = (kept.time, kept.place) if kept else (0, 0)
        now = max(ids.now(), before + 1)
        since = now - self.settings.monitor_days * MILLISECONDS_A_DAY
        extent = Extent(model, version, since, self.settings.monitor_rows)
        if kept and not self._news(kept, extent):
            return kept.report
        read = artefact.read(self.settings.models_dir, model, version)
        known = Known(read.manifest, read.reference)
        answers, held_out = known.answers, known.held_out
        last = max(place, self.store.last_place())
        watch = msgspec.json.decode(kept.watch, type=Watch) if kept else Watch()
        with closing(self.store.arrived(extent, place, last)) as arrived:
            watched = go_on(watch, arrived, answers, held_out, last=last, now=now)
        window = Window(read.manifest.fields, answers, self.store.window(extent))
        found = report(
            known, extent, window, concept=watched.concept, trial=self._trial(extent), time=now
        )
        return self._keep(
            found,
            reports.Report(
                model, version, now, Raw(encode(found)), watched.place, Raw(encode(watched.watch))
            ),
            before,
        )

    def _news(self, kept: reports.Report, extent: Extent) -> bool:
        window = msgspec.json.decode(kept.report, type=_Before).window
        news = self.store.news(extent, kept.place)
        return news.feedback or (news.predictions, news.until) != (window.predictions, window.until)

    def _trial(self, extent: Extent) -> Trial | None:
        """How the version that is tried does beside the live one."""
        try:
            tried = self.decisions.shadow(extent.model)
            if tried is None or tried == extent.version:
                return None
            manifest = artefact.read_manifest(self.settings.models_dir, extent.model, tried)
        except ArtefactError:  # what is tried is broken, as the service says; the live one is not
            return None
        return self.store.trial(extent.model, tried, numbers=manifest.task == "regression")

    def _keep(self, found: Report, new: reports.Report, before: int) -> Raw:
        kept = self.store.reports
        lasting = kept.alerts(found.model, lasting=True)
        live = {found.model: found.version}
        changes = change(lasting, signals(found), live, found.time)
        messages = changes.messages(self.settings, found.time)
        point = Raw(encode(figures(found)))
        if kept.write(new, point, changes.changed, messages, before=before):
            changes.log()
            log.info("%s %d: %s: %s", found.model, found.version, found.verdict, found.sentence)
        else:
            log.info("%s %d: another monitor was faster", found.model, found.version)
        return new.report


def signals(found: Report) -> list[Signal]:
    """What a report says of each kind of alert."""
    drift, concept = found.drift, found.concept
    as_trained = "what comes in is distributed as in training"
    as_held_out = "what the model answers is distributed as on held-out data"
    said = [
        Signal(found.model, found.version, "data drift", *_worst(drift.fields, as_trained)),
        Signal(
            found.model, found.version, "prediction drift", *_worst(drift.predictions, as_held_out)
        ),
    ]
    if concept is not None:
        verdict, sentence = concept.verdict, concept.sentence
        said.append(Signal(found.model, found.version, "concept drift", verdict, sentence))
    return said


def _worst(found: Sequence[FieldDrift], otherwise: str) -> tuple[Verdict, str]:
    drifted = [each for each in found if each.verdict == "drift"]
    if drifted:
        first = max(drifted, key=lambda each: each.change or 0.0)
        more = f"; {len(drifted) - 1} more drifted" if drifted[1:] else ""
        return "drift", first.sentence + more
    enough = any(each.verdict == "no drift" for each in found)
    return ("no drift", otherwise) if enough else ("not enough yet", "")
