"""Whether a request is sent by somebody at this machine, as far as the request shows.

Without keys, who sits at the machine of a service that no other machine reaches may do everything.
A proxy on the machine passes on what others send, and a page of elsewhere has the person's browser
send it; either may also be called by another name. A tunnel of bytes cannot be told from a person:
whoever opens one needs keys.
"""

from ipaddress import ip_address

from flask import Request

from serving.api.around.browsers import (
    SAFE,
    is_from_browser,
    is_from_elsewhere,
    is_localhost,
    name_of,
)

# Of headers that proxies add, in a WSGI environment.
BY_PROXIES = (
    *("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_FORWARDED", "HTTP_X_ORIGINAL_", "HTTP_X_REAL_IP"),
    *("HTTP_X_CLIENT_IP", "HTTP_X_ENVOY_", "HTTP_TRUE_CLIENT_IP", "HTTP_CF_"),
)
BELIEVED = "werkzeug.proxy_fix.orig"  # in the environment of what a trusted proxy sends


def why_remote(request: Request, *, in_container: bool) -> str:
    """Return why a request may be from another machine; empty if it is from this one.

    Parameters
    ----------
    in_container : bool
        Whether it comes through the engine of the container, which has a private address.
    """
    environ, origin = request.environ, request.headers.get("Origin", "")
    added = next((name for name in environ if name.startswith(BY_PROXIES)), "")
    if added or BELIEVED in environ:
        header = added.removeprefix("HTTP_").replace("_", "-").title()
        return f"this one came through a proxy{header and f' (it has {header})'}"
    if environ.get("SERVER_PROTOCOL") != "HTTP/1.1":  # nginx speaks 1.0 unless it is told otherwise
        return "this one is not of HTTP/1.1, so a proxy may have sent it"
    if not _is_near(environ.get("REMOTE_ADDR", ""), in_container=in_container):
        return "this one came from another address"
    host = environ.get("HTTP_HOST", "")
    if not _is_of_this_machine(name_of(host)):
        return f"this one is for the host {host!r}"
    if (origin or request.method not in SAFE) and is_from_browser() and is_from_elsewhere(origin):
        return "this one is of a page of another origin"
    return ""


def _is_near(address: str, *, in_container: bool) -> bool:
    try:
        peer = ip_address(address)
    except ValueError:  # none, on a Unix socket, which is for proxies
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return peer.is_loopback or (in_container and peer.is_private)


def _is_of_this_machine(name: str) -> bool:
    try:
        return is_localhost(name) or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
