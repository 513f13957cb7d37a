"""Log in and out: a browser's session stands for the key that was typed once."""

import re

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from serving.access.access import HOW, Access
from serving.access.sessions import HOURS
from serving.api.around import errors
from serving.api.around.access import COOKIE, credentials
from serving.api.declared import declares
from serving.errors import NoKey, TooManyRequests, WrongKey

# A path of this service. Browsers take // and /\\ for the beginning of another host.
LOCAL = re.compile(r"/(?!/)[^\\\x00-\x1f\x7f]*")


def blueprint(access: Access) -> Blueprint:
    """Routes of sessions."""
    routes = Blueprint("login", __name__)

    @routes.get("/login")
    @declares(None, scope="open")
    def form() -> Response:
        return _form("")

    @routes.post("/login")
    @declares(None, scope="open")
    def log_in() -> AnyResponse:
        sent = credentials(access)._replace(key=request.form.get("key", "").strip(), session="")
        try:
            token = access.log_in(sent)
        except (NoKey, WrongKey, TooManyRequests) as error:
            g.refused = error.reason
            refused = _form(error.public.removesuffix(f"; {HOW}"))  # there is a form for it
            refused.status_code = errors.status_of(error)
            return refused
        response = redirect(_local(request.form.get("then", "")), 303)
        response.set_cookie(
            COOKIE,
            token,
            max_age=HOURS * 3600,
            path=_root(),
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    @routes.post("/logout")
    @declares(None, scope="open")
    def log_out() -> AnyResponse:
        response = redirect(url_for("login.form"), 303)
        response.delete_cookie(COOKIE, path=_root(), httponly=True, samesite="Strict")
        return response

    return routes


def _form(reason: str) -> Response:
    then = request.form.get("then", "") or request.args.get("then", "")
    response = make_response(render_template("login.html", then=_local(then), reason=reason))
    response.headers["Cache-Control"] = "no-store"
    return response


def _local(address: str) -> str:
    """The page to go to, if it is one of this service; else the first page."""
    return address if LOCAL.fullmatch(address) else url_for("pages.home")


def _root() -> str:
    return request.root_path + "/"
