"""gunicorn's configuration; gunicorn finds it by itself."""

import sys

from serving.errors import SettingsError
from serving.server import JSONLogger, PatientWorker
from serving.settings import Settings

try:
    settings = Settings.from_environment()
except SettingsError as error:
    sys.exit(f"cannot start: {error}")

bind = f"{settings.host}:{settings.port}"
workers = settings.web_concurrency
worker_class = PatientWorker
threads = 4  # so that a slow client or a large batch does not hold up a worker
preload_app = True  # models are loaded once and shared by the workers' memory

timeout = 30
graceful_timeout = 25  # within the 30 seconds that container engines and platforms grant
keepalive = 5

http_parser = "auto"  # the C parser of gunicorn_h1c where it is installed
control_socket_disable = True
logger_class = JSONLogger
accesslog = errorlog = "-"
