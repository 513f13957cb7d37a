"""Three hosts behind HAProxy, with a PostgreSQL: each on a machine of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bench import machines, postgres
from bench.errors import BenchError
from bench.machines import Machine, Machines, address
from bench.waiting import PATIENCE, wait_until
from bench.workload import ROOT

NAMES = ("ana", "bob", "eva")
PORT, DATABASE_PORT, PROXY_PORT = 5000, 5432, 8080


class Host:
    """A host: its machine, and the service on it, which keeps its VAR_DIR."""

    def __init__(
        self, machine: Machine, folder: Path, options: Sequence[str], environment: dict[str, str]
    ) -> None:
        self.machine, self.name = machine, machine.name
        self.var_dir, self.log = folder / machine.name, folder / f"{machine.name}.log"
        self.url = f"http://{machine.address('clients')}:{PORT}"
        self._command = [sys.executable, "-m", "gunicorn", *options, "app:app"]
        self._environment = os.environ | environment
        self._environment |= {
            "HOST": machine.address("clients"),
            "PORT": str(PORT),
            "VAR_DIR": str(self.var_dir),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Start the service, and wait until it is ready."""
        with self.log.open("ab") as out:
            own = self._environment | environment
            self._process = self.machine.run(self._command, out, own)
        wait_until(lambda: status_of(f"{self.url}/health/ready") == HTTPStatus.OK, self.log)

    def stop(self) -> None:
        """Stop the service gracefully, and wait until it has."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill all processes of the host at once."""
        self.machine.kill()
        if self._process:
            self._process.wait(PATIENCE)

    def state(self) -> Any:
        """What its readiness shows."""
        with urllib.request.urlopen(f"{self.url}/health/ready", timeout=PATIENCE) as response:
            return json.load(response)


class ThreeHosts:
    """The hosts, the proxy in front of them, and the URL of their database."""

    def __init__(self, hosts: list[Host], proxy: tuple[str, int], database_url: str) -> None:
        self.hosts, self.proxy, self.database_url = hosts, proxy, database_url
        self.url = f"http://{proxy[0]}:{proxy[1]}"


@contextmanager
def three_hosts(
    folder: Path,
    options: Sequence[str] = (),
    prepare: Callable[[], dict[str, str]] = dict,
    **environment: str,
) -> Iterator[ThreeHosts]:
    """Start all of it, and remove all of it at the end of the block.

    Parameters
    ----------
    options : sequence of str
        Of gunicorn.
    prepare : callable
        Starts what else is needed, within the networks; returns more of the environment.

    Raises
    ------
    BenchError
        If that cannot be done on this machine.
    """
    if reason := machines.missing("haproxy"):
        raise BenchError(reason)
    with Machines() as made, ExitStack() as running:
        database = running.enter_context(postgres.running(DATABASE_PORT, address("database")))
        url = database.new()
        proxy = made.add("lb")
        own = {
            "DATABASE_URL": url,
            "TRUSTED_PROXIES": proxy.address("clients"),
            "WEB_CONCURRENCY": "1",
            **environment,
            **prepare(),
        }
        hosts = [Host(made.add(name), folder, options, own) for name in NAMES]
        for host in hosts:
            running.callback(host.kill)
            host.start()
        balancer = _start_proxy(proxy, folder, hosts)
        running.callback(balancer.wait, PATIENCE)
        running.callback(proxy.kill)
        yield ThreeHosts(hosts, (proxy.address("clients"), PROXY_PORT), url)


def _start_proxy(machine: Machine, folder: Path, hosts: Sequence[Host]) -> subprocess.Popen[bytes]:
    """Start HAProxy with the configuration that is shipped."""
    own = {
        "ADEGA_BIND": f"{machine.address('clients')}:{PROXY_PORT}",
        "ADEGA_SOCKET": str(folder / "haproxy.sock"),
    }
    for number, host in enumerate(hosts, start=1):
        own[f"ADEGA_HOST{number}"] = f"{host.machine.address('clients')}:{PORT}"
    command = ["haproxy", "-db", "-f", str(ROOT / "deploy/haproxy/haproxy.cfg")]
    log = folder / "haproxy.log"
    with log.open("wb") as out:
        process = machine.run(command, out, os.environ | own)
    ready = f"http://{machine.address('clients')}:{PROXY_PORT}/health/ready"
    wait_until(lambda: status_of(ready) == HTTPStatus.OK, log)
    return process


def status_of(url: str) -> int:
    """Return the status of a GET; connection errors are the caller's."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def in_a_folder(**environment: str) -> Iterator[ThreeHosts]:
    """Start all of it with the models of the repository, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="hosts-") as folder:
        models = {"MODELS_DIR": str(ROOT / "models")}
        with three_hosts(Path(folder), **models | environment) as started:
            yield started
