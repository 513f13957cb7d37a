"""Proxies as docs/proxy.md configures them, run by the real programs in front of a server."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from programs import skip_or_fail
from servers import PATIENCE, ROOT, free_port, wait_until

NAME = "ml.example.org"


class Proxy(NamedTuple):
    """A proxy that runs: its port, and the certificate that its own one is proved by."""

    port: int
    authority: Path

    def curl(self, path: str, *options: str, check: bool = True) -> str:
        """Send a request as a client outside would, and return what curl writes.

        With `check` it must have ended well, the connection included.
        """
        command = [
            *("curl", "--silent", "--show-error", "--max-time", str(PATIENCE)),
            *("--cacert", str(self.authority), "--resolve", f"{NAME}:{self.port}:127.0.0.1"),
            *options,
            f"https://{NAME}:{self.port}{path}",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=check)
        return done.stdout

    def answers(self) -> bool:
        try:
            self.curl("/ml/health/live")
        except subprocess.CalledProcessError:
            return False
        return True


def configured(language: str) -> str:
    """The configuration in docs/proxy.md."""
    text = (ROOT / "docs/proxy.md").read_text()
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return found


def changed(text: str, **changes: str) -> str:
    """A text with each of some parts, which it has to have, replaced."""
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def program(name: str) -> str:
    """Where a program is; without it the test is skipped, unless all are to be run."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        skip_or_fail(f"apt-get install {name}")
    return found


@contextmanager
def caddy(folder: Path, upstream: str) -> Iterator[Proxy]:
    """Caddy with a certificate of its own making, before a server."""
    port = free_port()
    file = folder / "Caddyfile"
    alone = (
        f"{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {free_port()}\n\thttps_port {port}\n"
    )
    own = configured("caddyfile").replace("{\n", alone, 1)
    own = changed(own, **{f"{NAME} {{": f"{NAME} {{\n\ttls internal", "127.0.0.1:5000": upstream})
    file.write_text(own)
    command = [program("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"]
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    authority = folder / "caddy/pki/authorities/local/root.crt"
    with _running(command, folder / "caddy.log", Proxy(port, authority), **homes) as proxy:
        yield proxy


@contextmanager
def nginx(folder: Path, upstream: str) -> Iterator[Proxy]:
    """A nginx with a certificate that is its own authority, before a server."""
    port = free_port()
    certificate, key = folder / "own.pem", folder / "own.key"
    making = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME} "
        f"-addext subjectAltName=DNS:{NAME} -out {certificate} -keyout {key}"
    )
    subprocess.run(making.split(), capture_output=True, check=True)
    own = changed(
        configured("nginx"),
        **{
            "127.0.0.1:5000": upstream,
            "443": f"127.0.0.1:{port}",
            f"/etc/ssl/{NAME}.pem": str(certificate),
            f"/etc/ssl/{NAME}.key": str(key),
        },
    )
    paths = "".join(
        f"{each}_temp_path {folder}/{each};\n"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    user = "user root;\n" if os.getuid() == 0 else ""  # else nobody, who may not enter the folder
    file.write_text(
        f"{user}daemon off;\nerror_log {folder}/nginx.log;\npid {folder}/nginx.pid;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}{own}}}\n"
    )
    command = [
        program("nginx"),
        "-c",
        str(file),
        "-p",
        str(folder),
        "-e",
        str(folder / "early.log"),
    ]
    with _running(command, folder / "out.log", Proxy(port, certificate)) as proxy:
        yield proxy


@contextmanager
def _running(command: list[str], log: Path, proxy: Proxy, **environment: str) -> Iterator[Proxy]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=out)
    try:
        wait_until(lambda: process.poll() is not None or proxy.answers())
        assert process.poll() is None, log.read_text()
        yield proxy
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


PROGRAMS = {"caddy": caddy, "nginx": nginx}
