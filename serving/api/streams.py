"""CSV and JSON Lines: as many records as fit the disk, in a memory that does not grow.

The body goes to a temporary file first. It is read once to find every fault before anything is
answered, and once more to predict it batch by batch. So a client may send all before it reads
anything, as most do, and a status of 200 means that all records are valid.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast
from urllib.parse import quote

from flask import Response, request, stream_with_context
from werkzeug.exceptions import BadRequest

from serving.api.around import request_id
from serving.errors import LISTED_FAULTS, Fault, InvalidRecords, NoRoom
from serving.formats import (
    READERS,
    WRITERS,
    Batch,
    Predict,
    Reader,
    Writer,
    json_array,
    predict_batch,
)
from serving.formats.delimited import Dialect
from serving.inputs.schema import Rows
from serving.inputs.shown import printable
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.predicting.service import RequestContext, Service
from serving.settings import Settings

IN_MEMORY = 2**20  # bytes of a body that needs no file
PIECE = 2**16
LISTED_COLUMNS = 20
UNUSED = "X-Unused-Columns"
FAULTS = ("refuse", "inline")


def wanted() -> str:
    """The media type to answer with; the request's own where any will do."""
    own = request.mimetype if request.mimetype in READERS else "application/json"
    offered = [own, *(each for each in WRITERS if each != own)]
    return request.accept_mimetypes.best_match(offered) or own


def of_json(service: Service, engine: Engine, rows: Rows, context: RequestContext) -> Response:
    """Answer records that came as JSON in the format that is wanted."""
    writer = WRITERS[wanted()](engine.manifest, Dialect(), ids=True)
    answer = service.predict(engine, rows, context)
    batch = Batch(0, range(len(rows.matrix)), rows, {})
    content = writer.head() + writer.batch(batch, answer) + writer.tail()
    return Response(content, mimetype=wanted())


def of_array(service: Service, engine: Engine, body: bytes, max_records: int) -> Response:
    """Answer a JSON array of which some records may be faulty: these have their faults in place.

    Raises
    ------
    NotJSON, TooManyRecords, InvalidRecords, JournalError
    """
    reader = json_array.Reader(body, engine.schema, max_records)
    writer = WRITERS[wanted()](engine.manifest, Dialect(), ids=True)
    pieces = _pieces(service, engine, reader, writer, BytesIO(), may_fail=True)
    return Response(b"".join(pieces), mimetype=wanted())


def answer(service: Service, engine: Engine, settings: Settings) -> Response:
    """Predict the records of a body, and answer as many as they are, in order.

    `?faults=inline` answers those that are valid, and says of each other what is wrong with it in
    its place. So it is with records that the model itself refuses where they are too many for one
    batch, for an answer has begun by then.

    Raises
    ------
    NotATable, JournalError, NoRoom
    InvalidRecords
        With every fault; nothing was predicted then.
    """
    may_fail = choice() == "inline"
    request.max_content_length = settings.max_stream_bytes
    with ExitStack() as unless_valid:
        body = unless_valid.enter_context(_spool(settings))
        try:
            shutil.copyfileobj(request.stream, body, PIECE)
        except OSError as error:  # of the disk: those of the connection are bad requests
            raise NoRoom(f"the body cannot be kept in VAR_DIR: {error.strerror}") from error
        body.seek(0)
        first = _reader(body, engine)
        _check(first, may_fail=may_fail)
        body.seek(0)
        unless_valid.pop_all()  # from here on what answers closes it
    writer = WRITERS[wanted()](engine.manifest, first.dialect, ids=True)
    pieces = _pieces(service, engine, _reader(body, engine), writer, body, may_fail=may_fail)
    begun = [*islice(pieces, 2)]
    if len(begun) == 1:  # that was all
        answered = Response(begun[0], mimetype=wanted())
    else:
        rest = stream_with_context(pieces)
        answered = Response(_joined(begun, rest), mimetype=wanted())
    if first.unused:
        names = map(printable, first.unused[:LISTED_COLUMNS])
        answered.headers[UNUSED] = ", ".join(quote(name, safe=" ") for name in names)
    return answered


def choice() -> str:
    """What `?faults=` asks to do with records that are faulty."""
    choice = request.args.get("faults", FAULTS[0])
    if choice not in FAULTS:
        raise BadRequest(f"faults={choice!r} is none of {', '.join(FAULTS)}")
    return choice


def _spool(settings: Settings) -> IO[bytes]:
    """What the body goes to: memory where it is small and else a file without a name."""
    folder = str(settings.var_dir) if os.access(settings.var_dir, os.W_OK) else None
    return cast("IO[bytes]", SpooledTemporaryFile(IN_MEMORY, dir=folder))


def _reader(body: IO[bytes], engine: Engine) -> Reader:
    return READERS[request.mimetype](cast("BinaryIO", body), engine.schema)


def _check(reader: Reader, *, may_fail: bool) -> None:
    faults: list[Fault] = []
    count = 0
    for batch in reader:
        for found in batch.faults.values():
            count += len(found)
            faults += found[: LISTED_FAULTS - len(faults)]
    if faults and not may_fail:
        raise InvalidRecords(faults, count)


def _pieces(
    service: Service,
    engine: Engine,
    reader: Reader,
    writer: Writer,
    body: IO[bytes],
    *,
    may_fail: bool,
) -> Iterator[bytes]:
    """The answer, a batch at a time; each is recorded before it goes out."""
    named = request_id.context().request_id

    def predict(rows: Rows) -> Predicted:
        return service.predict(engine, rows, RequestContext(named, time.perf_counter_ns()))

    with body:
        head, batches = writer.head(), iter(reader)
        batch: Batch | None = next(batches)
        while batch:
            following = next(batches, None)
            tail = b"" if following else writer.tail()
            is_all = head and not following
            predict_next = _all if is_all and not may_fail else predict_batch
            yield head + writer.batch(*predict_next(batch, predict)) + tail
            head, batch = b"", following


def _all(batch: Batch, predict: Predict) -> tuple[Batch, Predicted]:
    """Predict every record of a batch; nothing is predicted where the model refuses one."""
    try:
        return batch, predict(batch.rows)
    except InvalidRecords as error:
        refused = batch.without(error.faults).faults.values()
        raise InvalidRecords([each for found in refused for each in found], error.count) from None


def _joined(begun: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from begun
    yield from rest
