"""The first sheet of a workbook as CSV, as predictions and training read it."""

from contextlib import ExitStack

from flask import Blueprint, Response, request

from serving.api import streams, table_bodies
from serving.api.arrow_bodies import pieces_of
from serving.api.declared import declares
from serving.api.openapi.operation import operation
from serving.api.openapi.structs import text
from serving.errors import NotATable
from serving.formats import workbook
from serving.settings import Settings

WORKBOOK = {"schema": {"type": "string", "format": "binary"}}
SENT = {"required": True, "content": dict.fromkeys(workbook.MEDIA_TYPES, WORKBOOK)}
CSV = {
    "description": "The sheet as CSV.",
    "content": {"text/csv": {"schema": text()}},
    "headers": {
        name: {"description": description, "schema": text()}
        for name, description in (
            (table_bodies.SHEET, "The name of the sheet."),
            (table_bodies.OTHERS, "The names of other sheets, which were not read."),
        )
    },
}


def blueprint(settings: Settings) -> Blueprint:
    """A route that reads a workbook."""
    routes = Blueprint("sheet", __name__)

    @routes.post("/sheet")
    @declares(
        operation(
            "Read a workbook",
            CSV,
            (400, 408, 413, 415, 503),
            description="The first visible sheet that has cells, as CSV with commas and decimal "
            "points. Nothing is recorded. The routes that predict take a workbook itself, too.",
            requestBody=SENT,
        ),
        scope="predict",
        shows_allowed=True,
    )
    def sheet() -> Response:
        request.max_content_length = settings.max_stream_bytes
        with ExitStack() as unless_read:
            sent = unless_read.enter_context(streams.received())
            if not sent.tell():
                raise NotATable("the body is empty; send a workbook")
            made, headers = table_bodies.as_csv(sent, settings.max_stream_bytes)
            unless_read.pop_all()
        made.seek(0)
        return Response(pieces_of(made), mimetype=streams.CSV, headers={**headers})

    return routes
