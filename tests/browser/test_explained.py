"""Why a prediction is as it is, and what another value would change, by mouse and keyboard."""

import re

import pytest
from conftest import Open, fits, pictured
from playwright.sync_api import Page, expect


def predicted(open_page: Open, path: str = "/", button: str = "Predict", **options: object) -> Page:
    page = open_page(path, **options)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#why li").first).to_be_visible()
    return page


def test_a_prediction_is_explained_in_words_and_bars_the_largest_first(open_page: Open):
    page = predicted(open_page, button="bom")
    items = page.locator("#why .why li")
    expect(items.first).to_have_text(re.compile(r"^.+ raises P\(bom\) by [\d.]+ points$"))
    expect(page.locator("#why")).to_contain_text("Base, if nothing were known of the record: ")
    expect(page.locator("#why")).to_contain_text("Base and fields: P(bom) is ")
    expect(page.locator("#why summary")).to_have_text("Smaller contributions: 2")
    page.locator("#why summary").click()
    widths = [
        float(re.search(r"width: ([\d.]+)%", each.get_attribute("style"))[1])
        for each in page.locator("#why .push span").all()
    ]
    assert len(widths) == 12
    assert widths == sorted(widths, reverse=True)
    pictured(page, "explained")


def test_a_portuguese_reader_gets_the_explanation_in_portuguese(open_page: Open):
    page = predicted(open_page, button="bom", language="pt-BR", dark=True, phone=True)
    words = re.compile(r"^.+ (aumenta|diminui) P\(bom\) em [\d,]+ pontos$")
    expect(page.locator("#why li").first).to_have_text(words)
    page.locator("#what-if").get_by_label("Campo").select_option("alcohol")
    page.get_by_label("Novo valor, num controle deslizante").press("End")
    expect(page.locator("#what-if")).to_contain_text("em vez de")
    assert fits(page)
    pictured(page, "explained-portuguese-dark-phone")


@pytest.mark.parametrize("model", ["wine-score", "diabetes"])
def test_numbers_and_fields_that_may_be_missing_are_explained(open_page: Open, model: str):
    page = predicted(open_page, f"/?model={model}")
    what = {"wine-score": "the prediction", "diabetes": r"P\((positive|negative)\)"}[model]
    expect(page.locator("#why li").first).to_have_text(re.compile(f"(raises|lowers) {what} by"))
    pictured(page, f"explained-{model}")


def test_what_if_follows_a_field_that_is_moved_and_records_nothing(open_page: Open):
    page = predicted(open_page, button="bom")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    part = page.locator("#what-if")
    part.get_by_label("Field").select_option("alcohol")
    expect(part.get_by_label("New value", exact=True)).to_have_value("12.8")
    slider = part.get_by_label("New value, as a slider")
    slider.focus()
    page.keyboard.press("Home")
    expect(part.get_by_label("New value", exact=True)).to_have_value("8")
    expect(part.get_by_role("status")).to_contain_text(re.compile(r"P\(bom\) is .+ instead of "))
    expect(part.get_by_role("status")).to_contain_text("bom when P(bom) ≥ 30 %")
    expect(part.locator("li").filter(has_text=re.compile(r"^alcohol = 8 lowers"))).to_be_visible()
    part.get_by_label("New value", exact=True).fill("strong")
    expect(part.get_by_role("status")).to_contain_text('alcohol: "strong" is not a number')
    part.get_by_label("New value", exact=True).fill("9")
    expect(part.locator("li").filter(has_text=re.compile(r"^alcohol = 9 lowers"))).to_be_visible()
    part.get_by_label("Field").select_option("color")
    part.get_by_label("New value").select_option("red")
    expect(part.locator("li").filter(has_text="color = red")).to_be_attached()
    expect(part.get_by_role("status")).to_contain_text("Changed: alcohol = 9, color = red")
    expect(page.get_by_label("alcohol")).to_have_value("12.8")  # the form is as it was
    pictured(page, "what-if")
    part.get_by_role("button", name="Reset").click()
    expect(part.locator("li")).to_have_count(0)
    assert asked
    assert {url.partition("?")[0].rpartition("/")[2] for url in asked} == {"what-if"}


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_a_recorded_prediction_shows_its_explanation_again(open_page: Open, language: str):
    page = open_page("/", language=language, phone=language != "en")
    page.get_by_role("button", name="bom", exact=True).click()
    shown = page.locator("#why ol").first.inner_text()
    named = page.locator("#result code").inner_text()
    page.goto(f"/predictions/{named}")
    expect(page.locator("#reasons ol").first).to_have_text(re.compile(".+"))
    assert page.locator("#reasons ol").first.inner_text() == shown
    assert fits(page)
    pictured(page, f"recorded-{language}")


def test_feedback_is_given_under_a_prediction_and_again_on_its_page(open_page: Open):
    page = open_page("/")
    page.get_by_role("button", name="bom", exact=True).click()
    page.get_by_role("button", name="No, it was ruim").click()
    expect(page.locator("#right")).to_contain_text(
        "Recorded: ruim. If it was a mistake, correct it"
    )
    expect(page.get_by_role("button", name="No, it was ruim")).to_have_attribute(
        "aria-pressed", "true"
    )
    pictured(page, "feedback")
    page.reload()
    expect(page.get_by_role("button", name="No, it was ruim")).to_have_attribute(
        "aria-pressed", "true"
    )
    named = page.locator("#result code").inner_text()
    page.goto(f"/predictions/{named}")
    given = page.locator("#given tbody tr")
    expect(given).to_have_count(1)
    page.get_by_role("button", name="Yes, it was bom").click()
    expect(given).to_have_count(2)
    expect(given.first).to_contain_text("bom")
    pictured(page, "feedback-recorded")
    assert page.request.get(f"/predictions/{named}").json()["actual"] == "bom"  # the latest


def test_a_prediction_of_a_table_is_explained_on_its_page(open_page: Open):
    page = open_page("/")
    example = page.request.get("/example").json()["input"]
    made = page.request.post("/predict", data=[example]).json()["predictions"][0]
    page.goto(f"/predictions/{made['id']}")
    expect(page.locator(".bars .at")).to_have_text("30 %")
    page.get_by_role("button", name="Explain it now").click()
    expect(page.locator("#reasons li").first).to_contain_text("P(")
    pictured(page, "explained-later")
    page.get_by_role("main").get_by_role("link", name="Predictions").click()
    page.wait_for_url("**/monitor/wine/predictions")


def test_the_true_number_is_given_with_a_decimal_comma_on_a_phone(open_page: Open):
    page = open_page("/?model=wine-score", language="pt-BR", phone=True)
    page.get_by_role("button", name="Predizer", exact=True).click()
    page.get_by_label("O número verdadeiro (points)").fill("muito")
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator("#right")).to_contain_text('Não registrado: "muito" is not a number')
    page.get_by_label("O número verdadeiro (points)").fill("5,5")
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator("#right")).to_contain_text("Registrado: 5,5 points.")
    named = page.locator("#result code").inner_text()
    assert page.request.get(f"/predictions/{named}").json()["actual"] == 5.5
    assert fits(page)
    pictured(page, "feedback-number-phone")


BASE = {"method": "linear", "base": -0.5, "output": 0.25}
LISTED = [
    {"field": "debt", "value": 12.5, "contribution": 0.75},
    {"field": "area", "value": None, "contribution": 0},
]


@pytest.mark.parametrize(
    ("explanation", "words"),
    [
        (
            {"unit": "log-odds", "of": "yes"},
            [
                "debt = 12.5 raises the log-odds of yes by 0.75 (\u00d7 2.1)",
                "area = (missing) hardly changes the log-odds of yes",
                "Base and fields: the log-odds of yes is 0.25 (56.2 %)",
                "what the odds of yes are multiplied by",
            ],
        ),
        (
            {"unit": "logarithm"},
            [
                "debt = 12.5 raises the logarithm of the prediction by 0.75 (\u00d7 2.1)",
                "what the prediction is multiplied by",
            ],
        ),
        ({"unit": "number"}, ["debt = 12.5 raises the prediction by R$\u00a00.75", "R$\u00a0-0.5"]),
        (
            {"unit": "number", "contributions": LISTED[:1], "rest": -0.1, "base": -0.4},
            ["The sum of all other fields lowers the prediction by R$\u00a00.1"],
        ),
        (
            {"reason": "the contributions of the fields do not add up"},
            ["There is no explanation: the contributions of the fields do not add up"],
        ),
    ],
)
def test_each_unit_has_words_and_where_there_is_no_explanation_there_is_a_reason(
    open_page: Open, explanation: dict[str, object], words: list[str]
):
    page = open_page("/")
    whole = (
        explanation if "reason" in explanation else BASE | {"contributions": LISTED} | explanation
    )
    shown = page.evaluate(
        """async (explanation) => {
            const home = document.querySelector("script[src*='home.js']").src;
            const { why } = await import(home.replace("home.js", "explanation.js"));
            const model = { unit: "R$", decimals: null };
            return why(explanation, model, "56.2 %").map((one) => one.textContent).join(" ");
        }""",
        whole,
    )
    for each in words:
        assert each in shown
