"""The command line: what belongs to the service beside its workers."""

import signal
import sys
import threading

import click

from serving import collector
from serving.commands import doctor, predict, versions
from serving.commands.group import Commands
from serving.log import log_as_json
from serving.settings import Settings


@click.group(
    cls=Commands,
    epilog="""\b
    Examples:
      python -m serving predict wine rows.csv -o out.csv
      python -m serving versions wine
      python -m serving doctor
      python -m serving promote wine 2 --why "trained on June"

    \b
    Exit codes: 0 done; 1 it could not be done, a message says why; 2 it was asked
    wrongly; 3 done, and something wants a look. COMMAND --help tells more.
    """,
)
@click.pass_context
def main(context: click.Context) -> None:
    """Predict files, decide which versions are live, and keep an eye on the service.

    It works on the folders and the database of the service, by the same environment variables
    (MODELS_DIR, VAR_DIR, DATABASE_URL, …), whether one runs or not; one that runs follows a
    decision within two seconds.
    """
    if context.invoked_subcommand != "doctor":  # which says what is wrong with them itself
        context.obj = Settings.from_environment()


@main.command()
@click.pass_obj
def collect(settings: Settings) -> None:
    """Move the journal in VAR_DIR into the store until stopped.

    gunicorn does so by itself; this is for a service that is run otherwise.
    """
    log_as_json()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    collector.run(settings, lambda seconds: not stop.wait(seconds))


@main.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--once", is_flag=True, help="One pass; exits with 3 while an alert lasts.")
@click.option("--json", "as_json", is_flag=True, help="With --once: a line of JSON a model.")
@click.pass_obj
def monitor(settings: Settings, models: tuple[str, ...], *, once: bool, as_json: bool) -> None:
    """Look at what the models get and answer, every MONITOR_INTERVAL, until stopped.

    All live models, if none is named. Exit codes of --once: 0 no alert lasts, 1 a model could not
    be looked at, 2 wrong use, 3 an alert lasts.
    """
    from serving.monitor import command  # noqa: PLC0415 - it takes SciPy along, the others do not

    if as_json and not once:
        raise click.UsageError("--json goes with --once; without it all that is logged is JSON")
    if once:
        sys.exit(command.once(settings, models, as_json=as_json))
    command.for_ever(settings, models)


for _command in (
    versions.versions,
    versions.promote,
    versions.rollback,
    versions.shadow,
    versions.retire,
    predict.predict,
    doctor.doctor,
):
    main.add_command(_command)

if __name__ == "__main__":
    main(prog_name="python -m serving")
