"""The monitor as a process of its own, for ever: killed, stopped, and one at a time.

`make faults` (FAULTS=full) kills it as often as one would to be sure; else the same in short.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from monitored import chances, feedback, monitor, opened, predicted, report_of, wines
from servers import PATIENCE, wait_until

from bench.postgres import Postgres
from serving import clock
from serving.recording.store import Store
from serving.settings import Settings

pytestmark = pytest.mark.faults

FULL = os.environ.get("FAULTS") == "full"
KILLS = 40 if FULL else 2
WEBHOOK = "http://127.0.0.1:9/"  # refused, so that every message stays to be counted
ROWS = 250


@contextmanager
def monitoring(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m serving monitor` with a check every second, until the block ends."""
    own = {
        "VAR_DIR": str(settings.var_dir),
        "DATABASE_URL": settings.database_url,
        "MONITOR_INTERVAL": "1",
        "MONITOR_ROWS": str(ROWS),
        "ALERT_WEBHOOK": WEBHOOK,
    }
    command = [sys.executable, "-m", "serving", "monitor", "wine"]
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def traffic() -> Iterator[list[Any]]:
    """Requests with feedback, without end: in every second one the alcohol is another."""
    for number in count():
        likely = chances(ROWS, number)
        entry = predicted(wines(ROWS, number, alcohol=2 * (number % 2)), likely)
        yield [entry, feedback(entry, likely, flipped=0.2, after=0)]


def passes_since(store: Store, time: int) -> int:
    return len(store.reports.points("wine", time))


def test_killed_at_any_moment_it_loses_nothing_and_says_nothing_twice(tmp_path: Path):
    settings = Settings(var_dir=tmp_path / "var", monitor_rows=ROWS, alert_webhook=WEBHOOK)
    store, requests, sent = opened(settings), traffic(), []
    chance = random.Random(os.urandom(8))
    for _ in range(KILLS):
        before = clock.now()
        with monitoring(settings, tmp_path / "log"):
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                if end > time.monotonic() + 2 and passes_since(store, before):
                    end = time.monotonic() + chance.uniform(0.5, 1.8)
                sent += (entries := next(requests))
                store.add(entries, {})
                time.sleep(0.1)
    monitor(settings, "wine")
    points = store.reports.points("wine", 0)
    alerts = store.reports.alerts("wine")
    messages = store.deliveries.due(2**62, 10_000)
    print(f"{len(points)} checks between {KILLS} kills, {len(alerts)} alerts")
    assert len(messages) == len(alerts) + sum(alert.cleared is not None for alert in alerts)
    assert len([each for each in alerts if each.cleared is None]) == len(
        {each.kind for each in alerts if each.cleared is None}
    )
    undisturbed = replace(settings, var_dir=tmp_path / "undisturbed", alert_webhook="")
    other = opened(undisturbed)
    other.add(sent, {})
    assert report_of(settings)["report"]["concept"] == report_of(undisturbed)["report"]["concept"]
    other.close()
    store.close()


def test_it_runs_until_it_is_stopped_and_one_at_a_time(tmp_path: Path):
    settings = Settings(var_dir=tmp_path / "var")
    log = tmp_path / "log"
    with monitoring(settings, log) as process:
        wait_until(lambda: log.read_bytes().endswith(b"\n"))
        refused = monitor(settings)
        assert refused.exit_code == 1
        assert "another monitor runs" in refused.stderr
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    (line,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert line["message"].startswith("wine 1: not enough yet: 0 values so far")
    assert monitor(settings).exit_code == 0


def messages(log: Path) -> list[str]:
    return [json.loads(line)["message"] for line in log.read_text().splitlines()]


def test_one_of_several_hosts_monitors_and_another_takes_over_when_it_is_killed(
    tmp_path: Path, postgres: Postgres
):
    url = postgres.new()
    ana = Settings(var_dir=tmp_path / "ana", database_url=url)
    bob = Settings(var_dir=tmp_path / "bob", database_url=url)
    with monitoring(ana, tmp_path / "ana.log") as first:
        wait_until(lambda: len(messages(tmp_path / "ana.log")) == 1)
        refused = monitor(bob)
        assert refused.exit_code == 1
        assert "the monitor of another host" in refused.stderr
        with monitoring(bob, tmp_path / "bob.log") as second:
            wait_until(lambda: len(messages(tmp_path / "bob.log")) == 1)
            (waits,) = messages(tmp_path / "bob.log")
            assert waits.startswith("the monitor of another host runs")
            first.kill()
            first.wait()
            with closing(Store(url)) as store:
                killed = clock.now()
                wait_until(lambda: store.reports.latest("wine", 1).time > killed)
            second.terminate()
            assert second.wait(timeout=PATIENCE) == 0
