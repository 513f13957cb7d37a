"""Drift is found where there is some, and described correctly."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from serving.monitor.drift import detection
from serving.monitor.drift.distribution_tests import (
    chi_square,
    kolmogorov_smirnov,
    psi_of_numbers,
    wasserstein,
)
from serving.monitor.drift.samples import Labels, Numbers
from serving.monitor.drift.test import MIN_ROWS
from serving.monitor.findings import Drift, FieldDrift
from serving.monitor.wording import sentence
from serving.statement import Statement

GRID = np.linspace(0, 1, 101)
FEW = MIN_ROWS - 1


def numbers(trained: Any, now: Any) -> Numbers:
    """Two samples, the first known by its quantiles as an artefact holds them."""
    quantiles = [float(f"{value:.6g}") for value in np.quantile(trained, GRID)]
    return Numbers.of(quantiles, now, rows=len(trained))


def normal(rows: int, mean: float = 0.0) -> Any:
    """A sample that is as normal as can be."""
    return stats.norm.ppf((np.arange(rows) + 0.5) / rows, loc=mean)


def field(sample: Numbers | Labels) -> FieldDrift:
    """The drift of this one field."""
    return detection.detect_drift({"it": sample}, {}).fields[0]


def drifted(sample: Numbers | Labels) -> set[str]:
    """The statistics that find drift in a field."""
    return {each.statistic for each in field(sample).findings if each.verdict == "drift"}


samples = some.tuples(
    some.integers(100, 2_000),  # rows trained on
    some.integers(1, 500),  # values now
    some.integers(0, 3),  # decimals: the fewer, the more ties
    some.floats(-3, 3),
    some.floats(0.1, 3),
    some.integers(0, 2**31),
)


@settings(deadline=None)
@given(samples)
def test_the_distance_is_that_of_the_full_samples_but_for_a_step_of_the_grid(drawn):
    rows, values, digits, mean, deviation, seed = drawn
    random = np.random.default_rng(seed)
    trained = random.normal(size=rows).round(digits)
    now = random.normal(mean, deviation, size=values).round(digits)
    full = stats.ks_2samp(trained, now, method="asymp").statistic
    ours = kolmogorov_smirnov(numbers(trained, now)).effect
    assert full - 1 / 100 - 1 / rows <= ours + 1e-9
    assert ours <= full + 1 / rows + 1e-9


def test_the_wasserstein_distance_is_that_of_the_full_samples():
    trained, now = normal(5_000), normal(2_000, 0.4)
    full = stats.wasserstein_distance(trained, now) / trained.std()
    assert wasserstein(numbers(trained, now)).effect == pytest.approx(full, rel=0.1)


def test_one_wild_value_moves_no_average():
    sample = numbers(normal(5_000), [*normal(999), 1e30])
    assert "wasserstein" not in drifted(sample)


@pytest.mark.parametrize("digits", [15, 1, 0])
def test_p_values_are_right(digits: int):
    """Of 400 windows without drift, with and without ties, few have a p-value below 0.05."""
    tests = kolmogorov_smirnov, psi_of_numbers
    random, small = np.random.default_rng(0), np.zeros(2)
    for _ in range(400):
        trained, now = (random.normal(size=rows).round(digits) for rows in (3_000, 300))
        sample = numbers(trained, now)
        small += [test(sample).p_value < 0.05 for test in tests]
    assert (small <= 400 * 0.05 + 3 * (400 * 0.05) ** 0.5).all()


def test_values_that_the_reference_rounds_are_still_the_same_values():
    trained = [-23.5505199, -23.5612345] * 500
    assert field(numbers(trained, trained)).change == 0


def test_the_more_a_field_changes_the_larger_is_the_effect():
    trained = normal(5_000)
    found = [field(numbers(trained, normal(1_000, mean))) for mean in (0.3, 0.6, 1.2)]
    for less, more in pairwise(found):
        pairs = list(zip(less.findings, more.findings, strict=True))[:3]
        assert all(one.effect < other.effect for one, other in pairs)
        assert all(one.p_value > other.p_value for one, other in pairs)


def test_a_certain_change_too_small_to_matter_is_no_drift():
    shares = field(Labels({"a": 50_000, "b": 50_000}, {"a": 52_000, "b": 48_000}))
    finding = shares.findings[0]
    assert finding.p_value < finding.level
    assert shares.verdict == "no drift"
    assert [each.code for each in finding.statements] == ["largest_change", "too_little"]


def test_a_change_that_may_be_chance_is_no_drift():
    shares = field(Labels({"a": 50, "b": 50}, {"a": 125, "b": 75}))
    finding = shares.findings[0]
    assert finding.effect >= finding.threshold
    assert shares.verdict == "no drift"
    assert [each.code for each in finding.statements] == ["largest_change", "maybe_chance"]


def test_the_level_is_shared_among_all_tests():
    one = detection.detect_drift({"a": numbers(normal(500), normal(500))}, {})
    three = detection.detect_drift({name: numbers(normal(500), normal(500)) for name in "abc"}, {})
    tests = len(one.fields[0].findings)
    assert one.fields[0].findings[0].level == detection.FALSE_ALARMS / tests
    assert three.fields[0].findings[0].level == detection.FALSE_ALARMS / (3 * tests)


@pytest.mark.parametrize(
    ("sample", "statistic", "sentence_of"),
    [
        (
            Numbers.of(GRID, [0.5] * 250 + [2.0] * 50, rows=5_000),
            "out_of_range",
            "17 % of the values lie outside 0 to 1, the range of training",
        ),
        (
            Numbers.of(GRID, [0.5] * 200 + [float("nan")] * 100, rows=5_000, missing=0.02),
            "missing",
            "33 % of the values are missing; 2.0 % were in training",
        ),
        (
            Labels({"red": 900}, {"red": 200}, trained_missing=100, missing=100),
            "missing",
            "33 % of the values are missing; 10 % were in training",
        ),
        (
            Labels({"red": 900, "rosé": 0}, {"red": 280, "rosé": 20}),
            "unseen_labels",
            "6.7 % of the labels did not occur in training, most often rosé",
        ),
    ],
)
def test_new_and_missing_values_are_described(
    sample: Numbers | Labels, statistic: str, sentence_of: str
):
    assert statistic in drifted(sample)
    findings = {each.statistic: each for each in field(sample).findings}
    assert f"it: {sentence_of}; chance" in sentence(findings[statistic].statements)


def test_a_field_that_is_always_missing_now_has_drifted():
    gone = field(Numbers.of(GRID, [float("nan")] * 500, rows=5_000))
    assert (gone.verdict, gone.rows, gone.change) == ("drift", 0, 1.0)


def test_rare_labels_in_great_number_are_no_drift():
    likely = 1 / np.arange(1, 301) ** 1.2
    random = np.random.default_rng(0)
    trained, now = (random.multinomial(rows, likely / likely.sum()) for rows in (2_000, 400))
    counts = [{str(label): int(n) for label, n in enumerate(each) if n} for each in (trained, now)]
    sample = Labels(*counts)
    assert not drifted(sample)
    assert chi_square(sample).p_value > 0.001


@pytest.mark.parametrize(
    "sample",
    [
        Numbers.of(GRID, [0.5] * FEW, rows=5_000),
        Numbers.of(GRID, [], rows=5_000),
        Numbers.of([], [0.5] * 500, rows=0),
        Labels({"red": 5_000}, {"white": FEW}),
        Labels({}, {"red": 500}, trained_missing=5_000),
        Labels({}, {}),
    ],
)
def test_a_small_sample_is_not_enough_yet(sample: Numbers | Labels):
    found = field(sample)
    assert found.verdict == "not enough yet"
    assert all(each.p_value is None for each in found.findings if each.verdict == found.verdict)


def test_a_field_with_hardly_any_value_does_not_keep_others_from_being_judged():
    seldom = Numbers.of(GRID, [0.5] * 20 + [float("nan")] * 480, rows=5_000, missing=0.95)
    found = detection.detect_drift(
        {"seldom": seldom, "often": numbers(normal(500), normal(500))}, {}
    )
    assert found.verdict == "no drift"
    assert found.fields[0].verdict == "not enough yet"


@pytest.mark.parametrize(
    ("trained", "now"), [([3.0] * 500, [3.0] * 300), ([0.0] * 500, [0.0] * 300)]
)
def test_a_number_that_is_always_the_same_has_not_drifted(trained: Any, now: Any):
    assert field(numbers(trained, now)).verdict == "no drift"


def test_a_number_that_was_always_the_same_and_is_another_has_drifted():
    assert drifted(numbers([3.0] * 500, [4.0] * 300)) >= {"kolmogorov_smirnov", "wasserstein"}


def test_the_most_changed_field_is_named_first_whatever_its_type():
    found = detection.detect_drift(
        {
            "some": numbers(normal(5_000), normal(500, 0.3)),
            "color": Labels({"white": 4_000, "red": 1_000}, {"white": 500}),
            "much": numbers(normal(5_000), normal(500, 3)),
            "none": numbers(normal(5_000), normal(500)),
        },
        {"score": numbers(normal(5_000), normal(500, 1))},
    )
    assert found.drifted == ("much", "score", "color", "some")
    assert found.share == 0.75
    assert found.statements[0].field == "much"
    assert found.statements[-1] == Statement("more_drifted", {"count": 3})


def test_a_report_of_drift_can_be_decoded_from_its_json():
    fields = {"it": numbers(normal(500), normal(500, 1)), "few": Labels({"a": 1}, {})}
    found = detection.detect_drift(fields, {"score": numbers(normal(500), normal(500))})
    text = msgspec.json.encode(found)
    assert msgspec.json.decode(text, type=Drift) == found
    shown = json.loads(text)["fields"][0]["findings"][0]
    assert shown["verdict"] == "drift"
    assert set(shown) == {
        *("field", "statistic", "unit", "effect", "threshold", "p_value", "level"),
        *("verdict", "statements"),
    }
