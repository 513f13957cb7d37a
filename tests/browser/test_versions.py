"""A model's versions in a real browser: compared, decided on, by one person and by two."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import committed
import msgspec
import pytest
from conftest import DESK, Open, drawn, fits, pictured
from keyed import entry, key_of, written
from playwright.sync_api import Browser, Page, expect
from servers import Server, get, gunicorn, running

from serving.models import artefact
from serving.models.manifest import Manifest


def add(models: Path, **changes: Any) -> None:
    """Write a next version of wine, with entries of its manifest changed."""
    first = artefact.read(models, "wine", 1)
    manifest = json.loads(artefact.pretty(first.manifest)) | changes
    artefact.write(models, msgspec.convert(manifest, Manifest), first.contents)


def build(folder: Path) -> Path:
    """Versions of wine: the first is live, the second worse, the third alike, the fourth broken."""
    models = committed.copy(folder / "models")
    first = json.loads(artefact.pretty(artefact.read(models, "wine", 1).manifest))
    acidity, *others = first["fields"]
    narrow = {**acidity, "maximum": 4, "unit": "g/l"}
    auc = {**first["metrics"]["roc_auc"], "mean": 0.71}
    add(models, fields=[narrow, *others], metrics={**first["metrics"], "roc_auc": auc})
    add(models, title="Is this wine good? Trained again")
    add(models)
    (models / "wine/4/model.json").write_text("{")
    return models


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    models = build(tmp_path)
    with running(gunicorn("--workers=2"), tmp_path / "log", MODELS_DIR=str(models)) as started:
        yield started


def decide(page: Page, title: str, why: str = "", *, overrule: bool = False) -> None:
    """Open a decision, see the gate's reasons, give one's own, confirm, and wait for its effect."""
    details = page.locator("details.decision").filter(has_text=title)
    details.locator("summary").click()
    details.get_by_label("Why").fill(why)
    if overrule:
        expect(details.get_by_text("field 'fixed acidity' takes 0 to 4 only")).to_be_visible()
        expect(details.get_by_role("button")).to_be_disabled()
        details.get_by_role("checkbox").check()
    details.get_by_role("button").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text(f"Done: {title}")).to_be_visible()


def live(server: Server) -> int:
    version: int = get(f"{server.url}/models/wine")[1]["version"]
    return version


def test_versions_are_compared_put_live_rolled_back_tried_and_retired(
    open_page: Open, server: Server
):
    page = drawn(open_page("/models/wine/versions?versions=1,2,3"))
    expect(page.locator("figure.chart canvas")).to_have_count(2)
    auc = page.get_by_role("row", name="ROC AUC").last
    expect(auc.get_by_role("cell").nth(1)).to_contain_text("0.71 ± 0.013 ▼ worse")
    expect(auc.get_by_role("cell").nth(2)).to_contain_text("within the spread")
    changed = page.get_by_role("region", name="Fields that changed")
    expect(changed).to_contain_text("unit: g/L tartaric acid → g/l; allowed: 0 to 100 → 0 to 4")
    expect(page.get_by_role("row", name="4 wine 4")).to_contain_text("model.json")
    pictured(page, "versions")

    decide(page, "Put version 2 live", "to see what breaks", overrule=True)
    assert live(server) == 2
    latest = page.locator("#latest")
    expect(latest).to_contain_text("version 2 put live (before: 1)")
    expect(latest).to_contain_text("to see what breaks")
    expect(latest).to_contain_text("The gate was overruled: field 'fixed acidity'")
    decide(page, "Roll back to version 1", "it broke")
    assert live(server) == 1
    decide(page, "Try version 3 on live traffic")
    expect(page.get_by_text("The trial of version 3 so far")).to_be_visible()
    decide(page, "End the trial of version 3")
    decide(page, "Retire version 2")
    expect(page.get_by_role("row", name="version 2 2")).to_contain_text("retired")
    expect(page.get_by_text("Put version 2 live")).to_have_count(0)
    history = page.get_by_role("region", name="Decisions").get_by_role("listitem")
    expect(history).to_have_count(5)
    expect(history.last).to_contain_text("version 2 put live")
    pictured(page, "versions-decided")


def test_of_two_people_the_second_is_refused_and_loses_nothing(
    open_page: Open, server: Server, tmp_path: Path
):
    ana, bob = (open_page("/models/wine/versions?versions=1,3") for _ in range(2))
    bob.get_by_text("Put version 3 live").click()
    bob.get_by_label("Why").locator("visible=true").fill("mine")
    decide(ana, "Try version 3 on live traffic")
    bob.get_by_role("button", name="Put live").click()
    bob.get_by_role("button", name="Yes, do it").click()
    expect(bob.get_by_role("alert").first).to_contain_text("somebody has decided meanwhile: trial")
    expect(bob.get_by_label("Why").locator("visible=true")).to_have_value("mine")
    bob.get_by_role("button", name="Show what holds now").click()
    expect(bob.get_by_label("Why").locator("visible=true")).to_have_value("mine")
    bob.get_by_role("button", name="Put live").click()
    bob.get_by_role("button", name="Yes, do it").click()
    expect(bob.locator("#latest")).to_contain_text("version 3 put live")
    expect(bob.locator("#latest")).to_contain_text("mine")
    assert live(server) == 3
    add(tmp_path / "models")
    bob.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # or in ten seconds
    expect(bob.get_by_text("or a version was added, since")).to_be_visible()


def test_a_phone_in_portuguese_puts_a_version_live(open_page: Open, server: Server):
    page = drawn(open_page("/models/wine/versions?versions=1,2,3", phone=True, language="pt-BR"))
    assert fits(page)
    pictured(page, "versions-phone")
    details = page.locator("details.decision").filter(has_text="Colocar a versão 3 no ar")
    details.locator("summary").click()
    expect(details.get_by_text("Ela atende a todos os critérios.")).to_be_visible()
    details.get_by_role("button").click()
    page.get_by_role("button", name="Sim, fazer").click()
    expect(page.get_by_text("Feito: Colocar a versão 3 no ar")).to_be_visible()
    expect(page.locator("#latest")).to_contain_text("versão 3 colocada no ar (antes: 1)")
    assert live(server) == 3
    many = """() => {
        const rows = document.querySelector("#choose tbody");
        for (let n = 0; n < 300; n += 1) rows.append(rows.lastElementChild.cloneNode(true));
        return rows.closest("form").offsetHeight;
    }"""
    assert page.evaluate(many) < 700  # the comparison below is not a long way off


def test_who_may_only_read_sees_versions_and_what_deciding_needs(chromium: Browser, tmp_path: Path):
    keys = written(read=entry("read"), admin=entry("admin"))
    environment = {"MODELS_DIR": str(build(tmp_path)), "API_KEYS": keys}
    with running(gunicorn(), tmp_path / "log", **environment) as started:
        context = chromium.new_context(base_url=started.url, viewport=DESK, color_scheme="dark")
        page = context.new_page()
        for name in ("read", "admin"):
            page.goto("/models/wine/versions")
            page.get_by_label("Key").fill(key_of(name))
            page.get_by_role("button", name="Log in").click()
            if name == "read":
                expect(page.get_by_text("This needs a key with the scope admin.")).to_be_visible()
                expect(page.locator("details.decision")).to_have_count(0)
                page.get_by_role("button", name="Log out").click()
        decide(page, "Put version 3 live")
        expect(page.locator("#latest")).to_contain_text("admin")
        pictured(drawn(page), "versions-dark")
        context.close()
