"""Has a file converted by a process of its own, which ends with whatever the file does to it."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO, BinaryIO

from serving.errors import NotATable
from serving.settings import ROOT

MAX_SECONDS = 120  # until the process is stopped; it may compute for less
PIECE = 2**16
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG")
# Of the environment no more than is needed: a hostile file may read what the process can.
ENVIRONMENT = {name: os.environ[name] for name in KEPT if name in os.environ}

_one_at_a_time = threading.Lock()  # so that a worker's bodies take the memory of one


def convert(
    module: str,
    request: bytes,
    source: IO[bytes],
    sink: IO[bytes],
    *,
    damaged: str,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> bytes:
    """Have a module's process convert a file, and go to the beginning of what it made.

    Parameters
    ----------
    module : str
        It reads its request on the standard input, and writes what it makes to the standard output.
    source : file
        With a descriptor, which the process has under the same number.
    damaged : str
        The error if the process fails.

    Returns
    -------
    bytes
        What the process reports besides; see `reporting`.

    Raises
    ------
    NotATable
        If the process ended before it was done, whatever the file did to it.
    NoRoom
        If there is no room in `sink`.
    """
    source.flush()
    with (
        _one_at_a_time,
        subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            pass_fds=[source.fileno()],
        ) as process,
    ):
        timer = threading.Timer(MAX_SECONDS, process.kill)
        timer.start()
        report = b""
        try:
            if process.stdin and process.stdout and process.stderr:
                process.stdin.write(request)
                process.stdin.close()
                while piece := process.stdout.read(PIECE):
                    sink.write(piece)
                report = process.stderr.read()
            if process.wait():
                raise NotATable(damaged)
        except BrokenPipeError as error:
            raise NotATable(damaged) from error
        finally:
            timer.cancel()
            process.kill()
    sink.seek(0)
    return report


def reporting() -> BinaryIO:
    """Return where a process may report something; what libraries print as errors goes nowhere.

    To be called first: more than a pipe holds would stop the process before it is read.
    """
    report = os.fdopen(os.dup(2), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return report
