"""How long the first page of each filter takes, of a store with many predictions."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bench import postgres
from bench.store import FIELDS, START, WINE
from serving import ids
from serving.inputs.field import Field
from serving.models.manifest import Threshold
from serving.predicting import conditions
from serving.predicting.where import Accepted, accepting
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.recording.store.searching import Conditions

BATCH = 2_000  # rows in one transaction
TIMES = 3
LIMIT = 100


@contextmanager
def filled(on: str, rows: int) -> Iterator[Store]:
    """Give a store with so many predictions of three versions, one in ten with feedback."""
    with TemporaryDirectory() as folder, postgres.running(54_322) as server:
        url = server.new() if on == "postgresql" else f"sqlite:///{Path(folder)}/store.db"
        with closing(Store(url)) as store:
            store.migrate()
            seeded = random.Random(1)
            for first in range(0, rows, BATCH):
                numbers = range(first, first + BATCH)
                made = [_prediction(seeded, at, 1 + 3 * at // rows) for at in numbers]
                labelled = made[::10]
                actual = [seeded.choice(["bom", "ruim"]) for _ in labelled]
                named = [each.ids[0] for each in labelled]
                store.add([*made, FeedbackEntry(START + first, "result", named, actual)], {})
            yield store


def _prediction(seeded: random.Random, at: int, version: int) -> PredictionEntry[Any]:
    good = seeded.random()
    record = [*WINE[:-2], round(8 + 6 * seeded.random(), 1), seeded.choice(["red", "white"])]
    return PredictionEntry(
        *(START + at, "wine", version, "request", 321),
        ids=ids.make("wine", version, START + at, 1),
        fields=FIELDS,
        records=[record],
        predictions=["bom" if good >= 0.3 else "ruim"],  # noqa: PLR2004 - the threshold
        classes=("bom", "ruim"),
        probabilities=[[good, 1 - good]],
    )


def measure(on: str, rows: int) -> Iterator[str]:
    """Yield how long the first page of each filter takes; a search that stops, for one request."""
    with filled(on, rows) as store:
        alcohol, kind = Field(name="alcohol"), Field(name="type", type="category")
        near = conditions.threshold_within(0.01, lambda _: Threshold("bom", 0.3, ""))
        between = accepting([Accepted(alcohol, [], [(">=", 9.0), ("<=", 10.0)])])
        rare = accepting([Accepted(alcohol, [], [(">", 14.0)])])
        red = accepting([Accepted(kind, ["red"], [])])
        searches: dict[str, Conditions] = {
            "wrong": Conditions(feedback=True, fits=[conditions.is_wrong]),
            "right": Conditions(feedback=True, fits=[conditions.is_right]),
            "with feedback": Conditions(feedback=True),
            "unlabelled": Conditions(feedback=False),
            "probability below 0.55": Conditions(fits=[conditions.probability_below(0.55)]),
            "near the threshold": Conditions(fits=[near]),
            "alcohol from 9 to 10": Conditions(fits=[between]),
            "type red": Conditions(fits=[red]),
            "wrong, red, alcohol 9 to 10": Conditions(
                feedback=True, fits=[conditions.is_wrong, red, between]
            ),
            "none fits": Conditions(fits=[rare]),
            "none fits of those wrong": Conditions(feedback=True, fits=[conditions.is_wrong, rare]),
        }
        find = store.searches.find
        for name, each in searches.items():
            yield _timed(name, lambda each=each: find("wine", each, limit=LIMIT))
        yield _timed(
            "the oldest version", lambda: store.predictions("wine", version=1, limit=LIMIT)
        )
        wrong = searches["wrong"]
        oldest = lambda: find("wine", wrong, version=1, limit=LIMIT)  # noqa: E731
        yield _timed("wrong, of the oldest version", oldest)
        yield _timed("columns of a file", lambda: store.searches.extent("wine"))


def _timed(name: str, search: Callable[[], Any]) -> str:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        found = search()
        took.append(time.perf_counter() - began)
    stopped = ", stopped" if getattr(found, "stopped", False) else ""
    return f"{name:30} {median(took) * 1000:8.1f} ms, at most {max(took) * 1000:.1f}{stopped}"
