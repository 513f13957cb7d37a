"""Keys that sign versions: made once, kept from others, and none that are not."""

import re
from pathlib import Path

import pytest
from signed import Signing, edit
from signing import new_key

from serving.models.artefact import REFERENCE


@pytest.fixture
def signing(models: Path, tmp_path: Path) -> Signing:
    made = Signing(models, *new_key(tmp_path / "key"))
    made.done("sign", "wine", "1")
    return made


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path):
    file, public = new_key(tmp_path / "key")
    assert Path(file).stat().st_mode & 0o777 == 0o600
    assert new_key(tmp_path / "key") == (file, public)
    assert new_key(tmp_path / "other")[1] != public


def test_signing_needs_a_key_and_an_unaltered_version(signing: Signing, tmp_path: Path):
    assert "SIGNING_KEY is not set" in signing.run("sign", "wine", "1", SIGNING_KEY="").output
    nowhere = str(tmp_path / "none")
    assert "cannot be read" in signing.run("sign", "wine", "1", SIGNING_KEY=nowhere).output
    (tmp_path / "text").write_text("not a key")
    text = str(tmp_path / "text")
    assert "contains no key" in signing.run("sign", "wine", "1", SIGNING_KEY=text).output
    edit(REFERENCE, lambda content: content + b" ")(signing)
    assert "is not the file" in signing.run("sign", "wine", "1").output


def test_the_doctor_warns_of_a_key_that_others_can_read(signing: Signing):
    assert "other users can read the private key" not in signing.run("doctor").output
    Path(signing.key).chmod(0o644)
    assert "other users can read the private key" in signing.run("doctor").output


@pytest.mark.parametrize("keys", ["key", "aGVsbG8=", "!" * 44, "é", ",", " , "])
def test_trusted_keys_that_are_none_stop_the_start(signing: Signing, keys: str):
    answer = signing.run("versions", "wine", TRUSTED_KEYS=keys)
    assert re.search("TRUSTED_KEYS is not public keys as `adega signing-key` prints", answer.output)
