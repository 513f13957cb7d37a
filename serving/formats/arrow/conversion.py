"""Has a body of Parquet or Arrow read or written by a process of its own, within limits."""

import os
import subprocess
import sys
import threading
from typing import IO

from serving.errors import NotATable
from serving.formats.arrow.messages import DAMAGED, Request, ToRead, ToWrite, encode
from serving.settings import ROOT

MAX_SECONDS = 120  # until the process is stopped; it may compute for less
PIECE = 2**16
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "LANG")
# Of the environment no more than is needed: a hostile body may read what the process can.
ENVIRONMENT = {name: os.environ[name] for name in KEPT if name in os.environ} | {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve more than they use
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

_one_at_a_time = threading.Lock()  # so that a worker's bodies take the memory of one


def convert(task: ToRead | ToWrite, source: IO[bytes], sink: IO[bytes]) -> None:
    """Have the process make what is asked for of a file, and go to the beginning of what it made.

    Parameters
    ----------
    source : file
        With a descriptor, as the process reads it by itself.

    Raises
    ------
    NotATable
        If the process ended before it was done, whatever the file did to it.
    NoRoom
        If there is no room in `sink`.
    """
    descriptor = source.fileno()
    source.flush()
    with (
        _one_at_a_time,
        subprocess.Popen(
            [sys.executable, "-m", "serving.formats.arrow.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=ENVIRONMENT,
            pass_fds=[descriptor],
        ) as process,
    ):
        timer = threading.Timer(MAX_SECONDS, process.kill)
        timer.start()
        try:
            if process.stdin and process.stdout:
                process.stdin.write(encode(Request(task, descriptor)))
                process.stdin.close()
                while piece := process.stdout.read(PIECE):
                    sink.write(piece)
            if process.wait():
                raise NotATable(DAMAGED)
        except BrokenPipeError as error:
            raise NotATable(DAMAGED) from error
        finally:
            timer.cancel()
            process.kill()
    sink.seek(0)
