"""How fast the store takes predictions in, and how long its questions take when it is full."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import processes
from bench.errors import BenchError
from serving.entry import Learnt, Predicted
from serving.store import Store
from serving.stored import Cursor, Position
from tests import postgres

START = 1_700_000_000_000
FIELDS = [
    *("fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides"),
    *("free sulfur dioxide", "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"),
    "type",
]
WINE = [7.4, 0.7, 0.3, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4, "white"]
AT_ONCE = 2_000  # rows in one transaction
LOST = 1_000  # feedback that fits no prediction, when the store is full
TIMES = 5


def entry(number: int, records: int, version: int = 1) -> Predicted:
    """A request about so many wines; `number` counts the wines before it, one a millisecond."""
    stem = f"{START + number:011x}{os.urandom(8).hex()}"
    places = range(number, number + records)
    return Predicted(
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
    """One wine in eight is good, one in 100,000 rare."""
    return "raro" if number % 100_000 == 0 else "bom" if number % 8 == 0 else "ruim"


def rates(rows: int) -> Iterator[str]:
    """Insertions a second into each database, single records and batches."""
    programs = postgres.programs()
    if programs is None:
        raise BenchError("PostgreSQL is not installed: apt-get install postgresql")
    with TemporaryDirectory() as folder, postgres.running(programs, 54_321) as server:
        for records in (1, 1_000):
            url = f"sqlite:///{folder}/{records}.db"
            yield f"SQLite     {rate(url, rows, records, lambda: 0.0)}"
            used = lambda: processes.tree_cpu_seconds(server.pid())  # noqa: E731
            yield f"PostgreSQL {rate(server.new(), rows, records, used)}"


def rate(url: str, rows: int, records: int, server_seconds: Callable[[], float]) -> str:
    """Insertions into a new store, from entries in memory to committed rows."""
    store = Store(url)
    store.migrate()
    wall = own = server = 0.0
    for first in range(0, rows, AT_ONCE):
        entries = [entry(at, records) for at in range(first, first + AT_ONCE, records)]
        before = time.perf_counter(), time.process_time(), server_seconds()
        store.add(entries, {"segment": Position(first)})
        wall += time.perf_counter() - before[0]
        own += time.process_time() - before[1]
        server += server_seconds() - before[2]
    store.close()
    return (
        f"{records:5,} a request: {rows / wall:7,.0f} rows/s; processor µs/row: "
        f"{own / rows * 1e6:.1f} ours, {server / rows * 1e6:.1f} the server's: "
        f"{rows / (own + server):,.0f} rows/s on one core"
    )


def questions(rows: int) -> Iterator[str]:
    """Milliseconds of each question to a SQLite store of so many predictions."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        store = Store(f"sqlite:///{path}")
        store.migrate()
        began = time.perf_counter()
        middle = fill(store, rows)
        gigabytes = path.stat().st_size / 1e9
        yield f"{rows:,} rows, {gigabytes:.1f} GB, filled in {time.perf_counter() - began:.0f} s"
        yield from ask(store, rows, middle)
        store.close()


def fill(store: Store, rows: int) -> Cursor:
    """Add predictions of three versions, one in ten with feedback; return one of the middle."""
    middle = Cursor(0, "")
    for first in range(0, rows, AT_ONCE):
        entries = [entry(at, 1, 1 + 3 * at // rows) for at in range(first, first + AT_ONCE)]
        learnt = [each.ids[0] for each in entries[::10]]
        told = Learnt(START + first, "told", learnt, ["bom"] * len(learnt))
        store.add([*entries, told], {})
        if first <= rows // 2:
            middle = Cursor(entries[0].time, entries[0].ids[0])
    lost = [f"lost-{number}" for number in range(LOST)]
    store.add([Learnt(START, "lost", lost, ["bom"] * LOST)], {})
    return middle


def ask(store: Store, rows: int, middle: Cursor) -> Iterator[str]:
    """Ask each question several times, and delete at the end."""
    end = START + rows
    asked: dict[str, Callable[[], object]] = {
        "by id": lambda: store.prediction(middle.id),
        "first page of 100": lambda: store.predictions("wine", limit=100),
        "a page of the middle": lambda: store.predictions("wine", limit=100, after=middle),
        "a label of one in eight": lambda: store.predictions("wine", label="bom", limit=100),
        "a label of one in 100,000": lambda: store.predictions("wine", label="raro", limit=100),
        "a label that never was": lambda: store.predictions("wine", label="?", limit=100),
        "the oldest version": lambda: store.predictions("wine", version=1, limit=100),
        "a time range": lambda: store.predictions(
            "wine", since=START + rows // 3, until=middle.time, limit=100
        ),
        "a label in a time range": lambda: store.predictions(
            "wine", since=START + rows // 3, until=START + rows // 3 + 9_000, label="?", limit=100
        ),
        "unmatched feedback": lambda: store.unmatched(end, 100),
    }
    for name, question in asked.items():
        took = []
        for _ in range(TIMES):
            began = time.perf_counter()
            question()
            took.append(time.perf_counter() - began)
        yield f"{name:26} {median(took) * 1000:9.2f} ms, at most {max(took) * 1000:.2f}"
    began = time.perf_counter()
    deleted = store.retain(START + 20_000)
    took_for_500 = (time.perf_counter() - began) / deleted * 500
    yield f"{'retention, for 500':26} {took_for_500 * 1000:9.2f} ms, half of it pauses"
