"""Bodies of Parquet and Arrow: what a process makes of them, and of predictions."""

from collections.abc import Iterator

from flask import Response, current_app, request
from werkzeug.exceptions import UnsupportedMediaType

from serving.formats import arrow
from serving.formats.arrow.conversion import convert
from serving.formats.arrow.messages import ToRead, ToWrite
from serving.inputs.schema import Schema
from serving.spool import Room, Spool

MAX_RECORDS = 2**53  # the bytes that they unpack to are limited, and not how many there are
PIECE = 2**16


def require_installed() -> None:
    """Raise UnsupportedMediaType if the body needs pyarrow, which is not there."""
    if request.mimetype in arrow.MEDIA_TYPES and not arrow.is_installed():
        raise UnsupportedMediaType(
            "this service reads neither Parquet nor Arrow, as pyarrow is not installed; send "
            "text/csv, application/jsonl or application/json, or install requirements-parquet.txt"
        )


def unpack(sent: Spool, schema: Schema, max_bytes: int) -> Spool:
    """Return the rows of a body, as the formats of its media type read them.

    Raises
    ------
    NotATable, NoRoom
    """
    made = Spool(room_of_app())
    task = ToRead(request.mimetype, schema.fields, schema.table, MAX_RECORDS, max_bytes)
    try:
        convert(task, sent, made)
    except BaseException:
        made.close()
        raise
    return made


def respond(pieces: Iterator[bytes], task: ToWrite) -> Response:
    """Make a response of all predictions; nothing is sent before the last of them is there."""
    made = Spool(room_of_app())
    try:
        with Spool(room_of_app()) as columns:
            for piece in pieces:
                columns.write(piece)
            convert(task, columns, made)
    except BaseException:
        made.close()
        raise
    return Response(pieces_of(made), mimetype=task.media_type)


def pieces_of(made: Spool) -> Iterator[bytes]:
    """Yield the content of a body, piece by piece, and close it."""
    with made:
        while piece := made.read(PIECE):
            yield piece


def room_of_app() -> Room:
    """Return where the app keeps bodies."""
    room: Room = current_app.extensions["front"].room
    return room
