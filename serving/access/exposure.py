"""Whether other machines may reach the service, and what is open to them then."""

from serving.access.callers import EVERYBODY, NOBODY, OWNER, SCOPES, Caller
from serving.access.keys import Keys
from serving.settings import Settings


def is_exposed(settings: Settings) -> bool:
    """Whether other machines may reach the service: by its port, or as a host by a proxy."""
    host = settings.published_host or settings.host
    is_loopback = host.startswith("127.") or host in {"localhost", "::1", "[::1]"}
    return not is_loopback or bool(settings.allowed_hosts)


def everybody(keys: Keys) -> Caller:
    """Return whoever sends no key."""
    return NOBODY if keys.is_required else EVERYBODY


def on_this_machine(settings: Settings, keys: Keys) -> Caller:
    """Return whoever sends no key from this machine: its owner, where nobody else has access."""
    return everybody(keys) if keys.are_set or is_exposed(settings) else OWNER


def open_scopes(caller: Caller) -> list[str]:
    """Return the scopes of whoever sends no key, in their order."""
    return [scope for scope in SCOPES if scope in caller.scopes]


def warning(settings: Settings, keys: Keys) -> str:
    """Return what is open to other machines, where no keys are set; empty if nothing is."""
    if keys.is_required or not is_exposed(settings):
        return ""
    scopes = ", ".join(open_scopes(everybody(keys)))
    return (
        f"no keys are set: whoever reaches the port may use {scopes}, so also "
        "read every recorded input; set API_KEYS_FILE (`adega keys add` makes keys), or "
        "HOST=127.0.0.1 and no ALLOWED_HOSTS"
    )
