"""Reads a window: the newest predictions from the store, those before from the archive as well."""

from collections.abc import Callable
from contextlib import closing

from serving.errors import ArchiveError
from serving.monitor.rows import Reader
from serving.monitor.window import Window
from serving.recording.store import Store
from serving.recording.store.archived import END, START, Wanted
from serving.recording.store.windows import WindowLimits

TRIES = 3


def read_window(
    store: Store, archive_url: str, limits: WindowLimits, new_window: Callable[[], Window]
) -> Window:
    """Read the latest predictions of a version, wherever they are.

    What is newer than all that is archived is read from the store alone, many rows at a time, and
    the rest from both as one. If more has been archived meanwhile, rows may have been missed, so
    it is read again; the last time all of it from both, which is slower and never misses any.

    Raises
    ------
    ArchiveError, StoreError
    """
    for attempt in range(TRIES):
        is_last = attempt == TRIES - 1
        archived = END.time if is_last else _archived_until(store, limits.model)
        window = new_window()
        reader = Reader(window.fields, window.decoder, window.unrecorded)
        newest = limits._replace(since=max(limits.since, archived))
        with closing(store.window(newest)) as parts:
            for part in parts:
                window.add(reader.read(part))
        if is_last or archived == _archived_until(store, limits.model):
            break
    window.stored = window.rows
    if archived > limits.since and window.rows < limits.max_rows:
        _add_archived(window, store, archive_url, limits, archived)
        window.stored = store.window_state(limits, 0).predictions
    return window


def _archived_until(store: Store, model: str) -> int:
    """Return from which time on no prediction is archived, in milliseconds since 1970, UTC."""
    return max((file.last + 1 for file in store.archived.files(model)), default=START.time)


def _add_archived(
    window: Window, store: Store, archive_url: str, limits: WindowLimits, until: int
) -> None:
    """Add the predictions from before a time."""
    try:  # pyarrow is optional, and large
        from serving.archive.reading import read  # noqa: PLC0415
        from serving.monitor.archived import ArchivedReader  # noqa: PLC0415
    except ImportError as error:
        raise ArchiveError(
            f"predictions of {limits.model} are in the archive, and reading them needs pyarrow: "
            "pip install -r requirements-parquet.txt"
        ) from error
    wanted = Wanted(limits.model, limits.version, limits.since, until)
    reader = ArchivedReader(store, window.fields, window.decoder, window.unrecorded)
    for batch in read(store, archive_url, wanted, reader.columns):
        window.add(reader.read(batch.slice(0, limits.max_rows - window.rows)))
        if window.rows == limits.max_rows:
            return
