"""The Flask app. In production `gunicorn app:app`; `python app.py` is for development."""

import sys

from flask import Flask

from serving import api
from serving.errors import ServingError
from serving.registry import Registry
from serving.service import Service
from serving.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Load the models and wire the app; settings come from the environment unless given."""
    settings = settings or Settings.from_environment()
    service = Service(Registry.load(settings.models_dir, settings.default_model))
    app = Flask(__name__, static_folder=None)
    api.register(app, service, settings)
    return app


try:
    app = create_app()
except ServingError as error:
    sys.exit(f"cannot start: {error}")

if __name__ == "__main__":
    app.run("127.0.0.1", Settings.from_environment().port, debug=True)
