"""How gunicorn runs the service: JSON log lines, and a stop that loses no accepted request."""

import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

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


class DrainingWorker(ThreadWorker):
    """gthread, but when told to stop it first takes what the kernel has accepted for it.

    A connection waits in the listening socket's queue until a worker takes it. gunicorn closes that
    socket with the queue still in it, and each of those clients sees its request cut off. Taking
    them all, then closing at once, leaves only clients that were never connected.
    """

    drained = False

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
