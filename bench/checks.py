"""How long a check of a full window takes, and how much memory, from a store on disk."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.monitor import Shown
from bench.wines import load
from bench.workload import ROOT
from serving import clock, ids
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.settings import Settings
from train.problems import wine

AT_ONCE = 5_000  # rows in one transaction
WITH_FEEDBACK = 10  # one in so many
FIELDS = [field.name for field in wine.FIELDS]
MAX_SECONDS, MAX_MEGABYTES = 10, 500


def stored(rows: int, url: str | None = None) -> Iterator[Shown]:
    """Check so many stored predictions, in SQLite if no store is given; and again with nothing new.

    Each is a process of its own, so that its start counts, and its memory is known.
    """
    with TemporaryDirectory() as name:
        settings = Settings(var_dir=Path(name), database_url=url or "")
        store = Store(settings.store_url)
        store.migrate()
        fill(store, rows)
        store.close()
        for what in (f"one check of {rows:,} stored predictions", "one with nothing new"):
            seconds, megabytes = once(settings, rows)
            holds = seconds <= MAX_SECONDS and megabytes <= MAX_MEGABYTES
            measured = f"{seconds:.1f} s, {megabytes:.0f} MB"
            target = f"≤ {MAX_SECONDS} s, ≤ {MAX_MEGABYTES} MB"
            yield Shown(what, target, measured, holds)


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


def once(settings: Settings, rows: int) -> tuple[float, float]:
    """Seconds of `adega monitor --once wine`, and its maximum memory in megabytes."""
    variables = {
        "VAR_DIR": str(settings.var_dir),
        "DATABASE_URL": settings.database_url,
        "MONITOR_ROWS": str(rows),
    }
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "serving", "monitor", "--once", "wine"],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    seconds = time.perf_counter() - began
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
