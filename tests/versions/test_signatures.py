"""With TRUSTED_KEYS, what none of these keys signed is never loaded, and the old version serves."""

import re
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, rewrite
from servers import get, gunicorn, running, wait_until
from signed import Signing, edit
from signing import new_key, with_touching_pickle
from training import refused

from app import create_app
from serving.errors import ArtefactError
from serving.models import model_folder
from serving.models.artefact import REFERENCE
from serving.models.model_folder import MANIFEST
from serving.models.signatures import SIGNATURE
from serving.server import pickle_check
from serving.settings import Settings


@pytest.fixture
def signing(models: Path, tmp_path: Path) -> Signing:
    made = Signing(models, *new_key(tmp_path / "key"))
    made.done("sign", "wine", "1")
    return made


def sign_with_another_key(signing: Signing) -> None:
    other, _ = new_key(signing.models.parent / "other")
    signing.done("sign", "wine", "1", SIGNING_KEY=other)


def rename_a_signed_version(signing: Signing) -> None:
    """Pass version 2 off as version 1, its signature with it."""
    signing.done("sign", "wine", str(rewrite(signing.models, lambda *_: None)))
    wine = signing.models / "wine"
    shutil.rmtree(wine / "1")
    (wine / "2").rename(wine / "1")
    edit(MANIFEST, lambda content: content.replace(b'"version": 2', b'"version": 1'))(signing)


TAMPERED: dict[str, tuple[Callable[[Signing], Any], str]] = {
    "no signature": (
        lambda signing: (signing.models / "wine/1" / SIGNATURE).unlink(),
        r"wine 1 is not signed, and TRUSTED_KEYS is set: if it is yours, sign it",
    ),
    "signed with another key": (sign_with_another_key, "none of TRUSTED_KEYS signed"),
    "altered manifest": (
        edit(MANIFEST, lambda content: content.replace(b'"unit": ""', b'"unit": "x"')),
        "none of TRUSTED_KEYS signed",
    ),
    "altered file": (edit(REFERENCE, lambda content: content + b" "), "is not the file"),
    "another version": (rename_a_signed_version, "none of TRUSTED_KEYS signed"),
    "cut off signature": (edit(SIGNATURE, lambda content: content[:40]), "none of TRUSTED_KEYS"),
    "no base64": (edit(SIGNATURE, lambda _: b"signed by me"), f"{SIGNATURE} cannot be read"),
    "empty signature": (edit(SIGNATURE, lambda _: b""), "none of TRUSTED_KEYS signed"),
}


@pytest.mark.parametrize("way", TAMPERED)
def test_what_no_trusted_key_signed_is_refused_with_the_reason(signing: Signing, way: str):
    assert signing.versions.read("wine", 1)
    tamper, reason = TAMPERED[way]
    tamper(signing)
    with pytest.raises(ArtefactError, match=reason):
        signing.versions.read("wine", 1)
    with pytest.raises(ArtefactError, match="the default model 'wine' cannot be served: wine 1"):
        create_app(signing.settings)


def test_a_signed_version_of_one_model_is_none_of_another(signing: Signing):
    shutil.copytree(signing.models / "wine", signing.models / "port")
    manifest = signing.models / "port/1" / MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b'"name": "wine"', b'"name": "port"'))
    with pytest.raises(ArtefactError, match="port 1: none of TRUSTED_KEYS signed"):
        signing.versions.read("port", 1)


def test_any_one_of_the_trusted_keys_is_enough(signing: Signing):
    keys = [new_key(signing.models.parent / name)[1] for name in ("a", "b")]
    listed = signing.done("versions", "wine", TRUSTED_KEYS=", ".join([*keys, signing.public]))
    assert "wine 1 (live) 20" in listed
    assert "none of TRUSTED_KEYS" in signing.done("versions", "wine", TRUSTED_KEYS=",".join(keys))


def test_a_signed_version_is_served_without_trusted_keys_too(signing: Signing):
    settings = Settings(models_dir=signing.models, var_dir=signing.models.parent / "var")
    assert create_app(settings).test_client().get("/example").status_code == 200


def test_no_command_unpickles_what_is_not_signed(
    signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    touched = tmp_path / "touched"
    poisoned = str(with_touching_pickle(signing.models, touched))
    (tmp_path / "rows.csv").write_text((ROOT / "examples/wines.csv").read_text())
    rows = ("predict", "wine", str(tmp_path / "rows.csv"), "-o", str(tmp_path / "out.csv"))

    promoted = signing.run("promote", "wine", poisoned, "--force").output
    assert "wine 2 is not signed" in promoted
    assert "puts it live anyway" not in promoted
    assert "wine 2 is not signed" in signing.run("trial", "wine", poisoned).output
    assert "wine 2 is not signed" in signing.run(*rows, "--version", poisoned).output
    model_folder.put_live(signing.models / "wine", int(poisoned))
    assert "wine 2 is not signed" in signing.run(*rows).output
    assert "wine 2 is not signed" in signing.run("doctor").output
    assert signing.run("monitor", "--once").exit_code == 1
    assert "wine could not be checked: wine 2 is not signed" in caplog.text
    monkeypatch.setenv("TRUSTED_KEYS", signing.public)
    assert "wine 2 is not signed" in refused(signing.models, "check", "wine", poisoned)
    pickle_check.check(signing.versions)
    assert not touched.exists()
    signing.run(*rows, TRUSTED_KEYS="")
    assert touched.exists()


def test_what_is_not_signed_is_not_rolled_back_to(signing: Signing, tmp_path: Path):
    with_touching_pickle(signing.models, tmp_path / "touched")
    signing.done("sign", "wine", str(rewrite(signing.models, lambda *_: None)))
    signing.done("promote", "wine", "3")
    log = signing.models / "wine" / "decisions.jsonl"
    log.write_text(log.read_text().replace('"before":1', '"before":2'))
    assert "wine 2 is not signed" in signing.run("rollback", "wine").output
    assert not (tmp_path / "touched").exists()


@pytest.mark.slow
def test_the_old_version_serves_while_a_new_one_is_not_signed(signing: Signing, tmp_path: Path):
    number = with_touching_pickle(signing.models, tmp_path / "touched")
    own = {"MODELS_DIR": str(signing.models), "TRUSTED_KEYS": signing.public}
    command = gunicorn(check_pickles=True)
    with running(command, tmp_path / "log", WEB_CONCURRENCY="1", **own) as server:
        wait_until(lambda: "the pickle loads" in server.log.read_text())
        model_folder.put_live(signing.models / "wine", number)
        wait_until(lambda: "wine" in get(f"{server.url}/health/ready")[1]["broken"])
        assert get(f"{server.url}/health/ready")[0] == 200
        assert get(f"{server.url}/example")[1]["version"] == 1
        assert "wine 2 is not signed" in server.log.read_text()
        with urllib.request.urlopen(f"{server.url}/metrics") as metrics:
            text = metrics.read().decode()
        assert 'serving_model_broken{model="wine"} 1' in text
        assert not (tmp_path / "touched").exists()

        rewrite(signing.models, lambda *_: None)
        signing.done("sign", "wine", "3")
        model_folder.put_live(signing.models / "wine", 3)
        wait_until(lambda: get(f"{server.url}/example")[1]["version"] == 3)
        wait_until(lambda: not get(f"{server.url}/health/ready")[1]["broken"])


def test_a_version_that_is_signed_later_is_served_then(signing: Signing):
    rewrite(signing.models, lambda *_: None)
    app = create_app(signing.settings)
    model_folder.put_live(signing.models / "wine", 2)
    registry = app.extensions["registry"]
    registry.refresh()
    assert registry.engine().manifest.version == 1
    signing.done("sign", "wine", "2")
    registry.refresh()
    assert registry.engine().manifest.version == 2
    assert not registry.broken


def test_only_decisions_and_training_read_versions_from_disk():
    """All others ask `Decisions`, which knows the trusted keys."""
    reading = re.compile(r"artefact\.read(_manifest)?\(")
    found = {
        str(file.relative_to(ROOT))
        for folder in ("serving", "train")
        for file in (ROOT / folder).rglob("*.py")
        if reading.search(file.read_text())
    }
    assert found == {
        "serving/versions/reader.py",
        "serving/commands/sign.py",  # which signs what need not be signed yet
        "serving/predicting/erasing.py",  # the names of fields, also of versions nobody trusts now
        "serving/spark/origin.py",  # of executors, by the hash of what the driver trusted
    }
