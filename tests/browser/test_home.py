"""The page at /, as people use it: by mouse, by keyboard, on a phone, in two languages."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from conftest import Open, fits, pictured
from playwright.sync_api import Page, expect

from serving.api.pages.words import ENGLISH, Words


def test_a_wine_is_predicted_by_the_form_with_probabilities_and_the_threshold(open_page: Open):
    page = open_page("/")
    page.get_by_role("button", name="bom", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("bom")
    page.get_by_label("alcohol").fill("9")
    page.get_by_label("density").fill("0.998")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("ruim")
    expect(page.locator(".bars tr.chosen")).to_contain_text(" %")
    expect(page.get_by_text("Decision threshold: bom when P(bom) ≥ 30 %")).to_be_visible()
    expect(page.locator(".bars .threshold")).to_have_attribute("style", "left: 30%;")
    expect(page.locator(".bars .at")).to_have_text("30 %")
    pictured(page, "form")


def test_the_form_works_with_the_keyboard_alone(open_page: Open):
    page = open_page("/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.get_by_label("alcohol").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("13")
    page.keyboard.press("Enter")
    expect(page.locator(".prediction")).to_be_visible()
    page.get_by_label("alcohol").fill("8")
    button = page.get_by_role("button", name="Predict", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator(".prediction")).to_be_visible()
    expect(button).to_be_focused()


def test_a_fault_is_shown_beside_its_field(open_page: Open):
    page = open_page("/")
    page.get_by_role("textbox", name="pH", exact=True).fill("-1")
    page.get_by_label("alcohol").fill("strong")
    page.get_by_label("density").fill("")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_role("textbox", name="pH", exact=True)).to_have_accessible_description(
        "in training 2.72 to 4.01 Invalid: -1 is below 0, the lowest possible"
    )
    expect(page.get_by_label("alcohol")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text('"strong" is not a number')).to_be_visible()
    expect(page.get_by_text("is missing")).to_be_visible()
    expect(page.get_by_label("density")).to_be_focused()
    expect(page.get_by_role("status").first).to_contain_text("Not predicted")
    pictured(page, "invalid")
    page.get_by_role("button", name="ruim", exact=True).click()
    expect(page.get_by_role("textbox", name="pH", exact=True)).not_to_have_attribute(
        "aria-invalid", "true"
    )


def test_a_number_that_may_be_two_is_asked_for_again_and_thousands_are_read(open_page: Open):
    page = open_page("/", language="pt-BR", phone=True)
    page.get_by_label("total sulfur dioxide").fill("1.160")
    page.get_by_label("density").fill("0.994")
    page.get_by_role("button", name="Predizer", exact=True).click()
    note = page.get_by_text("Inválido: 1.160 pode ser 1160 ou 1,160: escreva um dos dois.")
    expect(note).to_have_attribute("lang", "pt-BR")
    page.get_by_label("total sulfur dioxide").fill("1.160,5")
    page.get_by_role("button", name="Predizer", exact=True).click()
    expect(page.locator(".prediction")).to_be_visible()
    code = page.locator("#code-curl").inner_text()
    assert '"total sulfur dioxide":1160.5' in code
    assert '"density":0.994' in code


def test_a_value_out_of_the_range_of_training_is_predicted_with_a_warning_beside_its_field(
    open_page: Open,
):
    page = open_page("/")
    page.get_by_label("alcohol").fill("15.2")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_be_visible()
    expect(page.get_by_label("alcohol")).to_have_accessible_description(
        "in training 8 to 14.9 Warning: 15.2 is above 14.9, the highest value seen in training"
    )
    pictured(page, "warning")


def test_a_number_is_shown_with_its_interval(open_page: Open):
    page = open_page("/")
    page.get_by_role("link", name="wine-score").click()
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_have_text(re.compile(r"^5\.\d points$"))
    expect(page.locator(".ends")).to_have_text("Scale: 4.4 points 6.9 points")
    expect(page.locator("#result")).to_contain_text(re.compile(r"interval: 4\.\d points to 6\.\d"))
    pictured(page, "number")


def test_an_optional_field_may_be_empty(open_page: Open):
    page = open_page("/?model=diabetes")
    page.get_by_label("Insulin").fill("")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_be_visible()


def code(page: Page, name: str) -> str:
    return page.locator(f"#code-{name}").text_content() or ""


def test_the_request_to_copy_does_what_the_form_does(open_page: Open):
    page = open_page("/")
    page.get_by_role("button", name="bom", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("bom")
    page.get_by_role("button", name="Copy curl").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == code(page, "curl")
    by_curl = subprocess.run(
        shlex.split(copied.replace("\\\n", "")), capture_output=True, check=True
    ).stdout
    by_python = subprocess.run(
        [sys.executable, "-c", code(page, "python")], capture_output=True, text=True, check=True
    ).stdout
    shown = code(page, "javascript").replace("console.log(await response.json());", "")
    by_javascript = page.evaluate(f"async () => {{ {shown}; return response.json(); }}")
    assert json.loads(by_curl)["probabilities"] == by_javascript["probabilities"]
    assert str(by_javascript["probabilities"]) in by_python


def test_a_portuguese_browser_gets_a_portuguese_page_that_reads_commas(open_page: Open):
    page = open_page("/", language="pt-BR")
    expect(page.get_by_label("alcohol")).to_have_value("10,4")
    page.get_by_label("alcohol").fill("13,5")
    page.get_by_label("density").fill("0.995")  # as in examples of JSON: no point for thousands
    page.get_by_role("button", name="Predizer", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("bom")
    assert '"alcohol":13.5' in code(page, "curl")
    assert '"density":0.995' in code(page, "curl")
    pictured(page, "portuguese")


@pytest.mark.parametrize("model", ["wine", "wine-score"])
def test_a_phone_shows_all_of_it(open_page: Open, model: str):
    page = open_page(f"/?model={model}", phone=True)
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_be_visible()
    expect(page.locator(".prediction")).to_be_in_viewport()
    assert fits(page)
    pictured(page, f"phone-{model}")


def test_it_is_dark_where_all_else_is(open_page: Open):
    page = open_page("/", dark=True)
    page.get_by_label("alcohol").fill("15.2")
    page.get_by_role("textbox", name="pH", exact=True).fill("?")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_text("is not a number")).to_be_visible()
    pictured(page, "dark-invalid")
    page.get_by_role("button", name="bom", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("bom")
    pictured(page, "dark")


@pytest.mark.parametrize("language", ["en-US", "pt-BR"])
def test_typed_values_and_their_prediction_survive_a_reload_and_coming_back(
    open_page: Open, language: str
):
    phone = language != "en-US"
    page = open_page("/?model=wine", language=language, phone=phone)
    predict = re.compile("^(Predict|Predizer)$")
    page.get_by_label("alcohol").fill({"en-US": "13.5", "pt-BR": "13,5"}[language])
    page.get_by_label("color").select_option("red")
    page.get_by_role("button", name=predict).click()
    expect(page.locator("#why li").first).to_be_visible()
    shown = page.locator("#result").inner_text()
    page.reload()
    expect(page.locator("#result")).to_have_text(shown, use_inner_text=True)
    expect(page.get_by_label("color")).to_have_value("red")
    page.get_by_role("link", name="wine-score").first.click()
    expect(page.locator(".prediction")).to_have_count(0)  # each model has values of its own
    page.go_back()
    expect(page.locator(".prediction")).to_be_visible()
    page.get_by_label("alcohol").fill("9")
    expect(page.locator("#stale")).to_be_visible()
    pictured(page, f"stale-{language}")
    page.reload()
    expect(page.get_by_label("alcohol")).to_have_value("9")
    expect(page.locator(".prediction")).to_have_count(0)  # it was not of these values
    page.locator("[data-example]").last.click()
    expect(page.locator(".prediction")).to_be_visible()
    expect(page.locator("#stale")).to_be_hidden()
    typical = {"en-US": "10.4", "pt-BR": "10,4"}[language]
    expect(page.get_by_label("alcohol")).to_have_value(typical)


SMALL = "1.2\xa0\xd7\xa010⁻⁵ ± 3\xa0\xd7\xa010⁻⁶"


def test_shares_that_differ_look_different_and_python_and_javascript_write_the_same(
    open_page: Open,
):
    page = open_page("/")
    shares = [0, 0.0001, 0.004, 0.031, 0.0996, 0.1, 0.297, 0.5, 0.8132, 0.969, 0.9999, 1]
    numbers = [(503669.123, 0), (5.758, 1), (6, 1), (0.0234, 1), (-87654.3, 0), (3e-9, 2), (0, 1)]
    shown = page.evaluate(
        """async ([shares, numbers]) => {
            const home = document.querySelector("script[src*='home.js']").src;
            const words = await import(home.replace("home.js", "words.js"));
            return {
                errors: [[12.34, 0.38], [3.6, 1.2], [5, 20], [0.00001234, 0.0000026]]
                    .map(([value, error]) => words.plusMinus(value, error)),
                factors: [1.0492, 0.969, 2.117, 0.5, 1].map(words.factor),
                shares: shares.map((each) => words.percent(each).replace("\u00a0", " ")),
                numbers: numbers.map(([value, decimals]) =>
                    words.measured(value, { unit: "m", decimals })),
                digits: words.digitsApart(0.2997, 0.3),
            };
        }""",
        [shares, numbers],
    )
    english = Words(ENGLISH, {})
    assert shown["shares"] == [english.chance(each) for each in shares]
    whole = [english.measured(value, "m", digits) for value, digits in numbers]
    assert shown["numbers"] == whole
    assert shown["errors"] == ["12.3 ± 0.4", "4 ± 1", "5 ± 20", SMALL]
    assert shown["factors"] == ["1.05", "0.97", "2.1", "0.5", "1"]
    assert shown["digits"] == 2  # 29.97 % is not yet 30 %
