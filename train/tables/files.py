"""The files that a command names: one or many, a folder of them, or a glob."""

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from serving.formats import workbook
from serving.places.patterns import HIDDEN
from train.errors import TrainingError
from train.tables.options import quoted

PARQUET = ".parquet"
TABLES = (".csv", ".tsv", ".txt", *workbook.SUFFIXES)
SIGNS = "*?["
NAMED = 3  # files that a sentence names

Files = tuple[Path, ...]


def find(given: Sequence[str]) -> Files:
    """Find the files that are named, each once: those of a folder or a glob sorted by their names.

    Raises
    ------
    TrainingError
        If there are none, or they are of different kinds.
    """
    found = tuple(dict.fromkeys(file for each in given for file in _find(each)))
    others = [file for file in found if _is_parquet(file) != _is_parquet(found[0])]
    if others:
        raise TrainingError(
            f"{found[0]} and {others[0]} are not of one kind: name files of Parquet, or files of "
            f"CSV, as by {quoted(f'FOLDER/*{found[0].suffix}')}"
        )
    return found


def _find(given: str) -> Iterator[Path]:
    path = Path(given)
    if "://" in given:
        raise TrainingError(f"{given} is not on this machine: download it, and name the files")
    if path.is_dir():
        yield from _of_folder(path)
    elif any(sign in given for sign in SIGNS) and not path.exists():
        # Path.glob has no way to escape the signs of a glob in a name.
        names = sorted(glob.glob(given, recursive=True))  # noqa: PTH207
        files = [file for file in map(Path, names) if file.is_file() and _is_shown(file)]
        if not files:
            raise TrainingError(f"no file is called {given}: name files, a folder or another glob")
        yield from files
    else:
        yield path


def _of_folder(folder: Path) -> list[Path]:
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in (PARQUET, *TABLES)
        and _is_shown(file.relative_to(folder))
        and file.is_file()
    )
    if not files:
        raise TrainingError(f"{folder} has no files of {', '.join((PARQUET, *TABLES))}: add some")
    return files


def _is_shown(path: Path) -> bool:
    return not any(part.startswith(HIDDEN) and part not in {".", ".."} for part in path.parts)


def are_parquet(files: Files) -> bool:
    """Whether files are of Parquet, by their names."""
    return _is_parquet(files[0])


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() == PARQUET


def summary(files: Files) -> str:
    """The names of files, or of the first and the last.

    >>> summary((Path("data/a.csv"), Path("data/b.csv")))
    'a.csv, b.csv'
    """
    if len(files) <= NAMED:
        return ", ".join(file.name for file in files)
    return f"{len(files):,} files, {files[0].name} to {files[-1].name}"


def model_name(given: str) -> str:
    """The name of a model by the file or folder that is named; of a glob, by its folder.

    >>> model_name("data/homes.csv"), model_name("lake/homes/*.parquet")
    ('homes', 'homes')
    """
    path = Path(given)
    while any(sign in path.name for sign in SIGNS) and not path.exists():
        path = path.parent
    return path.resolve().stem


def sha256(*files: Path) -> str:
    """The hash of files' contents, by which a version names the data it was trained on.

    Of several files it is the hash of their hashes, as of `sha256sum FILES | cut -c -64 |
    sha256sum`.

    Raises
    ------
    TrainingError
        If one cannot be read.
    """
    digests = []
    for file in files:
        try:
            with file.open("rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:
            raise TrainingError(f"{file} cannot be read: {error.strerror}") from error
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{each}\n" for each in digests).encode()).hexdigest()


def names_of_all(names: Mapping[Path, Sequence[str]], drop: frozenset[str]) -> tuple[str, ...]:
    """The names of the columns that files have, which must be the same except for some.

    Parameters
    ----------
    names : mapping of Path to sequence of str
        Those of each file.
    drop : frozenset of str
        Names that not all files must have.

    Raises
    ------
    TrainingError
    """
    (first, of_first), *others = names.items()
    found = dict.fromkeys(of_first)
    for file, theirs in others:
        for lacks, has, name in [
            *((file, first, name) for name in of_first if name not in {*theirs} | drop),
            *((first, file, name) for name in theirs if name not in {*of_first} | drop),
        ]:
            raise TrainingError(
                f"{lacks} has no column {name!r}, which {has} has: add it there, or leave it out "
                f"of all files by --drop {quoted(name)}"
            )
        found |= dict.fromkeys(theirs)
    return tuple(found)
