"""What a check stores, and how the next one continues from it; over both databases."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import rewrite
from monitored import (
    ROWS,
    chances,
    feedback,
    kinds,
    monitor,
    opened,
    predicted,
    report_of,
    window,
    wines,
)

from serving import clock
from serving.models import artefact, model_folder
from serving.recording.entry import TrialEntry
from serving.recording.store import Store
from serving.settings import Settings
from serving.statement import Statement


@pytest.fixture
def kept(store_url: str, tmp_path: Path, models: Path) -> Settings:
    """Settings of a monitor with windows of 400 rows, and models of its own."""
    return Settings(
        var_dir=tmp_path / "var", models_dir=models, database_url=store_url, monitor_rows=ROWS
    )


@pytest.fixture
def store(kept: Settings) -> Iterator[Store]:
    """Its store."""
    with_tables = opened(kept)
    yield with_tables
    with_tables.close()


@pytest.fixture
def sqlite(settings: Settings, models: Path) -> Settings:
    """The same over SQLite alone, where the database makes no difference."""
    return replace(settings, models_dir=models, monitor_rows=ROWS)


def test_where_nothing_changed_nothing_is_raised(kept: Settings, store: Store):
    store.add(window(), {})
    run = monitor(kept, "wine")
    assert run.exit_code == 0, run.output
    report = report_of(kept)["report"]
    assert (report["verdict"], report["drift"]["drifted"]) == ("no drift", [])
    assert report["concept"]["verdict"] == "no drift"
    assert report["window"]["predictions"] == report["arrival"]["with_feedback"] == ROWS
    assert report["arrival"]["median_seconds"] == 60
    realised = {each["metric"]: each for each in report["realised"]}
    estimated = {each["metric"]: each for each in report["estimated"]}
    for metric in ("accuracy", "brier"):
        assert realised[metric]["value"] == pytest.approx(estimated[metric]["value"], abs=0.06)
    assert report["unmeasured"] == []


def test_the_distributions_are_shares_of_training_and_of_now(sqlite: Settings):
    store = opened(sqlite)
    store.add(window(), {})
    drawn = {each["field"]: each for each in report_of(sqlite)["report"]["distributions"]}
    assert drawn.keys() == {
        *(f.name for f in artefact.read_manifest(sqlite.models_dir, "wine", 1).fields),
        "P(bom)",
    }
    for each in drawn.values():
        assert sum(each["reference"]) == pytest.approx(1, abs=1e-3)
        assert sum(each["current"]) == pytest.approx(1, abs=1e-3)
        assert (
            len(each["reference"])
            == len(each["current"])
            == max(len(each["labels"]), len(each["edges"]) - 1)
        )
        apart = sum(abs(a - b) for a, b in zip(each["reference"], each["current"], strict=True))
        assert apart < 0.4
    assert drawn["P(bom)"]["of"] == "prediction"
    assert drawn["color"]["labels"] == ["white", "red"]
    store.close()


def test_an_alert_is_raised_once_lasts_and_is_cleared(
    kept: Settings, store: Store, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)

    def logged(word: str) -> int:
        return caplog.text.count(f"data drift is {word}")

    store.add(window(alcohol=2), {})
    assert monitor(kept, "wine").exit_code == 3
    store.add(window(alcohol=2, seed=1), {})
    assert monitor(kept, "wine").exit_code == 3
    assert (logged("raised"), logged("cleared")) == (1, 0)
    store.add(window(seed=2), {})
    assert monitor(kept, "wine").exit_code == 0
    assert (logged("raised"), logged("cleared")) == (1, 1)
    (alert,) = store.reports.alerts("wine")
    assert alert.cleared
    assert alert.ended == (Statement("as_in_training"),)
    assert alert.statements[0].field == "alcohol"


def test_an_alert_about_a_version_that_is_replaced_is_cleared(sqlite: Settings):
    store = opened(sqlite)
    store.add(window(alcohol=2), {})
    assert kinds(sqlite) == {"data drift"}
    model_folder.put_live(sqlite.models_dir / "wine", rewrite(sqlite.models_dir, lambda *_: None))
    run = monitor(sqlite, "wine")
    assert run.exit_code == 0
    assert "wine 2: not enough yet" in run.stdout
    (alert,) = store.reports.alerts("wine")
    assert alert.ended == (Statement("not_live", {"version": 1}),)
    store.close()


def test_a_pass_without_news_is_not_made(kept: Settings, store: Store):
    def points() -> int:
        before = store.reports.latest("wine", 1)
        monitor(kept, "wine")
        assert before is None or store.reports.latest("wine", 1).time > before.time
        return len(store.reports.points("wine", 0))

    entry, sent = window()
    assert [points(), points()] == [1, 1]
    store.add([entry], {})
    assert [points(), points()] == [2, 2]
    store.add([sent], {})
    assert [points(), points()] == [3, 3]
    store.add(window(rows=1, seed=3), {})
    assert [points(), points()] == [4, 4]


def test_the_watch_takes_each_row_once_in_the_order_in_which_it_came(kept: Settings, store: Store):
    def rows() -> int:
        return report_of(kept)["report"]["concept"]["rows"]

    for seed in range(3):
        store.add(window(seed=seed), {})
        assert rows() == (seed + 1) * ROWS


def test_feedback_waits_a_minute_for_its_prediction(kept: Settings, store: Store):
    def rows() -> int:
        return report_of(kept)["report"]["concept"]["rows"]

    now = clock.now()
    likely = chances(60)
    lost, late, there = (
        predicted(wines(60, part), likely, at=now - 1_000 * part) for part in range(1, 4)
    )
    of_lost = feedback(lost, likely, after=-90_000)
    of_others = [feedback(late, likely, after=900), feedback(there, likely, after=1_900)]
    store.add([there, of_lost, *of_others], {})
    assert rows() == 0  # nothing beyond what is awaited: the order counts
    store.add([late], {})
    assert rows() == 120


def test_of_two_monitors_the_second_keeps_nothing(sqlite: Settings, monkeypatch: Any):
    store = opened(sqlite)
    store.add(window(alcohol=2), {})
    overtake = store.reports.write

    def slow(_self: Any, report: Any, *rest: Any, before: int) -> bool:
        assert overtake(report, *rest, before=before)
        return overtake(report, *rest, before=before)

    monkeypatch.setattr("serving.recording.store.reports.Reports.write", slow)
    assert monitor(sqlite, "wine").exit_code == 3
    assert len(store.reports.points("wine", 0)) == len(store.reports.alerts("wine")) == 1
    store.close()


def test_the_version_that_is_tried_is_held_against_the_live_one(sqlite: Settings):
    tried = rewrite(sqlite.models_dir, lambda *_: None)
    (sqlite.models_dir / "wine/trial").write_text(f"{tried}\n")
    store = opened(sqlite)
    entry, sent = window()
    seen = TrialEntry(entry.time, "wine", tried, entry.ids, entry.predictions)
    store.add([entry, sent, seen], {})
    store.close()
    trial = report_of(sqlite)["report"]["trial"]
    assert (trial["version"], trial["rows"], trial["agreement"]) == (tried, ROWS, 1)
