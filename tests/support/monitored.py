"""Traffic for the monitor: predictions as the service records them, and checks of them."""

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from click.testing import CliRunner, Result
from conftest import MODELS

from serving import clock, ids
from serving.__main__ import main
from serving.metrics.requests import Totals
from serving.models import artefact
from serving.monitor.counts import Counts
from serving.monitor.drift.detection import detect_drift
from serving.monitor.report import Report, Traffic, WindowSummary
from serving.monitor.traffic import measure_arrival
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.settings import Settings

WINE = artefact.read(MODELS, "wine", 1)
ROWS = 400  # of a window
FIELDS = [field.name for field in WINE.manifest.fields]
DAY = 86_400_000
NOTHING = Report(  # of a window without predictions
    model="wine",
    version=1,
    time=5_000,
    window=WindowSummary(since=None, until=None, predictions=0, stored=0, max_rows=5_000, days=7),
    verdict="not enough yet",
    statements=(),
    drift=detect_drift({}, {}),
    distributions=[],
    arrival=measure_arrival(0, Counts()),
    realised=[],
    estimated=[],
    concept=None,
    unmeasured=[],
    traffic=Traffic(
        predictions=0,
        totals=Totals(0, {}),
        per_hour=None,
        warned=0,
        median_ms=None,
        p99_ms=None,
        labels={},
    ),
    trial=None,
)


def wines(rows: int, seed: int = 0, **shifts: float) -> list[list[Any]]:
    """Wines whose fields are each distributed as in training, or shifted by so much."""
    fields = WINE.manifest.fields
    matrix = WINE.reference.sample(fields, rows, seed)
    for name, shift in shifts.items():
        matrix[:, FIELDS.index(name)] += shift
    labels = fields[-1].categories
    return [[*row[:-1], labels[int(row[-1])]] for row in matrix.tolist()]


def chances(rows: int, seed: int = 0) -> list[float]:
    """Probabilities of a good wine, distributed as on held-out wines."""
    grid = WINE.reference.probabilities["bom"]
    drawn = np.random.default_rng(seed).random(rows)
    return np.interp(drawn, np.linspace(0, 1, len(grid)), grid).round(6).tolist()


def predicted(
    records: Sequence[Sequence[Any]],
    likely: Sequence[float],
    *,
    at: int | None = None,
    **changes: Any,
) -> PredictionEntry:
    """One request about wines with these probabilities; `changes` replace its fields."""
    now = at or clock.now()
    fields: dict[str, Any] = {
        "time": now,
        "model": "wine",
        "version": 1,
        "request_id": "sent",
        "duration": 321,
        "fields": FIELDS,
        "records": records,
        "predictions": ["bom" if chance >= 0.3 else "ruim" for chance in likely],
        "classes": ["bom", "ruim"],
        "probabilities": [[chance, round(1 - chance, 6)] for chance in likely],
    } | changes
    named = ids.make(fields["model"], fields["version"], now, len(records))
    return PredictionEntry(ids=named, **fields)


def feedback(
    entry: PredictionEntry, likely: Sequence[float], *, after: int = 60_000, flipped: float = 0.0
) -> FeedbackEntry:
    """Feedback drawn from the probabilities; a part of it with the other label."""
    draw = random.Random(0)
    good = [draw.random() < chance for chance in likely]
    actual = ["bom" if each != (draw.random() < flipped) else "ruim" for each in good]
    return FeedbackEntry(entry.time + after, "sent", entry.ids, actual)


def opened(settings: Settings) -> Store:
    """A store with its tables."""
    settings.var_dir.mkdir(exist_ok=True, parents=True)
    store = Store(settings.store_url)
    store.migrate()
    return store


def monitor(settings: Settings, *arguments: str) -> Result:
    """Run `python -m serving monitor --once`."""
    variables = {
        "VAR_DIR": str(settings.var_dir),
        "MODELS_DIR": str(settings.models_dir),
        "DATABASE_URL": settings.database_url,
        "ALERT_WEBHOOK": settings.alert_webhook,
        "ARCHIVE_URL": settings.archive_url,
        "MONITOR_ROWS": str(settings.monitor_rows),
    }
    return CliRunner().invoke(main, ["monitor", "--once", *arguments], env=variables)


def report_of(settings: Settings, model: str = "wine") -> dict[str, Any]:
    """What a check of one model found, as JSON, with the alerts that last."""
    (line,) = monitor(settings, "--json", model).stdout.splitlines()
    return json.loads(line)


def window(*, seed: int = 0, rows: int = ROWS, flipped: float = 0.0, **shifts: float) -> list[Any]:
    """Wines as in training, or shifted; and feedback about them."""
    likely = chances(rows, seed)
    entry = predicted(wines(rows, seed, **shifts), likely)
    return [entry, feedback(entry, likely, flipped=flipped)]


def kinds(settings: Settings) -> set[str]:
    """Of the alerts that last after a check."""
    return {alert["kind"] for alert in report_of(settings)["alerts"]}
