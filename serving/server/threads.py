"""Runs a WSGI app in threads, so that the greenlets of a worker only ever wait for clients.

A greenlet reads the body of a request before the app is called, and writes each piece of the
response before the next one is computed. So no thread waits for a client, and what is computed for
a client that has gone ends with the next piece. A large piece is kept as a large body is.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from contextvars import Context
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gevent.threadpool import ThreadPool

from serving.errors import NoRoom
from serving.front import HAS_LEFT, READ_AS_JSON, RETRY_SECONDS, SMALL, Front
from serving.server.parser_errors import problem
from serving.spool import IN_MEMORY, Room, Spool

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROMPT_THREADS = 2
PIECE = 2**17  # bytes that are received or written at once
Run = Callable[..., Any]


class Body(Spool):
    """A body that was received, with the error that ended it, if one did."""

    error: Exception | None = None

    def read(self, *size: int) -> bytes:
        """Read from it; where it ends by an error, raise that."""
        content = super().read(*size)
        if self.error and not content:
            raise self.error
        return content


class Threads:
    """A WSGI app that runs another one in threads.

    Parameters
    ----------
    app : WSGI application
    front : Front
        What the app declares about its paths.
    count : int
        How many threads compute what may take long; there are two more for what is prompt.
    pool : callable
        Makes the threads.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        front: Front,
        count: int,
        pool: Callable[[int], Any] = ThreadPool,
    ) -> None:
        self._app, self._front = app, front
        self._long, self._prompt = pool(count), pool(PROMPT_THREADS)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        environ[HAS_LEFT] = environ["gunicorn.socket"].has_left
        body = Body(self._front.room)
        try:
            size = self._receive(environ, body)
            environ["wsgi.input"] = body
            answer = _Answer(body, self._front.room, self._runner(environ, body, size))
            answer.begin(self._app, environ)
            start_response(answer.status, answer.headers)
        except BaseException:
            body.close()
            raise
        return answer

    def compute(self, function: Run, *given: Any) -> Any:
        """Call what may take long, when one of the threads for that is free."""
        return self._long.spawn(function, *given).get()

    def _receive(self, environ: "WSGIEnvironment", body: Body) -> int:
        """Receive a body to where it ends, or is too large; return how much it is.

        Nothing is received of one whose length is too large: the app refuses it. From a client
        without a key that is needed, that is any but a small one.
        """
        sent = environ["wsgi.input"]
        kind = (
            environ["PATH_INFO"],
            environ.get("CONTENT_TYPE", ""),
            environ.get("HTTP_CONTENT_ENCODING", ""),
        )
        address = self._front.client(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "")
        )
        is_known = self._front.is_known(
            environ.get("HTTP_AUTHORIZATION", ""),
            environ.get("HTTP_X_API_KEY", ""),
            environ.get("HTTP_COOKIE", ""),
            address,
        )
        max_bytes, size = self._front.max_body_bytes(*kind) if is_known else SMALL, 0
        sent.failed = int(environ.get("CONTENT_LENGTH") or 0) > max_bytes  # gunicorn closes then
        try:
            while not sent.failed and (piece := sent.read(PIECE)):
                size += len(piece)
                if size > IN_MEMORY:
                    self._prompt.spawn(body.write, piece).get()  # a disk may be slow
                else:
                    body.write(piece)
                sent.failed = size > max_bytes
        except Exception as error:  # noqa: BLE001 # why: the app answers it, whatever it is
            body.error, sent.failed = error, True
        body.seek(0)
        return size

    def _runner(self, environ: "WSGIEnvironment", body: Body, size: int) -> Run:
        """What calls the app: this greenlet, or the threads of one of the pools."""
        context, path = Context(), environ["PATH_INFO"]
        if path in self._front.immediate:
            return context.run
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        is_small = size <= SMALL and not (
            environ["QUERY_STRING"]
            or "HTTP_CONTENT_ENCODING" in environ
            or kind not in READ_AS_JSON
        )
        route = self._front.find_plain(path) if is_small else None
        is_prompt = path in self._front.prompt
        if route and not is_prompt:
            is_prompt = route.is_prompt(b"" if body.error else body.read())
            body.seek(0)
        pool = self._prompt if is_prompt else self._long
        return lambda *call: pool.spawn(context.run, *call).get()


class _Answer:
    """The response of an app, of which each piece is computed when it is to be sent.

    Parameters
    ----------
    body : Body
        Of the request, closed with the response.
    room : Room
        For large pieces.
    run : callable
        Runs calls of the app's code, all in one context but maybe in different threads.
    """

    def __init__(self, body: Body, room: Room, run: Run) -> None:
        self._body, self._room, self._run = body, room, run
        self._given: Iterable[bytes] = ()
        self._pieces: Iterator[bytes] = iter(())
        self._first: bytes | None = None
        self._kept: Spool | None = None  # the piece that is sent, if it is large
        self._is_closed = False
        self.status, self.headers = "", [("", "")]

    def begin(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> None:
        """Call the app, and have it compute the first piece."""
        self._run(self._begin, app, environ)

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first
        while piece is not None:
            yield piece
            piece = self._run(self._next) if self._kept or not self._is_closed else None

    def close(self) -> None:
        """End the response, whether or not all of it was sent."""
        if not self._is_closed:
            self._run(self._close)
        if self._kept:
            self._kept.close()
        self._body.close()

    def _begin(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> None:
        self._given = app(environ, self._start)
        try:
            self._pieces = iter(self._given)
            piece = next(self._pieces, None)
            if ("Content-Length", str(len(piece or b""))) in self.headers:
                self._close()  # that was all
                environ.pop("werkzeug.request", None)  # it has all of the body
            self._first = piece and self._keep(piece)
        except NoRoom as error:
            self._close()
            self._refuse(error)
        except BaseException:
            self._close()
            raise

    def _next(self) -> bytes | None:
        """Return what is to be sent next; None at the end."""
        if self._kept:
            if rest := self._kept.read(PIECE):
                return rest
            self._kept.close()
            self._kept = None
        piece = None if self._is_closed else next(self._pieces, None)
        return piece and self._keep(piece)

    def _keep(self, piece: bytes) -> bytes:
        """Keep a piece; return what of it is sent first."""
        if len(piece) <= PIECE:
            return piece
        with ExitStack() as unless_kept:
            kept = unless_kept.enter_context(Spool(self._room))
            kept.write(piece)
            kept.seek(0)
            unless_kept.pop_all()
        self._kept = kept
        return kept.read(PIECE)

    def _refuse(self, error: NoRoom) -> None:
        """Respond that others take the room."""
        status = HTTPStatus.SERVICE_UNAVAILABLE
        self._first = problem(status, status.phrase, str(error))
        self.status = f"{status} {status.phrase}"
        self.headers = [
            *(each for each in self.headers if not each[0].startswith("Content-")),
            ("Content-Type", "application/problem+json"),
            ("Content-Length", str(len(self._first))),
            ("Retry-After", RETRY_SECONDS),
        ]

    def _close(self) -> None:
        self._is_closed = True
        given, self._given, self._pieces = self._given, (), iter(())
        if hasattr(given, "close"):
            given.close()

    def _start(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        self.status, self.headers = status, headers
