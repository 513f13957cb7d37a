"""HTTP: the only room that knows Flask. A route decodes, calls and encodes.

May import every room below it. `around/` is what surrounds every request, `protocols/` what models
are asked in, `pages/` what a browser shows, `openapi/` the API's document.
"""

from flask import Flask

from serving.access import Admins
from serving.api import feedback, health, models, monitor, predictions, protocols, versions
from serving.api.around import bodies, compression, cors, errors, metrics, pretty, request_id
from serving.api.around.express import Express
from serving.api.openapi import routes as openapi
from serving.api.pages import card, dashboard, home, html
from serving.predicting.service import Service
from serving.settings import Settings


def register(app: Flask, service: Service, settings: Settings) -> None:
    """Give an app every route of the service, and what surrounds each."""
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    _surround(app, service, settings)
    for protocol in protocols.PROTOCOLS:
        app.register_blueprint(protocol(service, settings))
    app.register_blueprint(home.blueprint(service, settings.max_records))
    app.register_blueprint(models.blueprint(service))
    app.register_blueprint(card.blueprint(service))
    app.register_blueprint(predictions.blueprint(service))
    app.register_blueprint(monitor.blueprint(service))
    app.register_blueprint(dashboard.blueprint(service, settings))
    app.register_blueprint(versions.blueprint(service, Admins(settings)))
    app.register_blueprint(feedback.blueprint(service, settings.max_records))
    app.register_blueprint(health.blueprint(service))
    app.register_blueprint(openapi.blueprint(service, settings.max_records))


def _surround(app: Flask, service: Service, settings: Settings) -> None:
    """Put around every request what it needs, from the outside in.

    A request passes from the first line to the last, a response from the last to the first.
    `tests/api/test_around.py` fails where two that depend on each other change places.
    """
    errors.register(app)  # of every layer and every view
    request_id.register(app)  # first, for errors of the others to have it; starts the clock
    metrics.register(app, service)  # last to see a response: counts it as it is sent
    cors.register(app, settings)
    bodies.register(app)  # before its content is unpacked: Content-Length is of the packed bytes
    compression.register(app, settings)
    pretty.register(app)  # within compression: what is packed cannot be indented
    html.register(app)
    # In front of all of these; it does for plain requests what they would do.
    app.wsgi_app = Express(app.wsgi_app, service, settings)  # type: ignore[method-assign]
