"""The process that keeps this host's copy of the models in the object store up to date.

A thread of every worker waits for a lock; the one that gets it starts the process, and starts it
again if it ends. When that worker ends, the process does, and another worker takes over.
"""

import logging
import subprocess
import sys
import threading
import time

from serving.lock import wait_for_lock
from serving.settings import ROOT, Settings

log = logging.getLogger(__name__)

LOCK = ".following.lock"
PAUSE = 5.0  # seconds before the process is started again


def start(settings: Settings) -> None:
    """Begin, if the models are in an object store; to be called once, after any fork."""
    if settings.models_url:
        threading.Thread(target=_keep_following, args=(settings,), daemon=True).start()


def _keep_following(settings: Settings) -> None:
    lock = wait_for_lock(settings.models_dir / LOCK, _pause)
    if lock is None:
        return
    with lock:
        go_on = True
        while go_on:
            try:
                _follow(settings)
            except OSError:
                log.exception("the object store is not followed")
            go_on = _pause(PAUSE)


def _pause(seconds: float) -> bool:
    time.sleep(seconds)
    return True


def _follow(settings: Settings) -> None:
    """Run the process until it ends, and log what it prints."""
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "serving.versions.object_store_process",
            settings.models_url,
            str(settings.models_dir),
        ],
        stdin=subprocess.PIPE,  # its end, even by a kill, ends the process
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            level, _, message = line.strip().partition(" ")
            log.log(int(level) if level.isdigit() else logging.ERROR, "%s", message)
    log.error("the process that follows the object store ended with %d", process.returncode)
