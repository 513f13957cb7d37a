"""Strict JSON: no NaN, no infinity, and names that an object repeats are reported."""

import json
import math
import sys
from collections import Counter
from typing import Any, NoReturn

from serving.errors import Fault, InvalidRecords, NotJSON, TooManyRecords

INTEGER_DIGITS = 18  # longer ones convert slowly, and Python refuses 4,300 digits and more
LONG_INTEGER = 10**INTEGER_DIGITS

CONSTANTS = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}


class JSONObject(dict[str, Any]):
    """A JSON object that keeps the names that occur in it more than once."""

    repeated: frozenset[str]

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs) if len(pairs) > len(self) else {}
        self.repeated = frozenset(name for name, count in times.items() if count > 1)


def read_records(body: bytes, max_records: int) -> tuple[list[Any], bool]:
    """Return the records of a body, one or an array of them, and whether it is an array.

    Raises
    ------
    NotJSON, TooManyRecords
    InvalidRecords
        If the array is empty.
    """
    sent = parse(body)
    if not isinstance(sent, list):
        return [sent], False
    check_count(len(sent), max_records)
    return sent, True


def first_character(body: bytes) -> bytes:
    """Return the first character of a body, after a little white space; empty without one."""
    return body[:64].lstrip()[:1]


def check_count(count: int, max_records: int) -> None:
    """Check how many records an array has.

    Raises
    ------
    TooManyRecords
    InvalidRecords
        If there are none.
    """
    if count > max_records:
        raise TooManyRecords(f"{count} records in one request; send at most {max_records}")
    if not count:
        message = "the array is empty; send at least one record"
        raise InvalidRecords([Fault(record=0, message=message)])


def as_object(value: Any) -> Any:
    """Return an object that another parser read as a `JSONObject`; other values as they are."""
    is_plain = isinstance(value, dict) and not isinstance(value, JSONObject)
    return JSONObject([*value.items()]) if is_plain else value


def parse(body: bytes, *, is_strict: bool = True) -> Any:
    """Parse a body, with a `JSONObject` for each object.

    Parameters
    ----------
    is_strict : bool
        If not, NaN is read as null, and an infinity as one, as several clients write them.

    Raises
    ------
    NotJSON
        With the line and column of the first fault.
    """
    if not body.strip():
        raise NotJSON("the body is empty; send a record as a JSON object, or an array of records")
    try:
        return json.loads(
            body.decode("utf-8-sig"),  # Windows editors put a byte order mark first
            object_pairs_hook=JSONObject,
            parse_constant=_refuse_constant if is_strict else CONSTANTS.__getitem__,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise NotJSON(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise NotJSON(f"the body is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise NotJSON("the body nests too deeply to be a record") from None


def as_parsed(value: Any) -> Any:
    """Return a value that another parser read as `parse` has it: a long integer as a float."""
    if not isinstance(value, int) or abs(value) < LONG_INTEGER:
        return value
    if abs(value) > sys.float_info.max:
        return math.inf if value > 0 else -math.inf
    return float(value)


def _refuse_constant(name: str) -> NoReturn:
    raise NotJSON(f"the body is not JSON: {name} is not a JSON value; numbers are finite")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= INTEGER_DIGITS else float(digits)
