"""What is wrong with an installation, in sentences, each with its remedy.

A file for each thing that is looked at; nothing is changed, and a service may run meanwhile.
"""

from collections.abc import Iterator, Mapping

from serving.doctor import libraries, models, records, settings, surroundings
from serving.doctor.finding import Finding
from serving.errors import SettingsError
from serving.settings import Settings

__all__ = ["Finding", "examine"]


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything; without settings that can be read, at what needs none."""
    yield from libraries.examine()
    try:
        given = Settings.from_environment(environment)
    except SettingsError as error:
        remedy = "correct it: the service does not start, and nothing else was looked at"
        yield Finding("settings", "broken", str(error), remedy)
        return
    yield from settings.examine(given, environment)
    for look in (models, surroundings, records):
        try:
            yield from look.examine(given)
        except OSError as error:
            sentence = f"{error.filename} cannot be looked at: {error.strerror}"
            yield Finding("permissions", "broken", sentence, "let the service's user read it")
