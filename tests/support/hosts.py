"""Hosts that share an object store: each has a VAR_DIR of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner
from conftest import MODELS
from programs import skip_or_fail

from bench import seaweedfs
from bench.seaweedfs import SeaweedFS
from serving.__main__ import main
from serving.settings import Settings
from serving.versions.decisions import Decisions
from serving.versions.object_store import ObjectStore, Status
from serving.versions.versions import Versions


class Host:
    """A host without its service: what it has copied, and its decisions."""

    def __init__(self, url: str, var_dir: Path, **settings: Any) -> None:
        self.settings = Settings(models_url=url, var_dir=var_dir, **settings)
        self.decisions = Decisions.from_settings(self.settings)
        self.versions = Versions(self.decisions, var_dir.name)
        assert self.decisions.shared
        self.shared: ObjectStore = self.decisions.shared
        self.wine = self.settings.models_dir / "wine"

    def pull(self) -> dict[str, str]:
        """Copy what is new; what could not be copied is returned."""
        return self.shared.pull().behind

    def live(self) -> int:
        return self.decisions.live("wine")

    def status(self) -> Status:
        found = Status.read(self.settings.models_dir)
        assert found
        return found


def add(host: Host, title: str = "newer") -> int:
    """Write a next version of wine from a host, as training does."""
    host.pull()
    read = host.decisions.read("wine", 1)
    manifest = msgspec.structs.replace(read.manifest, title=title)
    return host.decisions.add(manifest, read.contents)


def command(url: str, var_dir: Path, *arguments: str, **environment: str) -> str:
    """Run a command of `adega` on a host; return what it prints."""
    own = {"MODELS_URL": url, "VAR_DIR": str(var_dir), **environment}
    result = CliRunner().invoke(main, arguments, env=own)
    assert result.exit_code == 0, result.output
    return result.output


def upload_wine(url: str, folder: Path, models: Path = MODELS) -> None:
    command(url, folder, "upload", str(models), "wine")


@contextmanager
def running_s3(folder: Path) -> Iterator[SeaweedFS]:
    """Run a server of S3's protocol with a bucket, `adega`, until the block ends."""
    if not seaweedfs.PROGRAM.exists():
        skip_or_fail("SeaweedFS is not installed: make test-objects")
    with seaweedfs.running(folder) as server:
        yield server
