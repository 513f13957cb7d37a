"""Figures of the service, for Prometheus."""

from serving.api.openapi.operation import About, Operation, operation
from serving.api.openapi.structs import text


def metrics(_: About) -> Operation:
    """GET every metric."""
    content = {"text/plain": {"schema": text()}}
    told = {"description": "In Prometheus's text format.", "content": content}
    return operation("Figures for Prometheus", {200: told})


OPERATIONS = {"GET /metrics": metrics}
