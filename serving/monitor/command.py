"""What `adega monitor` does: check the models once, or again and again."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

import click
import msgspec

from serving import COMMAND, clock
from serving.errors import ArtefactError, MonitorRuns, StoreError
from serving.figures import counted, percent
from serving.lock import wait_for_lock
from serving.log import log_as_json
from serving.models import model_folder
from serving.monitor.alerts import alerts
from serving.monitor.checks import Checked, Checks
from serving.monitor.on_request import LOCK, NICENESS
from serving.monitor.report import Report, read
from serving.monitor.retraining import loop
from serving.monitor.wording import sentence, with_sentences
from serving.recording.store import Store
from serving.recording.store.reports import Alert
from serving.recording.store.turns import Turn
from serving.settings import Settings

log = logging.getLogger(__name__)

GLANCE = 2  # seconds between two looks for checks that are to be made at once
PAUSE = 5  # seconds between two attempts to take over from another host
FAILED, ALARM = 1, 3  # exit codes; 2 is wrong usage

EMPTY = (
    "The store holds no prediction of these versions. Predictions are moved from the journal to it "
    f"by gunicorn, or by `{COMMAND} collect`."
)


def check_once(settings: Settings, models: Sequence[str], *, as_json: bool) -> int:
    """Check the models once and print the results; return the exit code.

    It is 3 while an alert about one of them lasts, else 1 if one could not be checked, else 0.

    Raises
    ------
    MonitorRuns, UnknownModel, StoreError, SettingsError
    """
    changed = logging.getLogger(alerts.__name__)
    changed.addHandler(logging.NullHandler())  # alerts are printed below
    retraining = logging.getLogger(loop.__name__)
    retraining.setLevel(logging.INFO)
    retraining.addHandler(logging.StreamHandler())
    for model in models:
        model_folder.require_known(settings.models_dir, model)
    lock = wait_for_lock(settings.var_dir / LOCK, lambda _: False)
    if lock is None:
        raise MonitorRuns(
            f"{settings.var_dir / LOCK} is locked: another monitor runs, or this one cannot write "
            "there; reports are at GET /models/NAME/monitor"
        )
    with lock, closing(Store(settings.store_url)) as store, closing(store.monitor_turn()) as turn:
        if not turn.take():
            raise MonitorRuns(
                "the monitor of another host checks the models of this database; reports are at "
                "GET /models/NAME/monitor"
            )
        checked = Checks(settings, store).run(models)
        if cycle := _retraining(settings, store):
            cycle.step(checked)
            cycle.finish(checked)
        lasting = {each.model: store.reports.alerts(each.model, lasting=True) for each in checked}
    for each in checked:
        report, alerts_of = read(each.report), lasting[each.model]
        if as_json:
            line = {**each._asdict(), "report": report, "alerts": alerts_of}
            click.echo(
                msgspec.json.encode({name: with_sentences(part) for name, part in line.items()})
            )
        elif report:  # else the failure has been logged
            click.echo("\n".join(_lines(report, alerts_of)))
    if not as_json and checked and not any(map(_has_predictions, checked)):
        click.echo(EMPTY)
    if any(lasting.values()):
        return ALARM
    return FAILED if any(each.failure for each in checked) else 0


def check_forever(settings: Settings, models: Sequence[str]) -> None:
    """Check the models every `MONITOR_INTERVAL`, until stopped.

    One process at a time does, of all hosts that share a database; the others wait to take over.

    Raises
    ------
    UnknownModel, SettingsError
    """
    log_as_json()
    for model in models:
        model_folder.require_known(settings.models_dir, model)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.nice(NICENESS)
    path = settings.var_dir / LOCK
    lock = wait_for_lock(path, lambda _: False)
    if lock is None:
        log.warning("%s is locked by another monitor; this one waits for it to end", path)
        lock = wait_for_lock(path, lambda seconds: not stop.wait(seconds))
    if lock is None:
        return
    with lock, closing(Store(settings.store_url)) as store, closing(store.monitor_turn()) as turn:
        checks, cycle = Checks(settings, store), _retraining(settings, store)
        _check_until(stop, checks, turn, cycle, models)
        if cycle:
            cycle.close()


def _check_until(
    stop: threading.Event,
    checks: Checks,
    turn: Turn,
    cycle: loop.Loop | None,
    models: Sequence[str],
) -> None:
    """Check the models whenever that is due, and before that those whose check is requested."""
    due, wanted = 0.0, models
    while not stop.is_set():
        if wanted is models:
            due = time.monotonic() + checks.settings.monitor_interval
        try:
            if _wait_for_turn(turn, stop, cycle):
                checked = checks.run(wanted)
                if cycle:
                    cycle.step(checked)
        except (ArtefactError, StoreError, OSError) as error:
            log.error("no model could be checked: %s", error)  # noqa: TRY400 - no bug of ours
        wanted = _wait_for_request(checks.store, models, stop, due) or models


def _wait_for_request(
    store: Store, models: Sequence[str], stop: threading.Event, due: float
) -> list[str]:
    """Wait for the next check that is due; return the models that are to be checked before it."""
    while (left := due - time.monotonic()) > 0 and not stop.wait(min(GLANCE, left)):
        with suppress(StoreError):  # the next check reports it
            waiting = store.check_requests.waiting()
            if wanted := [each for each in waiting if each in models or not models]:
                return wanted
    return []


def _wait_for_turn(turn: Turn, stop: threading.Event, cycle: loop.Loop | None) -> bool:
    """Wait until no other host's monitor runs; return whether that is so, and not the end."""
    if turn.take():
        return True
    log.warning("the monitor of another host runs; this one waits for it to end")
    if cycle:
        cycle.close()
    while not stop.wait(PAUSE):
        if turn.take():
            return True
    return False


def _retraining(settings: Settings, store: Store) -> loop.Loop | None:
    return loop.Loop(settings, store) if settings.auto_retrain else None


def _has_predictions(checked: Checked) -> bool:
    report = read(checked.report)
    return report is None or bool(report.window.predictions)


def _lines(report: Report, lasting: Sequence[Alert]) -> Iterator[str]:
    """A report in a few lines, for people."""
    window = report.window
    yield f"{report.model} {report.version}: {report.verdict}: {sentence(report.statements)}"
    if window.since is not None and window.until is not None:
        since, until = clock.to_seconds(window.since), clock.to_seconds(window.until)
        yield f"    {counted(window.predictions, 'prediction')}, {since} to {until}"
        yield f"    {percent(report.arrival.share)} of them have feedback"
    if report.seen_rows:
        yield f"    {sentence(report.seen_rows.statements)}"
    for alert in lasting:
        raised = clock.to_seconds(alert.raised)
        yield f"    {alert.kind} since {raised}: {sentence(alert.statements)}"
    for each in report.unmeasured:
        yield f"    not measured: {sentence(each.statements)}"
