"""Check who may use the service: what is open, the file of keys, and keys that have expired."""

import stat
from collections.abc import Iterator
from pathlib import Path

from serving import COMMAND
from serving.access.exposure import warning
from serving.access.keys import Keys
from serving.doctor.finding import Finding
from serving.errors import SettingsError
from serving.settings import Settings


def examine(given: Settings) -> Iterator[Finding]:
    """Check the keys."""
    try:
        keys = Keys(given)
    except SettingsError:  # reported with the settings
        return
    found = [*_file(given), *_expired(keys)]
    if open_to_others := warning(given, keys):
        sentence, _, remedy = open_to_others.partition("; ")
        found.append(Finding("keys", "warning", sentence, remedy))
    if not found:
        needed = "requests need a key" if keys.is_required else "no keys are set"
        found.append(Finding("keys", "ok", f"{needed}; {len([*keys])} are valid"))
    yield from found


def _file(given: Settings) -> Iterator[Finding]:
    if not given.api_keys_file:
        return
    mode = Path(given.api_keys_file).stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        sentence = f"{given.api_keys_file} is open to other users of this machine"
        yield Finding("keys", "warning", sentence, f"chmod 600 {given.api_keys_file}")


def _expired(keys: Keys) -> Iterator[Finding]:
    for key in keys:
        if key.is_expired:
            name = key.caller.name
            remedy = f"remove it: {COMMAND} keys remove {name}"
            yield Finding("keys", "warning", f"the key {name!r} has expired", remedy)
