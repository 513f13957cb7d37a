"""Predictions of two models with all that filters ask about, and the same filters in Python."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from conftest import GOOD
from entries import NOON
from flask.testing import FlaskClient

from app import create_app
from serving import ids
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store, searching
from serving.settings import Settings

WINE, SCORE = "wine", "wine-score"
Row = dict[str, Any]
Query = list[tuple[str, str]]


def rows(model: str, count: int = 60) -> list[Row]:
    """Made-up predictions of a classifier or a regression, the oldest first."""
    seeded, found = random.Random(1), []
    for at in range(count):
        bad = seeded.choice([0.1, 0.44, 0.5, 0.56, 0.9])
        label = "ruim" if bad >= 0.5 else "bom"
        number = float(seeded.randrange(4, 8))
        row: Row = {
            "time": NOON + at // 3,
            "version": 1 + at // 40,
            "alcohol": seeded.choice([9.0, 9.5, 10.0, 11.5, None]),
            "color": seeded.choice(["red", "white"]),
            "prediction": label if model == WINE else number,
            "bad": bad,
            "width": seeded.choice([0.5, 1.0, 2.0]),
            "actual": None,
        }
        if seeded.randrange(2):
            row["actual"] = (
                seeded.choice(["bom", "ruim"]) if model == WINE else number + seeded.choice([0, 1])
            )
        found.append(row)
    return found


def record(store: Store, model: str, made: list[Row]) -> None:
    """Add them to a store, and to each its id."""
    entries: list[PredictionEntry[Any] | FeedbackEntry] = []
    for row in made:
        (row["id"],) = ids.make(model, row["version"], row["time"], 1)
        values = GOOD | {"alcohol": row["alcohol"], "color": row["color"]}
        half, number = row["width"] / 2, row["prediction"]
        classes = {"classes": ("ruim", "bom"), "probabilities": [[row["bad"], 1 - row["bad"]]]}
        interval = {"intervals": [(number - half, number + half)]} if model == SCORE else {}
        entries.append(
            PredictionEntry(
                *(row["time"], model, row["version"], "query", 321, [row["id"]]),
                fields=list(values),
                records=[list(values.values())],
                predictions=[number],
                **(classes if model == WINE else interval),
            )
        )
        if row["actual"] is not None:
            entries.append(FeedbackEntry(row["time"], "result", [row["id"]], [row["actual"]]))
    store.add(entries, {})


class Listed:
    """A service whose store has predictions of both kinds of model."""

    def __init__(self, client: FlaskClient, made: dict[str, list[Row]]) -> None:
        self.client, self.made = client, made

    def ids(self, model: str, query: Query) -> list[str]:
        """All that a client finds who follows the links."""
        found, path = [], f"/models/{model}/predictions?{urlencode([*query, ('limit', '7')])}"
        while path:
            response = self.client.get(path)
            assert response.status_code == 200, response.text
            found += [each["id"] for each in response.json["predictions"]]
            link = response.headers.get("Link", "")
            assert "stopped_at" not in response.json or link
            path = link.partition(">")[0][1:]
        return found

    def ids_back(self, model: str, query: Query, newest: str) -> list[str]:
        """The same from the oldest page back to the newest, by `newer`."""
        made = next(row for row in self.made[model] if row["id"] == newest)
        found: list[str] = []
        path = f"/models/{model}/predictions?{urlencode([*query, ('limit', '7')])}"
        path += f"&newer=true&after={made['time']}~{newest}"
        while path:
            response = self.client.get(path)
            assert response.status_code == 200, response.text
            found = [*(each["id"] for each in response.json["predictions"]), *found]
            links = re.findall('<([^>]*)>; rel="prev"', ", ".join(response.headers.getlist("Link")))
            path = links[0] if links else ""
        return found

    def expected(self, model: str, fits: Callable[[Row], bool]) -> list[str]:
        newest = sorted(self.made[model], key=lambda row: (row["time"], row["id"]), reverse=True)
        return [row["id"] for row in newest if fits(row)]


@contextmanager
def recorded(url: str, var: Path) -> Iterator[Listed]:
    """Record both models in a database, and list them; searches stop in between."""
    made = {model: rows(model) for model in (WINE, SCORE)}
    with closing(Store(url)) as store, pytest.MonkeyPatch.context() as patched:
        store.migrate()
        for model, each in made.items():
            record(store, model, each)
        patched.setattr("app.Store", lambda *_: store)  # which is closed at the end
        client = create_app(Settings(var_dir=var, database_url=url)).test_client()
        patched.undo()
        for name, few in (("FIRST_CHUNK", 5), ("CHUNK", 9), ("MAX_ROWS", 20)):
            patched.setattr(searching, name, few)
        yield Listed(client, made)
