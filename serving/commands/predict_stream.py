"""Predicts the records of one file or pipe: CSV, a workbook or JSON Lines."""

import sys
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec

from serving.figures import counted
from serving.formats import READERS, WRITERS, Batch, Reader, predict_batch
from serving.formats.files import CSV, STANDARD, reading, reading_table, writing
from serving.formats.workbook import Report
from serving.inputs.shown import listed, shown
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from serving.models.predicted import Predicted
from serving.predicting.explaining import Explaining

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

MAX_WAITING = 2  # batches that are read while one is predicted

PredictedBatch = tuple[Batch, Predicted | None]


class Summary(msgspec.Struct):
    """The result for the records of a file.

    `unused` are columns that are not fields of the model; `sheet` of a workbook was read, and
    `other_sheets` were not; `invalid` records were not predicted.
    """

    model: str
    version: int
    backend: str
    unused: list[str]
    sheet: str = ""
    other_sheets: tuple[str, ...] = ()
    records: int = 0
    invalid: int = 0
    with_warnings: int = 0
    seconds: float = 0.0

    def count(self, batch: Batch) -> None:
        """Count the records of a batch."""
        self.records += len(batch.lines)
        self.invalid += len(batch.faults)
        self.with_warnings += len(batch.rows.remarks)

    def sentences(self) -> Iterator[str]:
        """Yield the lines for people."""
        speed = self.records / max(self.seconds, 1e-3)
        yield (
            f"{counted(self.records, 'record')} by {self.model} {self.version} ({self.backend})"
            f" in {self.seconds:.1f} s, {speed:,.0f} a second"
        )
        if self.sheet:
            others = f"; not {listed(self.other_sheets)}" if self.other_sheets else ""
            yield f"of the workbook, the sheet {shown(self.sheet)} was read{others}"
        if self.unused:
            yield f"not used, as they are not fields of {self.model}: {listed(tuple(self.unused))}"
        if self.with_warnings:
            yield click.style(f"{counted(self.with_warnings, 'has', 'have')} warnings", fg="yellow")
        if self.invalid:
            yield click.style(
                f"{counted(self.invalid, 'is', 'are')} invalid and not predicted", fg="red"
            )


def predict_stream(
    engine: Engine,
    file: Path,
    output: Path,
    *,
    read_as: str,
    write_as: str,
    explaining: Explaining,
    explain: ExplainOptions | None,
) -> Summary:
    """Predict the records of one file, in formats by their media types."""
    began = time.perf_counter()
    try:
        with ExitStack() as opened:
            report = Report()
            if read_as == CSV:
                opened_file, report = opened.enter_context(reading_table(file))
            else:
                opened_file = opened.enter_context(reading(file))
            reader = READERS[read_as](opened_file.stream, engine.schema)
            summary = Summary(
                *(engine.manifest.name, engine.manifest.version, engine.backend, reader.unused),
                *(report.sheet, report.others),
            )
            out = opened.enter_context(writing(output))
            is_visible = opened_file.size is not None and output != STANDARD and sys.stderr.isatty()
            bar: ProgressBar[int] = opened.enter_context(
                click.progressbar(
                    length=opened_file.size or 0,
                    label="predicting",
                    file=sys.stderr,
                    hidden=not is_visible,
                )
            )
            predicted = _predict(engine, reader, explaining, explain)
            for batch in _write(engine, predicted, reader, write_as, out, explain=explain):
                summary.count(batch)
                bar.update(opened_file.position() - bar.pos)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, BrokenPipeError):  # the reader of a pipe has closed it
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise click.ClickException(f"{file} to {output}: {reason}") from None
    summary.seconds = round(time.perf_counter() - began, 3)
    return summary


def _write(
    engine: Engine,
    batches: Iterator[PredictedBatch],
    reader: Reader,
    media_type: str,
    out: BinaryIO,
    *,
    explain: ExplainOptions | None,
) -> Iterator[Batch]:
    """Write the predictions of all batches, and yield each batch that is written."""
    first = next(batches)  # now the reader knows the dialect of a table
    writer = WRITERS[media_type](engine.manifest, reader.dialect, ids=False, explain=explain)
    out.write(writer.head())
    for batch, predicted in chain([first], batches):
        out.write(writer.batch(batch, predicted))
        yield batch
    out.write(writer.tail())


def _predict(
    engine: Engine,
    batches: Iterable[Batch],
    explaining: Explaining,
    explain: ExplainOptions | None,
) -> Iterator[PredictedBatch]:
    """Predict in a thread; ONNX Runtime lets other threads read and write meanwhile."""

    def predict_rows(batch: Batch) -> Predicted:
        predicted = Predicted(engine, [], batch.rows, engine.predict(batch.rows.matrix))
        return explaining.explained(predicted, explain) if explain else predicted

    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[PredictedBatch]] = deque()
        for batch in batches:
            waiting.append(thread.submit(predict_batch, batch, predict_rows))
            if len(waiting) > MAX_WAITING:
                yield waiting.popleft().result()
        for each in waiting:
            yield each.result()
