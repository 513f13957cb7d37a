"""AWS Lambda's Runtime API on this machine, and a function that takes its invocations from it.

It does what the documentation of the API has for a function: one invocation at a time, each with an
id; a response, or an error, for each; an error of a function that cannot start.
"""

import json
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

VERSION = "/2018-06-01/runtime"
NEXT, INIT_ERROR = f"{VERSION}/invocation/next", f"{VERSION}/init/error"
MAX_BYTES = 6 * 2**20  # of a response
START = "start"  # in place of the id of an invocation
SECONDS = 60  # that a function has for an invocation
ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"


class FunctionError(Exception):
    """What a function reported instead of a response.

    Attributes
    ----------
    kind : str
        The type of the error, by which Lambda counts it.
    """

    def __init__(self, kind: str, content: bytes) -> None:
        reported = json.loads(content)
        super().__init__(reported["errorMessage"])
        self.kind, self.reported = kind, reported


class Outcome(NamedTuple):
    """What a function sent: a response, an error, or the error of its start."""

    kind: str
    content: bytes
    error: str


Events = queue.Queue[tuple[str, bytes] | None]  # None at the end
Outcomes = dict[str, queue.Queue[Outcome]]


class RuntimeAPI:
    """The API, on a port of this machine.

    Attributes
    ----------
    address : str
        For AWS_LAMBDA_RUNTIME_API.
    """

    def __init__(self) -> None:
        self._events: Events = queue.Queue()
        self._outcomes: Outcomes = {START: queue.Queue()}
        self._ids = (f"invocation-{number}" for number in count(1))
        self._server = _Server(("127.0.0.1", 0), _handler(self._events, self._outcomes))
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def invoke(self, event: Any, seconds: float = SECONDS) -> Any:
        """Send an event to the function, and return its response; from any number of threads.

        Raises
        ------
        FunctionError
            If the function reported an error.
        TimeoutError
        """
        id_ = next(self._ids)
        self._outcomes[id_] = queue.Queue()
        self._events.put((id_, json.dumps(event).encode()))
        outcome = self._outcome(id_, seconds)
        if outcome.kind != "response":
            raise FunctionError(outcome.error, outcome.content)
        return json.loads(outcome.content)

    def failed_start(self, seconds: float = SECONDS) -> FunctionError:
        """Return the error of a function that could not start.

        Raises
        ------
        TimeoutError
        """
        outcome = self._outcome(START, seconds)
        return FunctionError(outcome.error, outcome.content)

    def close(self) -> None:
        """Close the port."""
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()

    def _outcome(self, id_: str, seconds: float) -> Outcome:
        try:
            return self._outcomes[id_].get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"the function sent nothing in {seconds} s") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Report nothing of a function that is killed while it waits."""


def _handler(events: Events, outcomes: Outcomes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and content in one packet

        def do_GET(self) -> None:
            if self.path != NEXT:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            taken = events.get()
            if taken is None:  # the API is closed
                self.close_connection = True
                return
            id_, content = taken
            self.send_response(HTTPStatus.OK)
            for name, value in (
                ("Lambda-Runtime-Aws-Request-Id", id_),
                ("Lambda-Runtime-Deadline-Ms", str(round((time.time() + SECONDS) * 1000))),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:any:1:function:adega"),
                ("Lambda-Runtime-Trace-Id", "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(content))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            error = self.headers.get(ERROR_TYPE, "")
            if self.path == INIT_ERROR:
                outcomes[START].put(Outcome("start", content, error))
                return self._send(HTTPStatus.ACCEPTED)
            *_, id_, kind = self.path.split("/")
            if kind == "response" and len(content) > MAX_BYTES:
                return self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            outcomes[id_].put(Outcome(kind, content, error))
            return self._send(HTTPStatus.ACCEPTED)

        def _send(self, status: HTTPStatus) -> None:
            content = b'{"status":"OK"}'
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


@contextmanager
def function(
    command: list[str], log: Path, environment: dict[str, str], folder: Path
) -> Iterator[tuple[RuntimeAPI, "subprocess.Popen[bytes]"]]:
    """Run a function, with the API that it takes its invocations from, until the block ends."""
    api = RuntimeAPI()
    variables = {**environment, "AWS_LAMBDA_RUNTIME_API": api.address}
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=out, stderr=out)
    try:
        yield api, process
    finally:
        process.kill()
        process.wait()
        api.close()
