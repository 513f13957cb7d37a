"""Bodies that end too early, chunks that are none, and requests that no parser can read."""

import gzip
import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import wine
from servers import Server, connect, get, gunicorn, running

pytestmark = pytest.mark.slow

MARK = 12.8125  # of no other record; cut off, it still is a number
CSV = ",".join(wine()).encode() + b"\n" + ",".join(map(str, wine(alcohol=MARK).values())).encode()
LINE = json.dumps(wine(alcohol=MARK)).encode()
KEYS = "me:a-key-of-this-test"
ADMIN = b"Authorization: Bearer a-key-of-this-test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module", params=["fast", "python"])
def parsing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A service with each of gunicorn's parsers."""
    log = tmp_path_factory.mktemp(request.param) / "log"
    with running(gunicorn("--http-parser", request.param), log, ADMIN_KEYS=KEYS) as started:
        yield started


class Answer(NamedTuple):
    """What came back, its type without parameters."""

    status: int
    type: str
    body: bytes


def send(server: Server, request: bytes) -> Answer:
    """What is answered to a client that sends so much and no more."""
    with connect(server) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert len(re.findall(rb"HTTP/1\.[01] [0-9]{3}", answer)) == 1, answer
    head, _, body = answer.partition(b"\r\n\r\n")
    (kind,) = re.findall(rb"(?i)\r\ncontent-type: ([^\r;]*)", head)
    return Answer(int(head.split()[1]), kind.decode(), body)


def post(path: str, headers: bytes, body: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n%s" % (path.encode(), headers, body)


def assert_refused(answer: Answer, *statuses: int) -> None:
    problem = json.loads(answer.body)
    assert answer.status in (statuses or (400,)), answer
    assert answer.type == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == answer.status
    assert problem["title"]
    assert problem["detail"]


def assert_nothing_is_recorded(server: Server, mark: bytes) -> None:
    """Neither in the journal nor in the store, to the last byte."""
    found = {}
    for file in (server.log.parent / "var").rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # SQLite removes some of its own
            found[file] = file.read_bytes()
    assert found
    assert [file for file, content in found.items() if mark in content] == []


def labelled(kind: str, length: int) -> bytes:
    return f"Content-Type: {kind}\r\nContent-Length: {length}\r\n".encode()


@pytest.mark.parametrize(
    "path", ["/predict", "/models/wine/predict", "/models/wine/versions/1/predict"]
)
@pytest.mark.parametrize(
    ("kind", "whole", "came"),
    [
        ("text/csv", CSV, CSV[:-2]),
        ("text/csv", CSV + b"\n" + CSV, CSV + b"\n"),
        ("text/tab-separated-values", CSV.replace(b",", b"\t"), CSV.replace(b",", b"\t")[:-2]),
        ("application/x-ndjson", LINE + b"\n" + LINE, LINE + b"\n"),
        ("application/jsonl", LINE + b"\n", LINE),
        ("application/json", LINE + b" ", LINE),
        ("application/json", b"[%s]\n" % LINE, b"[%s]" % LINE),
        ("application/x-www-form-urlencoded", LINE + b"\n", LINE),
    ],
)
def test_a_body_shorter_than_its_length_is_refused_and_not_recorded(
    parsing: Server, path: str, kind: str, whole: bytes, came: bytes
):
    assert_refused(send(parsing, post(path, labelled(kind, len(whole)), came)))
    assert_nothing_is_recorded(parsing, str(MARK)[:-2].encode())


def test_a_body_is_complete_with_its_last_byte(parsing: Server):
    """What the bodies above lack is their end alone."""
    for kind, body in (("text/csv", CSV), ("application/json", LINE)):
        recorded = body.replace(str(MARK).encode(), b"12.75")
        answer = send(parsing, post("/predict", labelled(kind, len(recorded)), recorded))
        assert answer.status == 200
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(recorded), recorded)
        header = f"Content-Type: {kind}\r\n".encode() + CHUNKED
        assert send(parsing, post("/predict", header, chunks)).status == 200


def test_a_packed_body_shorter_than_its_length_is_refused(parsing: Server):
    packed = gzip.compress(LINE)
    for kind in ("application/json", "application/jsonl", "text/csv"):
        header = b"Content-Encoding: gzip\r\n"
        for came in (packed, packed[:-9], packed[:-1]):
            whole = labelled(kind, len(packed) + (came == packed)) + header
            assert_refused(send(parsing, post("/predict", whole, came)))
    assert_nothing_is_recorded(parsing, str(MARK).encode())


def test_feedback_and_decisions_shorter_than_their_length_are_refused(parsing: Server):
    length = labelled("application/json", len(LINE))
    made = json.loads(
        send(parsing, post("/predict", length, LINE.replace(b"12.8125", b"12.7500"))).body
    )
    feedback = json.dumps({"id": made["id"], "actual": "ruim"}).encode()
    assert_refused(
        send(parsing, post("/feedback", labelled("application/json", len(feedback) + 1), feedback))
    )
    assert get(f"{parsing.url}/predictions/{made['id']}")[1]["feedback"] == []
    decision = b'{"action": "promote", "version": 1}'
    length = labelled("application/json", len(decision) + 1)
    assert_refused(send(parsing, post("/models/wine/versions", ADMIN + length, decision)))
    assert get(f"{parsing.url}/models/wine/versions")[1]["decisions"] == []


@pytest.mark.parametrize("kind", [b"", b"Content-Type: text/csv\r\n"])
@pytest.mark.parametrize(
    "path", ["/predict", "/feedback", "/models/wine/versions", "/nothing", "/health/live"]
)
@pytest.mark.parametrize(
    "chunks",
    [
        *(b"zz\r\n%s\r\n0\r\n\r\n", b"1_0\r\n%s\r\n0\r\n\r\n", b"+2\r\n%s\r\n0\r\n\r\n"),
        *(b"0x2\r\n%s\r\n0\r\n\r\n", b"-2\r\n%s\r\n0\r\n\r\n", b" 2\r\n%s\r\n0\r\n\r\n"),
        *(b"f" * 40 + b"\r\n%s\r\n0\r\n\r\n", b"\r\n%s\r\n0\r\n\r\n", b"2\r\n%s\r\n0\r\n\r\n"),
        *(b"fff\r\n%s\r\n0\r\n\r\n", b"2\n%s\n0\n\n", b""),
    ],
)
def test_malformed_chunks_are_refused(parsing: Server, path: str, kind: bytes, chunks: bytes):
    body = chunks.replace(b"%s", LINE)
    answer = send(parsing, post(path, ADMIN + kind + CHUNKED, body))
    # A route may refuse a request for another reason, without a look at its body.
    statuses = {"/nothing": [404], "/health/live": [405]}.get(path, [400, 415])
    assert_refused(answer, *statuses)
    assert "Traceback" not in parsing.log.read_text()


@pytest.mark.parametrize("kind", ["application/json", "application/jsonl"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n0\r\n", b"\r\n5\r\n  "])
def test_chunks_that_end_too_early_are_refused_and_not_recorded(
    parsing: Server, kind: str, end: bytes
):
    body = b"%x\r\n%s" % (len(LINE), LINE) + end
    header = f"Content-Type: {kind}\r\n".encode() + CHUNKED
    assert_refused(send(parsing, post("/predict", header, body)))
    assert_nothing_is_recorded(parsing, str(MARK).encode())


@pytest.mark.parametrize(
    ("request_sent", "statuses"),
    [
        (b"GARBAGE\r\n\r\n", [400]),
        (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
        (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", [400]),
        (b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 9000), [414]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nbad name: 1\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", [400]),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n" % (b"a" * 20_000), [431]),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%s\r\n" % (b"X: a\r\n" * 500), [400, 431]),
        (post("/predict", CHUNKED + b"Content-Length: 2\r\n", b"2\r\n{}\r\n0\r\n\r\n"), [400]),
        (post("/predict", b"Content-Length: -1\r\n", b""), [400]),
        (post("/predict", b"Content-Length: 1_0\r\n", b"{}"), [400]),
        (post("/predict", b"Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"), [400]),
        (post("/predict", b"Content-Length: %s\r\n" % (b"9" * 30), b"{}"), [413]),
        (post("/predict", b"Transfer-Encoding: gzip\r\n", b""), [400, 501]),
        (post("/predict", b"Expect: much\r\n", b""), [417]),
    ],
)
def test_what_the_parser_refuses_is_a_problem_too(
    parsing: Server, request_sent: bytes, statuses: list[int]
):
    assert_refused(send(parsing, request_sent), *statuses)


def test_the_development_server_refuses_an_incomplete_body_too(tmp_path: Path):
    with running([sys.executable, "app.py"], tmp_path / "log") as started:
        for kind, whole, came in (
            ("text/csv", CSV, CSV[:-2]),
            ("application/json", LINE + b" ", LINE),
        ):
            assert_refused(send(started, post("/predict", labelled(kind, len(whole)), came)))
        for body in (b"zz\r\n%s\r\n0\r\n\r\n" % LINE, b"%x\r\n%s" % (len(LINE), LINE)):
            assert_refused(send(started, post("/predict", CHUNKED, body)))
        assert_nothing_is_recorded(started, str(MARK)[:-2].encode())
