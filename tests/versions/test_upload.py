"""`adega upload`: once, twice, and killed in the middle."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, rewrite
from hosts import Host, command, upload_wine
from servers import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """An object store without anything."""
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


@pytest.fixture
def decided(models: Path, tmp_path: Path) -> Path:
    """A folder of two versions and two decisions; the second version is live."""
    rewrite(models, lambda *_: None)
    own = {"MODELS_DIR": str(models)}
    command("", tmp_path / "before", "trial", "wine", "2", **own)
    command("", tmp_path / "before", "promote", "wine", "2", **own)
    return models


def host(shared: Path) -> Host:
    one = Host(str(shared), shared.parent / "host")
    assert one.pull() == {}
    return one


def actions(one: Host) -> list[str]:
    return [each.action for each in one.decisions.history("wine")]


def test_a_second_upload_changes_nothing(shared: Path, decided: Path, tmp_path: Path):
    for _ in range(2):
        upload_wine(str(shared), tmp_path / "uploader", decided)
        assert actions(host(shared)) == ["promote", "trial"]


def test_decisions_of_a_folder_come_along(shared: Path, decided: Path, tmp_path: Path):
    upload_wine(str(shared), tmp_path / "uploader", decided)
    one = host(shared)
    assert one.live() == 2
    assert one.versions.rollback("wine").version == 1


def test_an_upload_after_decisions_in_the_object_store_leaves_them(
    shared: Path, decided: Path, tmp_path: Path
):
    upload_wine(str(shared), tmp_path / "uploader", decided)
    host(shared).versions.rollback("wine")
    upload_wine(str(shared), tmp_path / "uploader", decided)
    assert host(shared).live() == 1


@pytest.mark.faults
def test_an_upload_that_is_killed_at_any_object_goes_on(
    shared: Path, decided: Path, tmp_path: Path
):
    def objects() -> int:
        return sum(1 for each in shared.rglob("*") if each.is_file())

    environment = {**os.environ, "MODELS_URL": str(shared), "VAR_DIR": str(tmp_path / "uploader")}
    upload = (sys.executable, "-m", "serving", "upload", str(decided), "wine")
    code, kills = -signal.SIGKILL, 0
    while code == -signal.SIGKILL:
        before = objects()
        process = subprocess.Popen(upload, env=environment, cwd=ROOT, start_new_session=True)
        wait_until(lambda: objects() > before or process.poll() is not None)  # noqa: B023
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        code = process.wait()
    assert (code, kills > 2) == (0, True)
    one = host(shared)
    assert actions(one) == ["promote", "trial"]
    assert one.versions.rollback("wine").version == 1


def test_decisions_of_which_only_the_last_ones_were_uploaded_are_completed(
    shared: Path, decided: Path, tmp_path: Path
):
    upload_wine(str(shared), tmp_path / "uploader", decided)
    (shared / "wine/decisions/00000001.json").unlink()
    assert host(shared).live() == 2  # what it was put live by is uploaded first
    upload_wine(str(shared), tmp_path / "uploader", decided)
    assert actions(host(shared)) == ["promote", "trial"]
