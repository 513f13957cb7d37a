"""What a test asks of the document."""

from collections.abc import Iterator
from typing import Any

KEY = "sixteen-or-more-characters"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
            yield method.upper(), path, item | item[method] | {"parameters": parameters}
