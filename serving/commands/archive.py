"""Move old predictions into files of Parquet."""

import os
import re
import tempfile
from contextlib import closing
from importlib.util import find_spec

import click
import msgspec

from serving import clock
from serving.commands.group import AS_JSON
from serving.errors import SettingsError
from serving.figures import counted
from serving.recording.archive_messages import Done, Run
from serving.recording.archiving import MEMORY
from serving.recording.store import Store
from serving.settings import Settings

AGE = re.compile(r"(\d{1,5})d")
NEEDS_PYARROW = "files of Parquet need pyarrow, which is optional: install requirements-parquet.txt"


@click.command(
    epilog="""\b
    Examples:
      ARCHIVE_URL=/srv/archive adega archive --older-than 30d
      ARCHIVE_URL=s3://lake/adega adega archive --model wine --dry-run
    """
)
@click.option(
    "--older-than",
    metavar="DAYS",
    callback=lambda _context, _option, text: _days(text),
    help="Such as 30d; whole days (UTC). ARCHIVE_AFTER by default.",
)
@click.option("--model", help="Only this one's predictions.")
@click.option("--dry-run", is_flag=True, help="Only print what would be moved.")
@AS_JSON
@click.pass_obj
def archive(
    settings: Settings, *, older_than: int | None, model: str | None, dry_run: bool, as_json: bool
) -> None:
    """Move old predictions from the store to files of Parquet in ARCHIVE_URL.

    By model and day, with their feedback, trials and explanations. A file is read back and compared
    before its rows are deleted in the store. Feedback that came since is written into the files,
    small files of a day are joined, and files older than RETENTION_DAYS are deleted. If it is
    killed, the next run goes on. docs/store.md shows the columns, and how to query them.
    """
    if not settings.archive_url:
        raise SettingsError("ARCHIVE_URL is not set: name a folder, or s3://BUCKET/PATH")
    if find_spec("pyarrow") is None:
        raise click.ClickException(NEEDS_PYARROW)
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    # They need pyarrow, which reads these.
    from serving.archive import runs  # noqa: PLC0415
    from serving.archive.changes import Changes  # noqa: PLC0415

    task = Run.of(settings, clock.now(), older_than, model)
    tempfile.tempdir = str(settings.var_dir)  # copies of files in an object store may be large
    with closing(Store(settings.store_url, settings.retention_days)) as store:
        store.migrate()
        changes = Changes(store, settings.archive_url, settings.var_dir)
        done = Done(runs.count(changes, task)) if dry_run else runs.run(changes, task)
    if as_json:
        click.echo(msgspec.json.encode(msgspec.structs.asdict(done)))
        return
    moved, day = "would be moved" if dry_run else "moved", clock.iso(task.before)[:10]
    for name, rows in done.moved.items():
        click.echo(f"{name}: {counted(rows, 'prediction')} from before {day} {moved}")
    if not dry_run:
        click.echo(
            f"{counted(done.files, 'file')} written, {done.bytes:,} bytes; "
            f"{done.with_feedback} got feedback, {done.joined} joined, {done.deleted} deleted for "
            "their age"
        )


def _days(text: str | None) -> int | None:
    if text is None:
        return None
    if not (found := AGE.fullmatch(text)):
        raise click.BadParameter(f"{text!r} is no number of days; write 30d")
    return int(found[1])
