"""Predicts files of Parquet and Arrow: many processes, in parts that outlast a killed run."""

import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec

from serving.cores import cores
from serving.display import Display
from serving.figures import counted
from serving.formats.files import MEDIA_TYPES, media_type
from serving.inputs.shown import listed
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.models.explaining.explanation import ExplainOptions
from serving.places import has_suffix
from serving.scoring import Keep
from serving.scoring.options import Options


class Summary(msgspec.Struct):
    """The result for the records of files; see `Outcome`."""

    model: str
    version: int
    backend: str
    files: int
    parts: int
    found: int
    unused: list[str]
    records: int
    predicted: int
    invalid: int
    with_warnings: int
    first_invalid: list[str]
    seconds: float

    def sentences(self) -> Iterator[str]:
        """Yield the lines for people."""
        speed = self.predicted / max(self.seconds, 1e-3)
        yield (
            f"{counted(self.predicted, 'record')} by {self.model} {self.version} ({self.backend})"
            f" in {self.seconds:.1f} s, {speed:,.0f} a second"
        )
        before = f", {self.found:,} of which were there before" if self.found else ""
        counts = [counted(self.records, "record"), counted(self.files, "file")]
        yield f"{' of '.join(counts)} in {counted(self.parts, 'part')}{before}"
        if self.unused:
            yield f"not used, as they are not fields of {self.model}: {listed(tuple(self.unused))}"
        if self.with_warnings:
            yield click.style(f"{counted(self.with_warnings, 'has', 'have')} warnings", fg="yellow")
        if self.invalid:
            yield click.style(
                f"{counted(self.invalid, 'is', 'are')} invalid and not predicted", fg="red"
            )
            yield from (f"  {each}" for each in self.first_invalid)


class Progress(Display):
    """Shows how far a run is, how fast, and how long it will take."""

    def __init__(self) -> None:
        super().__init__()
        self._records, self._began = 0, 0.0

    def begin(self, records: int) -> None:
        """Show that so many records are to be predicted now."""
        self._records, self._began = records, time.monotonic()
        self.open(records, "predicting")

    def update(self, records: int) -> None:
        """Show that so many of them are predicted."""
        speed = records / max(time.monotonic() - self._began, 1e-3)
        minutes = (self._records - records) / max(speed, 1e-3) / 60
        self.show(
            records,
            f"predicting, {speed:,.0f} rows/s",
            f"{records:,} of {self._records:,} rows, {speed:,.0f} rows/s, "
            f"{minutes:,.1f} minutes left",
        )


def is_table(address: str) -> bool:
    """Whether an address is that of Parquet or Arrow: by its suffix, or a URL, folder or glob."""
    path = Path(address)
    if "://" in address or has_suffix(address) or path.is_dir():
        return True
    is_glob = any(sign in address for sign in "*?[")
    return is_glob and not path.exists() and media_type(path) not in MEDIA_TYPES.values()


def predict_files(
    read: Artefact,
    addresses: Sequence[str],
    output: str,
    *,
    jobs: int | None,
    master: str,
    models_url: str,
    keep: Keep,
    explain: ExplainOptions | None,
    samples: int,
) -> Summary:
    """Predict the records of files into a folder.

    Parameters
    ----------
    jobs : int, optional
        How many processes of this machine predict; as many as it has processors, if not given.
    master : str
        The master of Spark whose executors predict instead; empty for none.
    models_url : str
        Where those fetch the version from, as in `Executors`.

    Raises
    ------
    NotFound, RunRefused, ObjectStoreError
    OSError
    """
    _require("pyarrow", "Parquet and Arrow need", "requirements-parquet.txt")
    if master:
        _require("pyspark", "Spark needs", "requirements-spark.txt")
    # Its library runs threads, and is of no use to other commands.
    from serving.places.addresses import absolute  # noqa: PLC0415
    from serving.places.places import place  # noqa: PLC0415
    from serving.scoring import run  # noqa: PLC0415
    from serving.scoring.carry_out import Workers, carry_out  # noqa: PLC0415
    from serving.scoring.crew import Crew  # noqa: PLC0415
    from serving.scoring.tasks import Setup  # noqa: PLC0415

    began = time.perf_counter()
    engine = Engine(read)
    options = Options.of(keep, explain, samples)
    sources = run.find_sources(addresses, output)
    described = run.make_run(engine.manifest, options, sources)
    address = absolute(output)
    folder = place(address)
    there = run.begin(described, folder, address)
    setup = Setup(described.model, described.version, options, address)
    crew: Workers
    if master:
        from serving.spark.executors import Executors  # noqa: PLC0415

        crew = Executors(master, read, models_url, setup, folder)
    else:
        crew = Crew(jobs or cores(), setup, sum(each.size for each in sources))
    with Progress() as progress:
        outcome = carry_out(described, folder, there=there, crew=crew, watcher=progress)
    return Summary(
        engine.manifest.name,
        engine.manifest.version,
        engine.backend,
        len(sources),
        seconds=round(time.perf_counter() - began, 3),
        **msgspec.structs.asdict(outcome),
    )


def _require(package: str, what: str, file: str) -> None:
    if find_spec(package) is None:
        raise click.ClickException(f"{what} {package}, which is optional: pip install -r {file}")
