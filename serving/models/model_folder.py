"""A model's folder: its versions, and the files that list the live, trial and retired ones."""

import os
import re
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from serving import COMMAND
from serving.errors import ArtefactError, RetiredModel, UnknownModel, without_path
from serving.lock import locked

CURRENT, TRIAL, RETIRED, LOG = "current", "trial", "retired", "decisions.jsonl"
NONE = "none"  # in `current`, of a model that is retired
MANIFEST = "model.json"
Stamp = tuple[int, ...]  # what changes with files
NUMBER = re.compile("[1-9][0-9]{0,8}")  # the name of a version's folder, and its part of an id


def numbered(model: Path) -> list[Path]:
    """List the entries of a model's folder that are named like a version; raises OSError."""
    return [entry for entry in model.iterdir() if NUMBER.fullmatch(entry.name)]


def versions(model: Path) -> list[int]:
    """List the versions in a model's folder, oldest first.

    Raises
    ------
    ArtefactError
        If the folder is gone, or cannot be read.
    """
    try:
        return sorted(int(entry.name) for entry in numbered(model) if entry.is_dir())
    except OSError as error:
        raise ArtefactError(
            f"{model.name}: its folder cannot be read: {without_path(error)}"
        ) from error


def known_models(models_dir: Path) -> list[str]:
    """List the models that have a live version, or had one until they were retired.

    Raises
    ------
    ArtefactError
        If the folder is gone, or cannot be read.
    """
    return [name for name in _with_live_version(models_dir) if is_text(name)]


def require_known(models_dir: Path, model: str) -> None:
    """Raise an error unless a model is one of those.

    Raises
    ------
    UnknownModel, ArtefactError
    """
    known = known_models(models_dir)
    if model not in known:
        raise UnknownModel(f"there is no model {model!r}; there are {', '.join(known)}")


def misnamed_models(models_dir: Path) -> list[str]:
    """List the models that cannot be served because the names of their folders are not UTF-8.

    Raises
    ------
    ArtefactError
    """
    names = [name for name in _with_live_version(models_dir) if not is_text(name)]
    return [os.fsencode(name).decode(errors="backslashreplace") for name in names]


def is_text(name: str) -> bool:
    """Whether the name of a file is UTF-8, as every text in JSON is."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _with_live_version(models_dir: Path) -> list[str]:
    try:
        with os.scandir(models_dir) as folders:
            return sorted(one.name for one in folders if os.path.exists(f"{one.path}/{CURRENT}"))  # noqa: PTH110 - every second
    except OSError as error:
        raise ArtefactError(f"MODELS_DIR cannot be read: {without_path(error)}") from error


def listed_versions(file: str, *folders: Path) -> list[int]:
    """Read the versions that a file of a model lists; none if there is no such file.

    Parameters
    ----------
    folders : Path
        Of the model. If several have the file, the newest one counts.

    Raises
    ------
    ArtefactError
        If the file cannot be read, or contains something else.
    """
    return [int(number) for number in _words(file, *folders) if number != NONE]


def _words(file: str, *folders: Path) -> list[str]:
    """Read the numbers in a file of a model, or `NONE` alone."""
    model = folders[0].name
    try:
        found = [path for folder in folders if (path := folder / file).exists()]
        if not found:
            return []
        newest = max(found, key=lambda path: path.stat().st_mtime_ns)
        numbers = newest.read_text(encoding="ascii").split()
    except OSError as error:
        raise ArtefactError(f"{model}: {file} cannot be read: {without_path(error)}") from error
    except UnicodeDecodeError:
        numbers = [""]
    if numbers != [NONE] and not all(map(NUMBER.fullmatch, numbers)):
        raise ArtefactError(f"{model}: {file} names no version")
    return numbers


def live_version(*folders: Path) -> int:
    """Read the live version of a model from its folders.

    Raises
    ------
    RetiredModel
        If there is none any more.
    ArtefactError
        If there is none.
    """
    found, model = _words(CURRENT, *folders), folders[0].name
    if found == [NONE]:
        raise retired(model)
    if len(found) != 1:
        raise ArtefactError(f"{model} has no live version: {CURRENT} names no version")
    return int(found[0])


def retired(model: str) -> RetiredModel:
    """Make the error that requests for a retired model get."""
    return RetiredModel(
        f"{model} is retired, so none of its versions is served; `{COMMAND} promote {model} "
        "VERSION` puts one live"
    )


def put_live(model: Path, version: int) -> None:
    """Make a version the live one, in one step."""
    replace_file(model / CURRENT, f"{version}\n")


def put_first_live(model: Path, version: int) -> bool:
    """Make a version the live one if there is none yet; return whether it is live now."""
    with locked(model):
        first = not (model / CURRENT).exists()
        if first:
            put_live(model, version)
    return first


def replace_file(path: Path, text: str) -> None:
    """Replace a file in one step, so that nobody reads half of it."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}")  # a name of its own for each thread
    try:
        write_through(aside, text.encode())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_through(path: Path, content: bytes) -> None:
    """Write a file, and wait until it is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    give_to_owner(path)


def make_folder(path: Path) -> None:
    """Make a folder for its owner, unless it is there."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        give_to_owner(path)


def may_write(folder: Path) -> bool:
    """Whether this process may write to a folder, also by a right that is not of its user."""
    return os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def give_to_owner(path: Path) -> None:
    """Give a file or folder to the owner of the folder that it is in, where the system allows it.

    Else who has the models' folder could not delete what a container, or root, writes into it.
    """
    owner = path.parent.stat()
    if owner.st_uid != path.lstat().st_uid:
        with suppress(OSError):  # of a user without the right to, or a file system without owners
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def append_line(file: Path, line: bytes) -> None:
    """Append a line and sync it; an incomplete line before it, from a full disk, is ended."""
    with file.open("ab+") as log_file:
        if log_file.tell():
            log_file.seek(-1, os.SEEK_END)
            line = line if log_file.read(1) == b"\n" else b"\n" + line
        log_file.write(line + b"\n")
        log_file.flush()
        os.fsync(log_file.fileno())
    give_to_owner(file)


def stamp(path: str) -> tuple[int, int]:
    """Return what changes with a file: its time, and its inode, as times may be equal."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - Path.stat costs five times as much
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_ino
