"""The monitor's pages where something is missing or odd: traffic, a reference, a store."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import rewrite
from dashboard import FIELD, GOOD, HOSTILE, Dashboard, build, text
from traffic import DAY, Traffic

from app import create_app
from bench.wines import load
from serving import clock
from serving.api.pages.shown import UNKNOWN as DASH
from serving.models import model_folder
from serving.settings import Settings


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Dashboard:
    return build(tmp_path_factory.mktemp("dashboard"))


def test_a_service_without_traffic_still_has_its_pages(dashboard: Dashboard, settings: Settings):
    later = dashboard.page("/monitor/wine?days=1", later=3 * DAY)
    assert "No check found anything new in this period." in later
    Traffic(settings).check(clock.now())
    page = Dashboard(create_app(settings).test_client(), settings, clock.now()).page(
        "/monitor/wine"
    )
    assert "… not enough yet 0 values so far, 200 are needed" in text(page)
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page) == ["Three steps"]
    assert 'data-check="/models/wine/monitor/check"' in page


def test_a_metric_that_cannot_be_compared_has_no_verdict(settings: Settings, models: Path):
    def without_positive_label(manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
        manifest["threshold"] = None
        reference = json.loads(contents["reference.json"])
        contents["reference.json"] = json.dumps(reference | {"probabilities": {}}).encode()

    model_folder.put_live(models / "wine", rewrite(models, without_positive_label))
    own, now = replace(settings, models_dir=models), clock.now()
    traffic = Traffic(own, version=2)
    traffic.come(load()[:110], now, ["bom", "ruim"] * 55)
    traffic.check(now)
    page = text(Dashboard(create_app(own).test_client(), own, now).page("/monitor/wine"))
    assert re.search(rf"F1 {DASH} 0", page)
    assert "None" not in page


def test_a_model_without_a_reference_has_a_page_that_lists_what_is_missing(dashboard: Dashboard):
    page = text(dashboard.page("/monitor/theirs"))
    assert "no reference of its training data" in page
    assert "reference.json has no distribution of the predictions" in page
    assert "training measured no metrics to compare with" in page


@pytest.mark.parametrize("path", ["/monitor/theirs", "/monitor/theirs/predictions?limit=9"])
@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_labels_and_fields_are_text_whatever_they_contain(
    dashboard: Dashboard, path: str, language: str
):
    page = dashboard.page(path, language=language)
    assert GOOD in page
    for name in (HOSTILE, FIELD, "<script>alert"):
        assert name not in page
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page


def test_an_unknown_model_and_a_store_that_is_down_have_pages_of_their_own(
    tmp_path: Path, dashboard: Dashboard
):
    assert "no model &#39;wien&#39; is served" in dashboard.page("/monitor/wien", status=404)
    down = Settings(var_dir=tmp_path / "var", database_url="postgresql://localhost:1/nothing")
    alone = Dashboard(create_app(down).test_client(), down, clock.now())
    for path in ("/monitor", "/monitor/wine", "/monitor/wine/report.html"):
        page = alone.page(path, status=503)
        assert "Predictions are still served and recorded" in page


def test_a_service_without_a_journal_has_nothing_to_monitor(settings: Settings):
    unrecorded = Settings(var_dir=settings.var_dir, journal=False)
    Traffic(unrecorded)
    page = Dashboard(create_app(unrecorded).test_client(), unrecorded, clock.now()).page("/monitor")
    assert "JOURNAL=off" in page
