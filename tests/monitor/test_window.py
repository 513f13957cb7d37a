"""A window of any size is judged as if all of it were in memory, in memory that does not grow."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as some
from monitored import chances, feedback, opened, predicted, report_of, wines
from sklearn import metrics as known

from serving.monitor import counts
from serving.monitor.counts import Counts, EvenRows
from serving.monitor.drift import detection
from serving.monitor.drift.samples import Counting, Numbers
from serving.monitor.performance.bootstrap import Gathered, resample
from serving.monitor.performance.predictions import Classified, Regressed, one_hot
from serving.monitor.performance.realised import measure_realised
from serving.settings import Settings

GRID = np.linspace(0, 1, 101)
FEW = 512  # different values; more than there are edges, and places between them

Floats = np.ndarray[Any, np.dtype[np.float64]]


@contextmanager
def few_values() -> Iterator[None]:
    """Let neighbours be counted as one much sooner."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(counts, "MAX_VALUES", FEW)
        yield


def in_parts(rows: int, seed: int) -> list[slice]:
    """Parts of any sizes."""
    random = np.random.default_rng(seed)
    ends = np.sort(random.integers(0, rows + 1, size=random.integers(1, 9)))
    edges = [0, *ends.tolist(), rows]
    return [slice(*pair) for pair in pairwise(edges)]


@some.composite
def windows(draw: some.DrawFn) -> tuple[Floats, Floats, int]:
    """Values in training and now: of any scale, spread, offset and roughness, with wild ones."""
    seed = draw(some.integers(0, 2**31))
    random = np.random.default_rng(seed)
    scale = 10.0 ** draw(some.integers(-8, 8))
    offset = draw(some.sampled_from([0.0, 1.0, -30.0, 1e6])) * scale
    digits = draw(some.sampled_from([0, 1, 3, 15]))
    shape = draw(some.sampled_from(["normal", "lognormal", "uniform", "constant"]))
    moved, rows = draw(some.floats(-1, 1)), draw(some.integers(200, 3_000))

    def sample(size: int, by: float) -> Floats:
        drawn = np.zeros(size) if shape == "constant" else getattr(random, shape)(size=size)
        return (drawn + by).round(digits) * scale + offset

    now = sample(rows, moved)
    wild = draw(some.integers(0, 3))
    now[:wild] = random.normal(size=wild) * 10.0 ** draw(some.integers(-20, 20))
    now[wild : wild + draw(some.integers(0, 5))] = np.nan
    return sample(1_000, 0.0), now, seed


def findings_of(sample: Numbers) -> dict[str, Any]:
    """By statistic: what it found."""
    (found,) = detection.detect_drift({"it": sample}, {}).fields
    return {each.statistic: each for each in found.findings}


@how(deadline=None, max_examples=30)
@given(windows())
def test_drift_is_that_of_all_values_though_they_are_counted_in_parts(
    drawn: tuple[Floats, Floats, int],
):
    trained, now, seed = drawn
    quantiles = [float(f"{value:.6g}") for value in np.quantile(trained, GRID)]
    exact = findings_of(Numbers.of(quantiles, now, rows=len(trained)))
    with few_values():
        counting = Counting(quantiles, len(trained))
        for part in in_parts(len(now), seed):
            counting.add(now[part])
        sample = counting.sample()
        found = findings_of(sample)
        assert len(sample.values.values) <= FEW
    moved, exactly = found.pop("wasserstein"), exact.pop("wasserstein")
    assert found == exact  # effects, p-values, verdicts and statements
    assert moved.p_value == exactly.p_value
    if not sample.values.error:
        assert moved == exactly
    elif exactly.effect is not None:
        deviation = float(np.std(sample.quantiles[1:-1])) or 0.001
        places = np.rint(GRID[1:-1] * (sample.present - 1)).astype(int)
        distances = np.abs(sample.at(places) - sample.quantiles[50])
        bound = sample.values.error * distances.mean() / deviation
        assert moved.effect == pytest.approx(exactly.effect, abs=bound + 2e-6, rel=1e-9)


@how(deadline=None, max_examples=30)
@given(windows())
def test_values_are_off_by_no_more_than_the_error_and_none_crosses_an_edge(
    drawn: tuple[Floats, Floats, int],
):
    trained, now, seed = drawn
    now = now[~np.isnan(now)]
    edges, centre = np.unique(np.quantile(trained, GRID)), float(np.median(trained))
    with few_values():
        counted = Counts(edges, centre)
        for part in in_parts(len(now), seed):
            counted.add(now[part])
        values = np.repeat(counted.values, counted.counts)
    assert len(counted.values) <= FEW
    exact = np.sort(now)
    assert len(values) == len(exact)
    assert values[0] == exact[0] or exact[0] > centre
    assert values[-1] == exact[-1] or exact[-1] < centre
    for side in ("left", "right"):
        assert (np.searchsorted(values, edges, side) == np.searchsorted(exact, edges, side)).all()
    off, distance = np.abs(values - exact), np.abs(values - centre)
    assert (off <= counted.error * distance * (1 + 1e-9)).all()


def test_quantiles_of_counts_are_those_of_numpy():
    drawn = np.random.default_rng(0).integers(0, 900, size=2_001).astype(float)
    counted = Counts()
    for part in in_parts(len(drawn), 1):
        counted.add(drawn[part])
    levels = [0, 0.123, 0.5, 0.9, 0.99, 1]
    assert counted.quantiles(levels) == pytest.approx(np.quantile(drawn, levels))


@pytest.mark.parametrize(("rows", "step"), [(0, 1), (7, 1), (100, 1), (101, 2), (1_000, 16)])
def test_an_even_sample_is_every_row_or_one_in_a_power_of_two(rows: int, step: int):
    even, numbers = EvenRows(100), np.arange(rows)
    for part in in_parts(rows, rows):
        even.add([numbers[part], numbers[part] * 2])
    first, second = even.columns()
    assert first.tolist() == numbers[::step].tolist()
    assert second.tolist() == (2 * first).tolist()


def classified(rows: int, classes: int, seed: int) -> tuple[Classified, Floats]:
    """Predictions with probabilities like no others, and weights of their outcomes."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), size=rows)
    actual = (random.random((rows, 1)) > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    positive = 1 if classes == 2 else None
    predicted = probabilities.argmax(axis=1)
    return Classified(predicted, classes, probabilities, positive), one_hot(actual, classes)


@how(deadline=None, max_examples=20)
@given(some.integers(2, 3), some.integers(200, 3_000), some.integers(0, 2**31))
def test_metrics_of_labels_are_those_of_all_rows_though_they_come_in_parts(
    classes: int, rows: int, seed: int
):
    predictions, weights = classified(rows, classes, seed)
    whole, parts = Gathered(), Gathered()
    whole.add(predictions, weights)
    for part in in_parts(rows, seed):
        columns = [each[part] for each in predictions.columns]
        if len(columns[0]):
            parts.add(predictions.of_columns(columns), weights[part])
    assert parts.rows == rows
    expected, found = whole.simulate(resample), parts.simulate(resample)
    assert found.keys() == expected.keys()
    for name, (value, cases) in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-12)
        assert found[name].cases == pytest.approx(cases, rel=1e-9, abs=1e-12)


def test_areas_of_very_many_probabilities_are_off_by_half_of_the_ties_at_most():
    predictions, weights = classified(5_000, 2, 0)
    scores, actual = predictions.probabilities[:, 1], weights[:, 1]
    with few_values():
        gathered, counted = Gathered(), Counts()
        gathered.add(predictions, weights)
        counted.add(scores, np.stack([actual, 1 - actual], 1))
        found = gathered.simulate(resample)
        tied = counted.counts.prod(axis=1).sum() / counted.counts.sum(axis=0).prod()
    assert 0 < tied < 0.05
    exact = known.roc_auc_score(actual, scores)
    assert exact != found["roc_auc"].value == pytest.approx(exact, abs=tied / 2)
    exact = known.average_precision_score(actual, scores)
    assert found["pr_auc"].value == pytest.approx(exact, abs=tied)


def test_metrics_of_numbers_are_those_of_all_rows_though_one_part_has_none_above_zero():
    random = np.random.default_rng(0)
    actual = np.concatenate([random.exponential(size=300) + 0.1, -random.exponential(size=200)])
    guessed = actual + random.normal(size=500)
    whole, parts = Gathered(["within_0.5"]), Gathered(["within_0.5"])
    whole.add(Regressed(guessed, actual), np.ones(500))
    for part in (slice(0, 100), slice(100, 350), slice(350, 500)):
        parts.add(Regressed(guessed[part], actual[part]), np.ones(part.stop - part.start))
    expected, found = measure_realised(whole, {}), measure_realised(parts, {})
    assert {each.metric for each in found} == {"mae", "rmse", "r2", "within_0.5"}
    assert found == expected


def alike(one: Any, other: Any) -> bool:
    """Whether two reports are equal, but for the rounding of sums."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other)


KINDS: dict[str, dict[str, Any]] = {
    "as in training": {},
    "shifted": {"alcohol": 1.5},
    "worse": {"flipped": 0.4},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_finds_the_same_however_the_store_is_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str
):
    changes = dict(KINDS[kind])
    flipped, rows = changes.pop("flipped", 0.0), 900
    reports = []
    for at_once in (2_000, 64, 700):
        if at_once == 700:  # as if there had been no C compiler
            for module in ("rows", "decoder"):
                monkeypatch.setattr(f"serving.monitor.{module}.make_arrays_reader", lambda *_: None)
            monkeypatch.setattr("serving.monitor.decoder._read_numbers", lambda *_: None)
        own = replace(settings, var_dir=settings.var_dir / str(at_once), monitor_rows=rows)
        likely = chances(rows)
        entry = predicted(wines(rows, **changes), likely, at=1_900_000_000_000)
        entry.ids = [f"wine.1.{entry.time:011x}{at:016x}" for at in range(rows)]
        with closing(opened(own)) as store:
            store.add([entry, feedback(entry, likely, flipped=flipped)], {})
        monkeypatch.setattr("serving.recording.store.windows.BATCH", at_once)
        report = report_of(own)["report"]
        del report["time"]
        del report["traffic"]["per_hour"]
        reports.append(report)
    assert alike(reports[0], reports[1])
    assert alike(reports[0], reports[2])
