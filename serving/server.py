"""How gunicorn runs the service: JSON log lines, and a stop that loses no accepted request."""

import logging
import selectors
import socket
import struct
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

SILENCE = 10  # seconds
RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


class JSONFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and whatever `extra` adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in RESERVED},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class JSONLogger(Logger):
    """gunicorn's logger, with every line of the process as JSON on standard output."""

    def setup(self, cfg: Config) -> None:
        """Send gunicorn's, the service's and the libraries' log lines the same way."""
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JSONFormatter())
        logging.captureWarnings(capture=True)
        logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
        for logger in (self.error_log, self.access_log):
            logger.handlers = [handler]
            logger.propagate = False

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log a request that was answered."""
        headers = {name.lower(): value for name, value in resp.headers}
        request = {
            "request_id": headers.get("x-request-id"),
            "client": environ.get("REMOTE_ADDR"),
            "method": req.method,
            "path": req.path,
            "status": resp.status_code,
            "bytes": resp.sent,
            "duration_ms": round(request_time.total_seconds() * 1000, 3),
        }
        self.access_log.info("%s %s", req.method, req.path, extra=request)


class PatientWorker(ThreadWorker):
    """gthread whose threads only serve requests that have begun, and whose stop loses none.

    gthread gives a new connection a thread at once, so as many silent ones as it has threads (a
    browser opens some in advance) hold it up. Here they wait in its poller until they say
    something. A client that falls silent within a request is given up after `SILENCE` seconds.

    A connection waits in the listening socket's queue until a worker takes it. gunicorn closes that
    socket with the queue still in it, and each of those clients sees its request cut off. Here a
    stopping worker takes them all and closes at once, so others are refused, not cut off.
    """

    drained = False

    def enqueue_req(self, conn: TConn) -> None:
        """Let a connection wait for its first byte in the poller, not in a thread."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENCE, 0))
        conn.sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        conn.set_timeout()
        self.pending_conns.append(conn)
        wake = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, wake)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """Also gunicorn's first step of a graceful stop, then with False."""
        if self.alive or self.drained:
            super().set_accept_enabled(enabled)
            return
        self.drained = True
        for listener in self.sockets:
            before = -1
            while self.nr_conns != before:  # accept() counts up when there was one to take
                before = self.nr_conns
                self.accept(listener)
        super().set_accept_enabled(enabled=False)
        for listener in self.sockets:
            listener.close()
