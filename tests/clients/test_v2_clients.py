"""The clients of V2, unmodified and with their defaults, against the service as it runs.

The table in docs/protocols-v2.md lists every call; WRITE=1 writes it as this run made it.
"""

import os
from collections.abc import Iterator

import pytest
from conftest import ROOT
from programs import call
from servers import Server, gunicorn, running

KEY = f"adega_{'x' * 43}"
PAGE = ROOT / "docs/protocols-v2.md"
BEGIN, END = "<!-- made by tests/clients -->\n", "<!-- end -->"
CLIENTS = {
    "tritonclient": "tritonclient 2.73.0, `http` and `http.aio`",
    "kserve_v2": "kserve 0.21.0",
    "mlserver": "mlserver 1.7.1, its codecs and types",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that somebody may decide on."""
    folder = tmp_path_factory.mktemp("clients")
    with running(gunicorn(), folder / "log", ADMIN_KEYS=f"ana:{KEY}") as started:
        yield started


def test_every_call_works_and_is_in_the_table(server: Server):
    rows = ["| client | call | works |", "|---|---|---|"]
    for name, title in CLIENTS.items():
        calls = call(name, server.url, KEY).splitlines()
        rows += [f"| {title} | {each} | yes |" for each in calls]
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    table, after = rest.split(END)
    made = "\n" + "\n".join(rows) + "\n\n"
    if os.environ.get("WRITE"):
        PAGE.write_text(f"{before}{BEGIN}{made}{END}{after}", encoding="utf-8")
    else:
        assert table == made, "run `WRITE=1 make test-clients`"
