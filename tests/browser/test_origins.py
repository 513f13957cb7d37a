"""What a page of another origin can do with the browser of its reader, and of another name."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page
from servers import ROOT, Server, get, wait_until

SENT = {
    # Without a preflight, and read as JSON: the type that curl -d has, and none.
    "fetch": """fetch(url, {method: "POST", body, mode: "no-cors", headers: {
        "Content-Type": "application/x-www-form-urlencoded"}}).catch(() => null)""",
    "beacon": "navigator.sendBeacon(url, new Blob([body]))",
    "form": """new Promise((loaded) => {
        const frame = Object.assign(document.createElement("iframe"), {name: "sent"});
        const form = Object.assign(document.createElement("form"), {
            action: url, method: "post", enctype: "text/plain", target: "sent"});
        const name = body.replace(/}$/, ', "x": "');  // before the = that a form writes
        form.append(Object.assign(document.createElement("input"), {name, value: '"}'}));
        document.body.append(frame, form);
        frame.onload = loaded;
        form.submit();
    })""",
}


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of another server, with a page of its own."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "index.html").write_text("<!doctype html><title>elsewhere</title><body></body>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def predicted(page: Page, url: str) -> str:
    """The id of a prediction that a page of the service's own has made."""
    assert page.goto(url).ok
    record = json.loads((ROOT / "bom.json").read_text())
    script = """async (record) => (await (await fetch("predict", {
        method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(record),
    })).json()).id"""
    return page.evaluate(script, record)


@pytest.mark.parametrize("how", SENT)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "evil.example"])
def test_a_page_elsewhere_cannot_send_feedback(
    page: Page, server: Server, elsewhere: int, name: str, how: str
):
    id_ = predicted(page, server.url)
    body = json.dumps({"id": id_, "actual": "ruim"})
    assert page.goto(f"http://{name}:{elsewhere}/").ok
    page.evaluate(f"([url, body]) => {SENT[how]}", [f"{server.url}/feedback", body])
    refused = {"path": "/feedback", "status": 403}
    wait_until(lambda: any(refused.items() <= line.items() for line in server.lines()[-3:]))
    wait_until(lambda: get(f"{server.url}/predictions/{id_}")[0] == 200)
    assert get(f"{server.url}/predictions/{id_}")[1]["feedback"] == []


def test_a_page_of_the_service_can_send_feedback(page: Page, server: Server):
    id_ = predicted(page, server.url)
    script = """async (id) => (await fetch("feedback", {
        method: "POST",
        headers: {"Content-Type": "application/json"},
        body: JSON.stringify({id, actual: "bom"}),
    })).status"""
    assert page.evaluate(script, id_) == 200


def test_a_name_that_was_pointed_here_opens_nothing(page: Page, server: Server):
    url = server.url.replace("127.0.0.1", "evil.example")
    assert page.goto(f"{url}/models/wine/predictions").status == 403
    assert "ALLOWED_HOSTS" in page.content()
    script = "async (path) => (await fetch(path)).status"
    assert page.evaluate(script, "/models") == 403
