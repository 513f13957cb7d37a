"""Metrics of a service as Prometheus reads them."""

import re

from flask.testing import FlaskClient

from app import create_app
from serving.settings import Settings

LINE = re.compile(r"(\w+(?:\{.*\})?) (\S+)")


def read(text: str) -> dict[str, float]:
    """Samples by name and labels, as they stand in the text."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = [LINE.fullmatch(line).groups() for line in lines]
    assert len(dict(found)) == len(found)  # Prometheus takes none of them if one is there twice
    return {name: float(value) for name, value in found}


def scraped(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return read(answer.text)


def started(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()
