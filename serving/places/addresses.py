"""Addresses of files as people write them: a file, a folder, a glob, here or in a store."""

import glob
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from serving.errors import NotFound
from serving.places import has_suffix
from serving.places.objects import Listed
from serving.places.patterns import matches
from serving.places.places import place

SCHEMES = {"s3", "gs", "az"}
ALL = ("**", "*")


class Given(NamedTuple):
    """What files are named by an address: a folder, and a pattern within it."""

    root: str
    pattern: tuple[str, ...]

    def find(self) -> dict[str, Listed]:
        """Find them; in a folder, those with the suffix of a table."""
        found = place(self.root).find(self.pattern)
        if self.pattern != ALL:
            return found
        return {name: listed for name, listed in found.items() if has_suffix(name)}

    def covers(self, file: str) -> bool:
        """Whether the file at this address would be one of them."""
        name = file.removeprefix(f"{self.root.rstrip('/')}/")
        return name != file and matches(name, self.pattern)


def given(address: str) -> Given:
    """Read the address of a file, a folder, or files by a glob.

    Raises
    ------
    NotFound
        If it cannot be the address of any.
    """
    address = absolute(address)
    is_url = "://" in address
    if not is_url and Path(address).is_file():
        folder, name = os.path.split(address)
        return Given(folder, (glob.escape(name),))
    if not is_url and Path(address).is_dir():
        return Given(address, ALL)
    start = address.index("://") + 3 if is_url else 0
    parts = address[start:].rstrip("/").split("/")
    fixed = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    if fixed == len(parts):
        if not has_suffix(address):
            return Given(address.rstrip("/"), ALL)
        fixed -= 1
    if fixed == 0:
        raise NotFound(f"{address} names no bucket; write one, as s3://bucket/{address[start:]}")
    return Given(address[:start] + ("/".join(parts[:fixed]) or "/"), tuple(parts[fixed:]))


def absolute(address: str) -> str:
    """Return a path from the root, or a URL that is read, without a / at its end.

    Raises
    ------
    NotFound
        If it is a URL of another kind.
    """
    scheme = urlsplit(address).scheme if "://" in address else ""
    if scheme in {"http", "https"}:
        raise NotFound(
            f"{address}: files are not read over {scheme}; download it, or name it by the "
            "address of its object store, as s3://bucket/…"
        )
    if scheme == "file":
        address, scheme = unquote(address.partition("://")[2]), ""
    if scheme and scheme not in SCHEMES:
        near = "; write s3://" if scheme in {"s3a", "s3n"} else ""
        raise NotFound(f"{address} is no path, and none of s3://, gs:// and az://{near}")
    return address.rstrip("/") if scheme else os.path.realpath(address)
