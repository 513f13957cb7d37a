"""Checks that are requested of the service: the monitor that runs makes them, or else a process.

A worker of the service imports this, so nothing here imports what computes a check.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress

from serving import clock
from serving.errors import StoreError
from serving.lock import wait_for_lock
from serving.recording.status import Status
from serving.recording.store import Store
from serving.recording.store.check_requests import CheckRequest
from serving.settings import ROOT, Settings

log = logging.getLogger(__name__)

LOCK = "monitor.lock"  # in VAR_DIR, which the monitor holds
NICENESS = 10  # lower priority than predictions, as the monitor
PAUSE = 1  # seconds between two looks whether the monitor has made a check
PATIENCE = 120  # seconds for a monitor that runs
MAX_SECONDS = 300  # of a process
COLLECTED = 3  # seconds that a request waits for what was recorded before it
GLANCE = 0.05  # seconds between two looks whether it is in the store
CHECKED = {0, 3}  # exit codes of `adega monitor --once`


class OnRequest:
    """Has models checked at once; of the processes that it starts one runs at a time.

    Parameters
    ----------
    frozen : bool
        Whether nothing runs between two requests, so that no process can be started.
    """

    def __init__(self, settings: Settings, store: Store, *, frozen: bool = False) -> None:
        self._settings, self._store, self._frozen = settings, store, frozen
        self._lock = threading.Lock()
        self._models: set[str] = set()  # that were requested of this worker
        self._follows = False

    def add(self, model: str) -> None:
        """Request a check, of all that this host has recorded until now.

        Raises
        ------
        StoreError
        """
        self._wait_for_collector()
        self._store.check_requests.add(model, clock.now())
        with self._lock:
            self._models.add(model)
            if self._follows or self._frozen:
                return
            self._follows = True
        threading.Thread(target=self._follow, name="checks on request", daemon=True).start()

    def latest(self, model: str) -> CheckRequest | None:
        """Return the latest request of a model.

        Raises
        ------
        StoreError
        """
        return self._store.check_requests.latest(model)

    def _wait_for_collector(self) -> None:
        """Wait for a moment until the journal is in the store, where a collector runs."""
        now, until = clock.now(), time.monotonic() + COLLECTED
        while time.monotonic() < until:
            status = Status.read(self._settings.journal_dir)
            if status is None or status.reason or status.collected >= now:
                return
            if status.time < now - 1000 * COLLECTED:  # it has ended
                return
            time.sleep(GLANCE)

    def _follow(self) -> None:
        try:
            self._make()
        except Exception:
            log.exception("checks that were requested are not followed")
            with self._lock:  # the next request begins again, with these models too
                self._follows = False

    def _make(self) -> None:
        """Wait until all checks have been made, and make them here where no monitor runs."""
        until = time.monotonic() + PATIENCE
        while waiting := self._waiting(until):
            try:
                if not self._monitor_runs():
                    self._check(waiting)
                    until = time.monotonic() + PATIENCE
            except (OSError, StoreError) as error:
                log.error("no check can be started: %s", error)  # noqa: TRY400 - no bug of ours
            time.sleep(PAUSE)

    def _waiting(self, until: float) -> list[str]:
        waiting: list[str] = []
        with suppress(StoreError):
            waiting = self._store.check_requests.waiting()
        with self._lock:
            self._models.intersection_update(waiting)
            if time.monotonic() > until:
                self._models.clear()
            self._follows = bool(self._models)
            return sorted(self._models)

    def _monitor_runs(self) -> bool:
        """Whether a monitor runs, here or on another host."""
        lock = wait_for_lock(self._settings.var_dir / LOCK, lambda _: False)
        if lock is None:
            return True
        with lock, closing(self._store.monitor_turn()) as turn:
            return not turn.take()

    def _check(self, models: Sequence[str]) -> None:
        """Check models in a process of its own, which ends their requests."""
        began = clock.now()
        settings = self._settings
        own = {
            "MODELS_DIR": str(settings.models_dir.resolve()),
            "VAR_DIR": str(settings.var_dir.resolve()),
            "DATABASE_URL": settings.database_url,
            "AUTO_RETRAIN": "off",  # a check is requested, no training
        }
        process = subprocess.Popen(  # noqa: S603 - names of models that are served
            [sys.executable, "-m", "serving", "monitor", "--once", "--", *models],
            cwd=ROOT,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # it ends by itself, also after this worker
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        try:
            _, printed = process.communicate(timeout=MAX_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            printed = f"it took more than {MAX_SECONDS} seconds"
        if process.returncode not in CHECKED:
            log.error("%s could not be checked: %s", ", ".join(models), printed.strip())
            # Those that it did check have ended already.
            self._store.check_requests.end(dict.fromkeys(models, True), began, clock.now())
