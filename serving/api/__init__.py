"""HTTP: the only room that knows Flask. One file per protocol; each decodes, calls and encodes."""

from flask import Flask

from serving.access import Admins
from serving.api import feedback, health, models, monitor, openapi, predict, predictions, versions
from serving.api.around import bodies, compression, cors, errors, metrics, pretty, request_id
from serving.api.around.express import Express
from serving.api.pages import card, dashboard, home, html
from serving.predicting.service import Service
from serving.settings import Settings


def register(app: Flask, service: Service, settings: Settings) -> None:
    """Give an app every route of the service."""
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    request_id.register(app)
    errors.register(app)
    metrics.register(app, service)
    cors.register(app, settings)
    bodies.register(app)
    compression.register(app, settings)
    pretty.register(app)  # before it is packed: what is registered last sees an answer first
    html.register(app)
    app.register_blueprint(home.blueprint(service, settings.max_records))
    app.register_blueprint(card.blueprint(service))
    app.register_blueprint(health.blueprint(service))
    app.register_blueprint(models.blueprint(service))
    app.register_blueprint(predict.blueprint(service, settings))
    app.register_blueprint(feedback.blueprint(service, settings.max_records))
    app.register_blueprint(predictions.blueprint(service))
    app.register_blueprint(monitor.blueprint(service))
    app.register_blueprint(dashboard.blueprint(service, settings))
    app.register_blueprint(versions.blueprint(service, Admins(settings)))
    app.register_blueprint(openapi.blueprint(service, settings.max_records))
    app.wsgi_app = Express(app.wsgi_app, service, settings)  # type: ignore[method-assign]
