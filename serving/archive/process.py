"""The process that uses the archive for others; see `serving.recording.archiving`."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from serving.archive import erasing
from serving.archive.changes import Changes
from serving.archive.runs import run
from serving.errors import ServingError
from serving.recording.archive_messages import Done, Erase, Failed, Find, Found, Request, Run
from serving.recording.store import Store

NICENESS = 10


def carry_out(request: Request) -> Iterator[Found | Done]:
    """Do what is requested; the last item is `Done`.

    Raises
    ------
    ServingError
    """
    tempfile.tempdir = request.folder  # copies of files in an object store may be large
    with closing(Store(request.store_url)) as store:
        changes, done = Changes(store, request.archive_url, Path(request.folder)), Done()
        match request.task:
            case Run():
                os.nice(NICENESS)
                done = run(changes, request.task)
            case Erase(requests):
                for each in requests:
                    erasing.erase(changes, each)
            case Find(keys):
                for model, rows in erasing.find(changes, keys):
                    yield Found(model, *rows)  # type: ignore[arg-type]
    yield done


def main() -> None:
    """Carry out the request on the standard input."""
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    out = sys.stdout.buffer
    try:
        for each in carry_out(request):
            out.write(msgspec.json.encode(each) + b"\n")
            out.flush()
    except ServingError as error:
        out.write(msgspec.json.encode(Failed(str(error), error.public)) + b"\n")


if __name__ == "__main__":
    main()
