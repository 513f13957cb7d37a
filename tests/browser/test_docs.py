"""The API's document in a browser: shown, and tried out as it stands."""

import json

import pytest
from conftest import Open, fits, pictured

PREDICT = "#operations-default_model-predict"


@pytest.mark.parametrize("dark", [False, True])
def test_a_prediction_is_tried_out_as_it_stands(open_page: Open, *, dark: bool):
    page = open_page("/docs", dark=dark)
    page.locator(PREDICT).locator(".opblock-summary-control").click()
    page.locator(PREDICT).get_by_role("button", name="Execute").click()
    answer = page.locator(PREDICT).locator(".live-responses-table .highlight-code pre").first
    answer.wait_for()
    assert json.loads(answer.inner_text())["prediction"] in {"bom", "ruim"}
    pictured(page, f"docs-{'dark' if dark else 'light'}")


def test_the_document_fits_a_phone_and_speaks_of_tools_in_portuguese(open_page: Open):
    page = open_page("/docs", phone=True, language="pt-BR")
    page.locator(PREDICT).wait_for()
    assert "Insomnia e afins" in page.inner_text("main")
    assert fits(page)
    pictured(page, "docs-phone")
