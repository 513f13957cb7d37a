"""A PostgreSQL store of many days: its queries and its retention, without partitions and with."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from statistics import quantiles

import psycopg

from bench import postgres, processes
from bench.postgres import Postgres
from bench.store import START, entry_of
from serving import clock, ids
from serving.recording.entry import Entry, FeedbackEntry
from serving.recording.store import Store
from serving.recording.store.additions import additions, write
from serving.recording.store.database import Database
from serving.recording.store.migrations import migrate
from serving.recording.store.rows import Cursor, predictions
from serving.recording.store.steps import STEPS

DAYS, PORT = 30, 54_321
SAMPLE = 2_000  # wines that the server repeats
TIMES, TURNS = (
    300,
    10,
)  # that each query is run; of so many parts each, one database after the other
BOTH = {True: "with partitions", False: "without"}
VACUUM = "VACUUM predictions, feedback"
BEFORE = STEPS[: [step.name for step in STEPS].index("partitions by time")]
COLUMNS = dict.fromkeys(predictions.c.keys(), "") | {
    "version": "1 + 3 * number / %(rows)s",
    "time": "%(start)s + number * %(step)s",
    "prediction": "CASE WHEN number %% 100000 = 0 THEN '\"raro\"' ELSE prediction END",
}
COLUMNS["id"] = f"""
    format('wine.%%s.%%s%%s', {COLUMNS["version"]}, lpad(to_hex({COLUMNS["time"]}), 11, '0'),
           substr(md5(random()::text), 1, 16))
"""
FILL = f"""
    INSERT INTO predictions ({", ".join(COLUMNS)})
    SELECT {", ".join(made or name for name, made in COLUMNS.items())}
    FROM generate_series(CAST(%(first)s AS bigint), %(end)s - 1) AS number
    JOIN sample ON place = number %% %(sample)s
"""
FEEDBACK = """
    INSERT INTO feedback (prediction_id, actual, time, request_id, early)
    SELECT id, '"bom"', time + 3600000, 'feedback', 0 FROM predictions
    WHERE time >= %(since)s AND time < %(until)s AND time / %(step)s %% 10 = 0
"""


class Filled:
    """A store of so many predictions, spread evenly over its days up to the end of today."""

    def __init__(self, server: Postgres, rows: int, *, partitioned: bool) -> None:
        self.rows, self.partitioned = rows, partitioned
        self.step = DAYS * clock.DAY // rows
        self.start = (clock.now() // clock.DAY + 1 - DAYS) * clock.DAY
        url = server.new()
        self.store, self.database = Store(url, DAYS), Database(url)
        self.connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        """Close all connections."""
        self.connection.close()
        self.database.close()
        self.store.close()

    def add(self, *entries: Entry) -> None:
        """Add entries, as a release does that knows these tables."""
        if self.partitioned:
            self.store.add(entries, {})
        else:
            with self.database.writing() as connection:
                write(connection, additions(entries), {})

    def fill(self) -> None:
        """Have the server repeat some rows with times and ids of their own, day by day."""
        with self.database.writing() as connection:
            migrate(connection, STEPS if self.partitioned else BEFORE)
        self.add(*(_wine(at, self.start) for at in range(SAMPLE)))
        run = self.connection.execute
        run("CREATE TABLE sample AS SELECT *, row_number() OVER () - 1 AS place FROM predictions")
        run("DELETE FROM predictions")
        a_day = self.rows // DAYS
        for first in range(0, self.rows, a_day):
            end = min(first + a_day, self.rows)
            since, until = (self.start + at * self.step for at in (first, end))
            self.add(_wine(0, since), _wine(0, until - 1))
            bounds = {"start": self.start, "step": self.step, "since": since, "sample": SAMPLE}
            bounds |= {"rows": self.rows, "first": first, "end": end}
            run(FILL, bounds)
            run(FEEDBACK, bounds | {"until": until})
        run("DROP TABLE sample")
        run("VACUUM (ANALYZE)")

    def gigabytes(self) -> float:
        """Return the size of the database on disk."""
        found = self.connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert found
        return float(found[0]) / 1e9

    def some_ids(self) -> list[str]:
        """Return ids of predictions of any time."""
        found = self.connection.execute(
            "SELECT id FROM predictions TABLESAMPLE SYSTEM (1) ORDER BY random() LIMIT %s", [TIMES]
        )
        return [prediction_id for (prediction_id,) in found]


def _wine(number: int, since: int) -> Entry:
    """Make a prediction of a wine like no other."""
    entry = entry_of(number, 1)
    *amounts, kind = entry.records[0]
    entry.records = [[*(round(each * random.uniform(0.5, 1.5), 4) for each in amounts), kind]]
    entry.time += since - START
    entry.ids = ids.make("wine", 1, entry.time, 1)
    return entry


def measure(rows: int) -> Iterator[str]:
    """Yield what a store of so many predictions costs, with partitions and without."""
    with postgres.running(PORT) as server, ExitStack() as opened:
        yield f"{rows:,} predictions of {DAYS} days, one in ten with feedback"
        both = [
            opened.enter_context(closing(Filled(server, rows, partitioned=each))) for each in BOTH
        ]
        for filled, name in zip(both, BOTH.values(), strict=True):
            took = _seconds(filled.fill)
            yield f"{name}: {filled.gigabytes():.1f} GB, loaded in {took:.0f} s"
        yield f"{'':28}" + "".join(f"{name:>38}" for name in BOTH.values())
        yield from queries(both, server)
        yield from retention(both)
        before = both[-1]
        yield f"{'migration':28}{'':38}{_seconds(before.store.migrate):28.2f} s"


def queries(both: list[Filled], server: Postgres) -> Iterator[str]:
    """Yield how long queries take in turns, each time with another id or another time."""
    runs = [_runs(filled) for filled in both]
    for name in runs[0]:
        took: list[list[float]] = [[] for _ in both]
        used = [0.0 for _ in both]
        for first in range(0, TIMES, TIMES // TURNS):
            for at, each in enumerate(runs):
                before = _processor_seconds(server)
                for number in range(first, first + TIMES // TURNS):
                    took[at].append(_seconds(partial(each[name], number)) * 1e3)
                used[at] += _processor_seconds(server) - before
        yield f"{name:28}" + "".join(map(_shown, took, used))


def _shown(took: list[float], used: float) -> str:
    percentiles = quantiles(took, n=100)
    processor = used / len(took) * 1e3
    return f"{percentiles[49]:8.2f} ms, p99 {percentiles[98]:6.1f}; cpu {processor:6.2f}"


def _processor_seconds(server: Postgres) -> float:
    """Return what this process and the server have used of the processors."""
    return time.process_time() + processes.tree_cpu_seconds(server.pid())


def _runs(filled: Filled) -> dict[str, Callable[[int], object]]:
    store, made = filled.store, filled.some_ids()
    times = [filled.start + random.randrange(filled.rows) * filled.step for _ in made]
    now = clock.now()
    return {
        "first page of 100": lambda _: store.predictions("wine", limit=100),
        "a page in between": lambda at: store.predictions(
            "wine", limit=100, after=Cursor(times[at], "")
        ),
        "a label of one in eight": lambda _: store.predictions("wine", label="bom", limit=100),
        "a label of one in 100,000": lambda _: store.predictions("wine", label="raro", limit=100),
        "one id with its feedback": lambda at: store.prediction(made[at]),
        "which of 100 ids there are": lambda at: store.existing((made + made)[at : at + 100]),
        "a feedback is added": lambda at: filled.add(
            FeedbackEntry(now, f"{at}", [made[at]], ["ruim"])
        ),
        "a prediction is added": lambda at: filled.add(_wine(at, now)),
    }


def retention(both: list[Filled]) -> Iterator[str]:
    """Yield how long it takes to delete the first day, an hour of the next, and to vacuum."""
    for name, age in (("the oldest day", clock.DAY), ("an hour of the next", clock.DAY // 24)):
        line = f"{name:28}"
        for filled in both:
            filled.start += age
            began = time.perf_counter()
            count = filled.store.delete_older(filled.start)
            line += f"{time.perf_counter() - began:8.2f} s for {count:,} rows".rjust(38)
        yield line
    line = f"{'VACUUM after it':28}"
    for filled in both:
        took = _seconds(partial(filled.connection.execute, VACUUM))
        line += f"{took:8.2f} s, {filled.gigabytes():.1f} GB".rjust(38)
    yield line


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
