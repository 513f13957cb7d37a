"""The environment of the processes that read files and train: no more than each needs.

The keys of clients, the secret of sessions and the webhook are never in it, nor what the machine
has for other programs: a file, or a library that reads it, may make a process print what it has.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from serving.settings import Settings

Names = tuple[str, ...]

# Of the system and of Python; DATA_DIR has the data of problems.
KEPT = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"),
    *("ADEGA_COMMAND", "DATA_DIR"),
}
KEPT_PREFIXES: Names = ("LC_", "PYTHON", "OMP_", "OPENBLAS_", "MKL_")
READING: Names = ("var_dir", "training_max_mb", "training_max_minutes")
WRITING: Names = ("models_dir", "models_url", "signing_key", "trusted_keys")
FEEDBACK: Names = ("database_url", "archive_url", "journal_omit", "journal_hash", "journal_salt")
# By which obstore finds its keys and its way.
OBJECT_STORES = (
    *("AWS_", "GOOGLE_", "AZURE_", "IDENTITY_", "MSI_"),
    *("SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
DATABASES = ("PG", "SSL_CERT_")  # of libpq


def environment(
    settings: Settings, *, writes: bool = True, feedback: bool = True
) -> dict[str, str]:
    """Return the environment of a process that reads a file, or trains.

    Parameters
    ----------
    writes : bool
        Whether it writes a version.
    feedback : bool
        Whether it reads records that have feedback.
    """
    names, prefixes = READING, KEPT_PREFIXES
    if writes:
        names += WRITING
    if feedback:
        names, prefixes = names + FEEDBACK, prefixes + DATABASES
    if (writes and settings.models_url) or (feedback and settings.archive_url):
        prefixes += OBJECT_STORES
    own = {variable: os.environ[variable] for variable in _kept(prefixes)}
    return own | {name.upper(): _text(getattr(settings, name)) for name in names}


def _kept(prefixes: tuple[str, ...]) -> Iterator[str]:
    return (each for each in os.environ if each in KEPT or each.upper().startswith(prefixes))


def _text(value: object) -> str:
    return str(value.resolve() if isinstance(value, Path) else value)
