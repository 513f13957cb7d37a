"""Predictions with their feedback, as the store streams them; two versions compared."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import rewrite
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from serving.models import artefact
from serving.models.paired import BLOCKS, Paired, loss
from serving.recording.entry import FeedbackEntry, PredictionEntry, TrialEntry
from serving.recording.store import Store
from serving.recording.store.rows import Labelled, LabelledTrial
from serving.versions import gate

CLASSES = ("bom", "ruim")


def predicted(time: int, *ids: str, version: int = 1, **changes: Any) -> PredictionEntry:
    rows = len(ids)
    known = (list(ids), ["pH"], [[3.0]] * rows, ["bom"] * rows)
    return PredictionEntry(time, "wine", version, "", 1, *known, **changes)


def feedback(time: int, actual: str, *ids: str) -> FeedbackEntry:
    return FeedbackEntry(time, "", list(ids), [actual] * len(ids))


@pytest.fixture
def store(store_url: str) -> Store:
    store = Store(store_url)
    store.migrate()
    return store


def raw(text: str) -> Raw:
    return Raw(text.encode())


def test_labelled_predictions_come_newest_first_with_their_latest_feedback(store: Store):
    chances = {"classes": CLASSES, "probabilities": [[0.9, 0.1]]}
    store.add(
        [
            predicted(1, "old"),
            predicted(2, "newer", **chances),
            predicted(3, "unknown"),
            predicted(4, "of another version", version=2),
            feedback(5, "bom", "old", "newer", "of another version"),
            feedback(6, "ruim", "newer"),
        ],
        {},
    )
    record, bom = Raw(b'{"pH":3.0}'), Raw(b'"bom"')
    newer = Labelled(2, 1, record, bom, Raw(b'{"bom":0.9,"ruim":0.1}'), Raw(b'"ruim"'))
    old = Labelled(1, 1, record, bom, None, bom)
    assert list(store.labelled("wine", version=1)) == [newer, old]
    assert list(store.labelled("wine", version=1, since=2)) == [newer]
    assert [each.time for each in store.labelled("wine")] == [4, 2, 1]
    assert next(store.labelled("wine")).version == 2
    assert list(store.labelled("beer")) == []
    store.close()


def test_a_trial_prediction_is_paired_with_the_live_version_s(store: Store):
    store.add(
        [
            predicted(1, "a", "b", "c"),
            predicted(1, "by one that was pinned", version=7),
            TrialEntry(2, "wine", 2, ["a", "b"], ["ruim"] * 2, CLASSES, [[0.2, 0.8]] * 2),
            TrialEntry(2, "wine", 2, ["by one that was pinned"], ["ruim"]),
            TrialEntry(3, "wine", 2, ["c"], ["ruim"]),
            feedback(4, "ruim", "a", "c", "by one that was pinned"),
        ],
        {},
    )
    bom, ruim = Raw(b'"bom"'), Raw(b'"ruim"')
    assert list(store.labelled_trials("wine", 2, live=1)) == [
        LabelledTrial(ruim, Raw(b'{"bom":0.2,"ruim":0.8}'), bom, None, ruim),
        LabelledTrial(ruim, None, bom, None, ruim),
    ]
    store.close()


@pytest.mark.parametrize(
    ("prediction", "probabilities", "actual", "expected"),
    [
        ('"bom"', '{"bom": 0.8, "ruim": 0.2}', '"bom"', 0.04),
        ('"bom"', '{"bom": 0.8, "ruim": 0.2}', '"ruim"', 0.64),
        ('"a"', '{"a": 0.5, "b": 0.5, "c": 0}', '"c"', 0.75),
        ('"bom"', None, '"bom"', 0),
        ('"bom"', None, '"ruim"', 1),
        ("5.5", None, "6", 0.5),
    ],
)
def test_a_loss_is_brier_s_a_wrong_label_or_an_error(
    prediction: str, probabilities: str | None, actual: str, expected: float
):
    chances = None if probabilities is None else raw(probabilities)
    assert loss(raw(prediction), chances, raw(actual)) == expected


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=BLOCKS, max_size=200))
def test_a_comparison_turns_around_with_its_sides(losses: list[tuple[float, float]]):
    live, candidate = np.array(losses).T
    there, back = Paired.of(live, candidate), Paired.of(candidate, live)
    assert (back.live, back.candidate) == (there.candidate, there.live)
    assert back.low == pytest.approx(-there.high, abs=2e-6)
    assert there.low <= there.candidate - there.live + 2e-6
    assert not (there.is_worse and there.is_no_worse)


def test_the_interval_holds_the_true_difference_nineteen_times_of_twenty():
    random = np.random.default_rng(0)
    alike = [Paired.of(random.random(500), random.random(500)) for _ in range(1_000)]
    held = sum(each.low <= 0 <= each.high for each in alike)
    assert 930 <= held <= 970


@pytest.mark.parametrize(
    ("against", "paired", "objections"),
    [
        (1, Paired(500, 0.3, 0.15, -0.2, -0.1), 0),
        (1, Paired(500, 0.3, 0.31, -0.05, 0.07), 0),
        (1, Paired(500, 0.3, 0.35, -0.05, 0.15), 1),
        (1, Paired(500, 0.3, 0.31, 0.001, 0.02), 1),
        (3, Paired(500, 0.3, 0.15, -0.2, -0.1), 1),
    ],
)
def test_the_gate_compares_on_the_same_live_rows_if_there_are_any(
    models: Path, against: int, paired: Paired, objections: int
):
    def worse_by_figures(manifest: dict[str, Any], _: Any) -> None:
        manifest["metrics"]["brier"]["mean"] += 0.1
        manifest["compared"] = {
            "version": against,
            "loss": "Brier score",
            "since": 1,
            "until": 2,
            "paired": msgspec.to_builtins(paired),
        }

    new = artefact.read(models, "wine", rewrite(models, worse_by_figures))
    found = gate.objections(new, artefact.read(models, "wine", 1))
    assert len(found) == objections, found
    if objections:
        by_rows = "on the latest live rows with feedback its Brier score is worse"
        assert found[0].startswith(by_rows if against == 1 else "Brier score is")
