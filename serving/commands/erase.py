"""The command that erases what is recorded about somebody."""

import time
from contextlib import closing

import click
import msgspec

from serving import clock
from serving.commands.group import AS_JSON
from serving.figures import counted
from serving.lock import wait_for_lock
from serving.predicting.erasing import Erasing
from serving.recording import collecting
from serving.recording.archiving import Archive
from serving.recording.collector import Collector
from serving.recording.erasure import What
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.recording.store.erasures import Erasure
from serving.settings import Settings
from serving.versions.versions import whoever_runs_this

PAUSE = 0.5  # seconds in which other hosts erase their part


@click.command(
    epilog="""\b
    Examples:
      adega erase --subject customer-17
      adega erase --id wine.1.19aa63c2f3c0123456789abcdef
      adega erase --model loans --field phone --value "+55 11 99999-0000"
    """
)
@click.option("--id", "ids", multiple=True, help="Of a prediction; may be repeated.")
@click.option("--subject", help="The key that was sent as X-Subject.")
@click.option("--model", help="With --field and --value: whose records.")
@click.option("--field", help="Which field of the records.")
@click.option("--value", help="Its value, in each record that is erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_JSON
@click.pass_obj
def erase(
    settings: Settings,
    *,
    ids: tuple[str, ...],
    subject: str | None,
    model: str | None,
    field: str | None,
    value: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase predictions with their records, feedback and trials, to the last byte.

    Name them by id, by subject or by the value of a field. It waits until it is done: by the
    collector if one runs, else by itself. What is left is an entry that something was erased, when,
    by whom and how many. docs/privacy.md lists what else may hold it, such as backups.
    """
    with closing(Store(settings.store_url, settings.retention_days)) as store:
        erasing = Erasing(settings.journal_dir, store, Privacy(settings), settings.models_dir)
        what = _what(erasing, ids, subject, (model, field, value))
        if not yes:
            click.confirm("What is erased cannot be brought back. Erase it?", abort=True, err=True)
        erasure = _wait(settings, store, erasing, erasing.request(what, whoever_runs_this()))
    click.echo(msgspec.json.encode(erasure) if as_json else _line(erasure))


def _what(
    erasing: Erasing,
    ids: tuple[str, ...],
    subject: str | None,
    of_record: tuple[str | None, str | None, str | None],
) -> What:
    model, field, value = of_record
    match bool(ids), subject is not None, sum(each is not None for each in of_record):
        case True, False, 0:
            return erasing.by_ids([*ids])
        case False, True, 0:
            return erasing.by_subject(subject or "")
        case False, False, 3:
            return erasing.by_value(model or "", field or "", *_meant(value or ""))
    raise click.UsageError("name --id, or --subject, or all of --model, --field and --value")


def _meant(text: str) -> list[str | float | bool]:
    """Return what a text may mean: itself, or the number, true or false that it spells."""
    try:
        return [text, msgspec.json.decode(text, type=float | bool)]
    except msgspec.DecodeError:
        return [text]


def _wait(settings: Settings, store: Store, erasing: Erasing, erasure: Erasure) -> Erasure:
    """Wait until an erasure is done; do this host's part of it if no collector runs.

    Raises
    ------
    click.ClickException
        If it waits for a host that is away.
    """

    def is_waiting(seconds: float) -> bool:
        if away := erasing.away():
            raise click.ClickException(f"{erasure.id} will be done when they are back: {away}")
        time.sleep(seconds)
        return _found(erasing, erasure).done is None

    lock = wait_for_lock(settings.journal_dir / collecting.LOCK, is_waiting)
    if lock is not None:
        with lock:
            collecting.keep_temporary_files(settings)
            collector = Collector(
                settings.journal_dir,
                store,
                name=settings.host_name,
                archive=Archive.from_settings(settings),
            )
            collector.collect()
            collector.eraser.erase(collector.collect)
            while _found(erasing, erasure).done is None and is_waiting(PAUSE):
                collector.eraser.erase(collector.collect)
            collector.stop()
    return _found(erasing, erasure)


def _found(erasing: Erasing, erasure: Erasure) -> Erasure:
    return erasing.find(erasure.id) or erasure


def _line(erasure: Erasure) -> str:
    when = clock.to_seconds(erasure.done or erasure.time)
    return (
        f"{when} erased by {erasure.kind}: {counted(erasure.predictions, 'prediction')}, "
        f"{erasure.feedback} feedback, {counted(erasure.trials, 'trial')} ({erasure.id})"
    )
