"""The clients of other model servers, unmodified and with their defaults, against the service.

The table in docs/protocols.md lists every call that they make here, and whether it works; WRITE=1
writes it as this run made it.
"""

import os
from collections.abc import Iterator

import pytest
from conftest import ROOT
from programs import call
from servers import Server, gunicorn, running

KEY = f"adega_{'x' * 43}"
VARIABLES = {
    "ADMIN_KEYS": f"ana:{KEY}",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/12:predict",
    "AIP_HEALTH_ROUTE": "/v1/endpoints/12",
}
PAGE = ROOT / "docs/protocols.md"
BEGIN, END = "<!-- made by tests/clients -->\n", "<!-- end -->"
HEAD = "\n| client | call | works |\n|---|---|---|\n"
CLIENTS = {
    "kserve": "kserve 0.21.0",
    "mlflow": "mlflow 3.17.2",
    "mlserver": "mlserver 1.7.1, its codecs and types",
    "sagemaker": "boto3 1.44.8",
    "tritonclient": "tritonclient 2.73.0, `http` and `http.aio`",
    "vertex": "google-cloud-aiplatform 2.7.0",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with Vertex AI's routes, and somebody who may decide."""
    folder = tmp_path_factory.mktemp("clients")
    with running(gunicorn(), folder / "log", **VARIABLES) as started:
        yield started


@pytest.mark.parametrize("name", CLIENTS)
def test_the_table_is_what_a_client_does(server: Server, name: str):
    calls = [line.split("\t") for line in call(name, server.url, KEY).splitlines()]
    made = [f"| {CLIENTS[name]} | {call} | {works} |\n" for call, works in calls]
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    table, after = rest.split(END)
    rows = [f"{each}\n" for each in table.removeprefix(HEAD).strip("\n").splitlines()]
    listed = [each for each in rows if each.startswith(f"| {CLIENTS[name]} |")]
    if os.environ.get("WRITE"):
        others = [each for each in rows if each not in listed]
        written = HEAD + "".join(sorted([*others, *made], key=_place)) + "\n"
        PAGE.write_text(f"{before}{BEGIN}{written}{END}{after}", encoding="utf-8")
    else:
        assert "".join(listed) == "".join(made), "run `WRITE=1 make test-clients`"


def test_the_table_has_no_other_clients_and_no_call_that_fails():
    _, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    rows = rest.split(END)[0].removeprefix(HEAD).strip("\n").splitlines()
    assert {each.split(" | ")[0].removeprefix("| ") for each in rows} == {*CLIENTS.values()}
    assert not [each for each in rows if "FAILED" in each]


def _place(row: str) -> int:
    """Order rows by client, those of one as it made the calls."""
    title = row.split(" | ", maxsplit=1)[0].removeprefix("| ")
    return [*CLIENTS.values()].index(title)
