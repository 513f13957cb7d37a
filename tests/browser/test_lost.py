"""What a person sees where an address does not exist, or is not one for people."""

from conftest import Open, fits, pictured
from playwright.sync_api import expect


def test_an_address_that_does_not_exist_leads_on_to_a_model(open_page: Open):
    page = open_page("/")
    page.goto("/models/wien/card")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    pictured(page, "error-404")
    page.get_by_role("main").get_by_role("link", name="wine", exact=True).click()
    expect(page.get_by_role("button", name="Predict", exact=True)).to_be_visible()


def test_a_phone_in_portuguese_shows_what_an_address_for_programs_is(open_page: Open):
    page = open_page("/", language="pt-BR", phone=True, dark=True)
    page.goto("/feedback")
    expect(page.get_by_role("heading", name="Este endereço é para programas")).to_be_visible()
    assert fits(page)
    pictured(page, "error-405")
    page.get_by_role("main").get_by_role("link", name="API").click()
    expect(page.get_by_role("navigation").get_by_role("link", name="API")).to_have_attribute(
        "aria-current", "page"
    )
