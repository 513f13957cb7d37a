"""The process that predicts parts, one after the other; a run has some of them.

It reads a `Setup` and then tasks from its standard input, as lines of JSON, and writes what came of
each. It ends when its input does, which a kill of the run does as well, after the task in hand.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
from pyarrow import parquet

from serving.errors import InvalidRecords, NotATable, ServingError
from serving.formats.arrow.writing import joined, parquet_writer
from serving.inputs.exact import in_one_line
from serving.models.engine import Engine
from serving.places.places import place
from serving.scoring.options import Options
from serving.scoring.parts import Part
from serving.scoring.run import Source
from serving.scoring.score import Scorer, make_scorer
from serving.scoring.tables import SectionReader, Table, open_table
from serving.scoring.tasks import (
    MAX_FAULTS,
    Count,
    Counted,
    Failed,
    Plan,
    Planned,
    Predict,
    Progress,
    Result,
    Setup,
    Task,
)
from serving.settings import Settings
from serving.versions.decisions import Decisions

GROUP_ROWS, GROUP_BYTES = 2**17, 2**26  # of a row group that is written
PAUSE = 0.5  # seconds between two reports
COUNTS = b"adega.counts"


class Worker:
    """Predicts parts by one version."""

    def __init__(self, engine: Engine, options: Options, output: str, report: Any) -> None:
        self._engine, self._options, self._report = engine, options, report
        self._address, self._output = output, place(output)
        self._opened: tuple[Source, Table] | None = None
        self._reader: SectionReader | None = None

    def carry_out(self, task: Task) -> Result:
        """Do a task; what is expected to fail is returned."""
        file = task.source.address if isinstance(task, Plan) else task.part.source.address
        try:
            match task:
                case Plan():
                    return self._plan(task.source)
                case Predict():
                    return self._predict(task.part, task.kept)
                case Count():
                    file = task.part.name
                    return self._count(task.part)
        except ServingError as error:
            is_own = isinstance(error, InvalidRecords | NotATable)
            faults = error.faults if isinstance(error, InvalidRecords) else []
            message = in_one_line(faults) or str(error)
            return Failed(f"{file}: {message}" if is_own else message)
        except (pa.ArrowException, OSError, OverflowError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                return Failed(f"{file} to {self._address}: {error.strerror}")
            return Failed(f"{file}: {str(error).partition(chr(10))[0]}")  # of what is read

    def _plan(self, source: Source) -> Planned:
        """Check the columns of a file, and count the rows of its row groups."""
        with closing(open_table(source)) as table:
            scorer = self._scorer(table.schema)
            kept = {field.name: str(field.type) for field in scorer.kept}
            return Planned(table.count(), kept, scorer.unused)

    def _scorer(self, data: pa.Schema, kept: list[str] | None = None) -> Scorer:
        return make_scorer(self._engine, data, self._options, kept)

    def _predict(self, part: Part, kept: list[str]) -> Counted:
        table = self._open(part.source)
        scorer = self._scorer(table.schema, kept)
        section = part.section
        if not self._reader or not self._reader.is_before(section, part.first):
            self._reader = SectionReader(table, section, scorer.needed)
        counted = Counted(0, 0, 0, [])
        with self._output.writing(part.name) as out, parquet_writer(out, scorer.schema) as writer:
            scored = map(scorer.score, self._reader.rows(part.first, part.end))
            for group in joined(self._shown(scored), GROUP_ROWS, GROUP_BYTES):
                writer.write_table(group, row_group_size=group.num_rows or 1)
                _add(counted, group, part, table.group)
            numbers = counted.records, counted.invalid, counted.with_warnings
            writer.add_key_value_metadata({COUNTS: msgspec.json.encode(numbers)})
        return counted

    def _open(self, source: Source) -> Table:
        """Open a file, unless it is the one that is open."""
        if self._opened and self._opened[0] == source:
            return self._opened[1]
        if self._opened:
            self._opened[1].close()
        self._opened, self._reader = (source, open_table(source)), None
        return self._opened[1]

    def _shown(self, scored: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Report now and then how many records of a part are predicted."""
        records, due = 0, time.monotonic() + PAUSE
        for batch in scored:
            records += batch.num_rows
            if time.monotonic() > due:
                self._report(Progress(records))
                due = time.monotonic() + PAUSE
            yield batch

    def _count(self, part: Part) -> Counted:
        """Read what was counted when a part was written."""
        (listed,) = self._output.find((part.name,)).values()
        metadata = parquet.read_metadata(self._output.open(part.name, listed.size)).metadata or {}
        numbers = msgspec.json.decode(metadata.get(COUNTS, b"[0,0,0]"), type=tuple[int, int, int])
        return Counted(*numbers, [])


def _add(counted: Counted, group: pa.Table, part: Part, kind: str) -> None:
    """Count the records of a row group, and list the first that are invalid."""
    errors, before = group.column("error"), counted.records
    counted.records += group.num_rows
    counted.with_warnings += group.num_rows - group.column("warnings").null_count
    invalid = group.num_rows - errors.null_count
    counted.invalid += invalid
    if not invalid or len(counted.faults) >= MAX_FAULTS:
        return
    for row, error in enumerate(errors.to_pylist()):
        if error is not None and len(counted.faults) < MAX_FAULTS:
            number, within = part.section.find(part.first + before + row)
            where = f"{kind} {number}, row {within}" if kind else f"row {within}"
            counted.faults.append(f"{part.source.address}, {where}: {error}")


def main(source: BinaryIO, write: Callable[[bytes], Any]) -> None:
    """Read tasks and write results until the input ends."""

    def report(result: Result | Progress) -> None:
        write(msgspec.json.encode(result) + b"\n")

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    setup = msgspec.json.decode(source.readline(), type=Setup)
    try:
        decisions = Decisions.from_settings(Settings.from_environment())
        engine = Engine(decisions.read(setup.model, setup.version))
        worker = Worker(engine, setup.options, setup.output, report)
    except (ServingError, OSError) as error:
        report(Failed(str(error)))
        return
    for line in source:
        report(worker.carry_out(msgspec.json.decode(line, type=Task)))


if __name__ == "__main__":

    def _write(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    main(sys.stdin.buffer, _write)
