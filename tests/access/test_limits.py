"""Requests of a key and of an address are limited, and wrong keys slow an address down."""

import os
from collections.abc import Iterator
from multiprocessing import get_context

import pytest
from conftest import body, wine
from flask.testing import FlaskClient
from keyed import KEYS, bearing, key_of
from plain_way import WAYS, ask

from app import create_app
from serving.access import buckets
from serving.access.access import network
from serving.access.buckets import Buckets, Rate
from serving.settings import Settings

ADMIN = "a-key-of-a-person"


class Clock:
    """A clock that tests set."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(buckets, "time", made)
    return made


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


def limited(settings: Settings, way: str, **limits: int) -> FlaskClient:
    own = Settings(var_dir=settings.var_dir, api_keys=KEYS, admin_keys=f"ana:{ADMIN}", **limits)
    return ask(create_app(own), way).test_client()


def statuses(client: FlaskClient, count: int, headers: dict[str, str], address: str) -> list[int]:
    about = {"REMOTE_ADDR": address}
    return [
        client.post(
            "/predict", **body(wine()), headers=headers, environ_overrides=about
        ).status_code
        for _ in range(count)
    ]


def test_a_bucket_accepts_a_burst_and_then_its_rate(clock: Clock):
    made, rate = Buckets(), Rate(per_second=10, burst=3)
    assert [made.take("a", rate) for _ in range(4)] == [0, 0, 0, pytest.approx(0.1)]
    assert made.take("b", rate) == 0
    clock.now += 0.1
    assert [made.take("a", rate) > 0 for _ in range(2)] == [False, True]
    made.give_back("a", rate)
    assert made.wait("a", rate) == 0
    assert made.take("a", rate) == 0


def test_a_full_memory_forgets_the_fullest_buckets(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(buckets, "SETS", 1)
    made, rate = Buckets(), Rate(per_second=1, burst=2)
    for _ in range(2):
        made.take("busy", rate)
    for number in range(50):
        clock.now += 0.001
        made.take(f"other {number}", rate)
    assert made.take("busy", rate) > 0


def test_a_key_has_a_limit_wherever_it_is_sent_from(settings: Settings, way: str, clock: Clock):
    client = limited(settings, way, key_requests_per_second=3)
    assert statuses(client, 2, bearing("predict"), "10.0.0.1") == [200, 200]
    assert statuses(client, 2, bearing("predict"), "10.0.0.2") == [200, 429]
    assert statuses(client, 1, bearing("admin"), "10.0.0.1") == [200]
    clock.now += 1
    assert statuses(client, 4, bearing("predict"), "10.0.0.3") == [200, 200, 200, 429]


def test_an_address_has_a_limit_whatever_keys_it_sends(settings: Settings, way: str, clock: Clock):
    client = limited(settings, way, address_requests_per_second=2)
    assert statuses(client, 1, bearing("predict"), "10.0.0.1") == [200]
    assert statuses(client, 2, bearing("admin"), "10.0.0.1") == [200, 429]
    assert statuses(client, 1, bearing("admin"), "10.0.0.2") == [200]
    assert clock.now


def test_a_refusal_says_when_to_come_again(settings: Settings, way: str, clock: Clock):
    client = limited(settings, way, key_requests_per_second=1)
    statuses(client, 1, bearing("predict"), "10.0.0.1")
    answer = client.post("/predict", **body(wine()), headers=bearing("predict"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.json["detail"] == "more than 1 requests a second from this key"
    clock.now += 1
    counted = client.get("/metrics", headers=bearing("metrics")).text
    assert 'serving_refused_total{reason="too many"} 1' in counted


def test_an_invalid_record_counts_once(settings: Settings, way: str, clock: Clock):
    client = limited(settings, way, key_requests_per_second=3)
    sent = {"headers": bearing("predict")}
    answers = [client.post("/predict", **body(wine(pH=-1)), **sent).status_code for _ in range(4)]
    assert answers == [422, 422, 422, 429]
    assert clock.now


def test_wrong_keys_slow_their_address_down(settings: Settings, way: str, clock: Clock):
    client = limited(settings, way)
    wrong = {"X-API-Key": "wrong"}
    assert statuses(client, 7, wrong, "10.0.0.1") == [401] * 5 + [429] * 2
    assert statuses(client, 1, wrong, "10.0.0.2") == [401]
    # What may be guessed waits with the others; what cannot be is accepted.
    assert statuses(client, 1, {"X-API-Key": ADMIN}, "10.0.0.1") == [429]
    assert statuses(client, 1, {"X-API-Key": key_of("predict")}, "10.0.0.1") == [200]
    assert statuses(client, 1, {"X-API-Key": ADMIN}, "10.0.0.2") == [200]
    clock.now += 5
    assert statuses(client, 1, {"X-API-Key": ADMIN}, "10.0.0.1") == [200]
    assert statuses(client, 2, wrong, "10.0.0.1") == [401, 429]


@pytest.mark.parametrize("path", ["/health/ready", "/login", "/nothing-here"])
def test_a_wrong_key_counts_where_none_is_needed(settings: Settings, path: str, clock: Clock):
    client = limited(settings, WAYS[0])
    for number in range(5):
        client.get(path, headers={"X-API-Key": f"guess {number}"})
    assert client.get("/models", headers={"X-API-Key": ADMIN}).status_code == 429
    clock.now += 5
    assert client.get("/models", headers={"X-API-Key": ADMIN}).status_code == 200


def test_a_wrong_key_counts_where_only_decisions_need_one(
    settings: Settings, way: str, clock: Clock
):
    own = Settings(var_dir=settings.var_dir, admin_keys=f"ana:{ADMIN}")
    client = ask(create_app(own), way).test_client()
    for number in range(6):
        assert statuses(client, 1, {"X-API-Key": f"guess {number}"}, "10.0.0.1") == [200]
    sent = {"headers": {"X-API-Key": ADMIN}, "json": {"ids": []}}
    here = {"REMOTE_ADDR": "10.0.0.1"}
    assert client.post("/erasures", **sent, environ_overrides=here).status_code == 429
    assert client.post("/erasures", **sent).status_code == 202
    assert clock.now


def test_a_wrong_key_counts_beside_a_session(settings: Settings, clock: Clock):
    client = limited(settings, WAYS[1])
    client.post("/login", data={"key": key_of("predict")})
    guesses = [client.get("/erasures", headers={"X-API-Key": f"guess {n}"}) for n in range(5)]
    assert {each.status_code for each in guesses} == {403}
    assert client.get("/erasures", headers={"X-API-Key": ADMIN}).status_code == 429
    assert clock.now


def test_a_password_for_a_proxy_in_front_makes_nobody_wait(settings: Settings, clock: Clock):
    client = limited(settings, WAYS[1])
    for _ in range(20):
        client.get("/login", auth=("somebody", "of the proxy"))
    assert client.get("/models", headers={"X-API-Key": ADMIN}).status_code == 200
    assert clock.now


def test_no_large_body_is_received_for_a_key_that_waits(settings: Settings, clock: Clock):
    client = limited(settings, WAYS[1])
    statuses(client, 6, {"X-API-Key": "wrong"}, "10.0.0.1")
    is_known = client.application.extensions["front"].is_known
    assert not is_known("", ADMIN, "", "10.0.0.1")
    assert is_known("", ADMIN, "", "10.0.0.2")
    assert is_known("", key_of("predict"), "", "10.0.0.1")
    assert clock.now


def test_health_has_no_limit(settings: Settings, way: str, clock: Clock):
    client = limited(settings, way, address_requests_per_second=1)
    assert [client.get("/health/live").status_code for _ in range(5)] == [200] * 5
    assert clock.now


@pytest.mark.parametrize(
    ("address", "of_one"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("not:one", "not:one"),
        ("", ""),
    ],
)
def test_all_addresses_of_one_customer_share_a_limit(address: str, of_one: str):
    assert network(address) == of_one


def test_processes_share_a_limit_exactly():
    made, rate = Buckets(), Rate(per_second=0.001, burst=500)
    fork = get_context("fork")
    taken = fork.Array("i", 4)

    def take(number: int) -> None:
        taken[number] = sum(made.take("all", rate) == 0 for _ in range(1_000))
        os._exit(0)

    processes: list[object] = [fork.Process(target=take, args=(n,)) for n in range(4)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    assert sum(taken) == 500


@pytest.fixture(autouse=True)
def _no_cache() -> Iterator[None]:
    yield
    network.cache_clear()
