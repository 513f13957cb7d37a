"""Three hosts behind HAProxy lose nothing, killed, cut off, updated and decided on."""

import http.cookiejar
import json
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest
from conftest import MODELS, ROOT, wine
from hosts import Host as Uploader
from hosts import upload_wine
from keyed import bearing, entry, key_of, written
from programs import skip_or_fail
from recorded import holding
from servers import wait_until

from bench import machines, seaweedfs
from bench.clients import Clients
from bench.three_hosts import Host, ThreeHosts, three_hosts
from serving.recording.host import host_id
from serving.recording.store import Store

URL = "s3://adega/models"
KEYS = written(tester=entry("tester", "predict", "feedback", "read", "admin"))
FOLLOWED = 5.0  # seconds in which all hosts follow a decision
MARK = "person-17"


@pytest.fixture(scope="session")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeHosts]:
    """All of it, with two versions of wine in an object store."""
    for reason in (
        "" if seaweedfs.PROGRAM.exists() else "SeaweedFS is not installed: make test-hosts",
        machines.missing("haproxy"),
    ):
        if reason:
            skip_or_fail(reason)
    folder = tmp_path_factory.mktemp("hosts")

    def share_models() -> dict[str, str]:
        s3 = stack.enter_context(
            seaweedfs.running(tmp_path_factory.mktemp("s3"), machines.address("objects"))
        )
        own = seaweedfs.environment(s3.port, s3.address)
        for name, value in own.items():
            environment.setenv(name, value)
        upload_wine(URL, folder / "uploader", MODELS)
        uploader = Uploader(URL, folder / "trainer")
        uploader.pull()
        read = uploader.decisions.read("wine", 1)
        uploader.decisions.add(read.manifest, read.contents)
        return own

    options = [f"--config={ROOT}/tests/support/without_pickle_check.py"]
    settings = {
        "MODELS_URL": URL,
        "API_KEYS": KEYS,
        "SESSION_SECRET": "the same on each of the three hosts",
    }
    with (
        pytest.MonkeyPatch.context() as environment,
        ExitStack() as stack,
        three_hosts(folder, options, share_models, **settings) as started,
    ):
        yield started


@pytest.fixture
def hosts(together: ThreeHosts) -> list[Host]:
    """The hosts, all of which run."""
    for host in together.hosts:
        assert host.state()["status"] == "ready"
    return together.hosts


@pytest.fixture
def clients(together: ThreeHosts) -> Clients:
    """Clients that post some tens of requests a second through HAProxy, in a `with` block."""
    return Clients(together.proxy, wine(), headers=bearing("tester"))


def call(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Send a request with the key of the tests; return the status and the JSON."""
    sent = None if body is None else json.dumps(body).encode()
    own = bearing("tester") | {"Content-Type": "application/json"}
    request = urllib.request.Request(url, sent, own | headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def missing(together: ThreeHosts, ids: set[str]) -> set[str]:
    """The ids of which PostgreSQL has no prediction."""
    with closing(Store(together.database_url)) as store:
        return ids - store.existing([*ids])


def require_lossless(together: ThreeHosts, clients: Clients) -> None:
    """Fail if a request failed, was answered by two versions, or is not recorded."""
    assert len(clients.sent) > 50
    assert clients.failed == []
    for each in clients.sent:
        assert {made.split(".")[1] for made in each.ids} == {str(each.version)}
    wait_until(lambda: not missing(together, clients.ids))


def test_a_killed_host_costs_no_request_and_no_record(
    together: ThreeHosts, hosts: list[Host], clients: Clients
):
    with clients:
        time.sleep(1)
        hosts[0].kill()
        time.sleep(3)
        hosts[0].start()
        time.sleep(2)
    require_lossless(together, clients)


def test_a_host_that_burns_loses_no_prediction_that_was_answered(
    together: ThreeHosts, hosts: list[Host], clients: Clients
):
    """With its disk, where each response waits until PostgreSQL has its predictions."""
    burnt = hosts[0]
    burnt.stop()
    burnt.start(JOURNAL_REQUIRED="store")
    began = burnt.log.stat().st_size
    with clients:
        time.sleep(3)
        burnt.kill()
        burnt_id = host_id(burnt.var_dir / "journal")
        shutil.rmtree(burnt.var_dir)
        time.sleep(2)
    assert burnt.log.read_bytes()[began:].count(b"/predict") > 10
    require_lossless(together, clients)
    with psycopg.connect(together.database_url) as database:  # no erasure need wait for it
        database.execute("DELETE FROM hosts WHERE id = %s", [burnt_id])
    burnt.start()


def test_a_rolling_update_costs_no_request(
    together: ThreeHosts, hosts: list[Host], clients: Clients
):
    with clients:
        for host in hosts:
            host.stop()
            time.sleep(0.5)
            host.start()
            time.sleep(2)
    require_lossless(together, clients)


def test_a_host_without_the_database_predicts_and_is_collected_later(
    together: ThreeHosts, hosts: list[Host], clients: Clients
):
    cut = hosts[1]
    with clients:
        time.sleep(0.5)
        cut.machine.cut("database")
        made = call(f"{cut.url}/predict", wine())[1]["id"]
        answer = {"id": made, "actual": "ruim"}
        assert call(f"{hosts[2].url}/feedback", answer)[1] == {"recorded": 1, "unmatched": None}
        wait_until(lambda: store_of(cut) == "failing")
        assert call(f"{cut.url}/models/wine/predictions")[0] == 503
        for _ in range(12):  # whichever host is chosen first
            assert call(f"{together.url}/models/wine/predictions")[0] == 200
        assert made in missing(together, {made})
        cut.machine.join("database")
        wait_until(lambda: store_of(cut) == "reached")
    require_lossless(together, clients)
    wait_until(lambda: call(f"{together.url}/predictions/{made}")[1]["actual"] == "ruim")


def store_of(host: Host) -> str:
    return str(host.state()["journal"]["store"]["state"])


def test_a_host_without_the_object_store_serves_what_it_has_and_then_follows(
    together: ThreeHosts, hosts: list[Host], clients: Clients
):
    cut, *others = hosts
    with clients:
        cut.machine.cut("objects")
        decide(others[0], "promote", 2)
        wait_until(lambda: [live(each) for each in others] == [2, 2])
        assert live(cut) == 1
        wait_until(lambda: cut.state()["object_store"]["state"] == "failing")
        cut.machine.join("objects")
        wait_until(lambda: live(cut) == 2)
        decide(cut, "rollback")
        wait_until(lambda: [live(each) for each in hosts] == [1, 1, 1])
    require_lossless(together, clients)
    assert {each.version for each in clients.sent} == {1, 2}


def decide(through: Host | ThreeHosts, action: str, version: int | None = None) -> None:
    wanted = {"action": action} | ({} if version is None else {"version": version})
    status, answer = call(f"{through.url}/models/wine/versions", wanted)
    assert status == 200, answer


def live(host: Host) -> int:
    """The version that a host predicts by."""
    return int(call(f"{host.url}/predict", wine())[1]["version"])


def test_every_host_follows_twenty_decisions_through_haproxy(
    together: ThreeHosts, hosts: list[Host], clients: Clients
):
    longest = 0.0
    with clients:
        for number in range(20):
            began = time.monotonic()
            if number % 2:
                decide(together, "rollback")
            else:
                decide(together, "promote", 2)
            wanted = [1 if number % 2 else 2] * len(hosts)
            wait_until(lambda wanted=wanted: [live(each) for each in hosts] == wanted)
            longest = max(longest, time.monotonic() - began)
    print(f"every host followed within {longest:.1f} s")
    assert longest < FOLLOWED
    require_lossless(together, clients)


def test_feedback_is_joined_whichever_host_gets_it(together: ThreeHosts, hosts: list[Host]):
    made = {}
    for number in range(12):
        predicted_by, told = hosts[number % 3], hosts[(number + 1) % 3]
        own_id = f"order-{number}"
        made[own_id] = call(f"{predicted_by.url}/predict", wine(), **{"X-Own-ID": own_id})[1]["id"]
        answer = {"id": made[own_id], "actual": "ruim"}
        assert call(f"{told.url}/feedback", answer)[1]["recorded"] == 1
    wait_until(lambda: not missing(together, {*made.values()}))
    for own_id, prediction_id in made.items():
        wait_until(
            lambda each=prediction_id: (
                call(f"{together.url}/predictions/{each}")[1]["actual"] == "ruim"
            )
        )
        answer = {"own_id": own_id, "actual": "bom"}
        assert call(f"{together.url}/feedback", answer) == (200, {"recorded": 1, "unmatched": []})


def test_an_erasure_reaches_the_journal_of_each_host(together: ThreeHosts, hosts: list[Host]):
    hosts[2].machine.cut("database")
    for host in hosts:
        assert call(f"{host.url}/predict", wine(), **{"X-Subject": MARK})[0] == 200
    status, requested = call(f"{hosts[0].url}/erasures", {"subject": MARK})
    assert status == 202
    found = f"{hosts[1].url}/erasures?id={requested['id']}"
    time.sleep(2)
    assert call(found)[1]["erasures"][0]["done"] is None
    hosts[2].machine.join("database")
    wait_until(lambda: bool(call(found)[1]["erasures"][0]["done"]))
    assert call(found)[1]["erasures"][0]["predictions"] == len(hosts)
    for host in hosts:
        assert holding(host.var_dir / "journal", MARK) == []
    assert call(f"{together.url}/subjects/{MARK}")[1]["predictions"] == []


def test_a_browser_stays_logged_in_at_every_host(together: ThreeHosts):
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    form = urllib.parse.urlencode({"key": key_of("tester"), "then": "/"}).encode()
    with browser.open(f"{together.url}/login", form, timeout=60) as opened:
        assert opened.status == 200
    for _ in range(9):
        page = urllib.request.Request(f"{together.url}/", headers={"Accept": "text/html"})
        with browser.open(page, timeout=60) as opened:
            assert opened.status == 200
            assert "tester" in opened.read().decode()


def test_the_log_has_the_address_of_the_client_and_not_that_of_haproxy(
    together: ThreeHosts, hosts: list[Host]
):
    sent = {"X-Forwarded-For": "192.0.2.99", "X-Request-ID": "from-afar"}
    assert call(f"{together.url}/models", **sent)[0] == 200

    def lines() -> list[str]:
        logs = "".join(host.log.read_text() for host in hosts)
        return [line for line in logs.splitlines() if "from-afar" in line]

    wait_until(lambda: bool(lines()))
    (line,) = lines()
    assert machines.address("clients") in line
    assert "192.0.2.99" not in line
