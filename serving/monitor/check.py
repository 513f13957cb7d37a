"""One check of one version: its window is measured and judged, and the result stored with alerts.

`check` is the whole way, from top to bottom; what follows it are its steps.
"""

import logging
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import chain

import msgspec
from msgspec import Raw

from serving import clock
from serving.errors import ArtefactError
from serving.metrics.requests import Totals, read_totals
from serving.models.manifest import Figure
from serving.monitor.alerts.alerts import change_alerts, signals_of
from serving.monitor.decoder import Decoder
from serving.monitor.drift.detection import detect_drift
from serving.monitor.drift.distributions import draw_distributions
from serving.monitor.drift.mean_change import MAX_EXPLAINED, explain_mean, importance_of
from serving.monitor.findings import (
    ConceptDrift,
    Drift,
    MetricVerdict,
    Realised,
    Statements,
    Verdict,
)
from serving.monitor.performance.concept import Watch
from serving.monitor.performance.estimate import estimate
from serving.monitor.performance.feedback import Watched, continue_watch
from serving.monitor.performance.realised import measure_realised
from serving.monitor.reading import read_window, with_archived
from serving.monitor.report import Report, Unmeasured, WindowSummary, figures_of, read
from serving.monitor.seen_rows import judge_seen
from serving.monitor.traffic import measure_arrival, measure_traffic
from serving.monitor.unmeasured import find_unmeasured, held_out_metrics
from serving.monitor.window import Window
from serving.monitor.wording import sentence
from serving.recording.store import Store, reports
from serving.recording.store.rows import Trial
from serving.recording.store.windows import WindowLimits
from serving.settings import Settings
from serving.versions.decisions import Decisions

log = logging.getLogger(__name__)

NOTHING_COUNTED = Totals(0, {})

encode = msgspec.json.Encoder().encode


def check(settings: Settings, store: Store, decisions: Decisions, model: str, version: int) -> Raw:
    """Check a version, unless nothing came since its last check; return its report.

    Raises
    ------
    ArtefactError, StoreError
    """
    last = store.reports.latest(model, version)
    now = max(clock.now(), last.time + 1 if last else 1)
    since = now - settings.monitor_days * clock.DAY
    limits = WindowLimits(model, version, since, settings.monitor_rows)
    last_report = read(last.report if last else None)
    if last and last_report and _nothing_new(store, limits, last.place, last_report.window):
        store.reports.renew(last, now)
        return last.report

    trained = decisions.read(model, version)
    decoder = Decoder(trained.manifest, trained.reference)
    held_out = held_out_metrics(trained)
    reached = store.last_place()  # read before the window, which so has all feedback up to there
    new_window = partial(Window, trained, decoder, held_out)
    window = read_window(store, settings.archive_url, limits, new_window)

    compared = window.comparison.samples(window.unrecorded)
    drift = detect_drift(compared.fields, compared.outputs, importance_of(trained))
    mean_change = explain_mean(trained, window.sample(MAX_EXPLAINED), drift)
    realised = measure_realised(window.realised, held_out)
    estimated = estimate(window.estimated)
    watched = _watch_feedback(
        store, settings.archive_url, limits, last, reached, decoder, held_out=held_out, now=now
    )
    counted = read_totals(settings.metrics_dir)
    counted_before = last_report.traffic.totals if last_report else NOTHING_COUNTED
    traffic = measure_traffic(window, counted, counted_before, now)
    trial = _compare_trial(store, decisions, limits)
    verdict, reasons = _judge(drift, realised, watched.drift)
    unmeasured = chain(compared.unmeasured, find_unmeasured(trained, window, watched.drift))

    report = Report(
        model=model,
        version=version,
        time=now,
        window=_summarise(window, limits, settings),
        verdict=verdict,
        statements=reasons,
        drift=drift,
        mean_change=mean_change,
        distributions=[
            *draw_distributions("field", compared.fields),
            *draw_distributions("prediction", compared.outputs),
        ],
        arrival=measure_arrival(window.rows, window.delays),
        realised=realised,
        estimated=estimated,
        concept=watched.drift,
        unmeasured=[Unmeasured((each,)) for each in unmeasured],
        traffic=traffic,
        trial=trial,
        seen_rows=judge_seen(window.known, window.trained.repeats) if window.trained else None,
    )
    return _store_with_alerts(settings, store, report, watched, last.time if last else 0)


def _nothing_new(store: Store, limits: WindowLimits, place: int, window: WindowSummary) -> bool:
    """Whether neither a prediction nor feedback came, and none has become too old."""
    news = store.window_state(limits, place)
    is_same = news.predictions == window.stored and news.until in {window.until, None}
    return is_same and not news.feedback


def _summarise(window: Window, limits: WindowLimits, settings: Settings) -> WindowSummary:
    return WindowSummary(
        since=int(window.since) if window.rows else None,
        until=int(window.until) if window.rows else None,
        predictions=window.rows,
        stored=window.stored,
        max_rows=limits.max_rows,
        days=settings.monitor_days,
    )


def _watch_feedback(  # noqa: PLR0917 - steps of one function
    store: Store,
    archive_url: str,
    limits: WindowLimits,
    last: reports.Report | None,
    reached: int,
    decoder: Decoder,
    *,
    held_out: dict[str, Figure],
    now: int,
) -> Watched:
    """Continue the watch over concept drift with the feedback since the last check."""
    place = last.place if last else 0
    until = max(place, reached)
    watch = msgspec.json.decode(last.watch, type=Watch) if last else Watch()
    with closing(store.new_feedback(limits, place, until)) as parts:
        arrived = with_archived(parts, store, archive_url, limits, decoder)
        return continue_watch(watch, arrived, decoder, held_out, last=until, now=now)


def _compare_trial(store: Store, decisions: Decisions, limits: WindowLimits) -> Trial | None:
    """Compare the version on trial, if there is one, with the live version."""
    try:
        version = decisions.trial(limits.model)
        if version is None or version == limits.version:
            return None
        manifest = decisions.read_manifest(limits.model, version)
    except ArtefactError:  # the trial is broken, which the service reports; the live one is not
        return None
    return store.trial(limits.model, version, numbers=manifest.task == "regression")


def _judge(
    drift: Drift, realised: Sequence[Realised], concept: ConceptDrift | None
) -> tuple[Verdict | MetricVerdict, Statements]:
    """The worst verdict, and all statements that give the reason for it."""
    judged: list[Drift | ConceptDrift] = [drift, *([concept] if concept else [])]
    worse = [each.statements for each in realised if each.verdict == "worse"][:1]
    if concept and concept.verdict == "drift":  # then a metric that is worse adds nothing
        worse = []
    verdicts: tuple[Verdict, ...] = ("drift", "no drift", "not enough yet")
    verdict = next(each for each in verdicts if each in {one.verdict for one in judged})
    if worse and verdict != "drift":
        return "worse", worse[0]
    statements = [each.statements for each in judged if each.verdict == verdict]
    return verdict, tuple(chain.from_iterable(statements + worse))


def _store_with_alerts(
    settings: Settings, store: Store, report: Report, watched: Watched, last_time: int
) -> Raw:
    """Store the report, alerts and messages in one transaction, unless another monitor did."""
    model, version = report.model, report.version
    lasting = store.reports.alerts(model, lasting=True)
    changes = change_alerts(lasting, signals_of(report), {model: version}, report.time)
    stored = reports.Report(
        model,
        version,
        report.time,
        Raw(encode(report)),
        watched.place,
        Raw(encode(watched.watch)),
    )
    point = Raw(encode(figures_of(report)))
    messages = changes.messages(settings, report.time)
    if store.reports.write(stored, point, changes.changed, messages, before=last_time):
        changes.log()
        reasons = sentence(report.statements)
        log.info("%s %d: %s: %s", model, version, report.verdict, reasons)
    else:
        log.info(
            "%s %d: another monitor checked it meanwhile, or something was erased", model, version
        )
    return stored.report
