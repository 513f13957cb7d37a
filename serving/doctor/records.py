"""Check the journal and the database that it is moved into."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from serving import COMMAND, clock
from serving.doctor.finding import Finding
from serving.errors import StoreError
from serving.figures import counted
from serving.recording import segments
from serving.recording.status import Status
from serving.recording.store import Store
from serving.settings import Settings

MAX_SILENCE = 10_000  # milliseconds between two statuses of a collector that runs
MAX_WAITING = 64 * 2**20  # bytes


def examine(given: Settings) -> Iterator[Finding]:
    """Check the database, then the journal."""
    yield _database(given)
    if given.journal:
        yield from _journal(given.journal_dir)
    else:
        yield Finding("journal", "ok", "JOURNAL=off: nothing is recorded")


def _database(given: Settings) -> Finding:
    remedy = "start it, or correct DATABASE_URL; the journal keeps everything until then"
    if not given.database_url and not given.sqlite_file.exists():
        return Finding("database", "ok", "SQLite; the first start creates the file")
    try:
        with closing(Store(given.store_url)) as store:
            pending = store.pending_migrations()
    except StoreError as error:
        return Finding("database", "error", str(error), remedy)
    if pending:
        sentence = f"its tables lack the migration steps {', '.join(pending)}"
        return Finding(
            "database", "warning", sentence, "start the service: it brings them up to date"
        )
    return Finding("database", "ok", "the database can be reached, its tables are up to date")


def _journal(folder: Path) -> Iterator[Finding]:
    try:
        size = sum(path.stat().st_size for path in segments.list_segments(folder))
    except OSError as error:
        remedy = "let the user of the service read and write it"
        yield Finding("journal", "error", f"it cannot be read: {error}", remedy)
        return
    status = Status.read(folder)
    is_moved = status is not None and clock.now() - status.time < MAX_SILENCE
    if status and status.torn:
        lines = counted(status.torn, "line was", "lines were")
        sentence = f"{lines} cut off while being written"
        yield Finding(
            "journal",
            "warning",
            sentence,
            "find out whether a process was killed or the disk was full",
        )
    if not is_moved and size:
        sentence = f"{size / 1e6:.1f} MB of records wait in the journal, and no collector runs"
        remedy = f"start the service, or {COMMAND} collect"
        yield Finding("journal", "warning", sentence, remedy)
    elif not is_moved or status is None:
        yield Finding("journal", "ok", "no record waits in the journal")
    elif status.reason:
        sentence = f"the journal cannot be moved into the database: {status.reason}"
        yield Finding("journal", "error", sentence, "correct it; until then nothing is lost")
    elif status.waiting > MAX_WAITING:
        sentence = f"{status.waiting / 1e6:.0f} MB of records wait in the journal"
        yield Finding("journal", "warning", sentence, "wait; if it grows, the database is too slow")
    else:
        yield Finding("journal", "ok", "records are moved into the database as they come")
