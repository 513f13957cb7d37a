"""gunicorn's configuration, which gunicorn finds in the current folder."""

import gc
import sys
from typing import Any

from serving.errors import SettingsError
from serving.server import collector_process, following, pickle_check
from serving.server.logger import JSONLogger
from serving.server.worker import Worker
from serving.settings import Settings
from serving.trainings.worker import Starter
from serving.versions.served import ServedFile

try:
    settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(f"cannot start: {error}")

bind = f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
Worker.settings = settings
worker_class = Worker
worker_connections = 4096  # an idle one costs some kilobytes
threads = 4  # for what computes long: large batches, pages; clients are waited for without threads
preload_app = True  # models are loaded once, in memory that the workers share

timeout = 30
graceful_timeout = 25  # less than the 30 seconds that container engines and platforms allow
keepalive = 5

# Only the app believes proxies, those of TRUSTED_PROXIES; gunicorn would believe others as well.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

http_parser = "auto"  # the C parser of gunicorn_h1c where it is installed
control_socket_disable = True
logger_class = JSONLogger
accesslog = errorlog = "-"


def on_starting(arbiter: Any) -> None:
    """Refuse what the worker does not do; keep all objects loaded so far in shared memory.

    Garbage collection would copy it.
    """
    if arbiter.cfg.is_ssl or arbiter.cfg.proxy_protocol != "off":
        sys.exit("cannot start: TLS and the PROXY protocol are left to a proxy in front")
    collector_process.prepare()
    gc.collect()
    gc.freeze()


def when_ready(arbiter: Any) -> None:
    """Start the check of the pickles beside the service; warn if everybody may use it."""
    pickle_check.start()
    access = arbiter.app.wsgi().extensions["access"]
    if access.warning:
        arbiter.log.warning(access.warning)


def post_fork(arbiter: Any, worker: Worker) -> None:
    """Start the collector process beside this worker."""
    if settings.journal:
        worker.on_stop = collector_process.start_collector(
            settings, [listener.sock for listener in arbiter.LISTENERS], worker.cfg.graceful_timeout
        )


def post_worker_init(worker: Worker) -> None:
    """Load the live versions, follow later decisions, and open the files of the counters."""
    registry = worker.wsgi.extensions["registry"]
    registry.follow(ServedFile(settings, registry).write)
    following.start(settings)
    Starter(settings).follow()
    worker.wsgi.extensions["metrics"].open()


def child_exit(_: object, worker: Worker) -> None:
    """Stop counting the connections of a worker that has ended."""
    worker.share.forget()


def on_exit(arbiter: Any) -> None:
    """Wait for what the collectors still move into the store."""
    if settings.journal:
        collector_process.wait_for_collectors(arbiter.cfg.graceful_timeout)
