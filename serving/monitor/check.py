"""A look at one version: its window read, judged, and kept with the alerts that follow from it."""

import logging
from contextlib import closing

import msgspec
from msgspec import Raw

from serving import clock
from serving.errors import ArtefactError
from serving.metrics.families import totals
from serving.models import artefact
from serving.monitor.alerts.alerts import change
from serving.monitor.alerts.signals import signals
from serving.monitor.measure import Known, figures, report
from serving.monitor.performance.concept import Watch
from serving.monitor.performance.watched import go_on
from serving.monitor.report import Report, WindowSummary, read
from serving.monitor.traffic import NOTHING, traffic
from serving.monitor.window import Window
from serving.monitor.wording import sentence
from serving.recording.store import Store, reports
from serving.recording.store.rows import Trial
from serving.recording.store.windows import WindowLimits
from serving.settings import Settings
from serving.versions.decisions import Decisions

log = logging.getLogger(__name__)

encode = msgspec.json.Encoder().encode


class Looks:
    """Looks at versions of the models that decisions are about."""

    def __init__(self, settings: Settings, store: Store, decisions: Decisions) -> None:
        self.settings, self.store, self.decisions = settings, store, decisions

    def at(self, model: str, version: int) -> Raw:
        """Look at a version, unless nothing came since it was looked at last; return its report.

        Raises
        ------
        ArtefactError, StoreError
        """
        kept = self.store.reports.latest(model, version)
        before, place = (kept.time, kept.place) if kept else (0, 0)
        now = max(clock.now(), before + 1)
        since = now - self.settings.monitor_days * clock.DAY
        limits = WindowLimits(model, version, since, self.settings.monitor_rows)
        found_before = read(kept.report if kept else None)
        if kept and found_before and not self._news(found_before.window, limits, place):
            self.store.reports.renew(kept, now)
            return kept.report
        trained = artefact.read(self.settings.models_dir, model, version)
        known = Known(trained.manifest, trained.reference)
        answers, held_out = known.answers, known.held_out
        last = max(place, self.store.last_place())
        watch = msgspec.json.decode(kept.watch, type=Watch) if kept else Watch()
        with closing(self.store.arrived(limits, place, last)) as arrived:
            watched = go_on(watch, arrived, answers, held_out, last=last, now=now)
        window = Window(trained.manifest.fields, answers, self.store.window(limits))
        counted = totals(self.settings.metrics_dir)
        found = report(
            known,
            limits,
            window,
            concept=watched.concept,
            traffic=traffic(
                window, counted, found_before.traffic.counted if found_before else NOTHING, now
            ),
            trial=self._trial(limits),
            time=now,
        )
        return self._keep(
            found,
            reports.Report(
                model, version, now, Raw(encode(found)), watched.place, Raw(encode(watched.watch))
            ),
            before,
        )

    def _news(self, window: WindowSummary, limits: WindowLimits, place: int) -> bool:
        news = self.store.news(limits, place)
        return news.feedback or (news.predictions, news.until) != (window.predictions, window.until)

    def _trial(self, limits: WindowLimits) -> Trial | None:
        """How the version that is tried does beside the live one."""
        try:
            tried = self.decisions.trial(limits.model)
            if tried is None or tried == limits.version:
                return None
            manifest = artefact.read_manifest(self.settings.models_dir, limits.model, tried)
        except ArtefactError:  # what is tried is broken, as the service says; the live one is not
            return None
        return self.store.trial(limits.model, tried, numbers=manifest.task == "regression")

    def _keep(self, found: Report, new: reports.Report, before: int) -> Raw:
        kept = self.store.reports
        lasting = kept.alerts(found.model, lasting=True)
        live = {found.model: found.version}
        changes = change(lasting, signals(found), live, found.time)
        messages = changes.messages(self.settings, found.time)
        point = Raw(encode(figures(found)))
        if kept.write(new, point, changes.changed, messages, before=before):
            changes.log()
            because = sentence(found.statements)
            log.info("%s %d: %s: %s", found.model, found.version, found.verdict, because)
        else:
            log.info("%s %d: another monitor was faster", found.model, found.version)
        return new.report
