"""Keys are read from settings and from a file, which is followed; what is wrong is named."""

import json
import os
from pathlib import Path

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from keyed import bearing, entry, key_of, written

from app import create_app
from serving.access import keys as keys_module
from serving.access.entries import generate, is_generated
from serving.access.keys import Keys
from serving.errors import SettingsError
from serving.settings import Settings

SECRET = "adega_" + "Xr0J-_" * 7 + "A"  # the same in every process that collects the tests
HASH = entry("a")["sha256"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shop", "API_KEYS is not JSON: Expecting value at line 1 column 1; write an object"),
        ("[]", "API_KEYS is not an object such as"),
        ("[1]", "API_KEYS is not an object such as"),
        ('{"a": 1}', "entry 'a': Expected `object`, got `int`"),
        ('{"a": {"scopes": ["read"]}}', "entry 'a': Object missing required field `sha256`"),
        (written(a=entry("a") | {"scopes": []}), "entry 'a': '' is not a scope; choose from"),
        (written(a=entry("a", "write")), "entry 'a': 'write' is not a scope; choose"),
        (written(a=entry("a", "read", model="wine")), "entry 'a': Object contains unknown field"),
        (written(a=entry("a", "read", expires="soon")), "entry 'a': Invalid RFC3339"),
        (written(a={"sha256": "0", "scopes": ["read"]}), "entry 'a': sha256 is not the SHA-256"),
        (written(a=entry("x", "read"), b=entry("x", "read")), "'a' and 'b' have the same key"),
        (f'{{"a": {json.dumps(entry("a", "read"))}, "a": 1}}', "there are two entries 'a'"),
        (f'{{"{SECRET}": ["read"]}}', "entry 1: a name is at most 64 letters"),
        (written(a={"sha256": SECRET, "scopes": ["read"]}), "entry 'a': sha256 is not the SHA-256"),
        (written(a=entry("a", SECRET)), "is not a scope"),
        (written(a=entry("a", "read", expires="soon")), '"expires": "2027-06-30"'),
        (f'{{"{SECRET}": 1, "{SECRET}": 2}}', "there are two entries '…'"),
        (written(a=entry("a", "read") | {SECRET: 1}), "unknown field `…`"),
        (
            f'{{"a": {{"sha256": "{HASH}", "scopes": ["read"], "scopes": ["admin"]}}}}',
            "entry 'a': there are two 'scopes'; remove one",
        ),
        (written(a=entry("a", "read", models=[])), "models is empty; name some, or leave it out"),
        (written(a=entry("a", "read", models=["a,b"])), "'a,b' is not the name of a model"),
        (written(a=entry("a", "read", models=[""])), "'' is not the name of a model"),
    ],
)
def test_a_faulty_entry_is_named_and_no_key_is_shown(text: str, message: str):
    with pytest.raises(SettingsError) as raised:
        Keys(Settings(api_keys=text))
    assert message in str(raised.value)
    assert SECRET not in str(raised.value)


def test_bytes_that_are_no_text_are_a_faulty_setting():
    with pytest.raises(SettingsError, match="API_KEYS is not UTF-8"):
        Keys(Settings(api_keys='{"a\udcff": 1}'))  # as Python reads such a variable
    with pytest.raises(SettingsError, match="ADMIN_KEYS: entry 1 is not name:key"):
        Keys(Settings(admin_keys="ana:\udcff" + "x" * 20))


def test_a_file_that_is_not_there_prevents_the_start(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"No such file.*; `adega keys add` creates it"):
        Keys(Settings(api_keys_file=str(tmp_path / "keys.json")))


def test_a_generated_key_is_long_and_recognised():
    assert is_generated(generate())
    assert is_generated(SECRET)
    assert len(SECRET) == len("adega_") + 43
    assert not is_generated("a-key-of-a-person")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "keys.json"
    made.write_text(written(first=entry("first", "predict")))
    return made


@pytest.fixture
def client(settings: Settings, file: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(keys_module, "PAUSE", 0)
    own = Settings(var_dir=settings.var_dir, api_keys_file=str(file))
    return create_app(own).test_client()


def status(client: FlaskClient, name: str) -> int:
    return client.post("/predict", **body(wine()), headers=bearing(name)).status_code


def test_the_file_is_followed(client: FlaskClient, file: Path):
    assert (status(client, "first"), status(client, "second")) == (200, 401)
    file.write_text(written(second=entry("second", "predict")))
    assert (status(client, "first"), status(client, "second")) == (401, 200)


def test_a_file_of_the_same_size_and_time_is_followed_if_it_was_replaced(
    client: FlaskClient, file: Path
):
    before = file.stat()
    other = file.with_name("other")
    other.write_text(file.read_text().replace(entry("first")["sha256"], entry("other")["sha256"]))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert (status(client, "first"), status(client, "other")) == (401, 200)


@pytest.mark.parametrize("fault", ["{", '{"a": 1}', None])
def test_while_the_file_is_faulty_the_keys_of_before_are_valid(
    client: FlaskClient, file: Path, fault: str | None
):
    text = file.read_text()
    file.unlink() if fault is None else file.write_text(fault)
    reason = client.get("/health/ready").json["access"]["reason"]  # of a probe, without a key
    assert reason.startswith("API_KEYS_FILE")
    assert str(file) not in reason
    assert status(client, "first") == 200
    file.write_text(text)
    assert "reason" not in client.get("/health/ready").json["access"]
    assert status(client, "first") == 200


def test_an_empty_file_lets_nobody_in(client: FlaskClient, file: Path):
    file.write_text("")
    assert status(client, "first") == 401
    assert client.post("/predict", **body(wine())).status_code == 401


def test_no_key_is_kept_in_the_file_or_the_log(client: FlaskClient, file: Path):
    status(client, "first")
    assert key_of("first") not in file.read_text()


@pytest.mark.parametrize(
    ("host", "published", "warned"),
    [
        ("127.0.0.1", "", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "127.0.0.1", False),
        ("::1", "", False),
        ("192.168.0.7", "", True),
    ],
)
def test_a_start_without_keys_warns_if_others_may_reach_it(
    settings: Settings, host: str, published: str, *, warned: bool
):
    def warning(**more: str) -> str:
        own = Settings(var_dir=settings.var_dir, host=host, published_host=published, **more)
        app = create_app(own)
        page = app.test_client().get("/login", headers={"Accept": "text/html"}).text
        assert ("No keys are set" in page) == bool(app.extensions["access"].warning)
        return app.extensions["access"].warning

    assert ("predict, feedback, read, metrics" in warning()) is warned
    assert warning(allowed_hosts="ml.example.org")  # which a proxy has opened
    assert not warning(api_keys="{}")
