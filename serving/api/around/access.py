"""Accepts a request for its key, or refuses it: by the scope that its route declares."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, g, make_response, render_template, request
from werkzeug.http import parse_cookie

from serving.access.access import Access, Credentials, sent_key
from serving.access.callers import ADMIN, NO_KEY, Caller
from serving.api.around import errors
from serving.api.around.remote import why_remote
from serving.api.declared import declaration
from serving.api.pages.html import wants_page
from serving.errors import NoKey, Refused
from serving.ids import PredictionId
from serving.log import KEY
from serving.predicting.service import Service

COOKIE = "adega_session"


def caller() -> Caller:
    """Who sends the current request."""
    found: Caller = g.caller
    return found


def who() -> str:
    """Who sends the current request, as it is recorded with a decision."""
    return caller().name or NO_KEY


def curl() -> str:
    """The beginning of a command that sends what the caller might send."""
    return 'curl -H "X-API-Key: $ADEGA_KEY"' if caller().name else "curl"


def credentials(access: Access) -> Credentials:
    """What the current request has to show who sends it."""
    headers = request.headers
    key = sent_key(headers.get("Authorization", ""), headers.get("X-API-Key", ""))
    session = request.cookies.get(COOKIE, "")
    remote = why_remote(request, in_container=access.is_published)
    return Credentials(key, session, request.remote_addr or "", remote)


def is_known(
    access: Access, authorization: str, x_api_key: str, cookies: str, address: str
) -> bool:
    """Whether headers are of somebody who may use the service, if only for something."""
    if access.everybody.scopes:
        return True
    session = parse_cookie(cookies).get(COOKIE, "")
    sent = Credentials(sent_key(authorization, x_api_key), session, address)
    return bool(access.known(sent).scopes)


def register(app: Flask, service: Service, access: Access) -> None:
    """Have an app accept or refuse each request before its view is called."""

    def admit() -> None:
        """Find who sends the request, and whether they may."""
        declared, sent = declaration(request.endpoint), credentials(access)
        # A preflight has no key; what has no route is refused anyway.
        if declared.scope == "open" or request.method == "OPTIONS" or not request.url_rule:
            g.caller = access.known(sent)
            access.count_guess(sent)
            return
        g.caller = access.admit(
            sent, declared.scope, _model(service), any_model=declared.shows_allowed
        )

    @app.before_request
    def refuse() -> Response | None:
        try:
            admit()
        except Refused as error:
            if isinstance(error, NoKey) and wants_page():
                page = render_template(
                    "login.html", then=request.script_root + request.full_path, reason=""
                )
                response = make_response(page, HTTPStatus.UNAUTHORIZED)
                response.headers["Cache-Control"] = "no-store"
                g.refused = error.reason
                return response
            return errors.refused(error)
        request.environ[KEY] = g.caller.name
        return None

    @app.context_processor
    def shared() -> dict[str, Callable[[], str]]:
        def why_no_admin() -> str:
            """Why the reader lacks the scope and no key has it; empty otherwise."""
            has_it = ADMIN in caller().scopes
            return "" if has_it else access.why_no_admin(credentials(access))

        return {"why_no_admin": why_no_admin}


def _model(service: Service) -> str | None:
    """The model that a request is for; None if its path has none."""
    values = request.view_args or {}
    if "prediction_id" in values:
        made_by = PredictionId.read(values["prediction_id"])
        return made_by.model if made_by else None
    return (values["name"] or service.registry.default) if "name" in values else None
