"""What is overridden of gunicorn is listed, and is still what it was when it was overridden."""

import hashlib
import inspect
from pathlib import Path

import pytest
from gunicorn import util
from gunicorn.http.parser import Parser
from gunicorn.http.unreader import Unreader
from gunicorn.workers.base import Worker as BaseWorker
from gunicorn.workers.base_async import AsyncWorker
from gunicorn.workers.ggevent import GeventWorker

from serving.server import worker
from serving.server.parser_errors import ProblemWorker
from serving.server.worker import Worker

OVERRIDDEN = {
    "GeventWorker.notify": (GeventWorker.notify, "cb53c061d23f"),
    "GeventWorker.patch": (GeventWorker.patch, "c029ce7f2aac"),
    "GeventWorker.run": (GeventWorker.run, "783387fddc30"),
    "AsyncWorker.handle": (AsyncWorker.handle, "4a29d04e93bb"),
    "Worker.handle_error": (BaseWorker.handle_error, "a54ef16290fb"),
}
USED = {  # by what is overridden, in a way that depends on how they work
    "AsyncWorker.handle_request": (AsyncWorker.handle_request, "3c88f5f828a2"),
    "GeventWorker.init_process": (GeventWorker.init_process, "30173dee5629"),
    "Parser.finish_body": (Parser.finish_body, "f79762ae9805"),
    "Unreader.take_buffered": (Unreader.take_buffered, "e8780f4084af"),
}
WRITE_ERROR = "823149ceb5cd"


def digest(source: str) -> str:
    """A hash of a source, whatever its layout."""
    return hashlib.sha256("".join(source.split()).encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", [*OVERRIDDEN, *USED])
def test_a_release_of_gunicorn_changes_nothing_that_is_overridden(name: str):
    """If it does: compare the two releases, change serving/server, then the hash."""
    function, known = (OVERRIDDEN | USED)[name]
    assert digest(inspect.getsource(function)) == known


def test_a_release_of_gunicorn_writes_errors_as_before():
    """By a function that is replaced, so only its file has it."""
    source = Path(util.__file__).read_text()
    start = source.index("def write_error(")
    assert digest(source[start : source.index("\ndef ", start)]) == WRITE_ERROR


def test_all_that_is_overridden_is_listed():
    own = [*vars(Worker).items(), *vars(ProblemWorker).items()]
    known = {*dir(GeventWorker)} - {*dir(object)}
    overridden = {name for name, value in own if name in known and inspect.isfunction(value)}
    assert {name.rsplit(".")[1] for name in OVERRIDDEN} == overridden
    for name in (*OVERRIDDEN, "util.write_error"):
        assert f"`{name}`" in (worker.__doc__ or "")
