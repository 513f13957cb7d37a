"""Every log line of the service as one JSON object on standard output."""

import logging
import os
import sys
from contextlib import suppress
from typing import Any

import msgspec

from serving import clock

RESERVED = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}

# In a WSGI environment: the name of the key that was sent, and what stands for a path that names
# a person.
KEY, PATH = "serving.key", "serving.path"

encode = msgspec.json.Encoder(enc_hook=str).encode


class JSONFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line: dict[str, Any] = {
            "time": clock.iso(round(record.created * 1000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in RESERVED},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return encode(line).decode()


def log_as_json() -> logging.Handler:
    """Write all log lines of the process to standard output; return the handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JSONFormatter())
    logging.captureWarnings(capture=True)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    return handler


def write_access(
    *,
    logger: str = "gunicorn.access",
    method: str,
    path: str,
    status: int,
    size: int,
    seconds: float,
    request_id: str | None,
    client: str | None,
    key: str | None,
) -> None:
    """Log a request, without the logging module, which takes as long as a prediction."""
    line = encode(
        {
            "time": clock.iso(clock.now()),
            "level": "info",
            "logger": logger,
            "message": f"{method} {path}",
            "request_id": request_id,
            "client": client,
            "key": key,
            "method": method,
            "path": path,
            "status": status,
            "bytes": size,
            "duration_ms": round(seconds * 1000, 3),
        }
    )
    with suppress(OSError):  # a log that cannot be written does not fail the request
        os.write(sys.stdout.fileno(), line + b"\n")
