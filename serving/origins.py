"""Whose pages may ask: the origins of `CORS_ORIGINS`."""

import re

from serving.errors import SettingsError
from serving.settings import Settings

ANY = "*"
ORIGIN = re.compile(r"https?://[^/\s,*]+")


def origins(settings: Settings) -> frozenset[str]:
    """The origins, or `ANY`; none where the setting is not made.

    Raises
    ------
    SettingsError
        If one is no origin.
    """
    named = frozenset(filter(None, map(str.strip, settings.cors_origins.split(","))))
    for origin in sorted(named - {ANY}):
        if not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"CORS_ORIGINS: {origin!r} is not an origin such as https://example.org, "
                "without a path; * alone allows all"
            )
    return named
