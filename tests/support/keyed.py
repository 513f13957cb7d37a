"""Keys for tests, and settings of a service that needs them."""

import json
from typing import Any

from serving.access import entries


def key_of(name: str) -> str:
    """The key with a name: one that `adega keys add` might have made."""
    return entries.PREFIX + (name * 43)[:43]


def entry(name: str, *scopes: str, **more: Any) -> dict[str, Any]:
    """The entry of a key."""
    hashed = entries.hash_of(key_of(name)).hex()
    return {"sha256": hashed, "scopes": list(scopes or (name,)), **more}


def written(**keys: dict[str, Any]) -> str:
    """Entries as API_KEYS has them."""
    return json.dumps(keys)


def bearing(name: str) -> dict[str, str]:
    """The headers of a request with a key."""
    return {"Authorization": f"Bearer {key_of(name)}"}


# A key for each scope, one for one model, and one that is no longer valid.
KEYS = written(
    **{scope: entry(scope) for scope in ("predict", "feedback", "read", "metrics", "admin")},
    shop=entry("shop", "predict", "feedback", "read", models=["diabetes"]),
    old=entry("old", "predict", expires="2020-01-01"),
)
