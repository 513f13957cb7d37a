"""A value of one field, read from JSON or from a cell of a table."""

import io
import json
from typing import Any

import numpy as np
import pytest

from serving.errors import InvalidRecords
from serving.formats import READERS
from serving.inputs.field import Field
from serving.inputs.schema import Schema
from serving.inputs.tables import Table

EXTRA = Field(name="x", optional=True)


def decoded(field: Field, value: Any) -> Any:
    """What a row holds of a value, read the fast way, the exact way, and in an array."""
    schema = Schema([field, EXTRA])
    record = {field.name: value}
    sent = [[record], record, record | {"more": 1}]
    one, *others = (schema.decode(json.dumps(each).encode(), 1).matrix[0, 0] for each in sent)
    np.testing.assert_array_equal(others, [one, one])
    return one


def celled(field: Field, text: str, *, separator: str = ",", trained: str | None = None) -> Any:
    """What a row holds of a cell."""
    schema = Schema([field, EXTRA], Table(trained) if trained else None)
    quoted = text.replace('"', '""')
    table = f'{field.name}{separator}x\n"{quoted}"{separator}1\n'
    (batch,) = READERS["text/csv"](io.BytesIO(table.encode()), schema)
    if batch.faults:
        raise InvalidRecords(batch.faults[0])
    return batch.rows.matrix[0, 0]


def refusal(read: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(InvalidRecords) as refused:
        read(*arguments, **more)
    (fault,) = refused.value.faults
    return fault.message


def category(*labels: str, **more: Any) -> Field:
    return Field(name="c", type="category", categories=labels, **more)
