"""Who decides or trains at once does so one after the other, whatever process or thread it is."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ROOT, rewrite
from servers import PATIENCE, Server, gunicorn, running

from serving.models import artefact, model_folder
from serving.models.manifest import Manifest
from serving.versions.decisions import Decisions
from serving.versions.versions import Versions

pytestmark = pytest.mark.faults

KEY = "a-key-of-this-test"
AT_ONCE = 24


def decisions(models: Path, name: str = "wine") -> list[dict[str, Any]]:
    """All that was recorded, in its order, and a check that each line is whole."""
    text = (models / name / "decisions.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def assert_chain(taken: list[dict[str, Any]], live: int) -> None:
    """Each decision took the place of the one before it; the last holds."""
    versions = [1, *(each["version"] for each in taken)]
    assert [each["before"] for each in taken] == versions[:-1]
    assert versions[-1] == live
    assert [each["time"] for each in taken] == sorted(each["time"] for each in taken)


def promote_over_http(server: Server, version: int) -> None:
    body = json.dumps({"action": "promote", "version": version}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{server.url}/models/wine/versions", body, headers)
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
        assert json.load(answer)["version"] == version


def together(act: Callable[[int], None]) -> None:
    """Do something `AT_ONCE` times, all of them begun at once."""
    barrier = threading.Barrier(AT_ONCE)

    def begin(number: int) -> None:
        barrier.wait()
        act(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(begin, range(AT_ONCE)))


def test_promotes_at_once_make_one_chain_in_one_folder(models: Path, tmp_path: Path):
    """Of workers, their threads and command lines; half of them put the same version live."""
    for _ in range(3):
        rewrite(models, lambda *_: None)
    own = {"MODELS_DIR": str(models), "ADMIN_KEYS": f"ana:{KEY}"}
    with running(gunicorn(), tmp_path / "log", **own) as server:

        def promote(number: int) -> None:
            version = 2 + number % 3
            if number % 8:
                promote_over_http(server, version)
            else:
                command = [sys.executable, "-m", "serving", "promote", "wine", str(version)]
                environment = {"MODELS_DIR": str(models), "VAR_DIR": str(tmp_path / "var")}
                subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

        together(promote)
    taken = decisions(models)
    assert len(taken) == AT_ONCE
    assert_chain(taken, model_folder.live_version(models / "wine"))
    assert not (tmp_path / "var" / "decisions").exists()
    left = {entry.name for entry in (models / "wine").iterdir()}
    assert left == {"1", "2", "3", "4", "current", "decisions.jsonl"}


@pytest.mark.parametrize("kept_in", ["the models' folder", "a folder of the service's own"])
def test_whatever_is_decided_at_once_is_kept_whole(models: Path, tmp_path: Path, kept_in: str):
    for _ in range(AT_ONCE):
        rewrite(models, lambda *_: None)
    if kept_in == "a folder of the service's own":
        (models / "wine" / "decisions.jsonl").mkdir()  # nothing can be appended to it
    versions = Versions(Decisions(models, tmp_path / "own"), "ana")

    def decide(number: int) -> None:
        if number % 3 == 0:
            versions.retire("wine", 2 + number)
        elif number % 3 == 1:
            versions.set_trial("wine", 2 + number)
        else:
            versions.promote("wine", 2 + number, force=True)

    together(decide)
    told = versions.decisions.history("wine")[::-1]
    assert len(told) == AT_ONCE
    retired = {each.version for each in told if each.action == "retire"}
    assert retired == {2 + number for number in range(0, AT_ONCE, 3)}
    assert versions.decisions.retired("wine") == sorted(retired)
    for action, first in (("promote", 1), ("trial", None)):
        of_kind = [each for each in told if each.action == action]
        after = [each.version for each in of_kind]
        assert [each.before for each in of_kind] == [first, *after[:-1]]
    own = tmp_path / "own" / "wine"
    assert own.exists() == (kept_in != "the models' folder")


def test_versions_written_at_once_have_numbers_of_their_own(models: Path):
    """As two trainings write them; of a new model one goes live."""
    wine = artefact.read(models, "wine", 1)
    manifest = json.loads(artefact.pretty(wine.manifest)) | {"name": "new"}
    manifest = msgspec.convert(manifest, Manifest)
    first: list[int] = []
    written: list[int] = []

    def write(_: int) -> None:
        number = artefact.write(models, manifest, wine.contents)
        written.append(number)
        if model_folder.put_first_live(models / "new", number):
            first.append(number)

    together(write)
    assert sorted(written) == [*range(1, AT_ONCE + 1)]
    assert model_folder.versions(models / "new") == sorted(written)
    assert [model_folder.live_version(models / "new")] == first
    for number in written:
        assert artefact.read(models, "new", number).manifest.version == number


def test_half_a_line_of_a_decision_spoils_no_other(models: Path, tmp_path: Path):
    """As a disk that was full leaves it behind."""
    for _ in range(2):
        rewrite(models, lambda *_: None)
    versions = Versions(Decisions(models, tmp_path / "own"), "ana")
    versions.promote("wine", 2)
    with (models / "wine" / "decisions.jsonl").open("ab") as log:
        log.write(b'{"time": 1, "who": "\xff')
    versions.promote("wine", 3)
    assert [each.version for each in versions.decisions.history("wine")] == [3, 2]
    assert versions.rollback("wine").version == 2


def test_where_a_folder_knows_no_locks_one_of_the_services_own_is_locked(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As on some network file systems."""
    rewrite(models, lambda *_: None)
    lock = fcntl.flock

    def without_locks(folder: int, operation: int) -> None:
        if os.path.samestat(os.fstat(folder), (models / "wine").stat()):
            raise OSError(errno.ENOLCK, "No locks available")
        lock(folder, operation)

    monkeypatch.setattr(fcntl, "flock", without_locks)
    versions = Versions(Decisions(models, tmp_path / "own"), "ana")
    together(lambda number: versions.promote("wine", 1 + number % 2))
    assert_chain(decisions(models), model_folder.live_version(models / "wine"))
