"""Versions of wine, and decisions about them over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import body, rewrite
from flask.testing import FlaskClient

KEY = "sixteen-or-more-characters"
Change = Callable[[dict[str, Any], dict[str, bytes]], Any]


def decide(client: FlaskClient, key: str = KEY, **asked: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.post("/models/wine/versions", headers=headers, **body(asked))


def newer(models: Path, change: Change = lambda manifest, _: manifest.update(title="newer")) -> int:
    return rewrite(models, change)
