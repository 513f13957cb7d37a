"""A webhook is reached at the very address that was found sound, and over TLS believed by name."""

import ipaddress
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import skip_or_fail
from receiver import DAY, NOW, hook, receiving, waiting, with_a_message

from serving.monitor.alerts import webhook
from serving.recording.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One with a message that is due."""
    with with_a_message(tmp_path) as store:
        yield store


def test_a_private_address_is_refused_unless_it_is_allowed(
    store: Store, caplog: pytest.LogCaptureFixture
):
    with receiving() as receiver:
        hook(receiver.url, private=False).send_due(store.deliveries, NOW)
        assert receiver.received == []
        assert "localhost is at " in caplog.text
        assert "ALERT_WEBHOOK_PRIVATE=on allows that" in caplog.text


def test_what_is_connected_to_is_the_address_that_was_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    """Not what the name points to a moment later."""
    real, resolved = socket.getaddrinfo, []

    def resolve(host: str, *rest: object, **options: object) -> list[object]:
        if host != "rebound.example":
            return real(host, *rest, **options)
        resolved.append(host)
        return real("127.0.0.1" if len(resolved) == 1 else "192.0.2.1", *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with receiving() as receiver:
        url = f"http://rebound.example:{receiver.server_port}/"
        hook(url).send_due(store.deliveries, NOW)
    assert resolved == ["rebound.example"]
    assert receiver.received[0].headers["host"] == f"rebound.example:{receiver.server_port}"


def test_one_private_address_among_those_of_a_name_is_enough_to_refuse_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    found = [(None, None, None, "", (where, 80)) for where in ("93.184.216.34", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    hook("http://two.example/", private=False).send_due(store.deliveries, NOW)
    assert waiting(store)[0].attempts == 1


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("198.18.0.1", "::", "::1", "fe80::1", "fe80::1%1", "fec0::1", "fc00::1", "fd12::1"),
        *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("2002:7f00:1::", "2001:db8::1", "2001::1", "2001:0:7f00:1::", "::a00:1", "5f00::1"),
        *("168.63.129.16", "::ffff:168.63.129.16", "192.0.0.9", "192.0.0.10", "192.0.0.170"),
        *("192.88.99.0", "192.88.99.255", "::ffff:192.88.99.1", "3fff::", "3fff:fff::1"),
        *("64:ff9b::a83f:8110", "64:ff9b:1::1", "100::1", "fe80::a9fe:a9fe", "ff0e::1"),
        *("198.51.100.1", "203.0.113.1", "198.19.255.255", "100.127.255.255", "0.1.2.3"),
    ],
)
def test_an_address_that_is_not_of_the_internet_is_private(address: str):
    assert not webhook.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "0"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "2852039166", "0251.0376.0251.0376"),
        *("0xa83f8110", "[fe80::1]", "[::]"),
    ],
)
def test_an_address_is_judged_however_it_is_written(
    store: Store, caplog: pytest.LogCaptureFixture, host: str
):
    hook(f"http://{host}:9/", private=False).send_due(store.deliveries, NOW)
    assert waiting(store)[0].attempts == 1
    assert "which is not a public address" in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "93.184.216.34", "2606:4700::1", "::ffff:8.8.8.8", "168.63.129.15"),
        *("192.0.1.1", "192.88.98.1", "3fff:1000::1", "2001:4860:4860::8888"),
    ],
)
def test_an_address_of_the_internet_is_public(address: str):
    assert webhook.is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_where_ipv6_wraps_it(address: ipaddress.IPv4Address):
    wrapped = ipaddress.IPv6Address(f"::ffff:{address}")
    assert webhook.is_public(wrapped) == webhook.is_public(address)


def test_over_tls_only_the_host_of_the_url_is_believed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is not installed")
    certificate = tmp_path / "certificate.pem"
    options = (
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=ours -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(
        ["openssl", *options.split(), "-keyout", certificate, "-out", tmp_path / "public.pem"],
        capture_output=True,
        check=True,
    )
    with certificate.open("ab") as file:
        file.write((tmp_path / "public.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving() as receiver:
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        url = receiver.url.replace("http", "https")
        hook(url).send_due(store.deliveries, NOW)
        assert "certificate verify failed: self-signed" in caplog.text
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
        hook(url.replace("localhost", "127.0.0.1")).send_due(store.deliveries, NOW + DAY)
        assert "certificate is not valid for '127.0.0.1'" in caplog.text
        assert receiver.received == []
        hook(url).send_due(store.deliveries, NOW + 2 * DAY)
    assert len(receiver.received) == 1
    assert waiting(store) == []
