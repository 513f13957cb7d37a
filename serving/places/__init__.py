"""Folders of files on this machine or in an object store, of models, lakes and the archive.

`objects` is the only module that knows obstore, and only processes of their own import it.
"""

SUFFIX = ".parquet"
SUFFIXES = (SUFFIX, ".arrow", ".arrows", ".feather", ".ipc")  # of the files that are predicted


def has_suffix(name: str) -> bool:
    """Whether a file's name, in lower or upper case, ends as those of Parquet and Arrow do."""
    return name.lower().endswith(SUFFIXES)
