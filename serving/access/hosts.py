"""By which names browsers may open the service: those in `ALLOWED_HOSTS`."""

import re

from serving.errors import SettingsError
from serving.settings import Settings

NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def hosts(settings: Settings) -> frozenset[str]:
    """Return the allowed names, in lower case.

    Raises
    ------
    SettingsError
        If an entry is not the name of a host.
    """
    named = frozenset(filter(None, map(str.strip, settings.allowed_hosts.lower().split(","))))
    for name in sorted(named):
        if not NAME.fullmatch(name):
            raise SettingsError(
                f"ALLOWED_HOSTS: {name!r} is not the name of a host such as ml.example.org, "
                "without scheme, port and path"
            )
    return named
