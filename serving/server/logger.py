"""gunicorn's logger, which writes what the service's own log writes."""

from datetime import timedelta
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from serving.log import KEY, PATH, log_as_json, write_access


class JSONLogger(Logger):
    """gunicorn's logger, with every line of the process as JSON on standard output."""

    def setup(self, cfg: Config) -> None:
        """Write the log lines of gunicorn, the service and the libraries in the same way."""
        super().setup(cfg)
        handler = log_as_json()
        for logger in (self.error_log, self.access_log):
            logger.handlers = [handler]
            logger.propagate = False

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Log a request."""
        write_access(
            method=req.method,
            path=environ.get(PATH) or req.path,
            status=int(resp.status[:3]),  # gunicorn knows no more of a request that it rejects
            size=resp.sent,
            seconds=request_time.total_seconds(),
            request_id=next((v for k, v in resp.headers if k == "X-Request-ID"), None),
            client=environ.get("REMOTE_ADDR"),
            key=environ.get(KEY) or None,
        )
