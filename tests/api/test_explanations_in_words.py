"""Explanations are put into the words of a person's language."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from artefacts import made
from conftest import body, moved, wine
from estimators import CASES, fitted, loans
from explained import LOAN, WHOLE, explained, predict, put_models, rejected
from flask.testing import FlaskClient
from plain_way import WAYS, ask
from streams import AS_LINES, as_csv, read_table

from app import create_app
from serving.figures import ENGLISH, PORTUGUESE
from serving.models.explaining.explanation import Contribution, ExplainOptions, Explanation
from serving.predicting.in_words import WORDS, in_words
from serving.settings import Settings

BOTH = ["en", "pt"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(models_dir=models, var_dir=tmp_path / "var", explain_samples=40)


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, settings: Settings) -> FlaskClient:
    return ask(create_app(settings), request.param).test_client()


def sentences(found: dict[str, Any]) -> dict[str, str]:
    return {each["field"]: each["sentence"] for each in found["contributions"]}


def test_each_contribution_is_a_sentence_with_the_units_and_numbers_of_the_language(
    client: FlaskClient,
):
    record = wine(alcohol=12.8, density=0.98904)
    response = predict(client, "wine", record, "explain&language=pt")
    found, label = response["explanation"], response["prediction"]
    alcohol = next(each for each in found["contributions"] if each["field"] == "alcohol")
    points = f"{100 * abs(alcohol['contribution']):.1f}"
    verb = {True: ("aumenta", "raises"), False: ("reduz", "lowers")}[alcohol["contribution"] > 0]
    assert alcohol["sentence"] == (
        f"alcohol (12,8 % vol) {verb[0]} a probabilidade de “{label}” em "
        f"{points.replace('.', ',')} pontos percentuais."
    )
    assert "density (0,98904 g/cm³)" in sentences(found)["density"]
    assert found["summary"].startswith(f"A probabilidade de “{label}” é ")
    english = explained(client, "wine", record, "explain&language=en")
    assert sentences(english)["alcohol"] == (
        f"alcohol (12.8 % vol) {verb[1]} the probability of “{label}” by "
        f"{points} percentage points."
    )
    assert f"“{label}”" in english["summary"]


def test_a_decision_threshold_is_part_of_the_summary(client: FlaskClient):
    summary = explained(client, "wine", wine(), "explain&language=en")["summary"]
    assert "“bom” is predicted from a probability of 30 % on." in summary


def test_a_language_alone_asks_for_an_explanation(client: FlaskClient):
    whole = explained(client, "wine", wine(), "explain&language=pt-BR")
    assert explained(client, "wine", wine(), "language=pt") == whole


def test_without_a_language_there_are_no_sentences(client: FlaskClient):
    found = explained(client, "wine", wine(), "explain")
    assert not {"summary", "reasons"} & found.keys()
    assert all("sentence" not in each for each in found["contributions"])


@pytest.mark.parametrize("model", ["wine", "loan", "amount", "label", "wine-score"])
@pytest.mark.parametrize("language", BOTH)
def test_the_values_are_the_same_in_words_as_without(
    client: FlaskClient, model: str, language: str
):
    record = LOAN if model == "loan" else WHOLE
    if model.startswith("wine"):
        record = {key: value for key, value in wine().items() if key != "color" or model == "wine"}
    for query in ("explain=2", "explain=99", "explain"):
        plain = explained(client, model, record, query)
        worded = explained(client, model, record, f"{query}&language={language}")
        assert worded.pop("summary")
        for each in worded["contributions"]:
            assert each["field"] in each.pop("sentence")
        assert worded == plain


def test_log_odds_are_in_words_without_numbers(client: FlaskClient):
    response = predict(client, "loan", LOAN, "explain&language=pt&explain_classes=all")
    found = response["explanation"]
    assert found["unit"] == "log-odds"
    for each in found["contributions"]:
        said = each["sentence"].removeprefix(f"{each['field']} (").split(") ", 1)[1]
        assert re.fullmatch(
            r"pesa (muito|claramente|um pouco) (a favor de|contra) “médio”\.", said
        ), each
        assert ("favor" in said) == (each["contribution"] > 0)
    share = round(100 * response["probabilities"]["médio"])
    assert found["summary"] == f"A probabilidade de “médio” é {share} %."
    assert "the income (4003,01)" in sentences(found)["the income"]
    assert "debt (não informado)" in sentences(found)["debt"]


def test_sampled_numbers_have_their_unit_and_margin_of_error(client: FlaskClient):
    found = explained(client, "amount", WHOLE, "explain&language=pt")
    assert found["method"] == "sampling"
    certain = 0
    for each in found["contributions"]:
        margin = 1.96 * each["standard_error"]
        if abs(each["contribution"]) > margin:
            certain += 1
            assert re.search(
                r"(aumenta|reduz) a estimativa de target em R\$ [0-9.,]+, "
                r"com margem de erro de R\$ [0-9.,]+ \(confiança de 95 %\)\.$",
                each["sentence"],
            )
        else:
            assert "não é certo se aumenta ou reduz" in each["sentence"]
    assert 0 < certain < len(found["contributions"])
    assert re.match(r"A estimativa de target é R\$ [0-9.]+; ", found["summary"])


def test_a_model_without_probabilities_is_explained_without_numbers(client: FlaskClient):
    response = predict(client, "label", WHOLE, "explain&language=en")
    found = response["explanation"]
    assert found["summary"] == f"The model predicts “{response['prediction']}”."
    for each in found["contributions"]:
        said = each["sentence"].removeprefix(f"{each['field']} (").split(")", 1)[1]
        assert "weighs" in said
        assert not re.search("[0-9]", said)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("explain&language=fr", "language='fr' is not one of en, pt, pt-BR"),
        ("language=", "language"),
        ("explain&reasons_for=ruim", "reasons_for needs language"),
        ("language=pt&reasons_for=rejected", 'its labels are "bom", "ruim"'),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/v1/models/wine:explain", "/v2/models/wine/infer"])
def test_a_language_or_label_that_does_not_exist_is_refused(
    client: FlaskClient, settings: Settings, path: str, query: str, reason: str
):
    sent = body(wine())
    if "v1" in path:
        sent = body({"instances": [wine()]})
    if "v2" in path:
        row = [{"name": "predict", "shape": [1, 12], "datatype": "FP64", "data": [1.0] * 12}]
        sent = body({"inputs": row})
    response = client.post(f"{path}?{query}", **sent)
    assert response.status_code == 400, response.text
    assert reason in response.text.replace('\\"', '"')
    moved(settings).close()
    assert client.get("/models/wine/predictions").json["predictions"] == []


@pytest.mark.parametrize("top", ["explain", "explain=2"])
def test_a_table_has_columns_of_sentences_and_reasons(client: FlaskClient, top: str):
    record, label = rejected(client)
    query = f"{top}&language=pt&reasons_for={label}"
    found = explained(client, "wine", record, query)
    text = client.post(f"/predict?{query}", **as_csv(record, wine())).text
    first, second = read_table(text)
    said = [found["summary"], *sentences(found).values()]
    assert first["in_words"] == " ".join(said)
    assert first["reasons"] == " ".join(each["sentence"] for each in found["reasons"])
    assert second["in_words"]
    assert second["reasons"] == ""
    refused = client.post("/predict?language=pt&reasons_for=x", **as_csv(record))
    assert refused.status_code == 400
    lines = {"data": json.dumps(record), **AS_LINES}
    assert json.loads(client.post(f"/predict?{query}", **lines).text)["explanation"] == found


def test_words_are_recorded_as_they_were_sent_without_the_fields_that_are_kept_out(
    settings: Settings,
):
    settings = replace(settings, journal_omit=json.dumps({"wine": ["alcohol"]}))
    client = create_app(settings).test_client()
    record, label = rejected(client)
    sent = predict(client, "wine", record, f"explain&language=pt&reasons_for={label}")
    assert "alcohol" in [each["code"] for each in sent["explanation"]["reasons"]]
    found = client.get(f"/predictions/{sent['id']}").json["explanation"]
    assert found["summary"] == sent["explanation"]["summary"]
    assert "alcohol" not in json.dumps(found)
    others = [each for each in sent["explanation"]["reasons"] if each["code"] != "alcohol"]
    assert found["reasons"] == others


def test_every_text_has_words_in_both_languages_about_the_same_values():
    for code, words in WORDS.items():
        assert words.keys() == {ENGLISH, PORTUGUESE}, code
        named = [sorted(re.findall(r"{(\w+)}", text)) for text in words.values()]
        assert named[0] == named[1], code
        assert not re.search(r"\b(the|of|in|is|it)\b", re.sub("{.*?}", "", words[PORTUGUESE]))


def test_a_logarithm_is_put_into_percent_of_the_number():
    manifest = made("x", fitted(CASES["nothing that compiles"]), loans(missing=False)).manifest
    logarithm = Explanation(
        "linear",
        "logarithm",
        output=math.log(110),
        base=math.log(100),
        contributions=[Contribution("debt", 1234.5, math.log(1.1))],
    )
    found = in_words(
        logarithm, manifest, ExplainOptions(language="pt-BR"), predicted=110.0, probability=None
    )
    assert [each.sentence for each in found.contributions] == [
        "debt (1234,5) aumenta a estimativa de target em 10 %."
    ]
