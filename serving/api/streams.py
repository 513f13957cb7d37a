"""CSV and JSON Lines: as many records as fit on the disk, in memory that does not grow.

The body goes to a temporary file first. It is read once to find every fault before the response
begins, and once more to predict it batch by batch. So a client may send everything before it reads
anything, as most do, and a status of 200 means that all records are valid.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from io import BytesIO
from itertools import islice
from typing import IO, BinaryIO, cast
from urllib.parse import quote

from flask import Response, request, stream_with_context
from werkzeug.exceptions import BadRequest

from serving.api import arrow_bodies, explanations, table_bodies
from serving.errors import LISTED_FAULTS, Fault, InvalidRecords
from serving.formats import (
    READERS,
    WRITERS,
    Batch,
    BatchWriter,
    Predict,
    Reader,
    arrow,
    json_array,
    predict_batch,
)
from serving.formats.arrow import messages
from serving.formats.delimited import Dialect
from serving.front import HAS_LEFT
from serving.inputs.schema import Rows
from serving.inputs.shown import printable
from serving.models.engine import Engine
from serving.models.predicted import Predicted
from serving.predicting.context import RequestContext
from serving.predicting.service import Service
from serving.settings import Settings
from serving.spool import Spool

PIECE = 2**16
LISTED_COLUMNS = 20
UNUSED = "X-Unused-Columns"
FAULTS = ("refuse", "inline")
TABLES = {"text/csv", "text/tab-separated-values", *arrow.MEDIA_TYPES}
CSV = "text/csv"


def response_type() -> str:
    """The media type of the response; the request's own where any is accepted."""
    own = request.mimetype if request.mimetype in READERS else "application/json"
    own = own if own in WRITERS else CSV
    offered = [own, *(each for each in WRITERS if each != own)]
    found = request.accept_mimetypes.best_match(offered) or own
    if found in arrow.MEDIA_TYPES and not arrow.is_installed():
        offered = [each for each in offered if each not in arrow.MEDIA_TYPES]
        found = request.accept_mimetypes.best_match(offered) or offered[0]
    return found


def predict_rows(service: Service, engine: Engine, rows: Rows, context: RequestContext) -> Response:
    """Predict records that came as JSON; respond in the format that is accepted."""
    writer = _writer(engine, Dialect(), context)
    predicted = service.predict(engine, rows, context)
    batch = Batch(0, range(len(rows.matrix)), rows, {})
    return _respond(iter([writer.head() + writer.batch(batch, predicted) + writer.tail()]), writer)


def predict_array(service: Service, engine: Engine, body: bytes, max_records: int) -> Response:
    """Predict a JSON array; an invalid record has its faults in the place of its prediction.

    Raises
    ------
    NotJSON, TooManyRecords, InvalidRecords, JournalError
    """
    reader = json_array.Reader(body, engine.schema, max_records)
    writer = _writer(engine, Dialect(), explanations.context())
    pieces = _pieces(service, engine, reader, writer, BytesIO(), may_fail=True)
    return _respond(iter([b"".join(pieces)]), writer)


def predict_stream(service: Service, engine: Engine, settings: Settings) -> Response:
    """Predict the records of a body, in order.

    With `?faults=inline` an invalid record has its faults in the place of its prediction, and the
    others are predicted. The same holds for records that the model itself refuses where there is
    more than one batch, because the response has begun by then.

    Raises
    ------
    NotATable, JournalError, NoRoom
    InvalidRecords
        With every fault; nothing was predicted then.
    """
    may_fail = faults_inline()
    arrow_bodies.require_installed()
    request.max_content_length = settings.max_stream_bytes
    with ExitStack() as unless_valid:
        body = unless_valid.enter_context(received())
        headers: Mapping[str, str] = {}
        if request.mimetype in arrow.MEDIA_TYPES:
            made = arrow_bodies.unpack(body, engine.schema, settings.max_stream_bytes)
            body.close()
            body = unless_valid.enter_context(made)
        elif request.mimetype in table_bodies.MEDIA_TYPES:
            body, headers = table_bodies.as_csv(body, settings.max_stream_bytes)
            unless_valid.enter_context(body)
        body.seek(0)
        first = _reader(body, engine)
        check(first, service, may_fail=may_fail)
        body.seek(0)
        reader = _reader(body, engine)
        writer = _writer(engine, first.dialect, explanations.context())
        unless_valid.pop_all()  # from here on the response closes it
    pieces = _pieces(service, engine, reader, writer, body, may_fail=may_fail)
    response = _respond(pieces, writer)
    response.headers.update(headers)
    if first.unused:
        names = map(printable, first.unused[:LISTED_COLUMNS])
        response.headers[UNUSED] = ", ".join(quote(name, safe=" ") for name in names)
    return response


def received() -> Spool:
    """Return the body of the request, once all of it has come."""
    body = Spool(arrow_bodies.room_of_app())
    try:
        while piece := request.stream.read(PIECE):
            _require_client()
            body.write(piece)
    except BaseException:
        body.close()
        raise
    return body


def _respond(pieces: Iterator[bytes], writer: BatchWriter) -> Response:
    """Make a response of what a writer has written, or writes while it is sent."""
    if isinstance(writer, messages.Writer):
        return arrow_bodies.respond(pieces, writer.task)
    begun = [*islice(pieces, 2)]
    if len(begun) == 1:  # that was all
        return Response(begun[0], mimetype=response_type())
    return Response(_joined(begun, stream_with_context(pieces)), mimetype=response_type())


def faults_inline() -> bool:
    """Whether `?faults=` puts the faults of an invalid record in the place of its prediction."""
    choice = request.args.get("faults", FAULTS[0])
    if choice not in FAULTS:
        raise BadRequest(f"faults={choice!r} is not one of {', '.join(FAULTS)}")
    return choice == "inline"


def _writer(engine: Engine, dialect: Dialect, context: RequestContext) -> BatchWriter:
    explain, media_type = context.explain, response_type()
    if explain and explain.every_class and media_type in TABLES:
        raise BadRequest(
            f"{explanations.CLASSES}=all has no columns in {media_type}; "
            "accept application/json or application/jsonl"
        )
    return WRITERS[media_type](engine.manifest, dialect, ids=True, explain=explain)


def _require_client() -> None:
    """Raise an error if the client has gone: whatever is computed, nobody waits for it."""
    has_left = request.environ.get(HAS_LEFT)
    if has_left and has_left():
        raise BadRequest("the client has closed the connection")


def _reader(body: IO[bytes], engine: Engine) -> Reader:
    return READERS[request.mimetype](cast("BinaryIO", body), engine.schema)


def check(reader: Reader, service: Service, *, may_fail: bool) -> None:
    """Read all records, before any of them is predicted.

    Raises
    ------
    NotATable, TooManyRecords
    InvalidRecords
        With every fault, unless it may have some.
    """
    faults: list[Fault] = []
    count = 0
    is_explained = explanations.options() is not None
    for batch in reader:
        _require_client()
        if is_explained:
            service.explaining.require_few(batch.first + len(batch.lines))
        for found in batch.faults.values():
            count += len(found)
            faults += found[: LISTED_FAULTS - len(faults)]
    if faults and not may_fail:
        raise InvalidRecords(faults, count)


def _pieces(
    service: Service,
    engine: Engine,
    reader: Reader,
    writer: BatchWriter,
    body: IO[bytes],
    *,
    may_fail: bool,
) -> Iterator[bytes]:
    """The response, a batch at a time; each is recorded before it is sent."""
    context = explanations.context()

    def predict(batch: Batch, *, is_all: bool) -> Predicted:
        return service.predict(engine, batch.rows, of_batch(context, batch, is_all=is_all))

    with body:
        head = writer.head()
        for batch, is_last in each_batch(reader):
            tail = writer.tail() if is_last else b""
            is_all = is_last and not batch.first
            predict_next = _predict_all if is_all and not may_fail else predict_batch
            made = predict_next(batch, partial(predict, is_all=is_all))
            yield head + writer.batch(*made) + tail
            head = b""


def each_batch(reader: Reader) -> Iterator[tuple[Batch, bool]]:
    """Yield each batch, and whether it is the last."""
    batches = iter(reader)
    batch = next(batches, None)
    while batch:
        following = next(batches, None)
        yield batch, following is None
        batch = following


def of_batch(context: RequestContext, batch: Batch, *, is_all: bool) -> RequestContext:
    """Return the context of the rows of a batch, which may be all of a request.

    Its time begins now: a batch does not take the time of those before it. Each row of several has
    the own id with its position, also where others have faults.
    """
    context = context._replace(since=time.perf_counter_ns())
    if not context.own_id or (is_all and len(batch.lines) == 1):
        return context
    return context._replace(places=batch.places)


def _predict_all(batch: Batch, predict: Predict) -> tuple[Batch, Predicted]:
    """Predict every record of a batch; nothing is predicted where the model refuses one."""
    try:
        return batch, predict(batch)
    except InvalidRecords as error:
        refused = batch.without(error.faults).faults.values()
        raise InvalidRecords([each for found in refused for each in found], error.count) from None


def _joined(begun: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    while begun:  # a client may be slow to read, so nothing that was sent is kept
        yield begun.pop(0)
    yield from rest
