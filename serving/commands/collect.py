"""Move the journal into the store."""

import signal
import threading

import click

from serving.log import log_as_json
from serving.recording import collector
from serving.settings import Settings
from serving.versions import served


@click.command()
@click.pass_obj
def collect(settings: Settings) -> None:
    """Move the journal in VAR_DIR into the store until stopped.

    gunicorn starts this by itself; run it if the service runs without gunicorn.
    """
    log_as_json()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    collector.run(
        settings, lambda seconds: not stop.wait(seconds), lambda: served.describe(settings)
    )
