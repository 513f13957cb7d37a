"""The monitor's pages in a real browser: drift, no feedback, a regression; small, dark, saved."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from conftest import Open, drawn, fits, pictured
from playwright.sync_api import Browser, expect
from servers import gunicorn, running
from stories import build


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service in which the stories happened."""
    folder = tmp_path_factory.mktemp("stories")
    settings = build(folder)
    with running(gunicorn(), folder / "log", MODELS_DIR=str(settings.models_dir)) as started:
        yield started


def test_all_models_are_on_one_page(open_page: Open):
    page = open_page("/monitor")
    expect(page.get_by_role("region").first).to_contain_text("data drift")
    expect(page.get_by_role("region", name="diabetes")).to_contain_text("no drift")
    pictured(page, "monitor")
    page.get_by_role("link", name="wine", exact=True).click()
    expect(page.get_by_role("heading", name="wine version 2")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_drift_is_shown_field_by_field_and_over_time(open_page: Open, dark: bool):
    page = drawn(open_page("/monitor/wine", dark=dark))
    first = page.locator("details.tested").first
    expect(first).to_have_attribute("open", "")
    expect(first).to_contain_text("▲ drift")
    expect(page.get_by_role("img", name=re.compile("^Brier score: "))).to_be_visible()
    expect(page.get_by_role("region", name="Alerts")).to_contain_text("concept drift")
    assert fits(page)
    pictured(page, f"monitor-wine-{'dark' if dark else 'light'}")


def test_a_field_is_opened_and_a_chart_is_read_as_a_table_with_the_keyboard(open_page: Open):
    page = open_page("/monitor/wine")
    field = page.locator("details.tested").filter(has_text="alcohol").last
    field.locator("> summary").focus()
    page.keyboard.press("Enter")
    expect(field.locator("canvas")).to_be_visible()
    field.locator("figure summary").focus()
    page.keyboard.press("Enter")
    expect(field.locator("figure table")).to_be_visible()
    drawn(page)


def test_without_feedback_the_page_shows_how_to_send_it(open_page: Open):
    page = drawn(open_page("/monitor/diabetes"))
    expect(page.get_by_role("region", name="What is missing")).to_contain_text("curl -d")
    pictured(page, "monitor-without-feedback")


def test_a_regression_has_its_own_figures(open_page: Open):
    page = drawn(open_page("/monitor/wine-score"))
    expect(page.get_by_role("row", name=re.compile("^mean absolute error"))).to_contain_text(
        "within range"
    )
    pictured(page, "monitor-regression")


def test_it_is_read_on_a_phone_in_portuguese(open_page: Open):
    page = drawn(open_page("/monitor/wine", phone=True, language="pt-BR"))
    expect(page.get_by_role("heading", name="wine versão 2")).to_be_visible()
    expect(page.get_by_role("region", name="Alertas")).to_contain_text("o modelo piorou")
    assert fits(page)
    pictured(page, "monitor-phone")
    assert fits(open_page("/monitor", phone=True))


def test_times_are_those_of_the_readers_zone(open_page: Open):
    page = drawn(open_page("/monitor/wine", zone="America/Sao_Paulo"))
    checked = page.locator("time").first
    utc = datetime.fromisoformat(checked.get_attribute("datetime") or "")
    there = utc.astimezone(ZoneInfo("America/Sao_Paulo"))
    expect(checked).to_have_text(
        re.compile(rf"^{there:%b} {there.day}, {there.year}, .*:{there:%M}")
    )
    assert f"{there.hour % 12 or 12}:{there:%M}" in checked.inner_text()
    expect(checked).to_have_attribute("title", f"{utc:%Y-%m-%d %H:%M} UTC")
    expect(page.get_by_text("Times are those of America/Sao_Paulo.")).to_be_visible()
    line = "Chart.getChart([...document.querySelectorAll('canvas')].at(-1))"
    hours = f"{line}.scales.x.ticks.map(({{ value }}) => new Date(value).getHours())"
    assert set(page.evaluate(hours)) == {0}  # midnight there


def test_predictions_behind_a_label_are_one_click_away(open_page: Open):
    page = open_page("/monitor/wine")
    page.get_by_role("link", name="ruim").click()
    expect(page.get_by_label("Label")).to_have_value("ruim")
    expect(page.locator("tbody tr").first).to_contain_text("ruim")
    page.get_by_label("Label").select_option("bom")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr").first).to_contain_text("bom")
    pictured(open_page("/monitor/wine/predictions?limit=20"), "monitor-predictions")


def test_a_report_prints_on_a_few_pages_light_and_with_nothing_cut_off(open_page: Open):
    page = open_page("/monitor/wine", dark=True)
    assert 3 <= page.pdf(format="A4").count(b"/Type /Page\n") <= 8
    page.set_viewport_size({"width": 690, "height": 1000})  # as wide as A4 between its margins
    page.emulate_media(media="print")
    beyond = "[...document.querySelectorAll('main *')].filter((e) => e.scrollWidth > 690)"
    assert page.evaluate(f"{beyond}.map((e) => e.outerHTML)") == []
    expect(page.get_by_role("link", name="Save as one file")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(33, 26, 28)"


def test_the_saved_report_opens_from_a_disk_and_draws_without_a_network(
    open_page: Open, chromium: Browser, tmp_path: Path
):
    online = open_page("/monitor/wine")
    with online.expect_download() as saving:
        online.get_by_role("link", name="Save as one file").click()
    file = tmp_path / "report.html"
    saving.value.save_as(file)
    context = chromium.new_context(offline=True, reduced_motion="reduce")
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(file.as_uri())
    pictured(drawn(page), "monitor-saved")
    context.close()
    assert complaints == [file.as_uri()]
