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
from serving.api.openapi.operation import About, Operation, operation, query, response
from serving.api.openapi.structs import Schema, text
from serving.api.query import boolean
from serving.api.respond import as_json
from serving.formats import workbook
from serving.formats.spreadsheet import shown_as_text
from serving.predicting.feedback_report import (
    LISTED,
    FeedbackColumns,
    FeedbackProblem,
    FeedbackTableReport,
)
from serving.predicting.feedback_table import FeedbackTable
from serving.predicting.service import Service
from serving.settings import Settings
from serving.spool import Spool

FILE = "application/octet-stream"  # a table by its content, whatever that is
MEDIA_TYPES = (FILE, *table_bodies.MEDIA_TYPES)
BINARY = {"schema": {"type": "string", "format": "binary"}}


def table_operation(about: About) -> Operation:
    """POST what was really true, as a table."""
    predicted = about.predicted
    example = f"id,own_id,actual\n{predicted['id']},,{predicted['prediction']}\n"
    page = response(FeedbackTableReport)
    page["content"]["text/csv"] = {"schema": text("All problems.")}
    record = {"type": "boolean", "default": True}
    return operation(
        "Record what was really true, as a table",
        page,
        (400, 404, 408, 413, 415, 503),
        description="A CSV, or a workbook of Excel or LibreOffice by its content, of at most "
        "200,000 rows. What is valid is recorded, and the rest is reported by its line: the first "
        "50, or all as CSV where `Accept: text/csv` asks for it.",
        parameters=[
            _column("id", "The column of ids, if that is not `id`."),
            _column("own_id", "The column of own ids, if that is not `own_id`."),
            _column("actual", "The column of what was true, if that is not `actual`."),
            query("model", text(), "The only model whose predictions may get feedback.")
            | {"example": predicted["model"]},
            query("record", record, "Whether it is recorded; `false` only reports what would be."),
        ],
        requestBody={
            "required": True,
            "content": {
                "text/csv": {"schema": text(), "example": example},
                **dict.fromkeys([FILE, *workbook.MEDIA_TYPES], BINARY),
            },
        },
    )


def _column(name: str, description: str) -> Schema:
    return query(name, text(), description) | {"example": name}


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
