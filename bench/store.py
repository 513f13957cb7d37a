"""How fast records are written and moved, and how long queries of a full store take."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import postgres, processes
from serving.recording.collector import Collector
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.journal import Journal
from serving.recording.store import Store
from serving.recording.store.rows import Cursor

START = 1_700_000_000_000
FIELDS = [
    *("fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides"),
    *("free sulfur dioxide", "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"),
    "type",
]
WINE = [7.4, 0.7, 0.3, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4, "white"]
BATCH = 2_000  # rows in one transaction
UNMATCHED = 1_000  # feedback without a prediction
TIMES = 5


def entry_of(number: int, records: int, version: int = 1) -> PredictionEntry:
    """Make a request with some wines; `number` is how many came before, one per millisecond."""
    stem = f"{START + number:011x}{os.urandom(8).hex()}"
    places = range(number, number + records)
    return PredictionEntry(
        time=START + number,
        model="wine",
        version=version,
        request_id=stem[:20],
        duration=321,
        ids=[stem] if records == 1 else [f"{stem}-{place - number}" for place in places],
        fields=FIELDS,
        records=[WINE] * records,
        predictions=[label(place) for place in places],
        classes=("bom", "ruim", "raro"),
        probabilities=[[0.08, 0.92, 0.0]] * records,
    )


def label(number: int) -> str:
    """Return the label of a wine: one in eight is good, one in 100,000 rare."""
    return "raro" if number % 100_000 == 0 else "bom" if number % 8 == 0 else "ruim"


def rates(rows: int) -> Iterator[str]:
    """Yield the journal's microseconds and the collector's rows per second into each database."""
    with TemporaryDirectory() as name, postgres.running(54_321) as server:
        folder = Path(name)
        yield f"journal, one record a line: {line(folder / 'single', 1, 20_000):.1f} µs a line"
        yield f"journal, 1,000 records: {line(folder / 'batch', 1_000, 100):.0f} µs a line"
        synced = line(folder / "synced", 1, 500, sync=True)
        yield f"journal, one record, JOURNAL_FSYNC: {synced:.0f} µs a line on this disk"
        for records in (1, 1_000):
            url = f"sqlite:///{folder}/{records}.db"
            yield f"SQLite     {rate(url, folder, rows, records, lambda: 0.0)}"
            used = lambda: processes.tree_cpu_seconds(server.pid())  # noqa: E731
            yield f"PostgreSQL {rate(server.new(), folder, rows, records, used)}"


def line(folder: Path, records: int, times: int, *, sync: bool = False) -> float:
    """Return the median microseconds of appending a line."""
    journal, took = Journal(folder, sync=sync), []
    for entry in [entry_of(number, records) for number in range(times)]:
        began = time.perf_counter()
        journal.append(entry)
        took.append(time.perf_counter() - began)
    journal.close()
    return median(took) * 1e6


def rate(
    url: str, folder: Path, rows: int, records: int, server_seconds: Callable[[], float]
) -> str:
    """Collect a journal into a new store, from lines on disk to committed rows."""
    with TemporaryDirectory(dir=folder) as waiting:
        journal, store = Journal(Path(waiting), sync=False), Store(url)
        for first in range(0, rows, records):
            journal.append(entry_of(first, records))
        journal.close()
        before = time.perf_counter(), time.process_time(), server_seconds()
        Collector(Path(waiting), store).collect()
        after = time.perf_counter(), time.process_time(), server_seconds()
        store.close()
    wall, own, server = (end - start for start, end in zip(before, after, strict=True))
    return (
        f"{records:5,} a request: {rows / wall:7,.0f} rows/s; processor µs/row: "
        f"{own / rows * 1e6:.1f} ours, {server / rows * 1e6:.1f} the server's: "
        f"{rows / (own + server):,.0f} rows/s on one core"
    )


def queries(rows: int) -> Iterator[str]:
    """Yield the milliseconds of each query of a SQLite store with so many predictions."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        store = Store(f"sqlite:///{path}")
        store.migrate()
        began = time.perf_counter()
        middle = fill(store, rows)
        gigabytes = path.stat().st_size / 1e9
        yield f"{rows:,} rows, {gigabytes:.1f} GB, filled in {time.perf_counter() - began:.0f} s"
        yield from run_queries(store, rows, middle)
        store.close()


def fill(store: Store, rows: int) -> Cursor:
    """Add predictions of three versions, one in ten with feedback; return one from the middle."""
    middle = Cursor(0, "")
    for first in range(0, rows, BATCH):
        entries = [entry_of(at, 1, 1 + 3 * at // rows) for at in range(first, first + BATCH)]
        ids = [each.ids[0] for each in entries[::10]]
        feedback = FeedbackEntry(START + first, "feedback", ids, ["bom"] * len(ids))
        store.add([*entries, feedback], {})
        if first <= rows // 2:
            middle = Cursor(entries[0].time, entries[0].ids[0])
    lost = [f"lost-{number}" for number in range(UNMATCHED)]
    store.add([FeedbackEntry(START, "lost", lost, ["bom"] * UNMATCHED)], {})
    return middle


def run_queries(store: Store, rows: int, middle: Cursor) -> Iterator[str]:
    """Run each query several times; at the end, delete."""
    end = START + rows
    queries: dict[str, Callable[[], object]] = {
        "by id": lambda: store.prediction(middle.id),
        "first page of 100": lambda: store.predictions("wine", limit=100),
        "a page of the middle": lambda: store.predictions("wine", limit=100, after=middle),
        "a label of one in eight": lambda: store.predictions("wine", label="bom", limit=100),
        "a label of one in 100,000": lambda: store.predictions("wine", label="raro", limit=100),
        "a label that does not exist": lambda: store.predictions("wine", label="?", limit=100),
        "the oldest version": lambda: store.predictions("wine", version=1, limit=100),
        "a time range": lambda: store.predictions(
            "wine", since=START + rows // 3, until=middle.time, limit=100
        ),
        "a label in a time range": lambda: store.predictions(
            "wine", since=START + rows // 3, until=START + rows // 3 + 9_000, label="?", limit=100
        ),
        "unmatched feedback": lambda: store.unmatched(end, 100),
    }
    for name, query in queries.items():
        took = []
        for _ in range(TIMES):
            began = time.perf_counter()
            query()
            took.append(time.perf_counter() - began)
        yield f"{name:26} {median(took) * 1000:9.2f} ms, at most {max(took) * 1000:.2f}"
    began = time.perf_counter()
    deleted = store.delete_older(START + 20_000)
    took_for_500 = (time.perf_counter() - began) / deleted * 500
    yield f"{'retention, for 500':26} {took_for_500 * 1000:9.2f} ms, half of it pauses"
