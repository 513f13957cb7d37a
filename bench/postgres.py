"""A PostgreSQL server for tests and measurements: in a temporary folder, on a free port."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from bench.errors import BenchError

DEBIAN = Path("/usr/lib/postgresql")  # where its package keeps what is not for PATH
LOOPBACK = "127.0.0.1"
CHOICE = 150_000  # the first version that copies files if told to, in half the time
OPTIONS = "-c unix_socket_directories=''"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, of the newest release there is."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    found = [folder for folder in DEBIAN.glob("*/bin") if (folder / "initdb").exists()]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


class Postgres:
    """A server that can be stopped and started again.

    Parameters
    ----------
    host : str
        The address that it listens on, from whose network everybody is let in.

    Attributes
    ----------
    fsync : bool
        Whether its commits wait for the disk, from the next start on.
    """

    fsync = False

    def __init__(self, bin_folder: Path, folder: Path, port: int, host: str = LOOPBACK) -> None:
        self._programs, self._folder, self._port, self._host = bin_folder, folder, port, host
        self.data = folder / "cluster"
        self._names = (f"test{number}" for number in count())
        # It refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        if host != LOOPBACK:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {host}/24 trust\n")

    def _run(self, program: str, *arguments: str) -> None:
        # Its server must not inherit a pipe: who reads to the end would wait until it stops.
        with tempfile.TemporaryFile() as out:
            command = [self._programs / program, "-D", self.data, *arguments]
            run = subprocess.run(
                command, cwd=self._folder, user=self._user, stdout=out, stderr=out, check=False
            )
            out.seek(0)
            assert run.returncode == 0, out.read().decode()

    def start(self) -> None:
        """Start it, or start it again."""
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", "-l", log, "-o", self._options())

    def _options(self) -> str:
        options = f"{OPTIONS} -c fsync={'on' if self.fsync else 'off'}"
        return f"-p {self._port} -c listen_addresses={self._host} {options}"

    def stop(self, mode: str = "fast") -> None:
        """Stop it at once, with whoever is connected; `immediate` is without a checkpoint."""
        self._run("pg_ctl", "stop", "--wait", "-m", mode)

    def pid(self) -> int:
        """The process that all of the server's descend from."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def url(self, database: str) -> str:
        """What DATABASE_URL names a database of it by."""
        return f"postgresql://postgres@{self._host}:{self._port}/{database}"

    def new(self, like: str = "template1") -> str:
        """URL of a new database: an empty one, or a copy of one that nobody is connected to."""
        name = next(self._names)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            may_choose = connection.info.server_version >= CHOICE
            strategy = "STRATEGY file_copy" if may_choose else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} {strategy}")
        return self.url(name)


@contextmanager
def running(port: int, host: str = LOOPBACK, *, fsync: bool = False) -> Iterator[Postgres]:
    """Run a new server until the block ends.

    Raises
    ------
    BenchError
        If PostgreSQL is not installed.
    """
    bin_folder = programs()
    if bin_folder is None:
        raise BenchError("PostgreSQL is not installed: apt-get install postgresql")
    # Not under pytest's folders, which are closed to the other user.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = Postgres(bin_folder, Path(folder), port, host)
        server.fsync = fsync
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
