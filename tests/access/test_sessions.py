"""A browser keeps a session in place of the key, until it is over or the key is removed."""

import re
from pathlib import Path

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from keyed import KEYS, entry, key_of, written

from app import create_app
from serving import clock
from serving.access import keys as keys_module
from serving.access.sessions import FILE, HOURS
from serving.api.around.access import COOKIE
from serving.errors import SettingsError
from serving.settings import Settings

PAGE = {"Accept": "text/html"}


@pytest.fixture
def own(settings: Settings) -> Settings:
    return Settings(var_dir=settings.var_dir, api_keys=KEYS)


@pytest.fixture
def browser(own: Settings) -> FlaskClient:
    return create_app(own).test_client()


def log_in(browser: FlaskClient, key: str, then: str = "/", **more: str) -> str:
    """The Set-Cookie of a login."""
    answer = browser.post("/login", data={"key": key, "then": then}, **more)
    assert answer.status_code == 303
    return answer.headers["Set-Cookie"]


def test_a_page_without_a_key_is_a_login_that_leads_to_it(browser: FlaskClient):
    page = browser.get("/?model=wine", headers=PAGE)
    assert (page.status_code, page.mimetype) == (401, "text/html")
    assert "WWW-Authenticate" not in page.headers  # or the browser would prompt by itself
    (then,) = re.findall('name="then" value="(.*?)"', page.text)
    answer = browser.post("/login", data={"key": key_of("predict"), "then": then})
    assert answer.headers["Location"] == "/?model=wine"
    assert browser.get("/?model=wine", headers=PAGE).status_code == 200


def test_the_login_is_in_portuguese_too(browser: FlaskClient):
    assert "Chave" in browser.get("/", headers=PAGE | {"Accept-Language": "pt-BR"}).text


def test_a_session_may_what_its_key_may(browser: FlaskClient):
    log_in(browser, key_of("predict"))
    assert browser.post("/predict", **body(wine())).status_code == 200
    assert browser.get("/monitor", headers=PAGE).status_code == 403
    assert "predict</span>" in browser.get("/", headers=PAGE).text  # who is logged in


def test_a_session_counts_beside_a_password_for_a_proxy(browser: FlaskClient):
    log_in(browser, key_of("predict"))
    proxys = {"Authorization": "Basic cHJveHk6cGFzc3dvcmQ="}
    assert browser.post("/predict", **body(wine()), headers=proxys).status_code == 200
    browser.post("/logout")
    assert browser.post("/predict", **body(wine()), headers=proxys).status_code == 401


def test_the_cookie_is_for_this_service_only_and_holds_no_key(browser: FlaskClient):
    cookie = log_in(browser, key_of("predict"))
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert key_of("predict") not in cookie
    behind_tls = {"wsgi.url_scheme": "https"}
    assert "Secure" in log_in(browser, key_of("read"), environ_overrides=behind_tls)


def test_a_session_ends_by_logging_out(browser: FlaskClient):
    log_in(browser, key_of("predict"))
    browser.post("/logout")
    assert browser.get("/", headers=PAGE).status_code == 401


def test_a_session_ends_after_its_hours(browser: FlaskClient, monkeypatch: pytest.MonkeyPatch):
    log_in(browser, key_of("predict"))
    later = clock.now() + HOURS * 3_600_000
    monkeypatch.setattr(clock, "now", lambda: later)
    assert browser.get("/", headers=PAGE).status_code == 401


def test_a_session_is_valid_on_all_hosts_that_have_the_same_secret(tmp_path: Path):
    def host(name: str, secret: str) -> FlaskClient:
        var_dir = tmp_path / name
        return create_app(
            Settings(var_dir=var_dir, api_keys=KEYS, session_secret=secret)
        ).test_client()

    one, other, third = host("one", "s" * 32), host("other", "s" * 32), host("third", "t" * 32)
    token = log_in(one, key_of("predict")).partition(";")[0].partition("=")[2]
    for each, status in ((other, 200), (third, 401)):
        each.set_cookie(COOKIE, token)
        assert each.get("/", headers=PAGE).status_code == status


def test_a_short_secret_of_sessions_stops_the_start():
    with pytest.raises(SettingsError, match="SESSION_SECRET is not a secret of 32 characters"):
        Settings.from_environment({"SESSION_SECRET": "s" * 31})


def test_a_session_is_valid_after_a_restart_but_not_with_another_secret(
    browser: FlaskClient, own: Settings
):
    token = log_in(browser, key_of("predict")).split(";")[0].split("=")[1]

    def status() -> int:
        other = create_app(own).test_client()
        other.set_cookie(COOKIE, token)
        return other.get("/", headers=PAGE).status_code

    assert status() == 200
    secret = own.var_dir / FILE
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.unlink()
    assert status() == 401


def test_a_token_that_was_altered_is_worth_nothing(browser: FlaskClient):
    token = log_in(browser, key_of("predict")).split(";")[0].split("=")[1]
    until, signature = token.split(".")
    for altered in (
        f"f{token}",
        f"{until}.{signature[::-1]}",
        f"{until}.",
        "x.y",
        "ff",
        f"{until}.é",
    ):
        browser.set_cookie(COOKIE, altered)
        assert browser.get("/", headers=PAGE).status_code == 401, altered


def test_a_session_ends_when_its_key_is_removed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keys_module, "PAUSE", 0)
    file = tmp_path / "keys.json"
    file.write_text(written(a=entry("a", "predict"), b=entry("b", "predict")))
    own = Settings(var_dir=settings.var_dir, api_keys_file=str(file))
    browser = create_app(own).test_client()
    log_in(browser, key_of("a"))
    file.write_text(written(b=entry("b", "predict")))
    assert browser.get("/", headers=PAGE).status_code == 401


@pytest.mark.parametrize(
    "then",
    [
        "https://evil.example/",
        "//evil.example",
        "////evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\r\nX-Own: header",
        "\\\\evil",
        "javascript:1",
        "//",
        "",
    ],
)
def test_a_login_leads_to_no_other_site(browser: FlaskClient, then: str):
    answer = browser.post("/login", data={"key": key_of("predict"), "then": then})
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("key", ["wrong", "", key_of("old")])
def test_a_login_with_a_wrong_key_shows_the_form_again(browser: FlaskClient, key: str):
    answer = browser.post("/login", data={"key": key})
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert "This key is not accepted." in answer.text
    assert "Set-Cookie" not in answer.headers


def test_wrong_keys_in_the_login_are_slowed(browser: FlaskClient):
    statuses = [browser.post("/login", data={"key": f"wrong{n}"}).status_code for n in range(7)]
    assert statuses == [401] * 5 + [429] * 2
