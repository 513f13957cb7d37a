"""What an event of AWS Lambda means for a request.

apig-wsgi makes a WSGI environment of an event and keeps the event in it; what it leaves out of the
environment, or takes from what a client may send, is put right here.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import msgspec

from serving.front import HOST

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EVENT = "apig_wsgi.full_event"
# What becomes of a stage or of the path of a domain's mapping, so nothing else gets into a link.
PREFIX = re.compile(r"(/[\w.~-]+)*", re.ASCII)
OWN_DOMAIN = ".execute-api."  # of API Gateway, with the stage in each path
OTHER = (
    "this is no event of API Gateway, a function URL or an Application Load Balancer: "
    "a member {} is missing"
)


def require_http(event: Any) -> None:
    """Raise an error with the reason if an event is not a request.

    Raises
    ------
    ValueError
    """
    if not isinstance(event, dict):
        raise ValueError(OTHER.format("requestContext"))  # noqa: TRY004 - of the same kind
    needed = {"requestContext", "rawPath" if event.get("version") == "2.0" else "httpMethod"}
    if missing := needed - event.keys():
        raise ValueError(OTHER.format(min(missing)))


def too_large(_: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Refuse a request whose response does not fit, as a WSGI app."""
    start_response("413 Content Too Large", [("Content-Type", "application/problem+json")])
    detail = "AWS Lambda takes no response of more than 6 MB: send fewer records, or accept gzip"
    problem = {"type": "about:blank", "title": "Content Too Large", "status": 413, "detail": detail}
    return [msgspec.json.encode(problem)]


def complete(environ: "WSGIEnvironment") -> None:
    """Put the prefix, the client and the host of a request into its environment."""
    event: Mapping[str, Any] = environ[EVENT]
    context = event["requestContext"]
    # Encoded or not, as any sender may have it; apig-wsgi expects the first.
    path = unquote_to_bytes(event.get("rawPath") or event["path"]).decode("latin-1")
    environ["PATH_INFO"] = path
    prefix, count = _prefix(event, _segments(path))
    if count:
        rest = "/".join(_segments(path)[count:])
        environ["PATH_INFO"] = f"/{rest}/" if rest and path.endswith("/") else f"/{rest}"
    environ["SCRIPT_NAME"] = prefix if PREFIX.fullmatch(prefix) else ""
    if "elb" in context:  # a balancer adds at the end from whom it has the request
        environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-1].strip()
    elif "identity" in context:
        environ["REMOTE_ADDR"] = context["identity"].get("sourceIp") or ""
    if name := context.get("domainName"):  # not of a balancer, which takes any name
        environ[HOST] = name
    if environ["wsgi.url_scheme"] not in {"http", "https"}:
        environ["wsgi.url_scheme"] = "https"
    for name, values in (event.get("multiValueHeaders") or {}).items():
        if name.lower() == "cookie":
            environ["HTTP_COOKIE"] = "; ".join(values)


def _prefix(event: Mapping[str, Any], segments: list[str]) -> tuple[str, int]:
    """Return the prefix of links, and how many segments of the path belong to it.

    By API Gateway's own name, the path of a REST API has no stage, but the context's path has; by
    another name both have the path of that name's mapping. The path of an HTTP API begins with the
    stage unless that is $default; by another name the client's path does not.
    """
    context = event["requestContext"]
    stage, domain = context.get("stage"), context.get("domainName") or ""
    whole = _segments(context.get("path") or "") or segments
    proxied = (event.get("pathParameters") or {}).get("proxy")
    if proxied is not None:  # what {proxy+} stands for, at the end of a route
        own = len(_segments(proxied))
    elif len(whole) != len(segments):
        own = len(segments)
    else:
        own = len(segments) - (segments[:1] == [stage])
    before = whole[: max(0, len(whole) - own)]
    if event.get("version") == "2.0" and before[:1] == [stage] and OWN_DOMAIN not in domain:
        before = before[1:]
    return "".join(f"/{each}" for each in before), max(0, len(segments) - own)


def _segments(path: str) -> list[str]:
    return [*filter(None, path.split("/"))]


def joined(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Join headers of the same name, of which most events have one only; cookies stay apart."""
    joined: dict[str, tuple[str, str]] = {}
    cookies = []
    for name, value in headers:
        key = name.lower()
        if key == "set-cookie":
            cookies.append((name, value))
        elif key in joined:
            joined[key] = (name, f"{joined[key][1]}, {value}")
        else:
            joined[key] = (name, value)
    return [*joined.values(), *cookies]
