"""HTTP: the only room that knows Flask. A route decodes, calls and encodes.

May import every room below it. `around/` is what surrounds every request, `protocols/` are those of
prediction, `pages/` what a browser shows, `openapi/` the API's document.
"""

from functools import lru_cache

from flask import Flask

from serving.access.access import Access
from serving.access.proxies import Proxies
from serving.api import (
    erasures,
    feedback,
    health,
    hosts,
    metrics,
    models,
    monitor,
    predictions,
    protocols,
    sheet,
    subjects,
    trainings,
    versions,
    what_if,
)
from serving.api.around import (
    access,
    bodies,
    browsers,
    compression,
    cors,
    counting,
    errors,
    pretty,
    proxies,
    request_id,
    storing,
)
from serving.api.declared import Pace, declaration
from serving.api.openapi import routes as openapi
from serving.api.pages import card, dashboard, home, html, login, train_pages
from serving.api.plain import Plain
from serving.formats import READERS
from serving.front import Front
from serving.predicting.erasing import Erasing
from serving.predicting.service import Service
from serving.settings import Settings
from serving.spool import Room


def register(app: Flask, service: Service, settings: Settings, *, frozen: bool = False) -> None:
    """Give an app every route of the service, and what surrounds each.

    Parameters
    ----------
    frozen : bool
        Whether nothing runs between two requests.
    """
    keys = Access(settings)
    app.extensions["access"] = keys
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    trusted = Proxies(settings)
    proxies.register(app, trusted)  # around all else, which need not know that there are any
    _surround(app, service, settings, keys)
    if frozen:
        storing.register(app, service, settings)  # the innermost: sees what a view recorded
    for protocol in protocols.PROTOCOLS:
        app.register_blueprint(protocol.blueprint(service, settings))
    app.register_blueprint(what_if.blueprint(service))
    app.register_blueprint(home.blueprint(service, settings.max_records))
    app.register_blueprint(sheet.blueprint(settings))
    app.register_blueprint(login.blueprint(keys))
    app.register_blueprint(models.blueprint(service))
    app.register_blueprint(card.blueprint(service))
    app.register_blueprint(predictions.blueprint(service))
    app.register_blueprint(subjects.blueprint(service))
    app.register_blueprint(erasures.blueprint(_erasing(service), settings.max_records))
    app.register_blueprint(monitor.blueprint(service, settings, frozen=frozen))
    app.register_blueprint(dashboard.blueprint(service, settings))
    app.register_blueprint(versions.blueprint(service))
    app.register_blueprint(trainings.blueprint(service, settings, frozen=frozen))
    app.register_blueprint(train_pages.blueprint(settings, frozen=frozen))
    app.register_blueprint(feedback.blueprint(service, settings))
    app.register_blueprint(hosts.blueprint(service))
    app.register_blueprint(health.blueprint(service, keys))
    app.register_blueprint(metrics.blueprint(service))
    app.register_blueprint(openapi.blueprint(service, settings.max_records, keys.on_this_machine))
    app.extensions["front"] = _front(app, service, settings, keys, trusted)


def _erasing(service: Service) -> Erasing:
    folder = service.journal.folder if service.journal else None
    models_dir = service.registry.decisions.models_dir
    return Erasing(folder, service.store, service.privacy, models_dir)


def _surround(app: Flask, service: Service, settings: Settings, keys: Access) -> None:
    """Put around every request what it needs, the outermost first.

    A request passes the layers from the first to the last, a response from the last to the first.
    Three places matter, and tests/api/test_around.py fails where they change: request_id before
    compression, bodies before compression, compression before pretty.
    """
    request_id.register(app)  # before what may fail, so that every error has its id and its time
    counting.register(app, service)  # counts responses as they are sent, packed and all
    errors.register(app)  # makes a problem of whatever the layers below or a view raise
    cors.register(app, settings)  # on errors as well: a page may read them, too
    browsers.register(app, settings)  # refuses before anything is read
    access.register(app, service, keys)  # before a body is looked at
    bodies.register(app)  # before unpacking: Content-Length is that of the packed body
    compression.register(app, settings)  # packs what pretty has indented
    pretty.register(app)
    html.register(app, keys, service.registry)  # security headers and language of pages


def _front(
    app: Flask, service: Service, settings: Settings, keys: Access, trusted: Proxies
) -> Front:
    """Return what a server that runs the app may answer by itself, and what it may keep."""
    plain = Plain(service, settings, keys)

    def at(pace: Pace) -> frozenset[str]:
        rules = app.url_map.iter_rules()
        return frozenset(each.rule for each in rules if declaration(each.endpoint).pace == pace)

    def max_body_bytes(path: str, content_type: str, encoding: str) -> int:
        mimetype = content_type.partition(";")[0].strip().lower()
        if mimetype in READERS or encoding or path in of_files:
            return max(settings.max_stream_bytes, settings.max_body_bytes)
        return settings.max_body_bytes

    with app.app_context():
        rules = app.url_map.iter_rules()
        of_files = {each.rule for each in rules if declaration(each.endpoint).takes_files}
        return Front(
            # A response that waits for the disk is none that others may wait for.
            find_plain=(lambda _: None) if settings.journal_fsync else plain.find,
            client=lru_cache(maxsize=1024)(trusted.client),
            immediate=at("immediate"),
            prompt=at("prompt"),
            max_body_bytes=max_body_bytes,
            room=Room(settings.var_dir, settings.max_spool_bytes),
            is_known=lambda *headers: access.is_known(keys, *headers),
        )
