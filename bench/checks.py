"""How long a check of a full window takes, and how much memory, wherever its rows are."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench import postgres, processes
from bench.monitor import Shown
from bench.postgres import Postgres
from bench.wines import load
from bench.workload import ROOT
from serving import clock, ids
from serving.recording.archive_messages import Run
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.settings import Settings
from train.problems import wine

AT_ONCE = 5_000  # rows in one transaction
WITH_FEEDBACK = 10  # one in so many
FIELDS = [field.name for field in wine.FIELDS]
MAX_SECONDS, MAX_MEGABYTES = 60, 500
PORT = 54_322
# By a small process, as what the kernel counts as a process's memory includes that of its parent.
RUN = """
import resource, subprocess, sys, time
began = time.perf_counter()
command = [sys.executable, "-m", "serving", "monitor", "--once", "wine"]
subprocess.run(command, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def stored(rows: int, on: str) -> Iterator[Shown]:
    """Check so many predictions, and check again with nothing new.

    Each is a process of its own, so that its start counts, and its memory is known.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        server = opened.enter_context(postgres.running(PORT)) if on == "postgresql" else None
        settings = Settings(
            var_dir=folder,
            database_url=server.new() if server else "",
            archive_url=str(folder / "archive") if on == "archive" else "",
        )
        with closing(Store(settings.store_url)) as store:
            store.migrate()
            fill(store, rows)
            if on == "archive":
                _archive(store, settings)
        for what in (f"one check of {rows:,} predictions, {on}", "one with nothing new"):
            seconds, used, megabytes = once(settings, rows, server)
            holds = seconds <= MAX_SECONDS and megabytes <= MAX_MEGABYTES
            measured = f"{seconds:.1f} s, {used:.1f} s of a core, {megabytes:.0f} MB"
            target = f"≤ {MAX_SECONDS} s, ≤ {MAX_MEGABYTES} MB"
            yield Shown(what, target, measured, holds)


def _archive(store: Store, settings: Settings) -> None:
    """Move all but the last millisecond into files, as a run of the archive does."""
    from serving.archive.changes import Changes  # noqa: PLC0415 - pyarrow is optional
    from serving.archive.runs import run  # noqa: PLC0415

    run(Changes(store, settings.archive_url, settings.var_dir), Run(before=clock.now() - 1))


def fill(store: Store, rows: int) -> None:
    """Add predictions about real wines, as many a millisecond as needed to end now."""
    wines, random = load(), np.random.default_rng(0)
    records = wines[FIELDS].to_numpy(dtype=object).tolist()
    good = (wines[wine.PROBLEM.target] == "bom").tolist()
    start = clock.now() - rows
    for first in range(0, rows, AT_ONCE):
        at = start + first
        named = ids.make("wine", 1, at, AT_ONCE)
        places = random.integers(len(records), size=AT_ONCE).tolist()
        chances = random.random(AT_ONCE).round(6).tolist()
        entry = PredictionEntry(
            time=at,
            model="wine",
            version=1,
            request_id=named[0][:20],
            duration=321,
            ids=named,
            fields=FIELDS,
            records=[records[place] for place in places],
            predictions=["bom" if chance >= 0.3 else "ruim" for chance in chances],  # noqa: PLR2004
            classes=("bom", "ruim"),
            probabilities=[[chance, round(1 - chance, 6)] for chance in chances],
        )
        actual = [("bom" if good[place] else "ruim") for place in places[::WITH_FEEDBACK]]
        store.add([entry, FeedbackEntry(at + 60_000, "sent", named[::WITH_FEEDBACK], actual)], {})


def once(
    settings: Settings, rows: int, server: Postgres | None = None
) -> tuple[float, float, float]:
    """Run `adega monitor --once wine`.

    Returns
    -------
    tuple of float
        Seconds; those of its processor, and of the database server's; its memory in megabytes.
    """
    variables = {
        "VAR_DIR": str(settings.var_dir),
        "DATABASE_URL": settings.database_url,
        "ARCHIVE_URL": settings.archive_url,
        "MONITOR_ROWS": str(rows),
    }
    before = _of_backends(server)
    run = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds, used, megabytes = map(float, run.stdout.split())
    return seconds, used + _of_backends(server) - before, megabytes


def _of_backends(server: Postgres | None) -> float:
    """Seconds of a processor that ended backends of a database server have used."""
    if server is None:
        return 0.0
    time.sleep(1)  # until the last one is counted
    return sum(map(int, processes.stat(server.pid())[13:15])) / processes.TICKS
