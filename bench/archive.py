"""What the archive costs: rows a second from either database, bytes a row, a query of DuckDB."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd

from bench import postgres
from bench.parquet import WINES, Took
from bench.store import FIELDS
from serving import clock, ids
from serving.archive.changes import Changes
from serving.archive.reading import read
from serving.archive.runs import run
from serving.recording.archive_messages import Run
from serving.recording.entry import Entry, FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.recording.store.archived import Wanted

PORT = 54_322
DAYS = 5
BATCH, FED_BACK = 2_000, 10  # predictions of a transaction; one of so many has feedback
QUERIED = 10_000_000  # rows
TURNS = 3
CLASSES = ("bom", "ruim")
QUERY = """
    SELECT day, version, count(*), avg((prediction_label = actual_label)::INT),
        avg(number_alcohol), quantile_cont(probability_bom, 0.5)
    FROM read_parquet('{url}/model=wine/*/*.parquet', union_by_name = true)
    GROUP BY day, version
"""


def measure(rows: int) -> Iterator[str]:
    """Archive so many predictions from each database, and query them."""
    frame = pd.read_csv(WINES).rename(columns={"color": "type"})
    wines = frame[FIELDS].astype(object).to_numpy().tolist()
    end = clock.day_of(clock.now())
    with TemporaryDirectory(prefix="bench-") as name, ExitStack() as open_:
        folder = Path(name)
        server = open_.enter_context(postgres.running(PORT))
        for kind, url in (("SQLite", f"sqlite:///{folder}/store.db"), ("PostgreSQL", server.new())):
            with closing(Store(url)) as store:
                _fill(store, wines, rows, end - DAYS * clock.DAY)
                stored = _size(store, folder / "store.db")
                archive = folder / kind
                took = _seconds(partial(run, Changes(store, str(archive), folder), Run(end)))
                size = sum(path.stat().st_size for path in archive.rglob("*.parquet"))
                yield (
                    f"{kind}: {rows / took.clock:,.0f} rows a second ({took.clock:.1f} s, of a "
                    f"processor {took.processor:.1f} s); {stored / rows:.0f} "
                    f"bytes a row in the store, {size / rows:.0f} in the archive, "
                    f"{size / stored:.3f} of it"
                )
                took = _seconds(partial(_read, store, archive))
                yield f"{kind}: three columns of {rows:,} rows read in {took.clock:.2f} s"
        files = sorted((folder / "SQLite").rglob("*.parquet"))
        copies = -(-QUERIED // rows)
        for number in range(1, copies):
            for path in files:
                shutil.copy(path, path.with_name(f"{number}-{path.name}"))
        query = QUERY.format(url=folder / "SQLite")
        took = min(_seconds(lambda: duckdb.execute(query).fetchall()) for _ in range(TURNS))
        queried = f"{rows * copies:,} rows in {took.clock:.2f} s"
        yield f"DuckDB: accuracy, mean and median by day of {queried}"


def _fill(store: Store, wines: list[list[Any]], rows: int, start: int) -> None:
    store.migrate()
    chance, step = random.Random(1), DAYS * clock.DAY // rows
    for first in range(0, rows, BATCH):
        entries: list[Entry] = []
        for number in range(first, min(first + BATCH, rows)):
            at, good = start + number * step, round(chance.random(), 6)
            (made,) = ids.make("wine", 1, at, 1)
            entry = PredictionEntry(
                time=at,
                model="wine",
                version=1,
                request_id=made[-20:],
                duration=int(300 + 50 * chance.random()),
                ids=[made],
                fields=FIELDS,
                records=[chance.choice(wines)],
                predictions=[CLASSES[good < 0.5]],  # noqa: PLR2004 - as the threshold is
                classes=CLASSES,
                probabilities=[[good, 1 - good]],
            )
            entries.append(entry)
            if number % FED_BACK == 0:
                label = chance.choice(CLASSES)
                entries.append(FeedbackEntry(at + clock.HOUR, made[-20:], [made], [label]))
        store.add(entries, {})


def _size(store: Store, file: Path) -> int:
    """Return the bytes of a store's tables and indexes."""
    with store._database.reading() as connection:  # noqa: SLF001 - no other face shows it
        if not store._database.is_postgresql:  # noqa: SLF001
            return file.stat().st_size
        query = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(query).scalar_one())


def _read(store: Store, archive: Path) -> None:
    columns = ["time", "number_alcohol", "actual_label"]
    for _ in read(store, str(archive), Wanted("wine"), columns):
        pass


def _seconds(work: Callable[[], object]) -> Took:
    started, used = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - started, time.process_time() - used)
