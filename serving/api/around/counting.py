"""Counts every request and the time that it took."""

import time

from flask import Flask, Response, g, request

from serving.api.declared import predicts
from serving.predicting.service import Service


def register(app: Flask, service: Service) -> None:
    """Count every request of an app."""

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else ""
        taken = (time.perf_counter_ns() - g.since) // 1000
        service.metrics.count_request(
            route, request.method, str(response.status_code), taken, predicts=predicts()
        )
        if reason := g.get("refused"):
            service.metrics.count_refused(reason)
        return response
