"""From the cells of a table to rows: a whole column at once, or exactly where one is at fault."""

import math
import re
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.errors import Fault, InvalidRecords, NotATable
from serving.exact import LISTED_NAMES, ExactReader
from serving.field import LONGEST_SHOWN, TRUTH, Field, shown
from serving.inputs.tables import Row
from serving.schema import Matrix, Schema
from serving.strict_json import INTEGER_DIGITS, JSONObject

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(rf"[+-]?[0-9]{{1,{INTEGER_DIGITS}}}")

as_json = msgspec.json.Decoder(list[float]).decode


class Cells:
    """A header held against a schema.

    An empty cell is a missing value. A category's code is taken where none of its labels looks like
    a number itself.

    Parameters
    ----------
    header : sequence of str
        The names of the columns.
    commas : bool
        Whether a number may have a decimal comma.

    Attributes
    ----------
    unused : list of str
        The columns that mean nothing to the model.
    met_comma : bool
        Whether a number had a decimal comma so far.

    Raises
    ------
    NotATable
        If no column is a field.
    InvalidRecords
        If a field has no column, or more than one.
    """

    def __init__(self, schema: Schema, header: Row, *, commas: bool) -> None:
        self.schema, self.width, self.commas = schema, len(header), commas
        self.met_comma = False
        parts = [Field(name=part) for field in schema.fields for part in field.sum_of]
        meant = {field.name: field for field in (*parts, *schema.fields)}
        self.unused = [name for name in header if name not in meant]
        if len(self.unused) == len(header):
            names = ", ".join(schema.names)
            raise NotATable(f"the first line names no field of this model; they are {names}")
        self._columns = [(at, meant[name]) for at, name in enumerate(header) if name in meant]
        self._refuse_faulty(header)
        self._texts = {field.name: _texts(field) for _, field in self._columns}
        of = {field.name: (field, at) for at, field in self._columns}
        self._sources = [
            [of[name] for name in (field.name, *field.sum_of) if name in of]
            for field in schema.fields
        ]
        self._is_plain = all(
            {one.name for one, _ in sources} in ({field.name}, {*field.sum_of}, set())
            for field, sources in zip(schema.fields, self._sources, strict=True)
        )
        self._lowest = np.array([field.minimum for field in schema.fields])
        self._highest = np.array([field.maximum for field in schema.fields])
        self._whole = [at for at, field in enumerate(schema.fields) if field.type == "integer"]

    def _refuse_faulty(self, header: Row) -> None:
        faults = []
        others = [name for name in self.unused if len(name) <= LONGEST_SHOWN][:LISTED_NAMES]
        for field in self.schema.fields:
            if header.count(field.name) > 1:
                faults.append(_of_header(field, "is more than one column"))
            elif not (field.optional or {field.name, *field.sum_of} & {*header}):
                near = get_close_matches(field.name, others, 1)
                hint = f"; {shown(near[0])} is: is that it?" if near else ""
                faults.append(_of_header(field, f"is no column{hint}"))
        if faults:
            raise InvalidRecords(faults)

    def matrix(self, rows: list[Row]) -> Matrix | None:
        """The rows of a batch by columns, None where one is at fault or needs a closer look."""
        if not self._is_plain or {*map(len, rows)} != {self.width}:
            return None
        columns = [*zip(*rows, strict=True)]
        matrix = np.full((len(rows), len(self._sources)), math.nan)
        try:
            for at, sources in enumerate(self._sources):
                if sources:
                    matrix[:, at] = sum(self._read(field, columns[one]) for field, one in sources)
        except (ValueError, KeyError):
            return None
        whole = matrix[:, self._whole]
        if (matrix < self._lowest).any() or (matrix > self._highest).any():
            return None
        return None if (whole != np.rint(whole))[~np.isnan(whole)].any() else matrix

    def _read(self, field: Field, texts: Row) -> NDArray[np.float64]:
        """The numbers that a column of texts stands for, much sooner than one at a time.

        Raises
        ------
        ValueError, KeyError
        """
        if field.type == "category":
            codes = self._texts[field.name]
            return np.fromiter(map(codes.__getitem__, texts), np.float64, len(texts))
        with suppress(msgspec.DecodeError):  # most columns are numbers as JSON has them
            numbers = as_json(f"[{','.join(texts)}]")
            if len(numbers) == len(texts):
                return np.array(numbers)
        return self._converted(field, texts)

    def _converted(self, field: Field, texts: Row) -> NDArray[np.float64]:
        together = "".join(texts)
        if not together.isascii() or "_" in together:  # which Python takes, and JSON does not
            raise ValueError
        if "," in together and self.commas:
            texts, self.met_comma = [text.replace(",", ".") for text in texts], True
        if not field.optional or all(texts):
            missing, numbers = 0, np.fromiter(map(float, texts), np.float64, len(texts))
        else:
            missing = texts.count("")
            numbers = np.array([float(text) if text else math.nan for text in texts])
        if np.count_nonzero(np.isnan(numbers)) > missing:  # "nan"
            raise ValueError
        return numbers

    def record(self, row: Row) -> JSONObject:
        """A row as the record that it stands for, for a reader that names every fault."""
        found = [
            (field.name, self._meant(field, text))
            for at, field in self._columns
            if (text := row[at].strip())
        ]
        return JSONObject(found)

    def _meant(self, field: Field, text: str) -> Any:
        if field.type == "category":
            code = self._texts[field.name].get(text)
            return text if code is None else field.categories[int(code)]
        number = text.replace(",", ".", 1) if self.commas and "." not in text else text
        if not NUMBER.fullmatch(number):
            return text
        self.met_comma |= number != text
        return int(number) if WHOLE.fullmatch(number) else float(number)

    def read(self, reader: ExactReader, position: int, row: Row) -> list[float]:
        """One number for each field; faults are the reader's."""
        if len(row) != self.width:
            message = f"has {len(row)} cells, the first line has {self.width}"
            reader.faults.append(Fault(record=position, message=message))
            return []
        return reader.row(position, self.record(row))


def _of_header(field: Field, message: str) -> Fault:
    return Fault(record=0, line=1, field=field.name, message=message)


def _texts(field: Field) -> dict[str, float]:
    """The code of each text that may stand for a category."""
    labels = {label: float(code) for code, label in enumerate(field.categories)}
    texts = {} if any(map(NUMBER.fullmatch, labels)) else {str(int(c)): c for c in labels.values()}
    if field.categories in TRUTH:
        texts |= {
            spelt: code
            for label, code in labels.items()
            for spelt in (label.lower(), label.upper(), label.title())
        }
    return texts | ({"": math.nan} if field.optional else {}) | labels
