"""Decides whether a request is accepted: by its key, its scope, and how many there were."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from typing import NamedTuple

from serving.access.buckets import Buckets, Rate
from serving.access.callers import ADMIN, Caller, Need
from serving.access.exposure import everybody, is_exposed, on_this_machine, warning
from serving.access.keys import Key, Keys
from serving.access.sessions import Sessions
from serving.errors import NoKey, NotAllowed, Refused, TooManyRequests, WrongKey
from serving.settings import Settings

WRONG_KEYS = Rate(per_second=0.2, burst=5)  # of one address
SAME_KEY = Rate(WRONG_KEYS.per_second, burst=1)
HOW = "send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`"

UNREADABLE = "?"  # in place of a key that is sent in an unknown way


class Credentials(NamedTuple):
    """What a request has to show who sends it.

    Attributes
    ----------
    key : str
        Empty without one.
    session : str
        The token of a browser's session; empty without one.
    address : str
        Of the client.
    remote : str
        Why the request may be from another machine, such as "it came through a proxy"; empty if it
        is from this one.
    """

    key: str
    session: str
    address: str
    remote: str = "it may be from another machine"


class Access:
    """Who may do what, for all requests of a service.

    Raises
    ------
    SettingsError
        If a key in the settings is invalid.
    """

    def __init__(self, settings: Settings) -> None:
        self.keys = Keys(settings)
        self.sessions = Sessions(settings.var_dir, settings.session_secret)
        self.everybody = everybody(self.keys)
        self.on_this_machine = on_this_machine(settings, self.keys)
        self.is_exposed = is_exposed(settings)
        self.is_published = bool(settings.published_host)
        self.warning = warning(settings, self.keys)
        if self.keys.are_set:
            self.sessions.open()
        self._buckets = Buckets()
        self._limits: dict[str, Rate] = {}
        for of, limit in (
            ("key", settings.key_requests_per_second),
            ("address", settings.address_requests_per_second),
        ):
            if limit:
                self._limits[of] = Rate(limit, limit)

    def find(self, sent: Credentials) -> Key | None:
        """Return the valid key of a request; a key that may be guessed only if few were wrong.

        A generated key cannot be guessed, so it is never kept waiting by others with its address. A
        session counts beside an unknown key, which may be a password for a proxy in front.
        """
        key = self.keys.find(sent.key) if sent.key else None
        if key is None:
            return self.sessions.find(sent.session, self.keys) if sent.session else None
        if key.is_guessable and self._is_slowed(sent.address):
            return None
        return key

    def known(self, sent: Credentials) -> Caller:
        """Return who sends a request, whatever it is; without a valid key, everybody."""
        key = self.find(sent) if sent.key or sent.session else None
        if key is None or (key.expires is not None and key.is_expired):
            return self.everybody if sent.remote else self.on_this_machine
        return key.caller

    def known_by_key(self, key: str, address: str) -> Caller:
        """Return the same for a request with no session: most keys are the simple case."""
        found = self.keys.find(key)
        if found and not found.is_guessable and found.expires is None:
            return found.caller
        return self.known(Credentials(key, "", address))

    def count_guess(self, sent: Credentials) -> None:
        """Count the unknown key of a request that is accepted without it.

        Else keys could be guessed fast by what the response shows. It may also be a password for a
        proxy in front, sent again and again, which alone never makes anybody wait.
        """
        if not sent.key or self.keys.find(sent.key):
            return
        if not self._buckets.take(f"{_wrong(sent.address)} {sent.key}", SAME_KEY):
            self._buckets.take(_wrong(sent.address), WRONG_KEYS)

    def admit(self, sent: Credentials, need: Need, model: str | None, *, any_model: bool) -> Caller:
        """Return who sends a request, if it is accepted.

        Parameters
        ----------
        model : str, optional
            The one that the request is for.
        any_model : bool
            Whether a request for no one model is accepted from a key that is limited to some.

        Raises
        ------
        NoKey, WrongKey, NotAllowed, TooManyRequests
        """
        caller = self.known(sent)
        self.count(caller, sent.address)
        if not caller.name and need not in caller.scopes:
            raise self.refusal(sent, need)
        self.count_guess(sent)
        if not (any_model and model is None and need in caller.scopes):
            caller.require(need, model)
        return caller

    def refusal(self, sent: Credentials, need: Need) -> Refused:
        """Return why a request without a valid key is refused; count a wrong key."""
        if need == ADMIN and (reason := self.why_no_admin(sent)):
            return NotAllowed(reason)
        if not sent.key:
            return NoKey(f"this needs a key; {HOW}")
        if wait := self._buckets.take(_wrong(sent.address), WRONG_KEYS):
            return TooManyRequests("too many wrong keys from this address", wait)
        key = self.keys.find(sent.key)
        if key and key.is_expired:
            return WrongKey(f"the key {key.caller.name!r} has expired; ask for a new one")
        return WrongKey(f"the key is not one of this service; {HOW}")

    def why_no_admin(self, sent: Credentials) -> str:
        """Return why no key at all would have the scope `admin`, and what to do; empty if one has.

        For a request that lacks the scope.
        """
        if self.keys.can_decide:
            return ""
        key = "set ADMIN_KEYS to name:key"
        if self.keys.are_set:
            return (
                "this needs the scope 'admin', which no key has; "
                f"`adega keys add NAME --scope admin` makes one, or {key}"
            )
        if self.is_exposed:
            return (
                "this needs the scope 'admin', which nobody has while no keys are set and other "
                f"machines may reach the service; {key}, or HOST=127.0.0.1 and no ALLOWED_HOSTS"
            )
        return (
            "this needs the scope 'admin', which without keys only requests from the service's own "
            f"machine have, and {sent.remote}; open http://localhost there, or {key}"
        )

    def count(self, caller: Caller, address: str) -> None:
        """Count a request of a key and of an address.

        Raises
        ------
        TooManyRequests
        """
        if not self._limits:
            return
        for of, name, rate in self._limited(caller, address):
            if wait := self._buckets.take(f"{of} {name}", rate):
                message = f"more than {rate.per_second:g} requests a second from this {of}"
                raise TooManyRequests(message, wait)

    def give_back(self, caller: Caller, address: str) -> None:
        """Take back that a request was counted, because it is to be counted again."""
        for of, name, rate in self._limited(caller, address):
            self._buckets.give_back(f"{of} {name}", rate)

    def log_in(self, sent: Credentials) -> str:
        """Return the token of a new session.

        Raises
        ------
        NoKey, WrongKey, TooManyRequests
        """
        key = self.find(sent)
        if key is None or key.is_expired:
            raise self.refusal(sent, "any")
        return self.sessions.start(key)

    def _limited(self, caller: Caller, address: str) -> Iterator[tuple[str, str, Rate]]:
        if rate := self._limits.get("address"):
            yield "address", network(address), rate
        if caller.name and (rate := self._limits.get("key")):
            yield "key", caller.name, rate

    def _is_slowed(self, address: str) -> bool:
        return self._buckets.wait(_wrong(address), WRONG_KEYS) > 0


@lru_cache(maxsize=1024)
def network(address: str) -> str:
    """Return the part of an address that belongs to one customer: of IPv6, the first half.

    A socket for both shows an IPv4 address within an IPv6 one.
    """
    if ":" not in address:
        return address
    with suppress(ValueError):
        whole = IPv6Address(address.partition("%")[0])
        return str(whole.ipv4_mapped or ip_network((whole, 64), strict=False))
    return address


@lru_cache(maxsize=1024)  # most clients send the same key again and again
def sent_key(authorization: str, x_api_key: str) -> str:
    """Return the key in the headers of a request; empty if there is none.

    Of Basic, it is the password, under any name.
    """
    if x_api_key or not authorization:
        return x_api_key.strip()
    scheme, _, rest = authorization.partition(" ")
    scheme = scheme.lower()
    if scheme == "bearer":
        return rest.strip()
    if scheme == "basic":
        with suppress(ValueError):  # of base64, or of UTF-8
            return b64decode(rest, validate=True).decode().partition(":")[2]
    return UNREADABLE


def _wrong(address: str) -> str:
    return f"wrong {network(address)}"
