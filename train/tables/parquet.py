"""Files of Parquet as columns, with the types that they have there."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute, parquet, types

from serving.formats.arrow.reading import is_time, to_days, to_floats
from serving.inputs.dates import ISO
from serving.inputs.field import EXACT_INTEGER, FLOAT32_MAX
from serving.sentence import Sentence
from train.errors import TrainingError
from train.tables.column import Column
from train.tables.columns import not_there, without_missing
from train.tables.files import Files, names_of_all
from train.tables.options import ColumnOptions, quoted, require_name

ROWS = 250_000  # that are converted at once
TEXTS = (types.is_string, types.is_large_string, types.is_string_view)
NUMBERS = (types.is_integer, types.is_floating, types.is_decimal)
SAMPLE = 1_000  # rows by which texts are measured
MAX_LISTED = 20  # numbers that stand for a missing value


class Typed(NamedTuple):
    """The columns of files, one below the other.

    Attributes
    ----------
    names : tuple of str
        Those of the files, in the order of the first.
    columns : dict of str to Column
    remarks : list of Sentence
        What was decided.
    """

    names: tuple[str, ...]
    columns: dict[str, Column]
    remarks: list[Sentence]


def read(files: Files, target: str, options: ColumnOptions) -> Typed:
    """Read files of Parquet: numbers, dates, texts and booleans; a NaN is missing as null is.

    Columns of `options.drop` are not read, and may have any type.

    Raises
    ------
    TrainingError
        If a file is not there or is not Parquet, or a column is not in all files, or has values
        that no model takes, or has other types in other files.
    """
    schemas = {}
    for file in files:
        with closing(_open(file)) as opened:
            schemas[file] = _schema(file, opened)
    names = names_of_all({file: each.names for file, each in schemas.items()}, options.drop)
    options.check(names)
    require_name(names, target)
    used = [name for name in names if name not in options.drop]
    kinds = {name: _kind(name, schemas) for name in used}
    pieces: dict[str, list[Any]] = {name: [] for name in used}
    rows = 0
    for file in files:
        with closing(_open(file)) as opened:
            rows += opened.metadata.num_rows
            for name in used if opened.metadata.num_rows else ():
                pieces[name] += _pieces(file, opened, name, kinds[name])
    if not rows:
        raise TrainingError(f"{files[0]} has no rows: add some")
    remarks: list[Sentence] = []
    columns = {}
    for name in names:
        if name in options.drop:
            columns[name] = Column(name, "text", pd.Series(np.full(rows, np.nan)))
            continue
        kept = pieces.pop(name)
        missing = options.missing_in(name, names)
        if kinds[name] in {"number", "date"}:
            is_whole = all(types.is_integer(each.field(name).type) for each in schemas.values())
            column = _numeric(name, kinds[name], kept, remarks, is_whole=is_whole)
            columns[name] = without_missing(column, missing)
        else:
            columns[name] = _texts(name, kept, missing)
    return Typed(names, columns, [*remarks, *not_there(options, columns)])


def size(files: Files, drop: frozenset[str]) -> tuple[int, int, int]:
    """How many rows and columns files have, and the bytes of a row's texts, by their metadata.

    The bytes are those of the first rows of each file.

    Raises
    ------
    TrainingError
        If a file is not there or is not Parquet, or has two columns of one name.
    """
    rows = columns = texts = 0
    for file in files:
        with closing(_open(file)) as opened:
            rows += opened.metadata.num_rows
            used = [each for each in _schema(file, opened) if each.name not in drop]
            columns = max(columns, len(used))
            names = [each.name for each in used if _kind_of(each.type) == "text"]
            texts += opened.metadata.num_rows * _bytes(file, opened, names)
    return rows, columns, texts // max(rows, 1)


def _bytes(file: Path, opened: Any, names: list[str]) -> int:
    """The bytes of some texts of a row, in the first rows."""
    found = []
    for name in names:
        piece = next(_pieces(file, opened, name, "text", SAMPLE), None)
        found += [] if piece is None else [piece.nbytes // max(len(piece), 1)]
    return sum(found)


def _open(file: Path) -> Any:
    try:
        return parquet.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise TrainingError(f"{file} cannot be read as Parquet: {reason}") from error


def _schema(file: Path, opened: Any) -> pa.Schema:
    schema = opened.schema_arrow
    twice = [name for name in schema.names if schema.names.count(name) > 1]
    if twice:
        raise TrainingError(f"{file} has two columns {twice[0]!r}: rename one")
    return schema


def _kind(name: str, schemas: dict[Path, pa.Schema]) -> str:
    """The kind of a column: number, date, text or boolean; empty if it is null in all files."""
    found, of_file = "", Path()
    for file, schema in schemas.items():
        kind = _kind_of(schema.field(name).type)
        if kind is None:
            raise TrainingError(
                f"{file}: the column {name!r} has the type {schema.field(name).type}, and a model "
                "takes numbers, texts, booleans and dates: write it as one of these, or leave it "
                f"out by --drop {quoted(name)}"
            )
        if found and kind and kind != found:
            raise TrainingError(
                f"{file}: the column {name!r} has the type {schema.field(name).type}, in "
                f"{of_file} it has the type {schemas[of_file].field(name).type}: write them alike, "
                f"or leave it out by --drop {quoted(name)}"
            )
        if kind and not found:
            found, of_file = kind, file
    return found


def _kind_of(kind: Any) -> str | None:
    kind = kind.value_type if types.is_dictionary(kind) else kind
    if types.is_null(kind):
        return ""
    if any(is_of(kind) for is_of in TEXTS):
        return "text"
    if any(is_of(kind) for is_of in NUMBERS):
        return "number"
    if is_time(kind):
        return "date"
    return "boolean" if types.is_boolean(kind) else None


def _pieces(file: Path, opened: Any, name: str, kind: str, rows: int = ROWS) -> Iterator[Any]:
    """The values of a column, some rows at a time: floats, or Arrow's texts."""
    try:
        for batch in opened.iter_batches(rows, columns=[name], use_threads=False):
            yield _converted(batch.column(name), kind)
    except (OSError, pa.ArrowException) as error:
        why = str(error).partition("\n")[0]
        raise TrainingError(f"{file}: the column {name!r} cannot be read: {why}") from error


def _converted(column: Any, kind: str) -> Any:
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_null(column.type):
        numeric = kind in {"number", "date"}
        return np.full(len(column), np.nan) if numeric else column.cast(pa.large_string())
    if kind == "number":
        return to_floats(column)
    if kind == "date":
        days, is_far = to_days(column)
        return np.where(is_far, np.inf, days)
    texts = compute.utf8_trim_whitespace(column.cast(pa.large_string()))
    return compute.if_else(compute.equal(texts, ""), None, texts)


def _numeric(
    name: str,
    kind: str,
    pieces: list[Any],
    remarks: list[Sentence],
    *,
    is_whole: bool,
) -> Column:
    values = np.concatenate(pieces)
    is_beyond = np.abs(values) > FLOAT32_MAX
    found: tuple[str, ...] = ()
    if is_beyond.any():
        what = Sentence("beyond all dates")
        if kind == "number":
            what = Sentence("beyond the largest number of a model")
        remarks.append(
            Sentence(
                "{name!r}: {count:,} {count:value|values} {what} {count:counts|count} as missing",
                name=name,
                count=is_beyond.sum(),
                what=what,
            )
        )
        if kind == "number":
            found = tuple(f"{each:.12g}" for each in np.unique(values[is_beyond])[:MAX_LISTED])
        values[is_beyond] = np.nan
    content = pd.Series(values, name=name, copy=False)
    if kind == "date":
        return Column(name, "date", content, format=ISO)
    is_exact = is_whole and bool((np.abs(values[~np.isnan(values)]) <= EXACT_INTEGER).all())
    return Column(name, "integer" if is_exact else "number", content, missing=found)


def _texts(name: str, pieces: list[Any], missing: tuple[str, ...]) -> Column:
    content = pa.chunked_array(pieces, pa.large_string()).to_pandas().astype("str").rename(name)
    found = tuple(text for text in missing if (content == text).any())
    return Column(name, "text", content.mask(content.isin(found)), missing=found)
