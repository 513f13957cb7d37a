"""Move the journal into the store."""

import os
import select
import signal
from typing import Any

import click

from serving.log import log_as_json
from serving.recording import collecting
from serving.recording.feed import Feed
from serving.settings import Settings
from serving.versions import served


@click.command()
@click.pass_obj
def collect(settings: Settings) -> None:
    """Move the journal in VAR_DIR into the store until stopped.

    gunicorn starts this by itself; run it if the service runs without gunicorn.
    """
    log_as_json()
    stopped, stop = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(stop, b"s"))

    def pause(seconds: float, *woken_by: Feed) -> bool:
        files: list[Any] = [stopped, *woken_by]
        return stopped not in select.select(files, [], [], seconds)[0]

    collecting.run(settings, pause, lambda: served.describe(settings))
