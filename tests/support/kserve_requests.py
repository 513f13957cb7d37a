"""Requests of KServe's first protocol."""

from typing import Any

from conftest import body
from flask.testing import FlaskClient

PATH = "/v1/models/wine:predict"


def post(client: FlaskClient, sent: Any, path: str = PATH, **headers: str) -> Any:
    return client.post(path, **body(sent), headers=headers)


def columns(*records: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [each[name] for each in records] for name in records[0]}
