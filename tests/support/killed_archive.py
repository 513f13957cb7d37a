"""Runs the archive, and is killed at a step: `STORE_URL ARCHIVE_URL FOLDER BEFORE STEP`."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from archives import stop_at

from serving.archive.changes import Changes
from serving.archive.runs import run
from serving.recording.archive_messages import Run
from serving.recording.store import Store

if __name__ == "__main__":
    store_url, archive_url, folder, before, step = sys.argv[1:]
    with stop_at(int(step), lambda: os.kill(os.getpid(), signal.SIGKILL)):
        run(Changes(Store(store_url), archive_url, Path(folder)), Run(int(before)))
