"""Requests made at random fail in no way but the documented ones, and find no route open.

`make faults` sends 20,000 of them, `make test-faults` fewer.
"""

import json
import os
import re
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from conftest import ROOT, moved, wine
from flask.testing import FlaskClient
from keyed import KEYS, key_of
from plain_way import WAYS, ask

from app import create_app
from serving.settings import Settings

COUNT = 20_000 if os.environ.get("FAULTS") == "full" else 5_000
SEED = int(os.environ.get("SEED", "1"))
ACCEPTED_BY = {200, 202, 303, 409, 413, 422}  # a status that only a view returns
SCOPES = ("predict", "feedback", "read", "metrics", "admin")
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE")
NAMES = ("wine", "wine-score", "diabetes", "nobody", "..", "%", "a/b", "\x00", "é", "", "{{7*7}}")
TEXTS = ("", "{}", "[]", "null", "{", "\xff\x00", "a,b\n1,2", "NaN", '{"id": 1}', "[" * 2_000)
TYPES = ("application/json", "text/csv", "application/jsonl", "text/xml", "", "x", "a/b; c=\x7f")
ACCEPTED = ("*/*", "text/html", "application/json", "text/csv", ";q=x", "")
QUERIES = (
    "",
    "?",
    "?pretty",
    "?limit=1",
    "?limit=x",
    "?after=1~x",
    "?model=wine",
    "?faults=inline",
    "?explain",
    "?explain=3&language=pt&reasons_for=ruim",
)


def allowed() -> dict[str, set[str]]:
    """For each route, which kinds of callers the table of docs/security.md has accepted."""
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z]+ /.*?)` \| (.*) \|$", page, re.MULTILINE)
    kinds = ("open", "none", "wrong", *SCOPES)
    return {
        route: {
            kind
            for kind, status in zip(kinds, statuses.split(" | "), strict=True)
            if int(status) not in {401, 403}
        }
        | ({*kinds} if route.startswith("POST /log") else set())
        for route, statuses in rows
    }


class Fuzz:
    """Makes requests at random, some of them valid."""

    def __init__(self, routes: list[str], prediction_id: str) -> None:
        self._random = Random(SEED)
        self._routes, self._id = routes, prediction_id

    def key(self) -> tuple[str, dict[str, str]]:
        """A kind of caller, with its headers."""
        choose = self._random.choice
        kind = choose(("none", "wrong", "shop", "old", *SCOPES))
        if kind == "none":
            return kind, choose(({}, {"Authorization": ""}, {"Cookie": "adega_session="}))
        if kind == "wrong":
            key = choose(("x", key_of("nobody"), key_of("read")[:-1], "\xe9", " ", "adega_"))
            forged = {"Cookie": f"adega_session=fffffffffffff.{'0' * 64}"}
            return kind, choose((sent(key, choose), forged))
        return kind, sent(key_of(kind), choose)

    def request(self) -> tuple[str, str, dict[str, Any]]:
        """A route, the path of a request to it, and the rest of it."""
        choose, route = self._random.choice, self._random.choice(self._routes)
        method, pattern = route.split(" ")
        values = {
            "NAME": choose(("wine", "wine", *NAMES)),
            "VERSION": choose(("1", "1", "0", "99999999999", "x")),
            "PREDICTION_ID": choose((self._id, f"{self._id}x", "wine.1.0", "/")),
            "SENT": "any",
            "FILE": choose(("icon.svg", "../app.py")),
        }
        path = re.sub(
            "[A-Z_]{2,}",
            lambda part: quote(values.get(part[0], "any"), safe=choose(("", "/"))),
            pattern,
        )
        if self._random.random() < 0.1:
            method = choose(METHODS)
        body = choose((json.dumps(wine()), json.dumps([wine()] * 3), *TEXTS))
        headers = {
            "Accept": choose(ACCEPTED),
            "X-Request-ID": choose(("", "mine", "\x7f", "x" * 500)),
            "Accept-Encoding": choose(("", "gzip", "br")),
        }
        if self._random.random() < 0.1:
            headers["Content-Encoding"] = choose(("gzip", "br", "identity"))
        rest = {
            "data": body.encode("latin-1"),
            "content_type": choose(TYPES),
            "headers": headers,
            "environ_overrides": {"REMOTE_ADDR": f"10.{self._random.getrandbits(16)}.0.1"},
        }
        return f"{method} {pattern}", path + choose(QUERIES), rest | {"method": method}


def sent(key: str, choose: Callable[[Any], Any]) -> dict[str, str]:
    return choose(
        (
            {"Authorization": f"Bearer {key}"},
            {"X-API-Key": key},
            {"X-API-Key": key, "Authorization": "Basic !"},
        )
    )


@pytest.fixture(params=WAYS)
def keyed(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    moved(settings).close()
    app = ask(create_app(Settings(var_dir=settings.var_dir, api_keys=KEYS)), request.param)
    return app.test_client(use_cookies=False)


@pytest.mark.faults
def test_no_request_breaks_the_service_or_gets_what_its_key_may_not(keyed: FlaskClient):
    table = allowed()
    headers = {"X-API-Key": key_of("predict")}
    made = keyed.post("/predict", data=json.dumps(wine()), headers=headers).json["id"]
    fuzz = Fuzz([*table], made)
    accepted, statuses = set(), set()
    for number in range(COUNT // len(WAYS)):
        kind, credentials = fuzz.key()
        route, path, rest = fuzz.request()
        rest["headers"] |= credentials
        response = keyed.open(path, **rest)
        request = (SEED, number, kind, route, path, rest)
        assert response.status_code < 500 or response.status_code == 501, request
        statuses.add(response.status_code)
        if response.status_code not in ACCEPTED_BY or rest["method"] == "OPTIONS":
            continue
        may = table[route.replace("HEAD", "GET")]
        if kind == "shop":  # for diabetes alone
            assert {"predict", "feedback", "read"} & may, request
            assert "wine" not in path.partition("?")[0] or "none" in may, request
        else:
            assert ("none" if kind == "old" else kind) in may, request
        accepted.add(route)
    # It is not only that all is refused.
    assert len(accepted) > len(table) / 2
    assert statuses >= {200, 400, 401, 403, 404, 405, 415, 422}
