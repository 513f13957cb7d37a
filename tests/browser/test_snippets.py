"""The request as code: each language sends the very record of the form, whatever is in it."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from conftest import Open
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOSTILE = [
    "quote's",
    'say "so"',
    "back\\slash\\",
    "line\nbreak\r\n\ttab",
    "$HOME `id` $(id) ${x}",
    "emoji 🍷 é \u2028 \x01 \x7f",
    "__proto__",
    'x"__proto__',
    "#(lf) ##( #( # ()",
    "%s {} {0} \\u0041 \\n",
    "TRUE",
    "null",
    "12,8",
    "'); -- \"; EOF",
    "</script>",
]
VALUES: list[Any] = [12.8, -0.5, 1e21, 5e-324, 3, True, False, None, *HOSTILE]
RECORDS = [dict(zip(HOSTILE, VALUES[shift:] + VALUES[:shift], strict=False)) for shift in range(9)]

WRITE = """async ([records, url, isKeyed]) => {
    const home = document.querySelector("script[src*='home.js']").src;
    const { snippets } = await import(home.replace("home.js", "snippets.js"));
    return records.map((entries) => Object.fromEntries(Object.entries(snippets).map(
        ([name, write]) => [name, write(url, Object.fromEntries(entries), isKeyed)],
    )));
}"""


class Echo(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(json.loads(sent))  # type: ignore[attr-defined]
        self.server.keys.append(self.headers["X-API-Key"])  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as service:
        service.received, service.keys = [], []  # type: ignore[attr-defined]
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service
        service.shutdown()


def written(
    page: Any, records: list[dict[str, Any]], url: str, *, is_keyed: bool = False
) -> list[dict[str, str]]:
    """The snippets of some records, by language."""
    return page.evaluate(WRITE, [[list(each.items()) for each in records], url, is_keyed])


def ran(command: list[str], program: str, **variables: str) -> None:
    plain = {key: each for key, each in os.environ.items() if not key.lower().endswith("_proxy")}
    plain |= variables
    done = subprocess.run(
        command, input=program, text=True, capture_output=True, check=False, env=plain
    )
    assert done.returncode == 0, done.stderr


def test_each_language_sends_the_record_whatever_it_has(open_page: Open, echo: ThreadingHTTPServer):
    page = open_page("/")
    url = f"http://127.0.0.1:{echo.server_port}/models/wine/predict"
    programs = written(page, RECORDS, url)
    languages = {"curl": ["bash", "-e"], "python": [sys.executable, "-"]}
    if shutil.which("Rscript"):  # what R reads is also proved without it, below
        languages["r"] = ["Rscript", "--vanilla", "-"]
    for language, command in languages.items():
        echo.received = []  # type: ignore[attr-defined]
        ran(command, "\n".join(each[language] for each in programs))
        assert echo.received == RECORDS, language  # type: ignore[attr-defined]
    sent: list[Any] = []

    def take(route: Any) -> None:
        sent.append(json.loads(route.request.post_data))
        route.fulfill(json={})

    page.route("**/models/wine/predict", take)
    own = page.evaluate("location.origin")
    for each in written(page, RECORDS, f"{own}/models/wine/predict"):
        page.evaluate(f"async () => {{ {each['javascript']} }}")
    assert sent == RECORDS


R_TEXT = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\bfnrt]|u[0-9a-f]{4}))*"'
M_TEXT = r'"(?:[^"#\x00-\x1f]|""|#\((?:lf|cr|tab|#|[0-9a-f]{4})\)|#(?!\())*"'
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"


def read_r(program: str) -> dict[str, Any]:
    """The record of an `R` program, whose texts are escaped as those of JSON."""
    body = program.partition("record <- list(\n")[2].partition("\n)\n")[0]
    words = {"TRUE": True, "FALSE": False, "NULL": None}
    return read_entries(body, f"  ({R_TEXT}) = ", R_TEXT, words, json.loads)


def read_m(program: str) -> dict[str, Any]:
    """The record of a program of Power Query, by the rules of its language for texts."""
    signs = {"lf": "\n", "cr": "\r", "tab": "\t", "#": "#"}

    def text(literal: str) -> str:
        return re.sub(
            r'""|#\(([^)]+)\)',
            lambda found: (signs.get(found[1]) or chr(int(found[1], 16))) if found[1] else '"',
            literal[1:-1],
        )

    body = program.partition("Sent = [\n")[2].partition("\n    ],\n")[0]
    words = {"true": True, "false": False, "null": None}
    return read_entries(body, f"        #({M_TEXT}) = ", M_TEXT, words, text)


def read_entries(
    body: str, name: str, text: str, words: dict[str, Any], unquoted: Any
) -> dict[str, Any]:
    lines = body.split("\n")
    record = {}
    for at, line in enumerate(lines):
        end = "," if at < len(lines) - 1 else ""
        found = re.fullmatch(f"{name}({text}|{NUMBER}|{'|'.join(words)}){end}", line)
        assert found, line
        value = found[2]
        record[unquoted(found[1])] = (
            unquoted(value)
            if value.startswith('"')
            else words[value]
            if value in words
            else float(value)
        )
    return record


def test_texts_of_r_and_of_power_query_are_quoted_by_the_rules_of_their_languages(open_page: Open):
    page = open_page("/")
    value = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    records = st.dictionaries(st.text(min_size=1), value, min_size=1, max_size=8)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(records, min_size=1, max_size=20))
    def check(made: list[dict[str, Any]]) -> None:
        for record, each in zip(made, written(page, made, "http://x/"), strict=True):
            assert read_r(each["r"]) == record
            assert read_m(each["m"]) == record

    check()
    for record, each in zip(RECORDS, written(page, RECORDS, "http://x/"), strict=True):
        assert read_r(each["r"]) == record
        assert read_m(each["m"]) == record


def test_where_keys_are_needed_the_code_takes_one_from_a_variable(
    open_page: Open, echo: ThreadingHTTPServer
):
    page = open_page("/")
    url = f"http://127.0.0.1:{echo.server_port}/models/wine/predict"
    [programs] = written(page, RECORDS[:1], url, is_keyed=True)
    for program in programs.values():
        assert "X-API-Key" in program
        assert "ADEGA_KEY" in program
    assert read_m(programs["m"]) == RECORDS[0]
    ran(["bash", "-e"], programs["curl"], ADEGA_KEY="k3y")
    ran([sys.executable, "-"], programs["python"], ADEGA_KEY="k3y")
    assert echo.keys == ["k3y", "k3y"]  # type: ignore[attr-defined]
    sent: list[str] = []

    def take(route: Any) -> None:
        sent.append(route.request.headers["x-api-key"])
        route.fulfill(json={})

    page.route("**/models/wine/predict", take)
    [own] = written(page, RECORDS[:1], page.url + "models/wine/predict", is_keyed=True)
    node = "globalThis.process = { env: { ADEGA_KEY: 'k3y' } };"  # where the code runs
    page.evaluate(f"async () => {{ {node} {own['javascript']} }}")
    assert sent == ["k3y"]
