"""Move the journal into the store."""

import signal
import threading

import click

from serving.log import log_as_json
from serving.recording import collector
from serving.settings import Settings


@click.command()
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
