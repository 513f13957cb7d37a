"""A run: which version predicts which files in which way, and the parts that it consists of.

It is described by the file `_run.json` in the folder of its parts, so that whoever starts the same
run again goes on where it was, and another run is not mixed with it.
"""

from collections.abc import Sequence

import msgspec

from serving.errors import NotFound, RunRefused
from serving.figures import counted
from serving.models.manifest import Manifest
from serving.places import SUFFIX
from serving.places.addresses import ALL, Given, absolute, given
from serving.places.places import Folder, Place
from serving.scoring.options import Options

RUN, SUCCESS = "_run.json", "_SUCCESS"
FORMAT = 2  # of the parts; another one is another run


class Source(msgspec.Struct, frozen=True):
    """A file that is predicted: where it is, its size, and what changes with its content."""

    folder: str
    name: str
    size: int
    tag: str

    @property
    def address(self) -> str:
        """Its path or URL."""
        return f"{self.folder.rstrip('/')}/{self.name}"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run does; equal runs write the same parts."""

    format: int = FORMAT
    model: str
    version: int
    sha256: str  # of the version's manifest
    options: Options
    sources: tuple[Source, ...]


class _Format(msgspec.Struct):
    format: int


def make_run(manifest: Manifest, options: Options, sources: Sequence[Source]) -> Run:
    """Describe a run."""
    return Run(
        model=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        options=options,
        sources=tuple(sources),
    )


def find_sources(addresses: Sequence[str], output: str) -> list[Source]:
    """Find the files that are to be predicted, each once, sorted by address.

    Raises
    ------
    NotFound, ObjectStoreError, OSError
    """
    found: dict[str, Source] = {}
    output = absolute(output)
    for address in addresses:
        wanted = given(address)
        files = wanted.find()
        if not files and wanted.pattern[0] == absolute(address).rpartition("/")[2]:
            wanted = Given(absolute(address), ALL)  # a folder that is called as files are
            files = wanted.find()
        if not files:
            raise NotFound(
                f"{address}: no file is there; name files of Parquet or Arrow, or a folder of them"
            )
        if wanted.covers(f"{output}/part-00000{SUFFIX}"):
            raise NotFound(
                f"{output} is among what {address} names, so predictions would be taken for "
                "records; choose a folder beside it"
            )
        for name, (size, tag) in files.items():
            folder, _, own = f"{wanted.root.rstrip('/')}/{name}".rpartition("/")
            source = Source(folder or "/", own, size, tag)
            found[source.address] = source
    return [found[address] for address in sorted(found)]


def begin(run: Run, output: Place, address: str) -> set[str]:
    """Begin a run, or go on with the same; return the names of the parts that are there.

    Raises
    ------
    RunRefused
        If the folder has something else.
    ObjectStoreError, OSError
    """
    names = output.names()
    parts = {name for name in names if name.endswith(SUFFIX)}
    written = output.read(RUN) if RUN in names else None
    if written is None and any(not name.startswith(".") for name in names):
        raise RunRefused(f"{address} has other files; choose a folder that is empty or new")
    if isinstance(output, Folder):
        output.remove_halves()
    if written is None or not parts:  # of a run that failed before its first part nothing is kept
        with output.writing(RUN) as file:
            file.write(msgspec.json.format(msgspec.json.encode(run)))
        return set()
    try:
        if msgspec.json.decode(written, type=_Format).format != FORMAT:
            raise RunRefused(
                f"{address} has the parts of another release, which divided files in another way; "
                "finish the run with that release, choose another folder, or delete that one"
            )
        before = msgspec.json.decode(written, type=Run)
    except msgspec.DecodeError as error:
        raise RunRefused(f"{address}/{RUN} cannot be read: {error}") from None
    if before != run:
        raise RunRefused(
            f"{address} has another run: {_difference(before, run)}; choose another folder, or "
            "delete that one"
        )
    return parts


def _difference(before: Run, now: Run) -> str:
    """Describe in what a run differs from the one that is there."""
    if (before.model, before.version) != (now.model, now.version):
        return f"it is by {before.model} {before.version}, not by {now.model} {now.version}"
    if before.options != now.options:
        pairs = zip(
            msgspec.to_builtins(before.options).items(),
            msgspec.to_builtins(now.options).values(),
            strict=True,
        )
        differing = [f"{name} is {old!r}, not {new!r}" for (name, old), new in pairs if old != new]
        return ", ".join(differing)
    if before.sources != now.sources:
        old = {each.address: each for each in before.sources}
        new = {each.address: each for each in now.sources}
        apart = sorted(each for each in old | new if old.get(each) != new.get(each))
        return (
            f"{apart[0]} was added, removed or changed since ({counted(len(apart), 'file')} in all)"
        )
    return f"it is by another {now.model} {now.version}, or by another release"
