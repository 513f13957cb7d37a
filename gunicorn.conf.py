"""gunicorn's configuration; gunicorn finds it by itself."""

import gc
import sys
from typing import Any

from serving.errors import SettingsError
from serving.log import JSONLogger
from serving.server import collector_process, pickle_check
from serving.server.worker import Worker
from serving.settings import Settings

try:
    settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(f"cannot start: {error}")

bind = f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
worker_class = Worker
threads = 8  # for what takes long: large batches, slow clients; small requests need none
preload_app = True  # models are loaded once and shared by the workers' memory

timeout = 30
graceful_timeout = 25  # within the 30 seconds that container engines and platforms grant
keepalive = 5

http_parser = "auto"  # the C parser of gunicorn_h1c where it is installed
control_socket_disable = True
logger_class = JSONLogger
accesslog = errorlog = "-"


def on_starting(_: object) -> None:
    """Leave what is loaded by now to the workers as it is: counting it would copy its memory."""
    gc.collect()
    gc.freeze()


def when_ready(_: object) -> None:
    """Load the pickles as well, beside."""
    pickle_check.summon()


def post_fork(arbiter: Any, _: Worker) -> None:
    """Have the journal collected, by one of the processes that this starts."""
    if settings.journal:
        collector_process.accompany(settings, [listener.sock for listener in arbiter.LISTENERS])


def post_worker_init(worker: Worker) -> None:
    """Serve what is live by now, follow what is decided, and count what is answered."""
    worker.wsgi.extensions["registry"].follow()
    worker.wsgi.extensions["metrics"].begin()


def child_exit(_: object, worker: Worker) -> None:
    """Let the others take the connections that would have been its."""
    worker.mourn()
