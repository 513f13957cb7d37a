"""From a model's bare answers to what people are told: in full, decided, with an interval."""

import math
import re
from typing import Any

import msgspec
import numpy as np
import pytest
from conftest import MODELS
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from serving.errors import InvalidRecords
from serving.models import artefact
from serving.models.manifest import Interval, Threshold
from serving.models.outputs import Decoder, Predictions, make_decoder

WINE = artefact.read_manifest(MODELS, "wine", 1)


def classification(*classes: str, threshold: Threshold | None = None) -> Decoder:
    manifest = replace(WINE, classes=classes, threshold=threshold)
    return make_decoder(manifest)


def regression(interval: Interval | None = None) -> Decoder:
    task: Any = {"task": "regression", "classes": (), "threshold": None, "interval": interval}
    return make_decoder(replace(WINE, **task))


def within(low: float, high: float, *, relative: bool) -> Interval:
    return Interval(0.9, low, high, relative=relative, observed=0.9, rows=100)


def test_of_equally_probable_classes_the_first_is_predicted():
    answers = np.array([[0.2, 0.4, 0.4], [0.4, 0.2, 0.4], [0.2, 0.3999999, 0.4000001]])
    told = classification("a", "b", "c")(answers)
    assert told.values == ["b", "a", "c"]
    assert told.probabilities == answers.tolist()


@pytest.mark.parametrize("label", ["no", "yes"])
def test_a_threshold_is_held_against_the_probability_as_it_is_sent(label: str):
    decode = classification("no", "yes", threshold=Threshold(label, 0.3, "chosen"))
    other = {"no": "yes", "yes": "no"}[label]
    chances = np.array([0.2999999999, 0.3, math.nextafter(0.3, 0)])
    answers = np.column_stack([1 - chances, chances][:: 1 if label == "yes" else -1])
    told = decode(answers)
    assert told.values == [other, label, other]
    assert told.probabilities == answers.tolist()


def test_a_classifier_without_probabilities_tells_labels_alone():
    decode = make_decoder(replace(WINE, threshold=None, outputs="labels"))
    assert decode(np.array([[1.0], [0.0]])) == Predictions(["ruim", "bom"], [], [])


def test_a_label_beside_probabilities_need_not_be_the_most_probable():
    decode = make_decoder(replace(WINE, threshold=None, outputs="both"))
    told = decode(np.array([[0.6, 0.4, 1], [0.4, 0.6, 1]]))
    assert told == Predictions(["ruim", "ruim"], [[0.6, 0.4], [0.4, 0.6]], [])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_as_the_shortest_decimal_that_reads_back(number: float):
    (told,) = regression()(np.array([[number]])).values
    sent = msgspec.json.encode(told)
    assert float(sent) == number
    digits = sent.split(b"e")[0].replace(b".", b"").strip(b"-0")
    assert len(digits) <= 17
    assert digits == repr(number).split("e")[0].replace(".", "").strip("-0").encode()


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_the_ends_of_an_interval_are_finite_and_on_either_side(number: float, relative: bool):
    decode = regression(within(-0.5, 0.25, relative=relative))
    ((low, high),) = decode(np.array([[number]])).intervals
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low <= number <= high


def test_an_interval_of_small_numbers_is_not_rounded():
    decode = regression(within(-2e-8, 3e-8, relative=False))
    ((low, high),) = decode(np.array([[9e-7]])).intervals
    assert (low, high) == (pytest.approx(8.8e-7), pytest.approx(9.3e-7))


def test_an_interval_contains_its_prediction():
    decode = regression(within(-0.5, 0.25, relative=False))
    assert decode(np.array([[2.0], [-1.0]])).intervals == [(1.5, 2.25), (-1.5, -0.75)]


def test_a_relative_interval_is_a_part_of_the_number_on_either_side_of_zero():
    decode = regression(within(-0.5, 0.25, relative=True))
    assert decode(np.array([[2.0], [-2.0]])).intervals == [(1, 2.5), (-2.5, -1)]


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("decode", [regression(), classification("a", "b")])
def test_an_output_that_is_not_finite_is_a_fault_of_its_record(decode: Decoder, strange: float):
    width = 1 if decode(np.zeros((1, 1))).probabilities == [] else 2
    answers = np.zeros((3, width))
    answers[1] = strange
    with pytest.raises(InvalidRecords) as among:
        decode(answers)
    with pytest.raises(InvalidRecords) as alone:
        decode(answers[[1]])
    assert [fault.record for fault in (*among.value.faults, *alone.value.faults)] == [1, 0]


DECODERS = [
    classification("a", "b", threshold=Threshold("b", 0.3, "chosen")),
    classification("a", "b"),
    regression(),
    regression(within(-0.5, 0.25, relative=True)),
]
numbers = st.floats(-1e9, 1e9)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=4))
def test_a_row_is_predicted_alike_alone_and_among_others(answers: list[tuple[float, float]]):
    for decode, columns in zip(DECODERS, [2, 2, 1, 1], strict=True):
        matrix = np.array(answers)[:, :columns]
        among = decode(matrix)
        alone = [decode(row[None]) for row in matrix]
        assert among.values == [value for one in alone for value in one.values]
        assert among.probabilities == [chances for one in alone for chances in one.probabilities]
        assert among.intervals == [ends for one in alone for ends in one.intervals]
        assert not re.search(r"-0\.0(?!\d)", str(among))
