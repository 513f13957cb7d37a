"""Find what is wrong with an installation, and how to correct it.

One file for each thing that is checked; nothing is changed, and the service may run meanwhile.
"""

from collections.abc import Iterator, Mapping

from serving.doctor import keys, libraries, models, records, settings, surroundings
from serving.doctor.finding import Finding
from serving.errors import SettingsError
from serving.settings import Settings

__all__ = ["Finding", "examine"]


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check everything; if the settings are invalid, only what needs none."""
    yield from libraries.examine()
    try:
        given = Settings.from_environment(environment)
    except SettingsError as error:
        remedy = "correct it: the service does not start, and nothing else was checked"
        yield Finding("settings", "error", str(error), remedy)
        return
    yield from settings.examine(given, environment)
    for check in (keys, models, surroundings, records):
        try:
            yield from check.examine(given)
        except OSError as error:
            sentence = f"{error.filename} cannot be checked: {error.strerror}"
            yield Finding("permissions", "error", sentence, "let the service's user read it")
