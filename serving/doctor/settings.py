"""Check for settings that are invalid, contradictory or misspelt."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path

from serving.access.hosts import hosts
from serving.access.keys import Keys
from serving.access.origins import origins
from serving.access.proxies import Proxies
from serving.cores import cores
from serving.doctor.finding import Finding
from serving.errors import ServingError
from serving.formats.arrow import is_installed
from serving.recording.privacy import Privacy
from serving.settings import STORE, Settings

MIN_SIMILARITY = 0.88  # of two names; that of PYTHONPATH and DATABASE_URL is 0.36
MAX_PER_CORE = 4
STOPS = "correct it: the service does not start"

Contradiction = tuple[Callable[[Settings], bool], str, str]

TOGETHER: tuple[Contradiction, ...] = (
    (
        lambda given: bool(given.journal_required) and not given.journal,
        "JOURNAL_REQUIRED requires that predictions are recorded, JOURNAL=off that they are not",
        "set JOURNAL=on, or JOURNAL_REQUIRED=off",
    ),
    (
        lambda given: given.journal_required == STORE and not given.database_url,
        "JOURNAL_REQUIRED=store waits for SQLite, which is on the same disk as the journal",
        "set DATABASE_URL to that of PostgreSQL, or JOURNAL_REQUIRED=on",
    ),
    (
        lambda given: given.journal_fsync and not given.journal,
        "JOURNAL_FSYNC=on has no effect with JOURNAL=off",
        "unset one of them",
    ),
    (
        lambda given: bool(given.alert_webhook_key) and not given.alert_webhook,
        "ALERT_WEBHOOK_KEY is set, and nothing is sent without ALERT_WEBHOOK",
        "set ALERT_WEBHOOK to the URL that receives the alerts",
    ),
    (
        lambda given: bool(given.alert_webhook) and not given.alert_webhook_key,
        "ALERT_WEBHOOK is set without ALERT_WEBHOOK_KEY, so its receiver cannot check who sends",
        "set ALERT_WEBHOOK_KEY to a secret that both have",
    ),
    (
        lambda given: bool(given.archive_url) and not is_installed(),
        "ARCHIVE_URL is set, and files of Parquet need pyarrow, so nothing is archived",
        "pip install -r requirements-parquet.txt",
    ),
    (
        lambda given: given.max_stream_bytes < given.max_body_bytes,
        "MAX_STREAM_BYTES is less than MAX_BODY_BYTES, though streams need no memory",
        "set it to the same or more",
    ),
    (
        lambda given: is_readable_by_others(given.signing_key),
        "other users can read the private key in the file that SIGNING_KEY names",
        "chmod 600 that file",
    ),
    (
        lambda given: given.web_concurrency > MAX_PER_CORE * cores(),
        "WEB_CONCURRENCY is more than four workers for each core; they only use memory",
        "one for each core is best",
    ),
)


def is_readable_by_others(file: str) -> bool:
    """Whether a file exists that others than its owner can read."""
    return bool(file) and Path(file).exists() and bool(Path(file).stat().st_mode & 0o077)


def examine(given: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check what would prevent the start, then what would not."""
    found = [*_invalid(given)]
    found += [
        Finding("settings", "warning", sentence, remedy)
        for is_so, sentence, remedy in TOGETHER
        if is_so(given)
    ]
    found += _misspelt(environment)
    yield from found or [Finding("settings", "ok", "the settings are valid")]


def _invalid(given: Settings) -> Iterator[Finding]:
    for check in (Keys, Privacy, Proxies, hosts, origins):
        try:
            check(given)
        except ServingError as error:
            yield Finding("settings", "error", str(error), STOPS)


def _misspelt(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = {setting.name.upper() for setting in fields(Settings)}
    for name in sorted(environment.keys() - known):
        near = get_close_matches(name, known, 1, MIN_SIMILARITY) if "_" in name else []
        if near:
            sentence = f"{name} is set but is not a setting; {near[0]} is"
            yield Finding("settings", "warning", sentence, f"rename it to {near[0]}, or unset it")
