"""What steps before a forest make of each field, written as the table of a forest has it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from serving.models.forest_tables import EQUALS, FILL, LOOKUP, REPLACE, SCALE, STRETCH
from train.onnx.trees import Floats

Writers = Mapping[type, Any]
NO_NUMBERS: Floats = np.zeros(0)


class Step(NamedTuple):
    """What is done with a value: one of the kinds of `serving/models/forest_tables.py`."""

    kind: int
    a: float = 0.0
    b: float = 0.0
    numbers: Floats = NO_NUMBERS


class Column(NamedTuple):
    """A field, and the steps that its values go through.

    Attributes
    ----------
    labels : tuple of str
        By code, where the estimator is given labels and the service has their codes.
    """

    field: int
    labels: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    def then(self, step: Step) -> Self:
        """The column after one more step."""
        return self._replace(steps=(*self.steps, step))


def columns_after(
    step: Any, columns: Sequence[Column], others: Writers = MappingProxyType({})
) -> list[Column]:
    """The columns after a fitted step of a Pipeline.

    Parameters
    ----------
    others : mapping of type to function
        What is known of steps besides KNOWN, or in its place.

    Raises
    ------
    NotImplementedError
        If the step is none of those that are known, or does more than a table can.
    """
    if step in (None, "passthrough"):
        return [*columns]
    if isinstance(step, Pipeline):
        for _, each in step.steps:
            columns = columns_after(each, columns, others)
        return [*columns]
    if isinstance(step, ColumnTransformer):
        places = step._transformer_to_input_indices
        return [
            column
            for name, part, _ in step.transformers_
            if not (isinstance(part, str) and part == "drop")
            for column in columns_after(part, [columns[place] for place in places[name]], others)
        ]
    for kind, write in {**KNOWN, **others}.items():
        if type(step) is kind:
            made: list[Column] = write(step, columns)
            return made
    raise NotImplementedError(f"a table of {type(step).__name__}")


def _unchanged(step: FunctionTransformer, columns: Sequence[Column]) -> list[Column]:
    if step.func is not None:
        raise NotImplementedError("a function")
    return [*columns]


def _imputed(step: SimpleImputer, columns: Sequence[Column]) -> list[Column]:
    sign = step.missing_values
    if step.add_indicator or not isinstance(sign, int | float):
        raise NotImplementedError("an imputer that does more than put a value in a number's place")
    pairs = zip(columns, step.statistics_, strict=True)
    values = [codes_of(column, [value])[0] for column, value in pairs]
    if np.isnan(sign):
        return _each(columns, [Step(FILL, value) for value in values])
    return _each(columns, [Step(REPLACE, float(sign), value) for value in values])


def _scaled(less: str, by: str) -> Any:
    def write(step: Any, columns: Sequence[Column]) -> list[Column]:
        starts, factors = getattr(step, less, None), getattr(step, by)
        if not getattr(step, "with_mean", True):  # which was computed all the same
            starts = None
        starts = np.zeros(len(columns)) if starts is None else starts
        factors = np.ones(len(columns)) if factors is None else factors
        pairs = zip(starts.tolist(), factors.tolist(), strict=True)
        return _each(columns, [Step(SCALE, *pair) for pair in pairs])

    return write


def _stretched(step: MinMaxScaler, columns: Sequence[Column]) -> list[Column]:
    if step.clip:
        raise NotImplementedError("a scaler that clips")
    pairs = zip(step.scale_.tolist(), step.min_.tolist(), strict=True)
    return _each(columns, [Step(STRETCH, *pair) for pair in pairs])


def _one_hot(step: OneHotEncoder, columns: Sequence[Column]) -> list[Column]:
    if step.handle_unknown != "ignore" or step.drop_idx_ is not None or has_rare(step):
        raise NotImplementedError("one-hot encoding that refuses, drops or joins labels")
    return [
        column.then(Step(EQUALS, code))
        for column, labels in zip(columns, step.categories_, strict=True)
        for code in codes_of(column, labels)
    ]


def has_rare(step: OneHotEncoder) -> bool:
    """Whether an encoder has one column for several rare labels."""
    return step.min_frequency is not None or step.max_categories is not None


def _by_target(step: TargetEncoder, columns: Sequence[Column]) -> list[Column]:
    means = step.target_mean_ if step.target_type_ == "multiclass" else [step.target_mean_]
    made = []
    for at, encoding in enumerate(step.encodings_):
        feature, target = divmod(at, len(means))
        known = np.array(codes_of(columns[feature], step.categories_[feature]))
        order = known.argsort()
        numbers = np.append(known[order], encoding[order])
        made.append(columns[feature].then(Step(LOOKUP, float(means[target]), numbers=numbers)))
    return made


def codes_of(column: Column, values: Any) -> list[float]:
    """What the service has for values that an estimator knows."""
    if column.labels:
        if not {*values} <= {*column.labels}:
            raise NotImplementedError("labels that the field does not have")
        return [float(column.labels.index(label)) for label in values]
    if not all(isinstance(value, int | float | np.number) and value == value for value in values):  # noqa: PLR0124
        raise NotImplementedError("values that are no numbers")
    return [*map(float, values)]


def _each(columns: Sequence[Column], steps: Sequence[Step]) -> list[Column]:
    return [column.then(step) for column, step in zip(columns, steps, strict=True)]


KNOWN: Writers = {
    FunctionTransformer: _unchanged,
    MaxAbsScaler: _scaled("", "scale_"),
    MinMaxScaler: _stretched,
    OneHotEncoder: _one_hot,
    RobustScaler: _scaled("center_", "scale_"),
    SimpleImputer: _imputed,
    StandardScaler: _scaled("mean_", "scale_"),
    TargetEncoder: _by_target,
}
