"""Model cards, drawn by a real browser."""

import pytest
from conftest import Open, drawn, fits, pictured
from playwright.sync_api import expect

DRAWN = {"wine": 10, "wine-score": 9, "diabetes": 10}


@pytest.mark.parametrize("model", DRAWN)
def test_a_card_draws_every_chart_and_has_each_as_a_table(open_page: Open, model: str):
    page = drawn(open_page(f"/models/{model}/card"))
    expect(page.locator("figure.chart canvas")).to_have_count(DRAWN[model])
    assert page.evaluate(
        """() => [...document.querySelectorAll("figure.chart canvas")].every((canvas) => {
            const [context, { width, height }] = [canvas.getContext("2d"), canvas];
            const { data } = context.getImageData(0, 0, width, height);
            return Chart.getChart(canvas) && data.some((value) => value);
        })"""
    )
    for figure in page.locator("figure.chart").all():
        figure.locator("summary").click()
        assert figure.locator("tbody tr").count() > 5
    pictured(page, f"card-{model}")


def test_a_card_is_dark_and_portuguese_where_the_browser_is(open_page: Open):
    page = drawn(open_page("/models/wine/card", dark=True, language="pt-BR"))
    expect(page.get_by_role("heading", name="Curva ROC")).to_be_visible()
    expect(page.get_by_role("row", name="bom").first).to_be_visible()
    pictured(page, "card-dark-portuguese")


def test_a_card_fits_a_phone(open_page: Open):
    page = drawn(open_page("/models/wine/card", phone=True))
    assert fits(page)
    pictured(page, "card-phone")


def test_colours_follow_the_system_while_the_page_is_open(open_page: Open):
    page = drawn(open_page("/models/wine/card"))
    ink = "Chart.getChart(document.querySelector('canvas')).data.datasets[0].backgroundColor"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    # A function: the policy of the page lets no text be evaluated again and again.
    page.wait_for_function(f"() => {ink} !== '{light}'")


def test_a_card_is_printed_with_the_tables_of_its_charts_and_nothing_to_click(open_page: Open):
    page = open_page("/models/wine/card", dark=True)
    page.emulate_media(media="print")
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.get_by_role("link", name="Try it")).to_be_hidden()
    for table in page.locator(".chart table").all():
        expect(table).to_be_visible()
        assert table.bounding_box()["height"] > 50  # within a closed <details> it has none
