"""The Flask app. In production `gunicorn app:app`; `python app.py` is for development."""

import sys

from flask import Flask

from serving import api
from serving.errors import ServingError
from serving.metrics.requests import Metrics
from serving.predicting.explaining import Explaining
from serving.predicting.service import Service
from serving.recording.archiving import Archive
from serving.recording.commits import Commits
from serving.recording.journal import Journal
from serving.recording.privacy import Privacy
from serving.recording.store import Store
from serving.server import following
from serving.settings import STORE, Settings
from serving.trainings.worker import Starter
from serving.versions.decisions import Decisions
from serving.versions.registry import Registry
from serving.versions.served import ServedFile


def create_app(settings: Settings | None = None, *, frozen: bool = False) -> Flask:
    """Load the models and wire the app; settings come from the environment unless given.

    Parameters
    ----------
    frozen : bool
        Whether nothing runs between two requests, and VAR_DIR ends with the process: each request
        stores what it recorded, and the caller copies models from an object store.
    """
    settings = settings or Settings.from_environment()
    privacy = Privacy(settings)
    decisions = Decisions.from_settings(settings, lasting=not frozen)
    if decisions.shared and not frozen:
        decisions.shared.catch_up(served=True)
    registry = Registry(
        decisions,
        settings.default_model,
        max_loaded=settings.models_in_memory,
        check=privacy.check_version,
    )
    privacy.check_models(registry.live)
    waits = settings.journal_required == STORE and not frozen  # then it is stored anyway
    commits = Commits(settings.journal_dir) if waits else None
    journal = (
        Journal(settings.journal_dir, sync=settings.journal_fsync, commits=commits)
        if settings.journal
        else None
    )
    service = Service(
        registry,
        journal,
        Store(settings.store_url, settings.retention_days),
        privacy,
        Metrics(settings.metrics_dir),
        required=bool(settings.journal_required),
        archive=Archive.from_settings(settings),
        explaining=Explaining(
            settings.explain_samples, settings.max_explained, settings.explain_seconds
        ),
    )
    app = Flask(__name__, static_folder=None)
    api.register(app, service, settings, frozen=frozen)
    app.extensions["registry"], app.extensions["metrics"] = registry, service.metrics
    app.extensions["commits"] = commits
    return app


def __getattr__(name: str) -> Flask:
    """Build `app` when gunicorn or Flask asks for it; importing this module builds nothing."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        built = create_app()
    except ServingError as error:
        sys.exit(f"cannot start: {error}")
    globals()[name] = built  # once, however often it is asked for
    return built


if __name__ == "__main__":
    development = __getattr__("app")
    from_environment, registry = Settings.from_environment(), development.extensions["registry"]
    registry.follow(ServedFile(from_environment, registry).write)
    following.start(from_environment)
    Starter(from_environment).follow()
    development.run("127.0.0.1", from_environment.port, debug=True)
