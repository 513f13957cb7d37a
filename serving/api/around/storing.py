"""Stores what a request recorded before its response is sent, where nothing runs afterwards."""

from flask import Flask, Response, g, request

from serving.api.around import errors
from serving.api.declared import predicts
from serving.errors import StoreError
from serving.predicting.service import Service
from serving.recording.archiving import Archive
from serving.recording.inline import InlineCollector
from serving.settings import Settings

READY = "health.ready"


def register(app: Flask, service: Service, settings: Settings) -> None:
    """Have an app store what each request recorded; without a journal there is nothing to store.

    If that fails, the response is a 503, unless it has predictions that need not be recorded.
    """
    if not service.journal:
        return
    archive = Archive.from_settings(settings)
    collector = InlineCollector(service.journal, service.store, settings.retention_days, archive)

    @app.before_request
    def begin() -> None:
        if request.endpoint == READY:  # which reports what the collector has met
            collector.store(required=True)
        g.mark = collector.mark()

    @app.after_request
    def store(response: Response) -> Response:
        if predicts():
            response.make_sequence()  # a stream records while it is read
            service.predict_trials()
        is_new = collector.mark() != g.get("mark", collector.mark())
        required = is_new and (service.required or not predicts())
        reason = collector.store(required=required)
        if not (reason and required):
            return response
        detail = "what this request recorded is not in the database; send it again later"
        return errors.refused(StoreError(f"{detail}: {reason}"))
