"""The monitor's pages as they are sent, before any script has run."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from dashboard import CHART, Dashboard, build, text
from keyed import KEYS, bearing
from traffic import DAY, HOUR, Traffic, unlike_training

from app import create_app
from bench.wines import load
from serving import clock
from serving.api.pages.shown import UNKNOWN as DASH
from serving.settings import Settings


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    return build(tmp_path_factory.mktemp("dashboard"))


def test_all_models_are_on_one_page_those_with_alerts_first(dashboard: Dashboard):
    page = dashboard.page("/monitor")
    names = re.findall(r'<h2 id="model-\d+"><a href="/monitor/([^"]+)"', page)
    assert names == ["wine", "diabetes", "theirs", "wine-score"]
    wine, diabetes, _, score = page.split("<section")[1:]
    assert re.search(r"▲ drift chlorides: \d+ % of the values are ", text(wine))
    assert "Lasting alerts 1 data drift" in text(wine)
    assert "With feedback 0 %" in text(wine)
    assert "✓ no drift" in text(score)
    assert "With feedback 100 %" in text(score)
    assert "no check yet" in text(diabetes)
    assert "Predictions in the last 24 hours 0 " in text(diabetes)
    assert "Predictions in the last 24 hours 220 " in text(score)


def test_predictions_are_counted_by_24_hours_and_not_extrapolated(dashboard: Dashboard):
    (counted,) = (
        chart
        for chart in dashboard.charts("/monitor/wine")
        if chart["x"].get("title") == "end of the 24 hours"
    )
    assert counted["series"][0]["points"] == [0, 0, 0, 0, 0, 220, 220]
    assert counted["x"]["times"][-1] == dashboard.now + 1


def test_of_a_few_rows_it_is_shown_how_many_are_needed_instead_of_metrics(tmp_path: Path):
    traffic = Traffic(Settings(var_dir=tmp_path / "var"))
    traffic.come(load().sample(8, random_state=0), clock.now() - HOUR, ["bom", "ruim"])
    traffic.check(clock.now())
    client = create_app(traffic.settings).test_client()
    page = text(client.get("/monitor/wine", headers={"Accept": "text/html"}).text)
    assert "Feedback so far: 2 of the 100 rows from which a metric is measured." in page
    assert "Predictions so far: 8 of the 100 from which a metric is estimated." in page
    assert f"ROC AUC {DASH} {DASH} 0.855 {DASH}" in page
    assert "99th percentile" not in page
    assert "90th percentile" not in page


def test_a_key_that_only_reads_is_shown_which_scopes_a_check_and_a_training_need(
    dashboard: Dashboard,
):
    keyed = create_app(replace(dashboard.settings, api_keys=KEYS)).test_client()
    sent = keyed.get("/monitor/wine", headers=bearing("read") | {"Accept": "text/html"}).text
    assert "A check needs a key with this scope: feedback" in text(sent)
    assert "A training needs a key with this scope: admin" in text(sent)
    assert "<button" not in re.sub(r"<header.*?</header>", "", sent, flags=re.DOTALL)


def test_the_pages_notice_after_three_intervals_without_a_check(dashboard: Dashboard):
    silent = "No check for 3 intervals"
    for path in ("/monitor", "/monitor/wine"):
        assert silent not in dashboard.page(path, later=14 * 60_000)
        late = dashboard.page(path, later=16 * 60_000)
        assert silent in late
        assert "16 min ago" in late
    assert silent not in dashboard.page("/monitor/diabetes", later=DAY)


def test_fields_that_drifted_come_first_with_effect_chance_and_a_sentence(dashboard: Dashboard):
    page = dashboard.page("/monitor/wine")
    fields = re.findall(
        r'<details class="tested"( open)?>\s*<summary>\s*<span class="name">(.*?)<', page
    )
    names = [name for _, name in fields]
    assert fields[0] == (" open", "chlorides")
    assert ("", "pH") in fields[3:]
    assert "P(bom)" in names
    color = text(page.split('<details class="tested"')[1 + names.index("color")])
    assert "color ▲ drift importance 1.1 % " in color  # it changed most, and hardly matters
    assert names.index("color") > names.index("chlorides")
    assert "red makes up 0 % of the labels; 26 % in training; chance does not explain it" in color
    assert re.search(r"chi-square ▲ drift 26 % 10 % \de-\d\d", color)
    assert "red 26 % 0 %" in color  # the chart as a table
    assert 'data-train="/trainings" data-model="wine"' in page
    assert "data-train" not in dashboard.page("/monitor/wine-score")


def test_what_each_field_explains_of_the_mean_prediction_is_listed(dashboard: Dashboard):
    for language, sentence, change in (
        (
            "en",
            r"the mean of P\(bom\) is \d+ %; in training it was 19 %; ",
            r"[+-]\d+\.\d ± \d+\.\d points",
        ),
        (
            "pt-BR",
            r"a média de P\(bom\) é \d+ %; no treino era 19 %; ",
            r"[+-]\d+,\d ± \d+,\d pontos",
        ),
    ):
        page = dashboard.page("/monitor/wine", language=language)
        assert re.search(sentence, text(page))
        (table,) = (each for each in page.split("<table") if ">chlorides</th><td>" in each)
        rows = re.findall(
            r"<tr><th scope=\"row\">(.*?)</th><td>(.*?)</td><td.*?>(.*?)</td>", table, re.DOTALL
        )
        assert len(rows) == 12
        assert all(re.fullmatch(change, each) for *_, each in rows)
        assert {"drift" in mark for _, mark, _ in rows} == {True, False}
    assert "What each field explains of the change" not in dashboard.page("/monitor/wine-score")


def test_without_feedback_performance_is_estimated_and_the_page_shows_how_to_send_some(
    dashboard: Dashboard,
):
    page = text(dashboard.page("/monitor/wine"))
    assert "performance: these predictions have no feedback yet; send it to POST /feedback" in page
    assert (
        "curl -d &#39;{&#34;id&#34;: &#34;wine.2.…&#34;, &#34;actual&#34;: &#34;bom&#34;}&#39;"
        in page
    )
    assert re.search(rf"ROC AUC {DASH} {DASH} 0\.855 0\.\d+ \(0\.\d+ … 0\.\d+\)", page)
    assert "It holds as long as the same values still mean the same labels" in page


def test_a_regression_shows_its_metrics_beside_those_on_held_out_rows(dashboard: Dashboard):
    page = text(dashboard.page("/monitor/wine-score"))
    assert re.search(
        rf"mean absolute error ✓ within range 0\.\d+ \(0\.\d+ … 0\.\d+\) 0\.496 {DASH}", page
    )
    assert "no worse than by chance" in page
    assert "Median delay 2 h" in page
    assert "Predicted label" not in page


def test_charts_over_time_mark_when_another_version_went_live(dashboard: Dashboard):
    lines = [chart for chart in dashboard.charts("/monitor/wine") if "marks" in chart]
    assert len(lines[0]["x"]["times"]) == 2
    assert all(chart["marks"] == [[dashboard.now, "version 2"]] for chart in lines)
    (estimated,) = (each for each in lines[1]["series"] if each.get("style") == "dashed")
    assert None not in estimated["points"]
    (realised,) = (each for each in lines[1]["series"] if "low" in each)
    assert realised["points"][1] is None
    few = [chart for chart in dashboard.charts("/monitor/wine?days=1") if "marks" in chart]
    assert few[0]["x"]["times"] == [dashboard.now - DAY + HOUR, dashboard.now]


def test_an_alert_leads_to_the_check_that_raised_it(tmp_path: Path, dashboard: Dashboard):
    shutil.copytree(dashboard.settings.var_dir, tmp_path / "var")
    settings = replace(dashboard.settings, var_dir=tmp_path / "var")
    dashboard = Dashboard(create_app(settings).test_client(), settings, dashboard.now)
    traffic = Traffic(settings, version=2)
    traffic.come(unlike_training(load().sample(50, random_state=1)), dashboard.now + HOUR)
    traffic.check(dashboard.now + 2 * HOUR)
    latest = dashboard.page("/monitor/wine")
    (link,) = set(re.findall(r'href="(/monitor/wine\?raised=\d+)"', latest))
    page = dashboard.page(link)
    assert "270 predictions in the window" in latest
    assert "220 predictions in the window" in page
    assert 'the check that raised the alert. <a href="/monitor/wine">' in page
    assert "raised the alert" not in latest
    alert = link.split("?")[1]
    saved = dashboard.page(f"/monitor/wine/report.html?{alert}")
    assert "220 predictions in the window" in saved
    assert 'href="/' not in saved
    assert dashboard.page("/monitor/wine?raised=1", status=404)
    assert dashboard.page("/monitor/wine?raised=x", status=400)


def test_the_saved_report_is_one_file_that_loads_nothing(dashboard: Dashboard):
    page = dashboard.page("/monitor/wine/report.html")
    response = dashboard.client.get("/monitor/wine/report.html")
    assert re.search("attachment; filename=wine-.*html", response.headers["Content-Disposition"])
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=", page)
    assert not re.search(r"^(import|export) ", page, re.MULTILINE)
    assert len(CHART.findall(page)) == len(dashboard.charts("/monitor/wine"))
    assert 'href="/' not in page
    assert "<script>alert" not in dashboard.page("/monitor/theirs/report.html")


def test_predictions_are_listed_and_filtered(dashboard: Dashboard):
    page = dashboard.page("/monitor/wine/predictions?label=ruim&version=2&limit=3")
    (table,) = re.findall("<tbody>.*</tbody>", page, re.DOTALL)
    assert table.count("<tr>") == table.count("<td>ruim <") == 3
    (further,) = re.findall(r'href="([^"]+)" rel="next"', page)
    assert table not in dashboard.page(further.replace("&amp;", "&"))
    left_empty = dashboard.client.get("/monitor/wine/predictions?label=&version=2")
    assert left_empty.location == "/monitor/wine/predictions?version=2"
    assert "not a whole number" in dashboard.page("/monitor/wine/predictions?version=x", status=400)
    assert "No predictions." in dashboard.page("/monitor/diabetes/predictions")


def test_links_of_a_model_lead_to_the_predictions_of_the_window(dashboard: Dashboard):
    page = dashboard.page("/monitor/wine")
    links = re.findall(r'href="(/monitor/wine/predictions[^"]*)"', page)
    assert len(links) == 4  # all, twice, those of bom, those of ruim
    for link in links:
        listed = dashboard.page(link.replace("&amp;", "&"))
        assert "version=2" in link
        assert "<tbody>" in listed


def test_a_portuguese_reader_gets_findings_and_numbers_in_portuguese(dashboard: Dashboard):
    for name, verdict in (
        ("wine", "▲ drift color importância 1,1 % red representa 0 % dos rótulos; no treino"),
        ("wine-score", "✓ sem drift os dados estão distribuídos como no treino"),
        ("theirs", "não há dados suficientes 0 valores até agora; são necessários 200"),
        ("diabetes", "○ nenhuma verificação ainda Predições Salvar"),
    ):
        page = text(dashboard.page(f"/monitor/{name}", language="pt-BR"))
        assert verdict in page.replace("color ▲ drift", "▲ drift color")
    assert re.search(
        r"chlorides: \d+ % dos valores ", text(dashboard.page("/monitor", language="pt-BR"))
    )
    assert re.search(
        r"0,\d+ \(0,\d+ … 0,\d+\)", text(dashboard.page("/monitor/wine", language="pt"))
    )


@pytest.mark.parametrize("path", ["/monitor", "/monitor/wine"])
def test_a_service_whose_store_has_no_tables_yet_has_had_no_check(tmp_path: Path, path: str):
    client = create_app(Settings(var_dir=tmp_path)).test_client()
    response = client.get(path)
    assert response.status_code == 200
    assert "no check yet" in response.text
