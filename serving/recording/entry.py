"""The lines of the journal: the predictions or the feedback of one request.

A line is a JSON object with all names in it, so no model is needed to read it.
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

    The values of a line that is read stay JSON (`PredictionEntry[Raw]`), as the store keeps them.

    Attributes
    ----------
    time : int
        Milliseconds since 1970, UTC.
    duration : int
        Microseconds from the body's arrival to this line.
    fields : sequence of str
    records : list of list
        The validated values, in the order of `fields`; categories by their labels. All of them may
        be JSON already when the line is written.
    predictions : list of str or of float
        Labels of a classifier, numbers of a regression.
    classes : sequence of str
        Empty for a regression.
    probabilities : list of list of float
        In the order of `classes`; empty for a regression.
    intervals : list of (float, float)
        Low and high; empty for a model without intervals.
    warnings : dict of int to list
        By the position of the record; a record without warnings has no entry.
    subject : str
        The person whom the request is about, by the caller's own key or its hash; empty if the
        caller sent none.
    key : str
        The name of the key that the caller sent; empty without one.
    explanations : sequence of Explanation
        Empty if none were requested.
    own_id : str
        The caller's own id of the request; empty if none was sent.
    places : list of int
        The position of each record in a request of several that has an own id; otherwise empty.
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
    subject: str = ""
    key: str = ""
    explanations: Sequence[V] = NONE
    own_id: str = ""
    places: list[int] = []


class FeedbackEntry(msgspec.Struct, tag_field="kind", tag="feedback", omit_defaults=True, gc=False):
    """The feedback of one request: what was really true of earlier predictions, by their ids.

    Attributes
    ----------
    key : str
        The name of the key that the caller sent; empty without one.
    """

    time: int
    request_id: str
    ids: list[str]
    actuals: list[str | float]
    key: str = ""


class TrialEntry(msgspec.Struct, tag_field="kind", tag="trial", omit_defaults=True, gc=False):
    """The predictions of a version on trial, by the ids of the live version's predictions.

    Attributes
    ----------
    probabilities : list of list of float
        In the order of `classes`; empty if the version has none.
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
