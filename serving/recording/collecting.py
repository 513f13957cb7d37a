"""Runs the collector: every half a second, and at once for those who wait for a commit."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress

from serving import clock
from serving.errors import StoreError
from serving.lock import Pause, wait_for_lock
from serving.recording.archiving import Archive
from serving.recording.collector import Collector, Describe
from serving.recording.feed import Feed
from serving.recording.store import Store
from serving.settings import STORE, Settings

LOCK = "collector.lock"
PAUSE = 0.5  # seconds between two runs
SEVERAL, GATHER = 4, 0.002  # after so many entries at once, seconds in which more gather
HOUR = 3600  # seconds


def run(
    settings: Settings,
    pause: Callable[..., bool],
    describe: Describe | None = None,
    drain: Pause = lambda _: False,
) -> None:
    """Collect repeatedly, in one process at a time; the others wait to take over.

    Parameters
    ----------
    pause : callable
        Waits so many seconds, or until one of the files that are given besides is readable, and
        returns whether to go on.
    describe : callable, optional
        Returns, as JSON, what this host reports of itself; without it, it reports nothing.
    drain : callable
        After that, waits a moment, and returns whether something has to be moved all the same.
    """
    path = settings.journal_dir / LOCK
    lock = wait_for_lock(path, pause) or wait_for_lock(path, drain)
    if lock is None:
        return
    keep_temporary_files(settings)
    with ExitStack() as open_:
        open_.enter_context(lock)
        store = open_.enter_context(closing(Store(settings.store_url, settings.retention_days)))
        feed = None
        if settings.journal_required == STORE:
            feed = open_.enter_context(closing(Feed(settings.journal_dir)))
        folder, days = settings.journal_dir, settings.retention_days
        archive = Archive.from_settings(settings)
        collector = Collector(
            folder, store, days, settings.host_name, describe, feed=feed, archive=archive
        )
        collector.attempt()
        if settings.retention_days:
            threading.Thread(
                target=_delete_expired_hourly, args=(collector, pause), daemon=True
            ).start()
        if settings.archive_url:
            threading.Thread(
                target=_archive_daily, args=(archive, settings, pause), daemon=True
            ).start()
        _follow(collector, feed, pause)
        while drain(PAUSE):
            collector.attempt()
        with suppress(StoreError, OSError):  # then it counts as away
            collector.stop()


def _follow(collector: Collector, feed: Feed | None, pause: Callable[..., bool]) -> None:
    """Collect every half a second, and at once what somebody waits for."""
    go_on, due = True, time.monotonic() + PAUSE
    while go_on:
        if feed:
            go_on = pause(max(0, due - time.monotonic()), feed)
            if collector.moved >= SEVERAL:
                time.sleep(GATHER)
            feed.receive()
        else:
            go_on = pause(PAUSE)
        is_due = not feed or not go_on or time.monotonic() >= due
        collector.attempt(is_new=not is_due)  # once more after the end, for the last predictions
        if is_due:
            due = time.monotonic() + PAUSE


def keep_temporary_files(settings: Settings) -> None:
    """Have SQLite put its temporary files beside its database, as they can be as large."""
    os.environ.setdefault("SQLITE_TMPDIR", str(settings.var_dir))


def _delete_expired_hourly(collector: Collector, pause: Pause) -> None:
    """Delete every hour, in a thread, as it may take long."""
    go_on = True
    while go_on:
        collector.delete_expired()
        go_on = pause(HOUR)


def _archive_daily(archive: Archive, settings: Settings, pause: Pause) -> None:
    """Run the archive when a day is over, in a thread that waits for its process."""
    done = None
    go_on = True
    while go_on:
        now = clock.now()
        if clock.day_of(now) != done and archive.run(settings, now):
            done = clock.day_of(now)
        go_on = pause(HOUR)
