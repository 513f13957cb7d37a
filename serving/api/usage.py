"""What a GET on a predict route returns: how to send records, with examples that work."""

import shlex
from typing import Any

import msgspec
from flask import request, url_for

from serving.api.around import access
from serving.api.respond import encode
from serving.models.engine import Engine


class Usage(msgspec.Struct):
    """How to send records to a version of a model, with commands that work as they are."""

    usage: str
    model: str
    version: int
    fields: tuple[str, ...]
    example: dict[str, Any]
    curl: dict[str, str]
    card: str


def usage(engine: Engine) -> Usage:
    """How to send records to a version of a model."""
    manifest, url = engine.manifest, shlex.quote(request.base_url)
    curl, record = access.curl(), shlex.quote(encode(manifest.example).decode())
    rows, explained = "--data-binary @rows.csv", shlex.quote(f"{request.base_url}?explain=3")
    return Usage(
        "POST a record as a JSON object, or many as an array, as CSV, JSON Lines, Parquet or Arrow",
        manifest.name,
        manifest.version,
        engine.schema.names,
        manifest.example,
        {
            "one record": f"{curl} -d {record} {url}",
            "one record, explained": f"{curl} -d {record} {explained}",
            "a CSV file": f"{curl} {rows} -H 'Content-Type: text/csv' {url}",
            "a JSON file, to get CSV": f"{curl} -d @rows.json -H 'Accept: text/csv' {url}",
            "JSON Lines, packed both ways": f"gzip -c rows.jsonl | {curl} --compressed "
            "--data-binary @- -H 'Content-Type: application/jsonl' -H 'Content-Encoding: gzip' "
            f"{url}",
        },
        url_for("models.model", name=manifest.name),
    )
