"""How long a host that is killed, or vanishes, keeps the clients of a load balancer waiting."""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import NamedTuple

from bench.clients import Clients, Sent
from bench.three_hosts import Host, ThreeHosts, in_a_folder
from bench.workload import ROOT

BEFORE, AFTER = 2.0, 8.0  # seconds of load around the loss of a host
SETTLED = 14.0  # seconds until HAProxy gives a host that is back its full share
TABLE = """
| a host is | requests | failed | median | longest, each time |
|---|---|---|---|---|
""".strip()


class Lost(NamedTuple):
    """A way to lose a host, and to have it back."""

    title: str
    lose: Callable[[Host], None]
    recover: Callable[[Host], None]


WAYS = (
    Lost("stopped (`SIGTERM`)", Host.stop, Host.start),
    Lost("killed (`kill -9` of all its processes)", Host.kill, Host.start),
    Lost(
        "cut off, as when its power fails",
        lambda host: host.machine.cut("clients"),
        lambda host: host.machine.join("clients"),
    ),
)


def report(times: int) -> Iterator[str]:
    """Lose a host some times in each way under load, and yield a table."""
    yield TABLE
    with in_a_folder() as started:
        for way in WAYS:
            seen = [_sent_meanwhile(started, way, number) for number in range(times)]
            every = [each for one in seen for each in one]
            failed = sum(each.status != HTTPStatus.OK for each in every)
            longest = (max(each.seconds for each in one) for one in seen)
            yield (
                f"| {way.title} | {len(every):,} | {failed} "
                f"| {statistics.median(each.seconds for each in every) * 1000:.1f} ms "
                f"| {', '.join(f'{each:.2f}' for each in longest)} s |"
            )


def _sent_meanwhile(started: ThreeHosts, way: Lost, number: int) -> list[Sent]:
    """Lose a host under load, let it come back, and return what was sent."""
    host = started.hosts[number % len(started.hosts)]
    record = json.loads((ROOT / "bom.json").read_text())
    with Clients(started.proxy, record, count=16, pause=0.05) as clients:
        time.sleep(BEFORE)
        way.lose(host)
        time.sleep(AFTER)
    way.recover(host)
    time.sleep(SETTLED)
    return clients.sent
