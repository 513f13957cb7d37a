"""A browser logs in with a key, predicts within its session and logs out."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import DESK, PHONE, fits, pictured
from keyed import KEYS, key_of
from playwright.sync_api import Browser, Page
from servers import Server, gunicorn, running


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("keyed") / "log"
    with running(gunicorn(), log, API_KEYS=KEYS) as started:
        yield started


def opened(chromium: Browser, server: Server, **options: Any) -> Page:
    context = chromium.new_context(base_url=server.url, **options)
    context.set_default_timeout(15_000)
    return context.new_page()


def test_somebody_logs_in_predicts_and_logs_out(chromium: Browser, keyed: Server):
    page = opened(chromium, keyed, viewport=DESK, locale="en-US")
    page.goto("/?model=diabetes")
    pictured(page, "login")
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    assert "not accepted" in page.get_by_role("alert").inner_text()
    page.get_by_label("Key").fill(key_of("predict"))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/?model=diabetes")
    page.get_by_text("predict", exact=True).wait_for()  # who is logged in
    page.get_by_role("button", name="Predict", exact=True).click()
    page.locator("#result td").first.wait_for()
    pictured(page, "logged-in")
    command = page.locator("#code-curl").inner_text()
    done = subprocess.run(
        ["bash", "-c", f"{command} -s"],
        env={**os.environ, "ADEGA_KEY": key_of("predict")},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["model"] == "diabetes"
    assert page.evaluate("document.cookie") == ""  # no script can read it
    page.context.clear_cookies()  # as when the session has ended
    page.get_by_role("button", name="Predict", exact=True).click()
    page.get_by_text("A key is needed: load this page again, and log in.").wait_for()
    page.reload()
    page.get_by_label("Key").fill(key_of("predict"))
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    assert page.goto("/?model=diabetes").status == 401
    page.context.close()


def test_the_login_fits_on_a_phone_and_is_in_portuguese(chromium: Browser, keyed: Server):
    page = opened(chromium, keyed, viewport=PHONE, locale="pt-BR", color_scheme="dark")
    page.goto("/")
    assert page.get_by_label("Chave").is_visible()
    assert fits(page)
    pictured(page, "login-phone")
    page.get_by_label("Chave").fill(key_of("read"))
    page.get_by_role("button", name="Entrar").click()
    page.get_by_role("button", name="Sair").wait_for()
    assert page.goto("/monitor").ok
    assert fits(page)
    page.context.close()


def test_a_start_that_is_open_to_others_shows_it(chromium: Browser, tmp_path: Path):
    with running(gunicorn(), tmp_path / "log", PUBLISHED_HOST="0.0.0.0") as started:
        page = opened(chromium, started, viewport=PHONE, locale="en-US")
        page.goto("/")
        assert "No keys are set" in page.locator(".notice").first.inner_text()
        assert fits(page)
        pictured(page, "open")
        page.context.close()
