"""Reads a file of a fitted estimator, a pickle or .skops, and loads only what is trusted.

The types and functions that a pickle would load are listed by unpickling it with a stand-in for
each of them, which does nothing: the unpickler itself reads all protocols, memos, compressions and
arrays of joblib. Then it is loaded by an unpickler that looks at each name again.
"""

import copyreg
import io
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Collection
from typing import Any, Self

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap

from train.importing.known import is_known

ZIP = b"PK\x03\x04"  # how a .skops file begins
RENAMED_FROM = 3  # the protocol before which names are those of Python 2


class UntrustedNames(Exception):
    """A file would load types or functions that nobody trusts; `names` lists them."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = sorted(names)
        super().__init__(", ".join(self.names))


class Nothing:
    """Stands in for any type, function and object, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Make one of any arguments."""
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> "Nothing":
        """Return another one."""
        return Nothing()

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None:
        """Do nothing; so do the others by which an unpickler fills a container."""

    add = extend = append


# Without these the bytes of an array could not be told from what follows them.
READ_ARRAYS = {
    "builtins.object": object,
    "copyreg._reconstructor": copyreg._reconstructor,  # type: ignore[attr-defined] # noqa: SLF001
    "joblib.numpy_pickle.NumpyArrayWrapper": NumpyArrayWrapper,
    "numpy.dtype": np.dtype,
    "numpy.ndarray": np.ndarray,
}


class _Listing(NumpyUnpickler):  # type: ignore[misc] # joblib has no types
    """Lists what a pickle would load, and loads none of it."""

    def __init__(self, content: Any) -> None:
        super().__init__("", content, ensure_native_byte_order=False)
        self.names: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        full_name = _full_name(self.proto, module, name)
        self.names.add(full_name)
        return READ_ARRAYS.get(full_name) or type("Nothing", (Nothing,), {})


class _Loading(NumpyUnpickler):  # type: ignore[misc]
    """Loads a pickle, and no type or function but the trusted ones."""

    def __init__(self, content: Any, trusted: Collection[str]) -> None:
        super().__init__("", content, ensure_native_byte_order=True)
        self.trusted = trusted

    def find_class(self, module: str, name: str) -> Any:
        full_name = _full_name(self.proto, module, name)
        if not _is_trusted(full_name, self.trusted):
            raise UntrustedNames([full_name])
        return super().find_class(module, name)


def _full_name(protocol: int, module: str, name: str) -> str:
    """Join the name of a type or function, as it is in Python 3."""
    now = module, name
    if protocol < RENAMED_FROM:
        now = NAME_MAPPING.get(now, (IMPORT_MAPPING.get(module, module), name))
    return ".".join(now)


def read(content: bytes, trusted: Collection[str]) -> Any:
    """Load what a file holds.

    Parameters
    ----------
    content : bytes
        A pickle, by pickle or joblib, compressed or not; or a .skops file.
    trusted : collection of str
        Types and functions that may be loaded besides the known ones.

    Raises
    ------
    UntrustedNames
        Before anything of the file is loaded.
    Exception
        If it is no such file, or whatever the types in it raise.
    """
    if content.startswith(ZIP):
        return _read_skops(content, trusted)
    with _validate_fileobject_and_memmap(io.BytesIO(content), "") as (opened, _):
        listing = _Listing(opened)
        listing.load()
    _require_trusted(listing.names, trusted)
    with _validate_fileobject_and_memmap(io.BytesIO(content), "") as (opened, _):
        return _Loading(opened, trusted).load()


def _read_skops(content: bytes, trusted: Collection[str]) -> Any:
    from skops.io import get_untrusted_types, loads  # noqa: PLC0415 # it takes a second

    names = get_untrusted_types(data=content)
    _require_trusted(names, trusted)
    return loads(content, trusted=names)


def _require_trusted(names: Collection[str], trusted: Collection[str]) -> None:
    if others := {name for name in names if not _is_trusted(name, trusted)}:
        raise UntrustedNames(others)


def _is_trusted(name: str, trusted: Collection[str]) -> bool:
    return name in trusted or is_known(name)
