"""From a model's bare answers to what people are told: rounded, decided, with an interval."""

import re
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from serving import artefact
from serving.errors import InvalidRecords
from serving.manifest import Interval, Threshold
from serving.outputs import Predictions, Telling, telling

WINE = artefact.read_manifest(ROOT / "models", "wine", 1)


def classification(*classes: str, threshold: Threshold | None = None) -> Telling:
    manifest = replace(WINE, classes=classes, threshold=threshold)
    return telling(manifest, np.zeros((1, len(classes))))


def regression(largest: float = 10, interval: Interval | None = None) -> Telling:
    task: Any = {"task": "regression", "classes": (), "threshold": None, "interval": interval}
    return telling(replace(WINE, **task), np.array([[0], [largest], [-largest / 2]]))


def within(low: float, high: float, *, relative: bool) -> Interval:
    return Interval(0.9, low, high, relative=relative, observed=0.9, rows=100)


def test_of_equally_probable_classes_the_first_is_predicted():
    answers = np.array([[0.2, 0.4, 0.4], [0.4, 0.2, 0.4], [0.2, 0.3999999, 0.4000001]])
    told = classification("a", "b", "c")(answers)
    assert told.values == ["b", "a", "b"]  # of the last, equal as they are sent
    assert told.probabilities[2] == [0.2, 0.4, 0.4]


@pytest.mark.parametrize("label", ["no", "yes"])
def test_a_threshold_is_held_against_the_probability_as_it_is_sent(label: str):
    tell = classification("no", "yes", threshold=Threshold(label, 0.3, "chosen"))
    other = {"no": "yes", "yes": "no"}[label]
    chances = np.array([0.2999994, 0.2999996, 0.3])
    answers = np.column_stack([1 - chances, chances][:: 1 if label == "yes" else -1])
    assert tell(answers).values == [other, label, label]


def test_a_classifier_without_probabilities_tells_labels_alone():
    tell = telling(replace(WINE, threshold=None), np.zeros((1, 1)))
    assert tell(np.array([[1.0], [0.0]])) == Predictions(["ruim", "bom"], [], [])


@pytest.mark.parametrize(
    ("largest", "told"),
    [(0.9, 0.123457), (9.9, 0.12346), (12, 0.1235), (250_000, 0), (5e8, 0)],
)
def test_numbers_have_six_digits_counted_from_the_largest_one_s_first(largest: float, told: float):
    assert regression(largest)(np.array([[0.123456789]])).values == [told]


def test_digits_before_the_point_are_all_told():
    assert regression(5e8)(np.array([[123_456_789.4]])).values == [123_456_789]


def test_an_interval_lies_around_the_number_that_is_told():
    tell = regression(10, within(-0.5, 0.25, relative=False))
    assert tell(np.array([[2.0000004], [-1.0]])).intervals == [(1.5, 2.25), (-1.5, -0.75)]


def test_a_relative_interval_is_a_part_of_the_number_on_either_side_of_zero():
    tell = regression(10, within(-0.5, 0.25, relative=True))
    assert tell(np.array([[2.0], [-2.0]])).intervals == [(1, 2.5), (-2.5, -1)]


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tell", [regression(), classification("a", "b")])
def test_an_answer_that_is_not_finite_is_a_fault_of_its_record(tell: Telling, strange: float):
    width = 1 if tell(np.zeros((1, 1))).probabilities == [] else 2
    answers = np.zeros((3, width))
    answers[1] = strange
    with pytest.raises(InvalidRecords) as among:
        tell(answers)
    with pytest.raises(InvalidRecords) as alone:
        tell(answers[[1]])
    assert [fault.record for fault in (*among.value.faults, *alone.value.faults)] == [1, 0]


TELLING = [
    classification("a", "b", threshold=Threshold("b", 0.3, "chosen")),
    classification("a", "b"),
    regression(1),
    regression(1000, within(-0.5, 0.25, relative=True)),
]
numbers = st.floats(-1e9, 1e9)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=4))
def test_a_row_is_told_alike_alone_and_among_others(answers: list[tuple[float, float]]):
    for tell, columns in zip(TELLING, [2, 2, 1, 1], strict=True):
        matrix = np.array(answers)[:, :columns]
        among = tell(matrix)
        alone = [tell(row[None]) for row in matrix]
        assert among.values == [value for one in alone for value in one.values]
        assert among.probabilities == [chances for one in alone for chances in one.probabilities]
        assert among.intervals == [ends for one in alone for ends in one.intervals]
        assert not re.search(r"-0\.0(?!\d)", str(among))
