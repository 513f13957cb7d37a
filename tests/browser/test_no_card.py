"""A model without a card, with categories by code and a label that is not ASCII."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from artefacts import made, put_live
from conftest import Open, pictured
from playwright.sync_api import expect
from servers import gunicorn, running
from sklearn.linear_model import LogisticRegression
from test_csv import downloaded, drop

from serving.inputs.field import Field

FIELDS = (
    Field(name="partner's income", minimum=0),
    Field(name="area", type="category", categories=("Rural", "Urban")),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service with that model only."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "models").mkdir()
    rows = pd.DataFrame({"partner's income": [1.0, 2, 8, 9] * 9, "area": ["Rural", "Urban"] * 18})
    codes = rows.assign(area=rows["area"].map(FIELDS[1].codes)).to_numpy()
    fitted = LogisticRegression().fit(codes, ["no", "no", "Aprovação", "Aprovação"] * 9)
    put_live(folder / "models", made("loan", fitted, rows, fields=FIELDS))
    models = {"MODELS_DIR": str(folder / "models"), "DEFAULT_MODEL": "loan"}
    with running(gunicorn(), folder / "log", **models) as started:
        yield started


def test_a_name_with_a_quote_is_quoted_for_the_shell(open_page: Open):
    page = open_page("/")
    page.get_by_label("partner's income", exact=True).fill("9")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("Aprovação")
    expect(page.locator("#code-curl")).to_contain_text("\"partner'\\''s income\":9")


def test_a_file_with_codes_is_read(open_page: Open):
    page = open_page("/")
    drop(page, "loans.csv", b"partner's income,area,id\n1.5,Rural,7\n9,1.0,8\n")
    expect(page.locator("#status")).to_have_text(
        "Done: 2 rows. Renamed in the download, as predictions have them too: id → id.1"
    )
    assert [(row["id.1"], row["prediction"]) for row in downloaded(page)] == [
        ("7", "no"),
        ("8", "Aprovação"),
    ]


def test_a_model_without_a_card_still_has_the_page(open_page: Open):
    page = open_page("/models/loan/card")
    expect(page.get_by_text("Its performance was not measured.")).to_be_visible()
    expect(page.locator("canvas")).to_have_count(0)
    pictured(page, "card-none")
