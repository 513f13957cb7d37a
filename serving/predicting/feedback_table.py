"""Feedback as a table: what is valid is recorded, and the rest is reported line by line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from msgspec.structs import astuple

from serving import clock
from serving.access.callers import Caller
from serving.errors import NotAllowed, NotATable, TooManyRecords
from serving.formats.spreadsheet import as_written
from serving.ids import PredictionId
from serving.inputs import numerals
from serving.inputs.headers import Row, other_width
from serving.inputs.missing import is_missing
from serving.inputs.numerals import COMMAS_BETWEEN, OTHERS_BETWEEN, PLAIN, Numerals
from serving.inputs.shown import ambiguous, in_full, printable, shown
from serving.inputs.strict_json import JSONObject
from serving.inputs.tables import TableReader
from serving.predicting import feedback
from serving.predicting.feedback_report import (
    FeedbackColumns,
    FeedbackProblem,
    FeedbackTableReport,
    Kind,
    find_columns,
)
from serving.predicting.lookup import Named
from serving.recording.entry import FeedbackEntry
from serving.versions.registry import Registry

BATCH = 5_000  # rows that are recorded together
MAX_ROWS = 200_000  # of a table
COMMA = Numerals(",")


class Recorder(NamedTuple):
    """What feedback is read and recorded with.

    Attributes
    ----------
    model : str or None
        The only one whose predictions may get feedback.
    find : callable
        Finds the predictions with own ids.
    without_prediction : callable
        Returns which ids have no prediction, None if that cannot be known.
    record : callable or None
        Records an entry; None if nothing is to be recorded.
    """

    registry: Registry
    caller: Caller
    request_id: str
    model: str | None
    find: feedback.Find
    without_prediction: Callable[[list[str]], list[str] | None]
    record: Callable[[FeedbackEntry], None] | None


class _Given(NamedTuple):
    """Feedback as a row of the table has it."""

    line: int
    by: str
    id: str
    actual: str


class FeedbackTable:
    """Feedback in a table.

    Parameters
    ----------
    stream : file
        Of bytes, at its beginning; it stays open.
    chosen : FeedbackColumns
        The columns that the caller named; others are found by their names.

    Raises
    ------
    NotATable
        If the text is no table or has no rows, or there is not one column of a name.
    TooManyRecords
    """

    def __init__(self, stream: BinaryIO, chosen: FeedbackColumns) -> None:
        self._stream, self._chosen = stream, chosen
        rows, table = 0, TableReader(stream)
        read = find_columns(table.names, chosen)
        for name in {*astuple(read)} & {*table.repeated.values()}:
            raise NotATable(f"several columns are called {shown(name)}; keep one of them")
        self.report = FeedbackTableReport([*table.names], read)
        while taken := table.take(BATCH)[0]:  # to its end, before anything is recorded
            rows += len(taken)
            if rows > MAX_ROWS:
                message = f"the table has more than {MAX_ROWS:,} rows; send it in parts"
                raise TooManyRecords(message)
        if not rows:
            raise NotATable("there is no row below the line of names; send at least one")
        self.report.rows = rows

    def problems(self, recorder: Recorder) -> Iterator[FeedbackProblem]:
        """Record what is valid, and yield what is not; the report is complete at the end.

        Raises
        ------
        JournalError, StoreError
        """
        self._stream.seek(0)
        table, seen, latest = TableReader(self._stream), dict[int, int](), 0
        while (taken := table.take(BATCH))[0]:
            found: list[FeedbackProblem] = []
            unique: dict[str, tuple[str | float, _Given]] = {}
            again: set[str] = set()  # what was recorded with rows before
            for prediction_id, actual, given in self._valid(table, *taken, recorder, found):
                key = hash(prediction_id)
                if key in seen:
                    why = f"line {seen[key]} has the same prediction; this one counts"
                    found.append(_problem(given, "repeated", why))
                    if seen[key] < taken[1][0]:
                        again.add(prediction_id)
                seen[key] = given.line
                unique[prediction_id] = actual, given
            if unique:
                latest = max(clock.now(), latest + 1)  # the last one of a prediction counts
                found += self._recorded(unique, again, latest, recorder)
            self._count(found)
            yield from sorted(found, key=lambda each: each.line)

    def _valid(
        self,
        table: TableReader,
        rows: Sequence[Row],
        lines: Sequence[int],
        recorder: Recorder,
        found: list[FeedbackProblem],
    ) -> Iterator[tuple[str, str | float, _Given]]:
        given = [*self._given(table, rows, lines, found)]
        own_ids = {each.id for each in given if each.by == "own_id"}
        named = recorder.find(own_ids) if own_ids else {}
        number = partial(_number, commas=table.separator != ",")
        for each in given:
            try:
                read = _read(each, recorder, named, number)
            except feedback.Invalid as error:
                if error.field == "actual" and is_missing(each.actual):
                    self.report.skipped += 1
                else:
                    is_unknown = each.by == "own_id" and error.field == "own_id"
                    unmatched = is_unknown and each.id not in named
                    kind: Kind = "unmatched" if unmatched else "refused"
                    found.append(_problem(each, kind, f"{error.field} {error}"))
            except NotAllowed as error:
                found.append(_problem(each, "refused", str(error)))
            else:
                yield *read, each

    def _given(
        self,
        table: TableReader,
        rows: Sequence[Row],
        lines: Sequence[int],
        found: list[FeedbackProblem],
    ) -> Iterator[_Given]:
        """Yield the rows that have an actual value."""
        read = self.report.read
        at = {name: table.names.index(name) for name in (read.id, read.own_id, read.actual) if name}
        for row, line in zip(rows, lines, strict=True):
            if len(row) != len(table.names):
                message = f"the line {other_width(len(row), len(table.names), table.separator)}"
                found.append(FeedbackProblem(line, "", "", "refused", message))
                continue
            prediction_id, own_id, actual = (
                as_written(row[at[name]].strip()) if name else ""
                for name in (read.id, read.own_id, read.actual)
            )
            if not actual:
                self.report.skipped += 1
                continue
            by = "own_id" if own_id and not prediction_id else "id"
            by = "own_id" if read.id is None else by
            yield _Given(line, by, own_id if by == "own_id" else prediction_id, actual)

    def _recorded(
        self,
        unique: dict[str, tuple[str | float, _Given]],
        again: set[str],
        time: int,
        recorder: Recorder,
    ) -> Iterator[FeedbackProblem]:
        """Record feedback, and yield that without a prediction."""
        ids, report = [*unique], self.report
        if recorder.record:
            actuals = [actual for actual, _ in unique.values()]
            caller = recorder.caller.name
            recorder.record(FeedbackEntry(time, recorder.request_id, ids, actuals, caller))
        new = [each for each in ids if each not in again]
        report.recorded += len(new)
        missing = recorder.without_prediction(new)
        if missing is None or report.matched is None:
            report.matched = None
            return
        report.matched += len(new) - len(missing)
        for each in missing:
            why = "no prediction has this id here; its feedback is kept, should one come"
            yield _problem(unique[each][1], "unmatched", why)

    def _count(self, found: Sequence[FeedbackProblem]) -> None:
        report = self.report
        for each in found:
            setattr(report, each.kind, getattr(report, each.kind) + 1)


def _read(
    given: _Given,
    recorder: Recorder,
    named: Mapping[str, Named],
    number: Callable[[Any, str], float],
) -> tuple[str, str | float]:
    record = JSONObject([(given.by, given.id), ("actual", given.actual)])
    if not given.id:
        raise feedback.Invalid("id", "is missing")
    read = feedback.read(record, recorder.registry, recorder.caller, named, number)
    made_by = PredictionId.read(read[0])
    if recorder.model and made_by and made_by.model != recorder.model:
        message = f"is of a prediction by {shown(made_by.model)}, not by {shown(recorder.model)}"
        raise feedback.Invalid(given.by, message)
    return read


def _number(text: str, unit: str, *, commas: bool) -> float:
    """Read a number as people write it; one with a decimal point means the same everywhere.

    Parameters
    ----------
    commas : bool
        Whether no commas are between the cells, so that one in a number is a decimal comma.
    """
    found: tuple[float, ...] = (float(text),) if PLAIN.fullmatch(text) else ()
    if commas:
        found = found or numerals.readings(text, [COMMA], unit)
    found = found or numerals.readings(text, OTHERS_BETWEEN if commas else COMMAS_BETWEEN, unit)
    if len(found) > 1:
        raise ValueError(ambiguous(text, found, f"write {' or '.join(map(in_full, found))}"))
    return feedback.NUMBER.number(found[0] if found else text)


def _problem(given: _Given, kind: Kind, message: str) -> FeedbackProblem:
    return FeedbackProblem(given.line, printable(given.id), printable(given.actual), kind, message)
