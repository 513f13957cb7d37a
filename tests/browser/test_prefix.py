"""The pages behind a proxy, under /ml/: Caddy as docs/proxy.md configures it."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from proxying import NAME, Proxy, caddy
from servers import ROOT, Server, get, gunicorn, running, wait_until


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Proxy]]:
    folder = tmp_path_factory.mktemp("caddy")
    own = {"TRUSTED_PROXIES": "127.0.0.1", "ALLOWED_HOSTS": NAME}
    with (
        running(gunicorn(), folder / "log", **own) as server,
        caddy(folder, server.url.removeprefix("http://")) as proxy,
    ):
        yield server, proxy


@pytest.fixture
def page(chromium: Browser, installed: tuple[Server, Proxy]) -> Iterator[Page]:
    """A page of a browser that trusts Caddy's certificate; no file may be missing."""
    _, proxy = installed
    context = chromium.new_context(
        base_url=f"https://{NAME}:{proxy.port}", ignore_https_errors=True, locale="en-US"
    )
    context.set_default_timeout(15_000)
    page, missing = context.new_page(), []
    page.on("response", lambda sent: sent.ok or missing.append((sent.status, sent.url)))
    page.on("pageerror", lambda error: missing.append(str(error)))
    yield page
    context.close()
    assert not missing


def test_a_record_is_predicted_and_its_feedback_recorded(
    page: Page, installed: tuple[Server, Proxy]
):
    page.goto("/ml/")
    page.get_by_role("button", name="bom", exact=True).click()
    expect(page.locator(".prediction")).to_have_text("bom")
    expect(page.locator("#code-curl")).to_contain_text("/ml/models/wine/predict'")
    id_ = page.locator("#result code").inner_text()
    script = """async (id) => (await fetch("feedback", {
        method: "POST",
        headers: {"Content-Type": "application/json"},
        body: JSON.stringify({id, actual: "ruim"}),
    })).json()"""
    assert page.evaluate(script, id_) == {"recorded": 1, "unmatched": []}
    listed = f"{installed[0].url}/models/wine/predictions"
    wait_until(lambda: {"ruim"} == {each["actual"] for each in get(listed)[1]["predictions"]})
    page.goto("/ml/monitor/wine/predictions")
    page.locator(f"a[href$='/ml/predictions/{id_}']").click()
    expect(page.get_by_role("region", name="Feedback")).to_contain_text("ruim")


def test_a_csv_is_predicted(page: Page):
    page.goto("/ml/?model=diabetes")
    page.get_by_role("link", name="wine", exact=True).click()
    record = json.loads((ROOT / "bom.json").read_text())
    row = ",".join(map(str, record.values()))
    page.get_by_label("Rows", exact=True).fill(f"{','.join(record)}\n{row}\n{row}\n")
    page.get_by_role("button", name="Predict the rows").click()
    expect(page.locator("#rows tbody tr")).to_have_count(2)


def test_the_api_is_tried_out_where_it_is(page: Page):
    page.goto("/ml/docs")
    page.locator("#operations-tag-default_model").click()
    predict = page.locator("#operations-default_model-predict")
    predict.locator(".opblock-summary-control").click()
    predict.get_by_role("button", name="Execute").click()
    expect(predict.locator(".request-url pre")).to_contain_text("/ml/predict")
    expect(predict.locator(".live-responses-table .response-col_status").last).to_contain_text(
        "200"
    )
