"""What a GET on a predict route says: how to ask, with an example that works as it stands."""

import shlex
from typing import Any

from flask import request, url_for

from serving.api.respond import encode
from serving.models.engine import Engine


def usage(engine: Engine) -> dict[str, Any]:
    """How to ask a version of a model."""
    manifest, url = engine.manifest, shlex.quote(request.base_url)
    record = shlex.quote(encode(manifest.example).decode())
    rows = "--data-binary @rows.csv"
    return {
        "usage": "POST a record as a JSON object, or many as an array, as CSV or as JSON Lines",
        "model": manifest.name,
        "version": manifest.version,
        "fields": engine.schema.names,
        "example": manifest.example,
        "curl": {
            "one record": f"curl -d {record} {url}",
            "a CSV file": f"curl {rows} -H 'Content-Type: text/csv' {url}",
            "a JSON file, answered as CSV": f"curl -d @rows.json -H 'Accept: text/csv' {url}",
            "JSON Lines, packed both ways": "gzip -c rows.jsonl | curl --compressed --data-binary "
            f"@- -H 'Content-Type: application/jsonl' -H 'Content-Encoding: gzip' {url}",
        },
        "card": url_for("models.model", name=manifest.name),
    }
