"""Runs a WSGI app in threads, so that the greenlets of a worker only ever wait for clients.

A greenlet reads the body of a request before the app is called, and writes each piece of the
response before the next one is computed. So no thread waits for a client, and what is computed for
a client that has gone ends with the next piece.
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any

from gevent.threadpool import ThreadPool

from serving.front import HAS_LEFT, READ_AS_JSON, SMALL, Front
from serving.spool import IN_MEMORY, Spool

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
    """

    def __init__(self, app: "WSGIApplication", front: Front, count: int) -> None:
        self._app, self._front = app, front
        self._long, self._prompt = ThreadPool(count), ThreadPool(PROMPT_THREADS)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        environ[HAS_LEFT] = environ["gunicorn.socket"].has_left
        body = Body(self._front.room)
        try:
            size = self._receive(environ, body)
            environ["wsgi.input"] = body
            answer = _Answer(body, self._runner(environ, size))
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
        kind = environ.get("CONTENT_TYPE", ""), environ.get("HTTP_CONTENT_ENCODING", "")
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

    def _runner(self, environ: "WSGIEnvironment", size: int) -> Run:
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
        is_prompt = path in self._front.prompt or (route is not None and route.is_ready())
        pool = self._prompt if is_prompt else self._long
        return lambda *call: pool.spawn(context.run, *call).get()


class _Answer:
    """The response of an app, of which each piece is computed when it is to be sent.

    Parameters
    ----------
    body : Body
        Of the request, closed with the response.
    run : callable
        Runs calls of the app's code, all in one context but maybe in different threads.
    """

    def __init__(self, body: Body, run: Run) -> None:
        self._body, self._run = body, run
        self._given: Iterable[bytes] = ()
        self._pieces: Iterator[bytes] = iter(())
        self._first: bytes | None = None
        self._is_closed = False
        self.status, self.headers = "", [("", "")]

    def begin(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> None:
        """Call the app, and have it compute the first piece."""
        self._run(self._begin, app, environ)

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first
        while piece is not None:
            yield piece
            piece = None if self._is_closed else self._run(next, self._pieces, None)

    def close(self) -> None:
        """End the response, whether or not all of it was sent."""
        if not self._is_closed:
            self._run(self._close)
        self._body.close()

    def _begin(self, app: "WSGIApplication", environ: "WSGIEnvironment") -> None:
        self._given = app(environ, self._start)
        try:
            self._pieces = iter(self._given)
            self._first = next(self._pieces, None)
        except BaseException:
            self._close()
            raise
        if ("Content-Length", str(len(self._first or b""))) in self.headers:
            self._close()  # that was all

    def _close(self) -> None:
        self._is_closed = True
        if hasattr(self._given, "close"):
            self._given.close()

    def _start(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        self.status, self.headers = status, headers
