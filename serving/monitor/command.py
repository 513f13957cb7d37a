"""What `adega monitor` does: a pass now, or passes for ever."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import click
import msgspec

from serving import COMMAND, clock
from serving.errors import ArtefactError, MonitorRuns, StoreError, UnknownModel
from serving.figures import percent
from serving.lock import wait_for_lock
from serving.log import log_as_json
from serving.models import artefact
from serving.monitor.alerts import alerts
from serving.monitor.passes import Passed, Passes
from serving.monitor.report import Report, read
from serving.monitor.retraining import loop
from serving.monitor.wording import sentence, with_sentences
from serving.recording.store import Store
from serving.recording.store.reports import Alert
from serving.settings import Settings

log = logging.getLogger(__name__)

LOCK = "monitor.lock"
NICENESS = 10  # predictions come first, as beside the collector
FAILED, ALARM = 1, 3  # 2 is what a wrong use of a command exits with

EMPTY = (
    "The store holds no prediction of these versions. What stands in the journal is moved into it "
    f"by gunicorn, or by `{COMMAND} collect`."
)


def once(settings: Settings, models: Sequence[str], *, as_json: bool) -> int:
    """Make one pass and print what it found; return the exit code.

    It is 3 while an alert lasts about one of the models, else 1 if one could not be looked at,
    else 0.

    Raises
    ------
    MonitorRuns, UnknownModel, StoreError, SettingsError
    """
    logging.getLogger(alerts.__name__).addHandler(logging.NullHandler())  # they are printed below
    steps = logging.getLogger(loop.__name__)
    steps.setLevel(logging.INFO)
    steps.addHandler(logging.StreamHandler())
    _require(settings, models)
    lock = wait_for_lock(settings.var_dir / LOCK, lambda _: False)
    if lock is None:
        raise MonitorRuns(
            f"{settings.var_dir / LOCK} is held: a monitor runs already, or cannot write there; "
            "what it found is at GET /models/NAME/monitor"
        )
    with lock, closing(Store(settings.store_url)) as store:
        passed = Passes(settings, store).look(models)
        if cycle := _loop(settings, store):
            cycle.after(passed)
            cycle.finish(passed)
        last = {each.model: store.reports.alerts(each.model, lasting=True) for each in passed}
    for each in passed:
        if as_json:
            told = {**each._asdict(), "report": read(each.report), "alerts": last[each.model]}
            click.echo(
                msgspec.json.encode({name: with_sentences(part) for name, part in told.items()})
            )
        elif found := read(each.report):  # else the log has said why
            click.echo("\n".join(_told(each, found, last[each.model])))
    if not as_json and passed and not any(map(_predictions, passed)):
        click.echo(EMPTY)
    if any(last.values()):
        return ALARM
    return FAILED if any(each.failure for each in passed) else 0


def for_ever(settings: Settings, models: Sequence[str]) -> None:
    """Make a pass every `MONITOR_INTERVAL`, until stopped; one process at a time does.

    Raises
    ------
    UnknownModel, SettingsError
    """
    log_as_json()
    _require(settings, models)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    os.nice(NICENESS)
    path = settings.var_dir / LOCK
    lock = wait_for_lock(path, lambda _: False)
    if lock is None:
        log.warning("%s is held by another monitor; this one waits to take over", path)
        lock = wait_for_lock(path, lambda seconds: not stop.wait(seconds))
    if lock is None:
        return
    with lock, closing(Store(settings.store_url)) as store:
        passes, cycle = Passes(settings, store), _loop(settings, store)
        while not stop.is_set():
            try:
                passed = passes.look(models)
                if cycle:
                    cycle.after(passed)
            except (ArtefactError, StoreError, OSError) as error:
                log.error("no pass could be made: %s", error)  # noqa: TRY400 - it says all
            stop.wait(settings.monitor_interval)
        if cycle:
            cycle.close()


def _loop(settings: Settings, store: Store) -> loop.Loop | None:
    return loop.Loop(settings, store) if settings.auto_retrain else None


def _require(settings: Settings, models: Sequence[str]) -> None:
    there = artefact.live_models(settings.models_dir)
    for model in models:
        if model not in there:
            raise UnknownModel(f"no model {model!r} is there; there are {', '.join(there)}")


def _predictions(passed: Passed) -> bool:
    found = read(passed.report)
    return found is None or bool(found.window.predictions)


def _told(passed: Passed, found: Report, lasting: Sequence[Alert]) -> Iterator[str]:
    """What a person reads of one model."""
    window = found.window
    yield f"{passed.model} {passed.version}: {found.verdict}: {sentence(found.statements)}"
    if window.since is not None and window.until is not None:
        since, until = clock.to_seconds(window.since), clock.to_seconds(window.until)
        yield f"    {window.predictions} predictions, {since} to {until}"
        yield f"    {percent(found.arrival.share)} of them have feedback"
    for alert in lasting:
        raised = clock.to_seconds(alert.raised)
        yield f"    {alert.kind} since {raised}: {sentence(alert.statements)}"
    for each in found.unmeasured:
        yield f"    not measured: {sentence(each.statements)}"
