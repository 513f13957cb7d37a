"""The command that predicts the records of a file, without a server."""

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

from serving.commands.group import AS_JSON, WANTS_A_LOOK
from serving.errors import UnknownModel
from serving.formats import READERS, WRITERS, Batch, Reader, predict_batch
from serving.formats.files import CSV, MEDIA_TYPES, STANDARD, media_type, reading, writing
from serving.inputs.schema import Rows
from serving.models import artefact
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.settings import Settings
from serving.versions.decisions import Decisions

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

AHEAD = 2  # batches that are read while one is predicted

FILE = click.Path(path_type=Path, allow_dash=True)
FORMATS = {"csv": CSV, "jsonl": MEDIA_TYPES[".jsonl"], "json": MEDIA_TYPES[".json"]}

Answered = tuple[Batch, Predicted | None]


class Summary(msgspec.Struct):
    """What became of the records: `faulty` were not predicted, `warned` were all the same.

    `unused` names columns that mean nothing to the model.
    """

    model: str
    version: int
    backend: str
    unused: list[str]
    records: int = 0
    faulty: int = 0
    warned: int = 0
    seconds: float = 0.0

    def count(self, batch: Batch) -> None:
        """Add a batch."""
        self.records += len(batch.lines)
        self.faulty += len(batch.faults)
        self.warned += len(batch.rows.remarks)

    def sentences(self) -> Iterator[str]:
        """The same for people."""
        speed = self.records / max(self.seconds, 1e-3)
        yield (
            f"{self.records:,} records by {self.model} {self.version} ({self.backend})"
            f" in {self.seconds:.1f} s, {speed:,.0f} a second"
        )
        if self.unused:
            yield f"not used, for they are no fields of {self.model}: {', '.join(self.unused)}"
        if self.warned:
            yield click.style(f"{self.warned:,} have warnings", fg="yellow")
        if self.faulty:
            yield click.style(f"{self.faulty:,} are faulty and not predicted", fg="red")


@click.command(
    epilog="""\b
    Examples:
      adega predict wine rows.csv -o out.csv
      adega predict wine rows.jsonl.gz -o out.jsonl.gz
      zcat rows.csv.gz | adega predict wine - | cut -d, -f1
      adega predict wine rows.csv -o out.csv --json | jq .faulty

    \b
    Exit codes: 0 all is predicted; 1 it could not be done; 2 it was asked wrongly;
    3 some records are faulty, the others are predicted.
    """
)
@click.argument("model")
@click.argument("file", type=FILE)
@click.option("-o", "--output", type=FILE, default=STANDARD, help="A file; without it, printed.")
@click.option("--version", type=int, help="Which version; the live one, if not given.")
@click.option("--from", "given", type=click.Choice(["csv", "jsonl"]), help="If FILE does not tell.")
@click.option("--to", "wanted", type=click.Choice([*FORMATS]), help="If OUTPUT does not tell.")
@AS_JSON
@click.pass_obj
def predict(
    settings: Settings,
    *,
    model: str,
    file: Path,
    output: Path,
    version: int | None,
    given: str | None,
    wanted: str | None,
    as_json: bool,
) -> None:
    """Predict the records of FILE by MODEL: CSV with a line of names, or JSON Lines; - is a pipe.

    Validation and predictions are the service's, in the order of the records; nothing is recorded,
    so they have no ids. What ends in .gz is packed. A faulty record has its error in the place of a
    prediction.
    """
    read_as = FORMATS[given] if given else media_type(file) or CSV
    if read_as not in READERS:
        raise click.UsageError(f"{file} is not read; save its records as .csv or .jsonl")
    write_as = FORMATS[wanted] if wanted else media_type(output) or read_as
    engine = _engine(settings, model, version)
    begun = time.perf_counter()
    try:
        with ExitStack() as opened:
            source = opened.enter_context(reading(file))
            reader = READERS[read_as](source.stream, engine.schema)
            summary = Summary(model, engine.manifest.version, engine.backend, reader.unused)
            out = opened.enter_context(writing(output))
            is_seen = source.size is not None and output != STANDARD and sys.stderr.isatty()
            bar: ProgressBar[int] = opened.enter_context(
                click.progressbar(
                    length=source.size or 0, label="predicting", file=sys.stderr, hidden=not is_seen
                )
            )
            for batch in _write(engine, reader, write_as, out):
                summary.count(batch)
                bar.update(source.position() - bar.pos)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, BrokenPipeError):  # whoever reads has had enough
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise click.ClickException(f"{file} to {output}: {reason}") from None
    summary.seconds = round(time.perf_counter() - begun, 3)
    if as_json:
        click.echo(msgspec.json.encode(summary), err=output == STANDARD)
    else:
        click.echo("\n".join(summary.sentences()), err=True)
    if summary.faulty:
        sys.exit(WANTS_A_LOOK)


def _engine(settings: Settings, model: str, version: int | None) -> Engine:
    decisions = Decisions(settings.models_dir, settings.decisions_dir)
    if model not in decisions.models():
        there = ", ".join(decisions.models())
        raise UnknownModel(f"there is no model {model!r}; there are {there}")
    version = version or decisions.live(model)
    decisions.require(model, version)
    return Engine(artefact.read(settings.models_dir, model, version))


def _write(engine: Engine, reader: Reader, media_type: str, out: BinaryIO) -> Iterator[Batch]:
    """Write the predictions of all that is read, and give each batch that is written."""
    answered = _answered(engine, reader)
    first = next(answered)  # now the reader knows how a table is written
    writer = WRITERS[media_type](engine.manifest, reader.dialect, ids=False)
    out.write(writer.head())
    for batch, answer in chain([first], answered):
        out.write(writer.batch(batch, answer))
        yield batch
    out.write(writer.tail())


def _answered(engine: Engine, batches: Iterable[Batch]) -> Iterator[Answered]:
    """Predict beside: the runtime lets other threads read and write meanwhile."""

    def answer(rows: Rows) -> Predicted:
        return Predicted(engine, [], rows, engine.predict(rows.matrix))

    with ThreadPoolExecutor(1) as beside:
        waiting: deque[Future[Answered]] = deque()
        for batch in batches:
            waiting.append(beside.submit(predict_batch, batch, answer))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        for each in waiting:
            yield each.result()
