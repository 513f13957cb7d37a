"""Feedback as a table: a CSV or a workbook, with the ids of predictions and what was true."""

import csv
import io
from collections.abc import Iterable
from contextlib import ExitStack
from typing import BinaryIO, cast
from urllib.parse import unquote

from flask import Response, request
from msgspec.structs import astuple

from serving.api import streams, table_bodies
from serving.api.around import request_id
from serving.api.around.access import caller
from serving.api.arrow_bodies import pieces_of, room_of_app
from serving.api.openapi.operation import query
from serving.api.openapi.structs import Schema, text
from serving.api.query import boolean
from serving.api.respond import as_json
from serving.formats.spreadsheet import shown_as_text
from serving.predicting.feedback_report import LISTED, FeedbackColumns, FeedbackProblem
from serving.predicting.feedback_table import FeedbackTable
from serving.predicting.service import Service
from serving.settings import Settings
from serving.spool import Spool

FILE = "application/octet-stream"  # a table by its content, whatever that is
MEDIA_TYPES = (FILE, *table_bodies.MEDIA_TYPES)
PARAMETERS = [
    query("model", text(), "Of a table: the only model whose predictions may get feedback."),
    query("id", text(), "Of a table: its column of ids, if that is not `id`."),
    query("own_id", text(), "Of a table: its column of own ids, if that is not `own_id`."),
    query("actual", text(), "Of a table: its column of what was true, if that is not `actual`."),
    query(
        "record",
        {"type": "boolean", "default": True},
        "Of a table: whether it is recorded; `false` only reports what would be.",
    ),
]


def add_table(service: Service, settings: Settings) -> Response:
    """Record the feedback in the table that is the body, and report what became of it.

    Raises
    ------
    NotATable, TooManyRecords, NotRecorded, JournalError, StoreError, NoRoom
    """
    model, is_recorded = request.args.get("model"), boolean("record") is not False
    if model is not None:
        caller().require("feedback", model)
        service.registry.manifest(model)
    recorder = service.recorder(request_id.context(), model, is_recorded=is_recorded)
    chosen = FeedbackColumns(
        *(request.args.get(each) for each in FeedbackColumns.__struct_fields__)
    )
    request.max_content_length = settings.max_stream_bytes
    with ExitStack() as kept:
        sent = kept.enter_context(streams.received())
        body, headers = table_bodies.as_csv(sent, settings.max_stream_bytes)
        kept.enter_context(body)
        table = FeedbackTable(cast("BinaryIO", body), chosen)
        table.report.sheet = unquote(headers.get(table_bodies.SHEET, ""))
        if is_recorded:
            table.report.require_columns()
        problems = table.problems(recorder)
        if request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv":
            return Response(pieces_of(_as_csv(problems)), mimetype="text/csv")
        for each in problems:
            if len(table.report.problems) < LISTED:
                table.report.problems.append(each)
    return as_json(table.report)


def _as_csv(problems: Iterable[FeedbackProblem]) -> Spool:
    """Write all problems, of which there may be as many as rows, as CSV."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(FeedbackProblem.__struct_fields__)
    with ExitStack() as unless_written:
        made = unless_written.enter_context(Spool(room_of_app()))
        made.write(b"\xef\xbb\xbf")
        for each in problems:
            writer.writerow(map(shown_as_text, astuple(each)))
            made.write(line.getvalue().encode())
            line.seek(0)
            line.truncate()
        made.write(line.getvalue().encode())
        made.seek(0)
        unless_written.pop_all()
    return made


def described(schema: Schema, example: str) -> Schema:
    """Add the media types of tables, with an example as CSV, to a request's body."""
    file = {"schema": {"type": "string", "format": "binary"}}
    csv_ = {"text/csv": {"schema": text(), "example": example}}
    others = {each: file for each in sorted(MEDIA_TYPES) if each not in csv_}
    return schema | {"content": schema["content"] | csv_ | others}
