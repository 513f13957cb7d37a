"""The command that predicts the records of files, without a server."""

import math
import sys
from pathlib import Path

import click
import msgspec

from serving import places
from serving.commands.group import AS_JSON, NEEDS_ATTENTION
from serving.commands.predict_files import Summary as FilesSummary
from serving.commands.predict_files import is_table, predict_files
from serving.commands.predict_stream import Summary, predict_stream
from serving.formats import READERS, workbook
from serving.formats.files import CSV, MEDIA_TYPES, STANDARD, media_type
from serving.models.artefact import Artefact
from serving.models.engine import Engine
from serving.models.explaining.explanation import ALL, LANGUAGES, ExplainOptions
from serving.predicting.explaining import Explaining
from serving.scoring import Keep
from serving.settings import Settings
from serving.versions.decisions import Decisions

TABLES = ("parquet", "arrow")
BINARY = (*workbook.SUFFIXES, *places.SUFFIXES)  # what predictions of one file are not written as
FORMATS = {"csv": CSV, "jsonl": MEDIA_TYPES[".jsonl"], "json": MEDIA_TYPES[".json"]}


@click.command(
    epilog="""\b
    Examples:
      adega predict wine rows.csv -o out.csv
      adega predict wine rows.jsonl.gz -o out.jsonl.gz
      zcat rows.csv.gz | adega predict wine - | cut -d, -f1
      adega predict wine rows.xlsx -o out.csv
      adega predict wine rows.csv -o out.csv --json | jq .invalid
      adega predict wine rows.csv -o out.csv --explain 3
      adega predict wine 's3://lake/wines/*.parquet' -o s3://lake/scored/
      adega predict wine s3://lake/wines/ -o s3://lake/out/ --on spark://host:7077

    \b
    Exit codes: 0 all predicted; 1 failed; 2 wrong usage; 3 some records are
    invalid, the others are predicted.
    """
)
@click.argument("model")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    default=str(STANDARD),
    help="A file, or - to print; for Parquet and Arrow a folder.",
)
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
@click.option(
    "--from", "source", type=click.Choice(["csv", "jsonl", *TABLES]), help="FILE's format."
)
@click.option("--to", "target", type=click.Choice([*FORMATS]), help="OUTPUT's format.")
@click.option(
    "--jobs", type=click.IntRange(1), help="Processes, for Parquet and Arrow; one for each core."
)
@click.option(
    "--on",
    "master",
    default="",
    metavar="MASTER",
    help="Predict Parquet by executors of Spark: spark://HOST:7077, local[4], yarn.",
)
@click.option(
    "--keep",
    type=click.Choice(["others", "all", "none"]),
    help="The columns of Parquet and Arrow that are written before the predictions: those that are "
    "not fields of the model, unless another choice is given.",
)
@AS_JSON
@click.pass_obj
def predict(
    settings: Settings,
    *,
    model: str,
    files: tuple[str, ...],
    output: str,
    version: int | None,
    explain: ExplainOptions | None,
    language: str | None,
    reasons_for: str,
    source: str | None,
    target: str | None,
    jobs: int | None,
    master: str,
    keep: Keep | None,
    as_json: bool,
) -> None:
    """Predict the records of FILE by MODEL; - is a pipe.

    FILE is CSV with a line of names, a workbook (.xlsx, .xls, .ods), or JSON Lines.

    Validation and predictions are those of the service, in the order of the records; nothing is
    recorded, so predictions have no ids. A file is compressed if its name ends in .gz. An invalid
    record has its error in the place of a prediction.

    FILE may also be Parquet or Arrow (.arrow, .feather, .ipc, .arrows): any number of files,
    folders and globs, here or in an object store (s3://, gs://, az://). OUTPUT is a folder of
    Parquet then, whose files are complete when they appear; the same command goes on where a run
    was killed.
    """
    explain = _with_words(explain, language, reasons_for)
    if source in TABLES or (source is None and any(map(is_table, files))):
        _require_folder(output, target)
        if jobs and master:
            raise click.UsageError(
                "--jobs is how many processes of this machine predict, and --on "
                "has executors predict; leave out one"
            )
        try:
            found = predict_files(
                _read(settings, model, version, is_on_spark=bool(master)),
                files,
                output,
                jobs=jobs,
                master=master,
                models_url=settings.models_url,
                keep=keep or "others",
                explain=explain,
                samples=settings.explain_samples,
            )
        except OSError as error:
            raise click.ClickException(f"{error.filename or output}: {error.strerror}") from None
        _show(found, as_json=as_json, is_printed=False)
    else:
        if len(files) > 1 or jobs or keep or master:
            raise click.UsageError(
                "several files, --jobs, --on and --keep are for Parquet and Arrow"
            )
        file, written = Path(files[0]), Path(output)
        if written.suffix.lower() in BINARY:
            raise click.UsageError(
                f"{written}: predictions of such a file are written as .csv, .jsonl or .json; name "
                "one by -o"
            )
        read_as = FORMATS[source] if source else media_type(file) or CSV
        if read_as not in READERS:
            raise click.UsageError(
                f"{file} has a format that is not read; save its records as .csv or .jsonl"
            )
        streamed = predict_stream(
            Engine(_read(settings, model, version)),
            file,
            written,
            read_as=read_as,
            write_as=FORMATS[target] if target else media_type(written) or read_as,
            explaining=Explaining(settings.explain_samples, sys.maxsize, math.inf),
            explain=explain,
        )
        _show(streamed, as_json=as_json, is_printed=written == STANDARD)


def _require_folder(output: str, target: str | None) -> None:
    """Raise UsageError unless predictions of tables can be written as is wanted."""
    if target:
        raise click.UsageError(
            "predictions of Parquet and Arrow are written as Parquet, without --to"
        )
    if output == str(STANDARD) or Path(output).is_file():
        raise click.UsageError("the output is a folder, of Parquet; name one by -o")


def _show(summary: Summary | FilesSummary, *, as_json: bool, is_printed: bool) -> None:
    """Print a summary, and end the command if it needs attention."""
    if as_json:
        click.echo(msgspec.json.encode(summary), err=is_printed)
    else:
        click.echo("\n".join(summary.sentences()), err=True)
    if summary.invalid:
        sys.exit(NEEDS_ATTENTION)


def _read(
    settings: Settings, model: str, version: int | None, *, is_on_spark: bool = False
) -> Artefact:
    if is_on_spark:
        from serving.spark.origin import choose  # noqa: PLC0415 - other commands need none of it

        return choose(settings, settings.models_url, model, version)
    return Decisions.from_settings(settings).choose(model, version)


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
