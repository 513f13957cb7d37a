"""Reads the bodies of MLflow's clients: one of four members in JSON, CSV with names, or Parquet."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from flask import request
from msgspec import UNSET, Raw, UnsetType
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from serving.api.protocols import instances, values
from serving.formats import arrow, parquet
from serving.front import READ_AS_JSON
from serving.inputs.schema import Rows, Schema
from serving.inputs.strict_json import JSONObject
from serving.models.engine import Engine

CSV, PARQUET = "text/csv", arrow.PARQUET
FORMS = "dataframe_split, dataframe_records, instances, inputs"
OLD = {"columns", "data"}  # of a body of before MLflow 2.0


class Split(msgspec.Struct):
    """A frame; its index is of no use."""

    columns: list[str]
    data: instances.Plain


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    """A body with one of two members, as it is plain to read."""

    dataframe_records: Raw | UnsetType = UNSET
    dataframe_split: Split | UnsetType = UNSET


class Call(NamedTuple):
    """What a body asks for; `unused` are the names in it that have no meaning here."""

    rows: Rows
    method: str = "predict"
    unused: Sequence[str] = ()


decoder = msgspec.json.Decoder(Sent)


def require_readable(kinds: set[str]) -> None:
    """Raise an error for what clients of MLflow send, and this service does not read.

    Parameters
    ----------
    kinds : set of str
        The media types that are read besides JSON and Parquet.

    Raises
    ------
    UnsupportedMediaType
    """
    if request.mimetype == PARQUET and not arrow.is_installed():
        raise UnsupportedMediaType(
            "this service does not read Parquet, as pyarrow is not installed; send text/csv, or "
            "application/json with dataframe_split, or install requirements-parquet.txt"
        )
    if unknown := sorted(request.mimetype_params.keys() - {"charset"}):
        raise UnsupportedMediaType(
            f"the Content-Type has the parameter {unknown[0]!r}, as before MLflow 2.0; send "
            f"application/json alone, and one of {FORMS} in the body"
        )
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(f"charset={charset} is not supported; send utf-8")
    if request.mimetype not in {*kinds, PARQUET, *READ_AS_JSON}:
        raise UnsupportedMediaType(
            f"Content-Type {request.mimetype!r} is not supported; send application/json or text/csv"
        )


def read_table(engine: Engine, mimetype: str, body: bytes, max_records: int) -> Call:
    """Read a body of CSV with names, or of Parquet.

    Raises
    ------
    NotATable, TooManyRecords, InvalidRecords
    """
    read = parquet.read if mimetype == PARQUET else instances.read_csv
    rows, unused = read(engine.schema, body, max_records)
    return Call(rows, unused=unused)


def read(engine: Engine, body: bytes, max_records: int) -> Call:
    """Read a body of JSON.

    Raises
    ------
    NotJSON, BadRequest, TooManyRecords, InvalidRecords
    """
    try:
        sent = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # such as NaN, or another member
    else:
        rows = _plain(engine.schema, sent, max_records)
        if rows:
            return Call(rows)
    parsed = instances.read_object(body)
    given = [name for name in READERS if name in parsed]
    if len(given) != 1:
        raise BadRequest(_not_one(parsed, given))
    method, unused = values.chosen(parsed.get("params"), engine.manifest)
    (form,) = given
    return Call(READERS[form](engine.schema, parsed[form], max_records), method, unused)


def _plain(schema: Schema, sent: Sent, max_records: int) -> Rows | None:
    records, table = sent.dataframe_records, sent.dataframe_split
    if table is UNSET and not isinstance(records, UnsetType):
        return instances.read_plain(schema, bytes(records), max_records)
    if records is UNSET and not isinstance(table, UnsetType):
        return instances.read_table(schema, table.columns, table.data, max_records)
    return None


def _not_one(parsed: JSONObject, given: list[str]) -> str:
    if parsed.keys() >= OLD:
        return (
            "the body has `columns` and `data` at its top, as before MLflow 2.0; send "
            '{"dataframe_split": {"columns": …, "data": …}}'
        )
    return f"the body needs exactly one of {FORMS}; it has {' and '.join(given) or 'none'}"


def _table(schema: Schema, table: Any, max_records: int) -> Rows:
    if not isinstance(table, JSONObject):
        raise BadRequest("`dataframe_split` is no object; send one with `columns` and `data`")
    if table.get("columns") is None:
        return instances.read_instances(schema, table.get("data"), max_records)
    return instances.read_table(schema, table["columns"], table.get("data"), max_records)


READERS: dict[str, Callable[[Schema, Any, int], Rows]] = {
    "dataframe_split": _table,
    "dataframe_records": instances.read_instances,
    "instances": instances.read_instances,
    "inputs": instances.read_instances,
}
