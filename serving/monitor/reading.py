"""Reads a window: the newest predictions from the store, those before from the archive as well."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from types import ModuleType

from serving.errors import ArchiveError
from serving.ids import PredictionId
from serving.monitor.decoder import Decoder, decode, encode
from serving.monitor.rows import Reader
from serving.monitor.window import Window
from serving.recording.store import Store
from serving.recording.store.archived import END, START, Wanted
from serving.recording.store.new_feedback import NULL, FeedbackPart
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


def with_archived(
    parts: Iterable[FeedbackPart],
    store: Store,
    archive_url: str,
    limits: WindowLimits,
    decoder: Decoder,
) -> Iterator[FeedbackPart]:
    """Yield parts of feedback with the predictions that are in the archive.

    Raises
    ------
    ArchiveError, StoreError
    """
    for part in parts:
        if NULL not in part.predictions:
            yield part
            continue
        made, chances = decode(part.predictions), decode(part.probabilities)
        missing = [at for at, each in enumerate(made) if each is None]
        ids = [part.ids[at] for at in missing]
        if not _may_be_archived(store, limits.model, ids):
            yield part
            continue
        found = _archived(limits.model).find_archived(store, archive_url, limits, decoder, ids)
        for at, each in zip(missing, ids, strict=True):
            made[at], chances[at] = found.get(each, (None, None))
        predictions, probabilities = (encode(each).decode() for each in (made, chances))
        yield part._replace(predictions=predictions, probabilities=probabilities)


def _may_be_archived(store: Store, model: str, ids: Sequence[str]) -> bool:
    until = _archived_until(store, model) if ids else START.time
    return any(made.time < until for each in ids if (made := PredictionId.read(each)))


def _add_archived(
    window: Window, store: Store, archive_url: str, limits: WindowLimits, until: int
) -> None:
    """Add the predictions from before a time."""
    archived = _archived(limits.model)
    wanted = Wanted(limits.model, limits.version, limits.since, until)
    reader = archived.ArchivedReader(store, window.fields, window.decoder, window.unrecorded)
    for batch in archived.read(store, archive_url, wanted, reader.columns):
        window.add(reader.read(batch.slice(0, limits.max_rows - window.rows)))
        if window.rows == limits.max_rows:
            return


def _archived(model: str) -> ModuleType:
    """Import what reads the archive, with pyarrow, which is optional and large."""
    try:
        from serving.monitor import archived  # noqa: PLC0415
    except ImportError as error:
        raise ArchiveError(
            f"predictions of {model} are in the archive, and reading them needs pyarrow: "
            "pip install -r requirements-parquet.txt"
        ) from error
    return archived
