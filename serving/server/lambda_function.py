"""The app as a function of AWS Lambda: its settings, and what happens around each invocation.

Nothing runs between two invocations, so what workers do beside their requests is done at the
beginning of one.
"""

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from serving import clock
from serving.errors import SettingsError
from serving.log import KEY, PATH, write_access
from serving.server import lambda_events
from serving.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

ANYWHERE = "0.0.0.0"  # noqa: S104 - whoever knows the URL of a function reaches it
SQLITE = "sqlite:"
SECONDS, REST = 4, 60  # after which models are followed again; likewise if that has failed


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; without a database nothing is recorded unless it has to be.

    Raises
    ------
    SettingsError
        Also if records would be kept in the environment of a function, and end with it.
    """
    given = Settings.from_environment(environment)
    given = dataclasses.replace(given, published_host=ANYWHERE)
    if not given.journal or (given.database_url and not given.database_url.startswith(SQLITE)):
        return given
    if environment.get("JOURNAL") or given.journal_required or given.database_url:
        raise SettingsError(
            "DATABASE_URL is not that of PostgreSQL: in AWS Lambda records would end with the "
            "environment of the function; set DATABASE_URL=postgresql://…, or JOURNAL=off"
        )
    log.warning("DATABASE_URL is not set, so nothing is recorded")
    return dataclasses.replace(given, journal=False)


def copier(settings: Settings) -> Callable[[], bool]:
    """Return what copies new models from the object store, if there is one; and whether it could.

    It is done in this process, which is never forked, on a connection that is kept.
    """
    if not settings.models_url:
        return lambda: True
    from serving.versions.object_store_process import Follower  # noqa: PLC0415 - loads obstore

    follower = Follower(settings.models_url, settings.models_dir)

    def copy() -> bool:
        for level, message in follower.look(served=True):
            log.log(level, "%s", message)
        return follower.is_reached

    return copy


class Invocations:
    """A WSGI app that runs another one in AWS Lambda.

    Parameters
    ----------
    follow : callable
        Follows what is decided about versions, and returns whether it could.
    """

    def __init__(self, app: "WSGIApplication", follow: Callable[[], bool]) -> None:
        self._app, self._follow = app, follow
        self._followed, self._pause = clock.now(), SECONDS  # by the clock that never stops

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        began = time.perf_counter()
        if abs(clock.now() - self._followed) > self._pause * 1000:
            self._pause = SECONDS if self._has_followed() else REST
            self._followed = clock.now()
        lambda_events.complete(environ)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            started.append((status, headers))

        body = self._app(environ, start)
        try:
            content = b"".join(body)
        finally:
            getattr(body, "close", bool)()
        status, headers = started[-1]
        start_response(status, lambda_events.joined(headers))
        write_access(
            logger=__name__,
            method=environ["REQUEST_METHOD"],
            path=environ.get(PATH) or environ["PATH_INFO"],
            status=int(status[:3]),
            size=len(content),
            seconds=time.perf_counter() - began,
            request_id=dict(headers).get("X-Request-ID"),
            client=environ["REMOTE_ADDR"],
            key=environ.get(KEY) or None,
        )
        return [content]

    def _has_followed(self) -> bool:
        try:
            return self._follow()
        except Exception:  # why: whatever it meets, the request is still to be answered
            log.exception("what is decided could not be followed")
            return False
