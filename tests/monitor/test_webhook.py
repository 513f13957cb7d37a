"""Messages reach a webhook, signed, each with one id, in the end or with a line in the log."""

import base64
import hashlib
import hmac
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from conftest import ROOT
from receiver import DAY, KEY, NOW, hook, receiving, waiting, with_a_message
from servers import PATIENCE

from serving.monitor.alerts import webhook
from serving.recording.store import Store
from serving.recording.store.deliveries import Delivery


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One with a message that is due."""
    with with_a_message(tmp_path) as store:
        yield store


def test_a_message_is_posted_once_with_its_id_time_and_signature(store: Store):
    with receiving() as receiver:
        hook(receiver.url).send_due(store.deliveries, NOW)
        hook(receiver.url).send_due(store.deliveries, NOW)
    (got,) = receiver.received
    assert (got.path, json.loads(got.body)) == ("/alerts?for=us", {"type": "alert.raised"})
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"localhost:{receiver.server_port}"
    # As standardwebhooks.com has the receiver do it:
    signed_text = (
        f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.{got.body.decode()}"
    )
    own = hmac.new(base64.b64decode(KEY[len("whsec_") :]), signed_text.encode(), hashlib.sha256)
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["webhook-timestamp"] == str(NOW // 1000)
    assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(own.digest()).decode()}"
    assert waiting(store) == []


def test_the_signature_is_the_one_of_the_standards_own_example():
    """From its specification, section "Signature scheme"."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert (
        webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_a_key_may_be_any_text_and_without_one_nothing_is_signed(store: Store):
    with receiving(500) as receiver:
        hook(receiver.url, key="a secret").send_due(store.deliveries, NOW)
        hook(receiver.url, key="").send_due(store.deliveries, NOW + DAY)
    signed, unsigned = receiver.received
    signed_text = f"msg_1.{NOW // 1000}.".encode() + signed.body
    own = base64.b64encode(hmac.new(b"a secret", signed_text, hashlib.sha256).digest()).decode()
    assert signed.headers["webhook-signature"] == f"v1,{own}"
    assert "webhook-signature" not in unsigned.headers


@pytest.mark.parametrize("status", [500, 404, 302, 307])
def test_what_is_not_taken_comes_again_later_with_the_same_id(store: Store, status: int):
    with receiving(status) as receiver:
        hook(receiver.url).send_due(store.deliveries, NOW)
        (message,) = waiting(store)
        hook(receiver.url).send_due(store.deliveries, message.due - 1)
        assert len(receiver.received) == 1  # no redirect is followed, and nothing comes too early
        assert (message.attempts, 30_000 <= message.due - NOW <= 50_000) == (1, True)
        hook(receiver.url).send_due(store.deliveries, message.due)
    assert [got.headers["webhook-id"] for got in receiver.received] == ["msg_1", "msg_1"]
    assert waiting(store) == []


def test_after_a_day_a_message_is_given_up_and_the_log_has_it(
    store: Store, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, webhook.__name__)
    now = NOW
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    while messages := waiting(store):
        now = messages[0].due
        hook(url).send_due(store.deliveries, now)
    assert 0.7 * DAY < now - NOW < 1.3 * DAY
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 11 + ["ERROR"]
    assert "given up after 12 attempts" in caplog.text
    assert '{"type":"alert.raised"}' in caplog.text


def silent(peer: socket.socket) -> None:
    peer.recv(1)


def dripping(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 503 Busy\r\n")
    while True:
        peer.sendall(b"x: y\r\n" if peer.recv(1) else b"")
        time.sleep(0.02)


def endless(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 500 No\r\n\r\n")
    while True:
        peer.sendall(b"x" * 65_536)


@pytest.mark.parametrize("behaviour", [silent, dripping, endless])
def test_a_webhook_that_is_slow_or_endless_holds_the_monitor_up_no_longer_than_agreed(
    store: Store, monkeypatch: pytest.MonkeyPatch, behaviour: Callable[[socket.socket], None]
):
    monkeypatch.setattr(webhook, "STEP", 0.2)
    monkeypatch.setattr(webhook, "WHOLE", 0.3)
    store.reports.settle([], [Delivery(f"msg_{number}", "{}", NOW) for number in range(2, 9)])
    monkeypatch.setattr(webhook, "BUDGET", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            held = []
            try:
                while True:
                    held.append(server.accept()[0])
                    threading.Thread(target=each, args=held[-1:], daemon=True).start()
            except OSError:
                for peer in held:
                    peer.close()

        def each(peer: socket.socket) -> None:
            with suppress(OSError):
                behaviour(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        sending = threading.Thread(
            target=hook(f"http://127.0.0.1:{server.getsockname()[1]}").send_due,
            args=(store.deliveries, NOW),
            daemon=True,
        )
        sending.start()
        sending.join(PATIENCE)
        assert not sending.is_alive()
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    tried = [message for message in waiting(store) if message.attempts]
    assert tried
    assert behaviour is endless or len(tried) < 4
    assert len(waiting(store)) == 8


KILLED = """
import os, signal, sys
from msgspec import Raw
from serving.monitor.alerts import alerts
from serving.recording.store.reports import Report
from serving.settings import Settings
from serving.recording.store import Store
from serving.statement import Statement

settings = Settings(alert_webhook="https://example.org")
moved = Statement("moved", {"distance": 2}, "alcohol")
drift = alerts.Signal("wine", 2, "data drift", "drift", (moved,))
changes = alerts.change_alerts([], [drift], {"wine": 2}, 1_000)
report = Report("wine", 2, 1_000, Raw(b"{}"), 0, Raw(b"{}"))
messages = changes.messages(settings, 1_000)
reports = Store(sys.argv[1]).reports
assert reports.write(report, Raw(b"{}"), changes.changed, messages, before=0)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_message_of_a_monitor_that_was_killed_before_sending_is_sent(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/store.db"
    with closing(Store(url)) as store, receiving() as receiver:
        store.migrate()
        run = subprocess.run([sys.executable, "-c", KILLED, url], cwd=ROOT, check=False)
        assert run.returncode == -signal.SIGKILL
        hook(receiver.url).send_due(store.deliveries, NOW)
    sent = json.loads(receiver.received[0].body)["data"]
    assert sent["sentence"].startswith("alcohol: the values moved by 2 ")


def test_without_a_webhook_nothing_is_sent_and_what_waits_is_kept(store: Store):
    hook("").send_due(store.deliveries, NOW)
    assert len(waiting(store)) == 1
