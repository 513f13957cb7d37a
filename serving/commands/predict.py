"""The command that predicts the records of a file, without a server."""

import math
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

from serving.commands.group import AS_JSON, NEEDS_ATTENTION
from serving.formats import READERS, WRITERS, Batch, Reader, predict_batch
from serving.formats.files import CSV, MEDIA_TYPES, STANDARD, media_type, reading, writing
from serving.models import model_folder
from serving.models.engine import Engine
from serving.models.explaining.explanation import ALL, LANGUAGES, ExplainOptions
from serving.models.predicted import Predicted
from serving.predicting.explaining import Explaining
from serving.settings import Settings
from serving.versions.decisions import Decisions

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

MAX_WAITING = 2  # batches that are read while one is predicted

FILE = click.Path(path_type=Path, allow_dash=True)
FORMATS = {"csv": CSV, "jsonl": MEDIA_TYPES[".jsonl"], "json": MEDIA_TYPES[".json"]}

PredictedBatch = tuple[Batch, Predicted | None]


class Summary(msgspec.Struct):
    """The result for the records of a file.

    `unused` are columns that are not fields of the model; `invalid` records were not predicted.
    """

    model: str
    version: int
    backend: str
    unused: list[str]
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
            f"{self.records:,} records by {self.model} {self.version} ({self.backend})"
            f" in {self.seconds:.1f} s, {speed:,.0f} a second"
        )
        if self.unused:
            yield f"not used, as they are not fields of {self.model}: {', '.join(self.unused)}"
        if self.with_warnings:
            yield click.style(f"{self.with_warnings:,} have warnings", fg="yellow")
        if self.invalid:
            yield click.style(f"{self.invalid:,} are invalid and not predicted", fg="red")


@click.command(
    epilog="""\b
    Examples:
      adega predict wine rows.csv -o out.csv
      adega predict wine rows.jsonl.gz -o out.jsonl.gz
      zcat rows.csv.gz | adega predict wine - | cut -d, -f1
      adega predict wine rows.csv -o out.csv --json | jq .invalid
      adega predict wine rows.csv -o out.csv --explain 3

    \b
    Exit codes: 0 all predicted; 1 failed; 2 wrong usage; 3 some records are
    invalid, the others are predicted.
    """
)
@click.argument("model")
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, default=STANDARD, help="A file, or - to print.")
@click.option("--version", type=int, help="Which version; the live one, if not given.")
@click.option(
    "--explain",
    is_flag=False,
    flag_value=ALL,
    callback=lambda _, __, text: None if text is None else _options(text),
    metavar="[K]",
    help="Explain each prediction: by the contributions of all fields, or by the K largest.",
)
@click.option("--language", type=click.Choice([*LANGUAGES]), help="Explain in sentences as well.")
@click.option(
    "--reasons-for",
    default="",
    metavar="LABEL",
    help="Give the most important reasons where LABEL is predicted; needs --language.",
)
@click.option("--from", "source", type=click.Choice(["csv", "jsonl"]), help="FILE's format.")
@click.option("--to", "target", type=click.Choice([*FORMATS]), help="OUTPUT's format.")
@AS_JSON
@click.pass_obj
def predict(
    settings: Settings,
    *,
    model: str,
    file: Path,
    output: Path,
    version: int | None,
    explain: ExplainOptions | None,
    language: str | None,
    reasons_for: str,
    source: str | None,
    target: str | None,
    as_json: bool,
) -> None:
    """Predict the records of FILE by MODEL: CSV with a line of names, or JSON Lines; - is a pipe.

    Validation and predictions are those of the service, in the order of the records; nothing is
    recorded, so predictions have no ids. A file is compressed if its name ends in .gz. An invalid
    record has its error in the place of a prediction.
    """
    read_as = FORMATS[source] if source else media_type(file) or CSV
    if read_as not in READERS:
        raise click.UsageError(
            f"{file} has a format that is not read; save its records as .csv or .jsonl"
        )
    write_as = FORMATS[target] if target else media_type(output) or read_as
    engine = _engine(settings, model, version)
    explain = _with_words(explain, language, reasons_for)
    began = time.perf_counter()
    try:
        with ExitStack() as opened:
            opened_file = opened.enter_context(reading(file))
            reader = READERS[read_as](opened_file.stream, engine.schema)
            summary = Summary(model, engine.manifest.version, engine.backend, reader.unused)
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
            explaining = Explaining(settings.explain_samples, sys.maxsize, math.inf)
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
    if as_json:
        click.echo(msgspec.json.encode(summary), err=output == STANDARD)
    else:
        click.echo("\n".join(summary.sentences()), err=True)
    if summary.invalid:
        sys.exit(NEEDS_ATTENTION)


def _engine(settings: Settings, model: str, version: int | None) -> Engine:
    model_folder.require_live(settings.models_dir, model)
    decisions = Decisions.from_settings(settings)
    version = decisions.live(model) if version is None else version
    decisions.require(model, version)
    return Engine(decisions.read(model, version))


def _options(text: str) -> ExplainOptions:
    try:
        return ExplainOptions.read(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _with_words(
    explain: ExplainOptions | None, language: str | None, reasons_for: str
) -> ExplainOptions | None:
    if reasons_for and not language:
        raise click.UsageError("--reasons-for needs --language")
    if not language:
        return explain
    chosen = explain or ExplainOptions()
    return chosen._replace(language=LANGUAGES[language], reasons_for=reasons_for)


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
