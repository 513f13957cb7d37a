"""A window reaches from the store into the archive, without a gap and with no row twice."""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import archive_by_hand
from conftest import MODELS
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as some
from monitored import (
    FIELDS,
    ROWS,
    WINE,
    chances,
    feedback,
    opened,
    predicted,
    report_of,
    window,
    wines,
)

from serving.archive.reading import read
from serving.errors import ArchiveError
from serving.inputs.field import Field
from serving.models import artefact
from serving.monitor.archived import ArchivedReader
from serving.monitor.decoder import Decoder
from serving.monitor.drift.detection import detect_drift
from serving.monitor.performance.estimate import estimate
from serving.monitor.performance.realised import measure_realised
from serving.monitor.reading import read_window
from serving.monitor.rows import Reader, Rows
from serving.monitor.traffic import measure_arrival
from serving.monitor.window import Window
from serving.recording.entry import FeedbackEntry, PredictionEntry
from serving.recording.store import Store
from serving.recording.store.archived import Wanted
from serving.recording.store.windows import WindowLimits
from serving.settings import Settings

NOON = 1_700_000_000_000
DECODER = Decoder(WINE.manifest, WINE.reference)
LIMITS = WindowLimits("wine", 1, 0, 10_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'serving.db'}")
    opened.migrate()
    yield opened
    opened.close()


def id_at(time: int, place: int) -> str:
    return f"wine.1.{time:011x}{place:016x}"


def fill(store: Store, rows: int, step: int) -> list[str]:
    """Add wines one after the other, half of them with feedback; return their ids."""
    likely, ids, entries = chances(rows), [], list[Any]()
    for place, record in enumerate(wines(rows, alcohol=0.7)):
        time = NOON + place * step
        entry = predicted([record], likely[place : place + 1], at=time)
        entry.ids, entry.duration = [id_at(time, place)], 100 + place
        entry.warnings = {0: [{"field": "pH"}]} if place % 7 == 0 else {}
        ids += entry.ids
        sent = [feedback(entry, likely[place : place + 1], after=place)] if place % 2 else []
        entries += [entry, *sent]
    store.add(entries, {})
    return ids


def found_in(window: Window) -> dict[str, Any]:
    compared = window.comparison.samples(window.unrecorded)
    return {
        "rows": (window.rows, window.warned, window.since, window.until, window.labels.tolist()),
        "drift": detect_drift(compared.fields, compared.outputs),
        "unmeasured": compared.unmeasured,
        "realised": measure_realised(window.realised, WINE.manifest.metrics),
        "estimated": estimate(window.estimated),
        "arrival": measure_arrival(window.rows, window.delays),
        "durations": window.durations.quantiles([0.5, 0.99]).tolist(),
    }


def window_of(store: Store, url: Path | str = "", limits: WindowLimits = LIMITS) -> Window:
    return read_window(store, str(url), limits, partial(Window, WINE, DECODER, ["brier"]))


@pytest.mark.parametrize("archived", [1, 150, ROWS - 1, ROWS])
@pytest.mark.parametrize("max_rows", [10_000, 333])
def test_a_check_finds_the_same_wherever_the_rows_are(
    store: Store, tmp_path: Path, archived: int, max_rows: int
):
    ids = fill(store, ROWS, 1_000)
    limits = LIMITS._replace(max_rows=max_rows, since=NOON + 5_000)
    before = found_in(window_of(store, limits=limits))
    archive_by_hand(store, tmp_path, ids[:archived])
    window = window_of(store, tmp_path, limits)
    assert found_in(window) == before
    assert window.stored == min(len(ids) - max(archived, 5), max_rows)


def test_rows_that_are_older_than_archived_ones_and_still_in_the_store_count(
    store: Store, tmp_path: Path
):
    ids = fill(store, ROWS, 1)
    before = found_in(window_of(store))
    archive_by_hand(store, tmp_path, random.Random(0).sample(ids[:300], 200))
    assert found_in(window_of(store, tmp_path)) == before


@pytest.mark.parametrize("times", [1, 5])
def test_rows_that_are_archived_meanwhile_are_neither_missed_nor_read_twice(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
):
    ids = fill(store, ROWS, 1_000)
    before = found_in(window_of(store))
    monkeypatch.setattr("serving.recording.store.windows.BATCH", 100)
    add, parts = Window.add, []

    def archive_some(window: Window, rows: Rows) -> None:
        add(window, rows)
        parts.append(len(rows))
        if len(parts) % 3 == 1 and len(parts) < 3 * times:
            start = 40 * (len(parts) // 3)
            archive_by_hand(store, tmp_path, ids[start : start + 40])

    monkeypatch.setattr(Window, "add", archive_some)
    assert found_in(window_of(store, tmp_path)) == before


def test_an_archive_that_cannot_be_read_is_named(store: Store, tmp_path: Path):
    ids = fill(store, 10, 1_000)
    archive_by_hand(store, tmp_path, ids[:4])
    with pytest.raises(ArchiveError, match="ARCHIVE_URL"):
        window_of(store)
    assert window_of(store, limits=LIMITS._replace(max_rows=6)).rows == 6


def test_a_check_of_archived_rows_is_repeated_only_if_something_is_new(
    settings: Settings, tmp_path: Path
):
    own = replace(settings, monitor_rows=300, archive_url=str(tmp_path / "archive"))
    with closing(opened(own)) as store:
        entry, sent = window(alcohol=2)
        store.add([entry, sent], {})
        before = report_of(own)["report"]
        archive_by_hand(store, tmp_path / "archive", sorted(entry.ids)[:250])
        report = report_of(own)["report"]
        assert report["time"] > before["time"]  # fewer are in the store
        assert report["drift"] == before["drift"]
        assert report["realised"] == before["realised"]
        assert (report["window"]["predictions"], report["window"]["stored"]) == (300, 150)
        assert report_of(own)["report"]["time"] == report["time"]
        store.add([FeedbackEntry(entry.time + 10**6, "sent", entry.ids[-1:], ["bom"])], {})
        assert report_of(own)["report"]["time"] > report["time"]


def test_feedback_to_archived_predictions_is_watched_for_concept_drift(
    settings: Settings, tmp_path: Path
):
    own = replace(settings, monitor_rows=300, archive_url=str(tmp_path / "archive"))
    with closing(opened(own)) as store:
        entry, sent = window(flipped=0.5)
        store.add([entry], {})
        archive_by_hand(store, tmp_path / "archive", sorted(entry.ids)[:300])
        assert report_of(own)["report"]["concept"]["rows"] == 0
        store.add([sent], {})
        concept = report_of(own)["report"]["concept"]
        assert (concept["rows"], concept["verdict"]) == (ROWS, "drift")
        sent.ids, sent.actuals = ["wine.1." + 27 * "0"], ["bom"]
        sent.time -= 10**9
        store.add([sent], {})  # to a prediction that is nowhere
        assert report_of(own)["report"]["concept"]["rows"] == ROWS


OF_EVERY_TYPE = [
    Field(name="amount", optional=True),
    Field(name="pieces", type="integer"),
    Field(name="kind", type="category", categories=("a", "b", "1"), optional=True),
    Field(name="open", type="boolean"),
    Field(name="since", type="date", optional=True),
    Field(name="note", type="text", optional=True),
]
HASH = "5e0a" * 8
VALUES = [
    some.none() | some.floats(allow_nan=False, allow_infinity=False),
    some.integers(-(2**53), 2**53),
    some.none() | some.sampled_from(["a", "b", "1"]),
    some.booleans(),
    some.none() | some.sampled_from(["2024-02-29", "1999-12-31"]),
    some.none() | some.sampled_from(["", "some words"]),
]


@how(deadline=None, max_examples=40)
@given(
    some.lists(some.tuples(*VALUES), min_size=1, max_size=5),
    some.sets(some.integers(0, 5), max_size=2),
    some.sets(some.integers(0, 5), max_size=2),
)
def test_values_of_every_type_are_those_that_the_store_has(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[Any, ...]],
    hashed: set[int],
    omitted: set[int],
):
    kept = [place for place in range(6) if place not in omitted]
    records = [[HASH if at in hashed else row[at] for at in kept] for row in drawn]
    likely = chances(len(drawn))
    entry = predicted(records, likely, at=NOON, fields=[OF_EVERY_TYPE[at].name for at in kept])
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'serving.db'}")
    store.migrate()
    store.add([entry, FeedbackEntry(NOON + 9, "sent", entry.ids[:1], ["bom"])], {})
    of_store, of_both = dict[str, str](), dict[str, str]()
    (part,) = store.window(LIMITS)
    one = Reader(OF_EVERY_TYPE, DECODER, of_store).read(part)
    reader = ArchivedReader(store, OF_EVERY_TYPE, DECODER, of_both)
    (batch,) = read(store, "", Wanted("wine"), reader.columns)
    other = reader.read(batch)
    store.close()
    assert of_store == of_both
    assert one.fields.keys() == other.fields.keys()
    for name, values in one.fields.items():
        np.testing.assert_array_equal(values, other.fields[name])
    for name in Rows._fields[1:]:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_numbers_of_a_regression_are_read(store: Store):
    names = [f"wine.2.{NOON:011x}{at:016x}" for at in range(3)]
    numbers = PredictionEntry(NOON, "wine", 2, "sent", 9, names, FIELDS, wines(3), [5.0, 6.5, 7.25])
    store.add([numbers, FeedbackEntry(NOON + 9, "sent", names[1:2], [6.0])], {})
    score = artefact.read(MODELS, "wine-score", 1)
    decoder = Decoder(score.manifest, score.reference)
    reader = ArchivedReader(store, WINE.manifest.fields, decoder, {})
    (batch,) = read(store, "", Wanted("wine", 2), reader.columns)
    rows = reader.read(batch)
    assert rows.predicted.tolist() == [7.25, 6.5, 5.0]
    np.testing.assert_array_equal(rows.actual, [np.nan, 6.0, np.nan])
