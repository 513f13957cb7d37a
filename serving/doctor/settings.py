"""Settings that cannot be, or that make no sense together."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches

from serving.access import Admins, origins
from serving.doctor.finding import Finding
from serving.errors import ServingError
from serving.recording.privacy import Privacy
from serving.settings import Settings

ALIKE = 0.88  # of two names; PYTHONPATH and DATABASE_URL are 0.36 alike
MOST_FOR_A_CORE = 4
STOPS = "correct it: the service does not start"

Senseless = tuple[Callable[[Settings], bool], str, str]

TOGETHER: tuple[Senseless, ...] = (
    (
        lambda given: given.journal_required and not given.journal,
        "JOURNAL_REQUIRED=on asks for a record of each answer, JOURNAL=off for none",
        "set JOURNAL=on, or JOURNAL_REQUIRED=off",
    ),
    (
        lambda given: given.journal_fsync and not given.journal,
        "JOURNAL_FSYNC=on means nothing with JOURNAL=off",
        "unset one of them",
    ),
    (
        lambda given: bool(given.journal_salt) and not given.journal_hash,
        "JOURNAL_SALT is set, and no field is hashed",
        'name the fields: JOURNAL_HASH=\'{"wine": ["alcohol"]}\'',
    ),
    (
        lambda given: bool(given.alert_webhook_key) and not given.alert_webhook,
        "ALERT_WEBHOOK_KEY is set, and nothing is sent without ALERT_WEBHOOK",
        "set ALERT_WEBHOOK to the URL that takes the alerts",
    ),
    (
        lambda given: bool(given.alert_webhook) and not given.alert_webhook_key,
        "ALERT_WEBHOOK is set without ALERT_WEBHOOK_KEY, so its receiver cannot tell who sends",
        "set ALERT_WEBHOOK_KEY to a secret that both know",
    ),
    (
        lambda given: given.max_stream_bytes < given.max_body_bytes,
        "MAX_STREAM_BYTES is less than MAX_BODY_BYTES, though streams need no memory",
        "set it to as much or more",
    ),
    (
        lambda given: given.web_concurrency > MOST_FOR_A_CORE * (os.cpu_count() or 1),
        "WEB_CONCURRENCY is more than four workers for each core; they only take memory",
        "one for each core is best",
    ),
)


def examine(given: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what the start would refuse, then at what it would not."""
    found = [*_refused(given)]
    found += [
        Finding("settings", "odd", sentence, remedy)
        for is_so, sentence, remedy in TOGETHER
        if is_so(given)
    ]
    found += _misspelt(environment)
    yield from found or [Finding("settings", "fine", "the settings can be read and make sense")]


def _refused(given: Settings) -> Iterator[Finding]:
    for check in (Admins, Privacy, origins):
        try:
            check(given)
        except ServingError as error:
            yield Finding("settings", "broken", str(error), STOPS)


def _misspelt(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = {setting.name.upper() for setting in fields(Settings)}
    for name in sorted(environment.keys() - known):
        near = get_close_matches(name, known, 1, ALIKE) if "_" in name else []
        if near:
            sentence = f"{name} is set and means nothing here; {near[0]} does"
            yield Finding("settings", "odd", sentence, f"rename it to {near[0]}, or unset it")
