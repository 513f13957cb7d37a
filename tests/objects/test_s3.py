"""Hosts that share models through a server of S3's protocol, which is killed, slow, or fails."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import wine
from hosts import Host, running_s3, upload_wine
from proxy import Proxy
from servers import PATIENCE, Server, get, gunicorn, running, wait_until

from bench import seaweedfs
from bench.seaweedfs import SeaweedFS
from serving.errors import ObjectStoreError, VersionRefused
from serving.places.objects import Objects

ADMIN = "sixteen-or-more-characters"
count = iter(range(1_000))


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


def use(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in seaweedfs.environment(port).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def proxy(s3: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What stands between hosts and the server."""
    opened = Proxy(s3.port)
    use(opened.port, monkeypatch)
    yield opened
    opened.close()


@pytest.fixture
def url(proxy: Proxy, tmp_path: Path) -> str:
    """An object store with wine 1, which is live, and wine 2."""
    assert proxy
    url = f"s3://adega/models{next(count)}"
    upload_wine(url, tmp_path / "uploader")
    add(Host(url, tmp_path / "trainer"))
    return url


@pytest.fixture
def ana(url: str, tmp_path: Path) -> Host:
    host = Host(url, tmp_path / "ana")
    host.pull()
    return host


@pytest.fixture
def bob(url: str, tmp_path: Path) -> Host:
    host = Host(url, tmp_path / "bob")
    host.pull()
    return host


def add(host: Host) -> int:
    """Write a next version of wine from a host, as training does."""
    host.pull()
    read = host.decisions.read("wine", 1)
    return host.decisions.add(read.manifest, read.contents)


def decide(server: Server, action: str, **wanted: Any) -> int:
    """Decide over HTTP; return the status."""
    body = json.dumps({"action": action, **wanted}).encode()
    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/models/wine/versions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def served(server: Server) -> int:
    """Predict, and return which version did."""
    body = json.dumps(wine()).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/predict", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return int(json.load(response)["version"])


def state(server: Server) -> Any:
    return get(f"{server.url}/health/ready")[1]["object_store"]["state"]


def service(url: str, folder: Path) -> Any:
    folder.mkdir(exist_ok=True)
    own = {"ADMIN_KEYS": f"ana:{ADMIN}", "API_KEYS": "", "MODELS_URL": url, "WEB_CONCURRENCY": "1"}
    return running(gunicorn(), folder / "log", **own)


def test_services_follow_each_other_and_go_on_while_the_server_is_dead(
    s3: SeaweedFS, url: str, tmp_path: Path
):
    with service(url, tmp_path / "one") as one:
        with service(url, tmp_path / "two") as two:
            assert decide(one, "promote", version=2) == 200
            wait_until(lambda: served(one) == served(two) == 2)
            s3.kill()
            wait_until(lambda: state(one) == state(two) == "failing")
            assert served(one) == served(two) == 2
            assert decide(two, "rollback") == 503
        with service(url, tmp_path / "two") as two:  # started again without the object store
            assert (served(two), state(two)) == (2, "failing")
            s3.start()
            wait_until(lambda: state(one) == state(two) == "followed")
            assert decide(two, "rollback") == 200
            wait_until(lambda: served(one) == served(two) == 1)


def test_of_decisions_at_the_same_time_each_is_based_on_the_one_before(
    url: str, ana: Host, tmp_path: Path
):
    hosts = [ana, *(Host(url, tmp_path / f"host{number}") for number in range(3))]

    def promote(host: Host, version: int) -> bool:
        host.pull()
        try:
            return bool(host.versions.promote("wine", version, force=True))
        except VersionRefused:
            return False

    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(promote, hosts * 2, [2, 1] * 4))
    ana.pull()
    taken = ana.decisions.history("wine")[::-1]
    assert len(taken) == 1 + made
    assert made
    assert [each.before for each in taken[1:]] == [each.version for each in taken[:-1]]


def test_the_second_of_two_decisions_is_refused(ana: Host, bob: Host):
    with ana.decisions.deciding("wine"):
        bob.versions.promote("wine", 2)
        decision = msgspec.structs.replace(bob.decisions.history("wine")[0], who="ana")
        with pytest.raises(VersionRefused, match="promote 1 → 2 by bob"):
            ana.decisions.take(decision)


def test_a_slow_server_delays_decisions_and_no_prediction(proxy: Proxy, url: str, tmp_path: Path):
    with service(url, tmp_path / "one") as one:
        proxy.turn("slow")
        assert served(one) == 1
        assert decide(one, "promote", version=2) == 200
        wait_until(lambda: served(one) == 2)


@pytest.mark.parametrize("mode", ["silent", "503", "500", "403", "404", "half"])
def test_a_server_that_fails_is_given_up_and_followed_again(
    proxy: Proxy, url: str, tmp_path: Path, mode: Any
):
    with service(url, tmp_path / "one") as one:
        proxy.turn(mode)
        assert decide(one, "promote", version=2) == 503
        wait_until(lambda: state(one) == "failing")
        assert served(one) == 1
        proxy.turn("through")
        wait_until(lambda: state(one) == "followed")
        assert decide(one, "promote", version=2) == 200


def test_a_decision_whose_response_is_lost_is_recorded_once_at_most(
    proxy: Proxy, ana: Host, bob: Host
):
    proxy.turn("lost")
    with suppress(ObjectStoreError):
        ana.versions.promote("wine", 2)
    proxy.turn("through")
    bob.pull()
    assert bob.live() == 2
    assert len(bob.decisions.history("wine")) == 2
    ana.pull()
    assert ana.versions.rollback("wine").version == 1


def test_an_upload_that_breaks_off_is_not_seen_and_the_next_has_another_number(
    proxy: Proxy, ana: Host, bob: Host
):
    ana.pull()
    files = ana.decisions.read("wine", 1).contents
    half = dict(list(files.items())[:2])
    assert ana.shared.upload("wine", 3, half)
    proxy.turn("503")
    with pytest.raises(ObjectStoreError):
        ana.shared.upload("wine", 3, files)
    proxy.turn("through")
    assert bob.pull() == {}
    assert not (bob.wine / "3").exists()
    assert add(bob) == 4


def test_a_large_file_is_uploaded_over_a_narrow_line(proxy: Proxy, ana: Host):
    ana.pull()
    proxy.turn("narrow")
    assert ana.shared.upload("wine", 3, {"model.pkl": bytes(1_000_000)})


def test_a_damaged_object_is_refused_until_it_is_repaired(url: str, ana: Host, bob: Host):
    objects = Objects(url)
    good = objects.read("wine/2/model.pkl")
    objects.replace("wine/2/model.pkl", good[:-1] + b"!")
    fresh = Host(url, ana.settings.var_dir.with_name("fresh"))
    ana.versions.promote("wine", 2)  # whose copy is from before
    assert "model.pkl is not the file" in fresh.pull()["wine"]
    assert not (fresh.wine / "2").exists()
    assert "model.pkl is not the file" in bob.pull()["wine"]
    assert bob.live() == 2  # likewise, and the whole copy goes on
    assert bob.decisions.read("wine", 2)
    objects.replace("wine/2/model.pkl", good)
    assert fresh.pull() == {}
    assert fresh.live() == 2


def test_bytes_that_are_altered_on_the_way_are_refused(proxy: Proxy, url: str, tmp_path: Path):
    host = Host(url, tmp_path / "host")
    proxy.turn("wrong")
    assert "model.json" in host.pull()["wine"]
    assert not host.decisions.history("wine")
    assert not (host.wine / "1").exists()
    proxy.turn("through")
    assert host.pull() == {}
    assert host.decisions.read("wine", host.live())


def test_a_wrong_key_is_reported_as_such(
    ana: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    ana.shared.catch_up()
    assert "403" in caplog.text
    assert "403" not in ana.status().public
