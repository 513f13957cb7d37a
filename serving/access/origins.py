"""Whose pages may call the service: the origins of `CORS_ORIGINS`."""

import re

from serving.errors import SettingsError
from serving.settings import Settings

ANY = "*"
ORIGIN = re.compile(r"https?://[^/\s,*]+")


def origins(settings: Settings) -> frozenset[str]:
    """Return the allowed origins, in lower case as browsers send them; one may be `ANY`.

    Raises
    ------
    SettingsError
        If an entry is not an origin.
    """
    named = frozenset(filter(None, map(str.strip, settings.cors_origins.lower().split(","))))
    for origin in sorted(named - {ANY}):
        if not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"CORS_ORIGINS: {origin!r} is not an origin such as https://example.org, "
                "without a path; * alone allows all"
            )
    return named
