"""Events of AWS Lambda, each as its sender makes it of a request, and how it reads the response."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

Headers = dict[str, str]
API, URL = "abc123.execute-api.sa-east-1.amazonaws.com", "xyz.lambda-url.sa-east-1.on.aws"
CLIENT = "203.0.113.7"
FORWARDED = {
    "x-forwarded-for": f"198.51.100.9, {CLIENT}",  # the first one is what the client sent
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}


class Answer(NamedTuple):
    """A response, as the sender of the event passes it on."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def rest(
    method: str = "GET",
    path: str = "/",
    body: bytes | str | None = None,
    headers: Headers | None = None,
    *,
    query: str = "",
    stage: str = "dev",
    host: str = API,
    base: str | None = None,
    proxied: bool = True,
) -> dict[str, Any]:
    """An event of a REST API, version 1.

    Parameters
    ----------
    base : str, optional
        The path by which a domain of one's own has the API; the domain is `host` then.
    proxied : bool
        Whether the route is {proxy+}.
    """
    sent = {"Host": host, **_titled(FORWARDED), **(headers or {})}
    pairs = parse_qsl(query, keep_blank_values=True)
    by_name = {name: [each for key, each in pairs if key == name] for name, _ in pairs}
    whole = f"/{stage}{path}" if base is None else f"{base}{path}"
    return {
        "resource": "/{proxy+}" if proxied and path != "/" else path,
        "path": path if base is None else whole,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": by_name or None,
        "pathParameters": {"proxy": path.strip("/")} if proxied and path != "/" else None,
        "stageVariables": None,
        "requestContext": {
            "path": whole,
            "stage": stage,
            "domainName": host,
            "httpMethod": method,
            "identity": {"sourceIp": CLIENT, "userAgent": "curl/8"},
            "protocol": "HTTP/1.1",
            "requestId": "r-1",
        },
        **_body(body),
    }


def http(
    method: str = "GET",
    path: str = "/",
    body: bytes | str | None = None,
    headers: Headers | None = None,
    *,
    query: str = "",
    stage: str = "$default",
    host: str = API,
) -> dict[str, Any]:
    """An event of an HTTP API, version 2, whose path has the stage unless it is $default."""
    sent = {"host": host, **FORWARDED, **_lower(headers)}
    cookies = [each.strip() for each in sent.pop("cookie", "").split(";") if each]
    whole = path if stage == "$default" else f"/{stage}{path}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": whole,
        "rawQueryString": query,
        **({"cookies": cookies} if cookies else {}),
        "headers": sent,
        "requestContext": {
            "domainName": host,
            "http": {
                "method": method,
                "path": whole,
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT,
                "userAgent": "curl/8",
            },
            "requestId": "r-1",
            "routeKey": "$default",
            "stage": stage,
        },
        **_body(body),
    }


def function_url(*request: Any, **more: Any) -> dict[str, Any]:
    """An event of a function URL, which has no stage."""
    return http(*request, **more, host=URL)


def balancer(
    method: str = "GET",
    path: str = "/",
    body: bytes | str | None = None,
    headers: Headers | None = None,
    *,
    query: str = "",
    host: str = "127.0.0.1",
    many: bool = False,
) -> dict[str, Any]:
    """An event of an Application Load Balancer, with one or many values of a header."""
    sent = {"host": host, **FORWARDED, **_lower(headers)}
    pairs = [tuple(each.partition("=")[::2]) for each in query.split("&") if each]
    by_name = {name: [each for key, each in pairs if key == name] for name, _ in pairs}
    values: dict[str, Any] = (
        {
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "multiValueQueryStringParameters": by_name,
        }
        if many
        else {"headers": sent, "queryStringParameters": dict(pairs)}
    )
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
        "httpMethod": method,
        "path": path,
        **values,
        **_body(body or ""),
    }


def balancer_of_many(*request: Any, **more: Any) -> dict[str, Any]:
    """An event of a balancer whose attribute for many values of a header is on."""
    return balancer(*request, **more, many=True)


KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "REST API": rest,
    "HTTP API": http,
    "function URL": function_url,
    "balancer": balancer,
    "balancer, many values": balancer_of_many,
}


def answer(response: dict[str, Any]) -> Answer:
    """Read a response as the sender of the event does."""
    headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
    cookies = [*response.get("cookies", ())]
    for name, values in response.get("multiValueHeaders", {}).items():
        if name.lower() == "set-cookie":
            cookies += values
        headers[name.lower()] = ", ".join(values)
    if "cookies" not in response and "multiValueHeaders" not in response:
        cookies = [headers["set-cookie"]] if "set-cookie" in headers else []
    body = response["body"]
    content = b64decode(body) if response["isBase64Encoded"] else body.encode()
    return Answer(response["statusCode"], headers, content, cookies)


def _titled(headers: Headers) -> Headers:
    return {name.title(): value for name, value in headers.items()}


def _lower(headers: Headers | None) -> Headers:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _body(body: bytes | str | None) -> dict[str, Any]:
    """Bytes are sent in base64, as all senders do with what is no text."""
    if isinstance(body, bytes):
        return {"body": b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body, "isBase64Encoded": False}
