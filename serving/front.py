"""What an app declares to the server that runs it, which knows neither Flask nor a model."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from serving.spool import Room

SMALL = 16_384  # bytes of a body from which its prediction is computed in another thread
# curl -d labels every body as a form; whoever sends no label at all means JSON too.
READ_AS_JSON = {"", "application/json", "application/x-www-form-urlencoded"}
RETRY_SECONDS = "10"  # after which there may be room for a body again
HOST = "serving.host"  # in a WSGI environment: a name of the service that no client can make up
HAS_LEFT = "serving.has_left"  # in a WSGI environment: whether the client has gone meanwhile


class PlainRequest(NamedTuple):
    """A POST without anything unusual, read from its bytes.

    Attributes
    ----------
    request_id : str
        What the client sent as X-Request-ID; empty if nothing.
    json_length, subject, own_id, accept_encoding, authorization, x_api_key : str
        Likewise; `json_length` is how many bytes of the body are JSON if tensors may follow.
    address : str
        Of the client.
    """

    body: bytes
    request_id: str
    json_length: str
    subject: str
    own_id: str
    accept_encoding: str
    authorization: str
    x_api_key: str
    address: str


class PlainResponse(NamedTuple):
    """The response to a plain request, always 200.

    Attributes
    ----------
    key : str
        The name of the key that was sent; empty without one.
    headers : str
        All headers that are the app's business, each line with its end.
    """

    request_id: str
    key: str
    headers: str
    body: bytes


class PlainRoute(Protocol):
    """What answers the plain requests to a path."""

    def is_prompt(self, body: bytes) -> bool:
        """Whether a small body takes no time: no model is waited for, and nothing explained."""

    def answer(self, request: PlainRequest) -> PlainResponse | None:
        """Answer a request; None if the app itself has to, as for every fault."""


def _anybody(*_: str) -> bool:
    return True


class Front(NamedTuple):
    """How a server may answer requests to an app.

    Attributes
    ----------
    find_plain : callable
        Finds what answers the plain requests to a path; None if it takes none.
    client : callable
        The address of a request's client, by that of the connection and X-Forwarded-For.
    immediate : frozenset of str
        Paths that are answered in no time, and without waiting for anything.
    prompt : frozenset of str
        Paths that do not wait until others are computed.
    max_body_bytes : callable
        The largest body that is read, by its path, Content-Type and Content-Encoding.
    room : Room
        For bodies that have to be kept.
    is_known : callable
        Whether the headers Authorization, X-API-Key and Cookie, sent from an address, are of
        somebody who may use the service; from others no more than a small body is received.
    """

    find_plain: Callable[[str], PlainRoute | None]
    client: Callable[[str, str], str]
    immediate: frozenset[str]
    prompt: frozenset[str]
    max_body_bytes: Callable[[str, str, str], int]
    room: Room
    is_known: Callable[[str, str, str, str], bool] = _anybody
