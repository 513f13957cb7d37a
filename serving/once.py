"""A file that is written once, by whichever process is the first."""

import os
from contextlib import suppress
from pathlib import Path


def read_or_create(file: Path, content: bytes) -> bytes:
    """Return the content of a file; if there is none, create it, for its owner alone.

    Raises
    ------
    OSError
    """
    with suppress(FileNotFoundError):
        return file.read_bytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    try:
        temporary.write_bytes(content)
        with suppress(FileExistsError):
            os.link(temporary, file)  # whole, or not at all
    finally:
        temporary.unlink()
    return file.read_bytes()
