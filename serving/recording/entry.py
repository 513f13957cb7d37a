"""One line of the journal: what a request predicted, or what really happened.

A line is a JSON object that explains itself: it can be read with no model at hand.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

V = TypeVar("V")

NONE: Any = ()


class PredictionEntry(
    msgspec.Struct, Generic[V], tag_field="kind", tag="prediction", omit_defaults=True, gc=False
):
    """The predictions of one request, in the order of its records.

    Where a line is read, its values stay JSON (`PredictionEntry[Raw]`): the store keeps them so.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    duration : int
        Microseconds from the body's arrival to this line.
    fields : sequence of str
    records : list of list
        The values as validated, in the order of `fields`; a category by its label.
    predictions : list of str or of float
        The labels of a classification, the numbers of a regression.
    classes : sequence of str
        None of a regression.
    probabilities : list of list of float
        In the order of `classes`; empty for a regression.
    intervals : list of (float, float)
        Lowest and highest; empty where the model gives none.
    warnings : dict of int to list
        By position of the record; a record without any has no entry.
    """

    time: int
    model: str
    version: int
    request_id: str
    duration: int
    ids: list[str]
    fields: V
    records: list[V]
    predictions: list[V]
    classes: V = NONE
    probabilities: list[V] = []
    intervals: list[tuple[V, V]] = []
    warnings: dict[int, V] = {}


class FeedbackEntry(msgspec.Struct, tag_field="kind", tag="feedback", gc=False):
    """Feedback: what turned out to be true of earlier predictions, each with its id."""

    time: int
    request_id: str
    ids: list[str]
    actuals: list[str | float]


class TrialEntry(msgspec.Struct, tag_field="kind", tag="trial", omit_defaults=True, gc=False):
    """What a version that is tried would have answered, for predictions of the live one.

    Attributes
    ----------
    probabilities : list of list of float
        In the order of `classes`; empty where it has none.
    """

    time: int
    model: str
    version: int
    ids: list[str]
    predictions: list[Any]
    classes: Sequence[str] = ()
    probabilities: list[list[float]] = []


Entry = PredictionEntry[Any] | FeedbackEntry | TrialEntry
Line = PredictionEntry[Raw] | FeedbackEntry | TrialEntry
