"""Messages about alerts, posted to a webhook: signed, retried, and never to a private address.

Ids and signatures follow Standard Webhooks 1.0 (standardwebhooks.com), so its libraries verify
them. A host name is resolved once, and the connection goes to the very address that was checked,
even if the name points elsewhere meanwhile. No proxy is used.
"""

import base64
import hmac
import http.client
import ipaddress
import logging
import random
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from datetime import timedelta
from urllib.parse import urlsplit

from serving.errors import ServingError
from serving.recording.store.deliveries import Deliveries, Delivery
from serving.settings import Settings

log = logging.getLogger(__name__)

STEP, WHOLE = 3.0, 10.0  # seconds to connect or for one packet, and for all once connected
BUDGET = 10.0  # seconds after which no further attempt is started: the monitor has more to do
MAX_ADDRESSES = 3  # of one host name
MAX_MESSAGES = 50  # after one check
FIRST_PAUSE = 40_000  # milliseconds; doubled with each attempt
ATTEMPTS = 12  # the last one is 40 s * (2^11 - 1) = 23 hours after the first
JITTER = 0.25  # of a pause: messages that failed together do not come together again

UNICAST = ipaddress.IPv6Network("2000::/3")
# Besides those that Python calls not global; that list depends on its release.
REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # a service of Azure on each of its machines
        "192.0.0.0/24",  # protocols between a host and its network
        "192.88.99.0/24",  # relays to IPv6
        "2001::/23",  # Teredo and other relays
        "2002::/16",  # 6to4, which relays to the IPv4 address within
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotDelivered(ServingError):
    """The webhook is not reachable, not allowed, or did not confirm the message."""


class Webhook:
    """The webhook of the settings, whose URL is valid."""

    def __init__(self, settings: Settings) -> None:
        self._url = urlsplit(settings.alert_webhook)
        self._key = _secret(settings.alert_webhook_key)
        self._private = settings.alert_webhook_private

    def send_due(self, deliveries: Deliveries, now: int) -> None:
        """Send the messages that are due; retry failed ones later, for a day.

        A message may arrive twice if this is killed in between, but always with the same id. It
        takes half a minute at most, and the time that the system needs to resolve a name.

        Parameters
        ----------
        now : int
            Milliseconds since 1970, UTC.

        Raises
        ------
        StoreError
        """
        if not self._url.hostname:
            return
        end = time.monotonic() + BUDGET
        for message in deliveries.due(now, MAX_MESSAGES):
            if time.monotonic() > end:
                return
            try:
                self._post(message, now // 1000)
            except (NotDelivered, OSError, http.client.HTTPException) as error:
                _postpone(deliveries, message, now, str(error) or repr(error))
            else:
                deliveries.delete(message)
                log.info("message %s was delivered to the webhook", message.id)

    def _post(self, message: Delivery, seconds: int) -> None:
        body = message.body.encode()
        headers = {
            "Host": self._url.netloc,
            "Content-Type": "application/json",
            "User-Agent": "adega",
            "webhook-id": message.id,
            "webhook-timestamp": str(seconds),
        }
        if self._key:
            headers["webhook-signature"] = signature(self._key, message.id, seconds, body)
        target = self._url._replace(scheme="", netloc="", fragment="", path=self._url.path or "/")
        with closing(self._connect()) as sock:
            cut = threading.Timer(WHOLE, _cut, [sock])
            cut.start()
            try:
                if isinstance(sock, ssl.SSLSocket):
                    sock.do_handshake()
                connection = http.client.HTTPConnection(self._url.netloc)
                connection.sock = sock
                connection.request("POST", target.geturl(), body, headers)
                # The body is not read, and a redirect not followed.
                status = connection.getresponse().status
            finally:
                cut.cancel()
        if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise NotDelivered(f"the response has status {status}")

    def _connect(self) -> socket.socket:
        host, https = self._url.hostname or "", self._url.scheme == "https"
        port = self._url.port or (443 if https else 80)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))[:MAX_ADDRESSES]
        for address in addresses if not self._private else ():
            if not is_public(ipaddress.ip_address(address)):
                raise NotDelivered(
                    f"{host} is at {address}, which is not a public address;"
                    " ALERT_WEBHOOK_PRIVATE=on allows that"
                )
        sock = _connect_to_any(addresses, port)
        if not https:
            return sock
        return ssl.create_default_context().wrap_socket(
            sock, server_hostname=host, do_handshake_on_connect=False
        )


def signature(key: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """The signature that proves origin and time of a message: `v1,` and an HMAC-SHA256."""
    signed = b".".join((message_id.encode(), str(seconds).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def is_public(address: IPAddress) -> bool:
    """Whether an address is on the internet, and not of this machine or its networks."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if address not in UNICAST:
            return False
    is_refused = any(address in network for network in REFUSED)
    return address.is_global and not address.is_multicast and not is_refused


def pause_after(attempts: int) -> float:
    """Milliseconds to wait after so many attempts, at least 1."""
    return FIRST_PAUSE * 2.0 ** (attempts - 1) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret


def _secret(key: str) -> bytes:
    """The bytes of a key: after `whsec_` it is in base64, as Standard Webhooks prescribes."""
    text = key.removeprefix("whsec_")
    return key.encode() if text == key else base64.b64decode(text)


def _postpone(deliveries: Deliveries, message: Delivery, now: int, reason: str) -> None:
    attempts = message.attempts + 1
    if attempts >= ATTEMPTS:
        deliveries.delete(message)
        log.error(
            "message %s is given up after %d attempts: %s: %s",
            *(message.id, attempts, reason, message.body),
        )
        return
    pause = int(pause_after(attempts))
    deliveries.postpone(message, now + pause)
    log.warning(
        "message %s was not delivered to the webhook; next attempt in %s: %s",
        *(message.id, timedelta(seconds=pause // 1000), reason),
    )


def _connect_to_any(addresses: list[str], port: int) -> socket.socket:
    """Connect to the first address that can be reached."""
    *before, last = addresses
    for address in before:
        with suppress(OSError):
            return socket.create_connection((address, port), STEP)
    return socket.create_connection((last, port), STEP)


def _cut(sock: socket.socket) -> None:
    """End a connection that is too slow; of TLS too, without waiting for the other side."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
