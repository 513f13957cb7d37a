"""Which proxies are believed about a request that they pass on: those of `TRUSTED_PROXIES`."""

import re
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from serving.errors import SettingsError
from serving.settings import Settings

UNIX = "unix"  # whoever may open the socket in the file system
PORT = re.compile(r"\[(.+)\](?::\d+)?|([\d.]+):\d+")  # with the address before it


class Proxies:
    """The addresses and networks of `TRUSTED_PROXIES`.

    Raises
    ------
    SettingsError
        If an entry is none of these.
    """

    def __init__(self, settings: Settings) -> None:
        named = [*filter(None, map(str.strip, settings.trusted_proxies.split(",")))]
        self._unix = UNIX in named
        self._networks = [_network(each) for each in named if each != UNIX]

    def trust(self, peer: str) -> bool:
        """Whether a peer is believed; its address is empty on a Unix socket."""
        if not peer:
            return self._unix
        address = _address(peer) if self._networks else None
        return address is not None and any(address in each for each in self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """Return the address of a request's client.

        Parameters
        ----------
        peer : str
            The address of the other end of the connection.
        forwarded_for : str
            X-Forwarded-For, to whose end each proxy adds whom it has the request from. So it is
            read from its end, as far as there are addresses of trusted proxies.
        """
        client, before = peer, forwarded_for.split(",")
        while before and self.trust(client):
            address = _address(before.pop().strip())
            if address is None:
                break
            client = str(address)
        return client


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise SettingsError(
            f"TRUSTED_PROXIES: {text!r} is not an address (127.0.0.1), a network (10.0.0.0/8) or "
            f"{UNIX}, for a Unix socket"
        ) from None


@lru_cache(maxsize=1024)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without a port; IPv4 within IPv6 is IPv4."""
    if found := PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
