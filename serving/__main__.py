"""The command line: `python -m serving collect`."""

import signal
import threading

import click

from serving import collector
from serving.errors import ServingError
from serving.log import log_as_json
from serving.settings import Settings


@click.group()
def main() -> None:
    """Run what belongs to the service beside its workers."""


@main.command()
def collect() -> None:
    """Move the journal in VAR_DIR into the store until stopped.

    gunicorn does so by itself; this is for a service that is run otherwise.
    """
    try:
        settings = Settings.from_environment()
    except ServingError as error:
        raise click.ClickException(str(error)) from None
    log_as_json()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    collector.run(settings, lambda seconds: not stop.wait(seconds))


if __name__ == "__main__":
    main(prog_name="python -m serving")
