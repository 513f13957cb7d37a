"""What platforms run, run as they do: the Procfile in two dynos, the unit's command confined."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import MODELS, ROOT
from servers import PATIENCE, get, predict, running, wait_until
from units import read_unit

pytestmark = pytest.mark.slow

PLACE = Path("/opt/adega")
CONFINED = """
set -e
mount -t tmpfs tmpfs /var/lib
mkdir -m 700 "$VAR_DIR"
chown "$USER:$USER" "$VAR_DIR"
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir -p {place}/.venv {place}/serving {place}/models
cp app.py gunicorn.conf.py {place}
mount --bind {environment} {place}/.venv
mount --bind serving {place}/serving
mount --bind {models} {place}/models
mount --bind {python} /mnt
mount -t tmpfs -o mode=755 tmpfs {hidden}
mkdir -p {python}
mount --move /mnt {python}
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /opt
mount -o remount,bind,ro /
cd {place}
exec setpriv --reuid="$USER" --regid="$USER" --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all {command}
"""


@contextmanager
def worker(folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The worker of the Procfile, with a disk of its own."""
    own = {"VAR_DIR": str(folder), "MONITOR_INTERVAL": "1"}
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "honcho", "start", "worker"],
            cwd=ROOT,
            env=os.environ | own | environment,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def test_heroku_serves_and_monitors_in_dynos_that_share_a_database_only(tmp_path: Path):
    """Each has the signal that ends a dyno, and nothing of it is left."""
    shared = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": f"sqlite:///{tmp_path}/shared.db",
        "HOST": "",
        "HEROKU_APP_DEFAULT_DOMAIN_NAME": "adega-1f0e.herokuapp.com",
    }
    honcho = [sys.executable, "-m", "honcho", "start", "web"]
    with (
        running(honcho, tmp_path / "web.log", **shared) as web,
        worker(tmp_path / "worker", **shared) as monitor,
    ):
        assert [predict(web.url, name)["prediction"] for name in ("bom", "ruim")] == ["bom", "ruim"]
        browser = {"Host": shared["HEROKU_APP_DEFAULT_DOMAIN_NAME"], "Accept-Language": "pt"}
        page = urllib.request.Request(web.url, headers=browser)
        assert urllib.request.urlopen(page, timeout=PATIENCE).status == 200

        def is_checked() -> bool:
            report = get(f"{web.url}/models/wine/monitor")[1].get("report")
            return report is not None and report["window"]["predictions"] == 2

        wait_until(is_checked)
    assert [web.process.poll(), monitor.poll()] == [128 + signal.SIGTERM] * 2
    with pytest.raises(OSError, match="refused"):
        get(f"{web.url}/health/live")


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root on Linux may mount"
)
def test_the_unit_serves_as_its_user_where_only_its_state_can_be_written(tmp_path: Path):
    """By its command and variables; systemd itself is not there to start it."""
    unit = read_unit("adega")["Service"]
    program, *arguments = shlex.split(unit["ExecStart"][0])
    assert Path(program).is_relative_to(PLACE)
    # By its interpreter: the first line of the program names that of where it was installed.
    command = shlex.join([str(PLACE / ".venv/bin/python"), program, *arguments])
    # Nor may Python be where only root can read, such as in /root/.pyenv: all else there is hidden.
    hidden = Path(*Path(sys.base_prefix).parts[:2])
    script = CONFINED.format(
        place=PLACE,
        command=command,
        environment=sys.prefix,
        models=MODELS,
        python=sys.base_prefix,
        hidden=hidden if hidden != Path("/usr") else "/home",
    )
    confined = ["unshare", "--mount", "--propagation=private", "sh", "-c", script]
    variables = dict(each.split("=", 1) for each in unit["Environment"])
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(f"\0{tmp_path}")  # without a file, which would be hidden
    variables |= {"USER": "daemon", "MODELS_DIR": "", "NOTIFY_SOCKET": f"@{tmp_path}"}
    assert unit["Type"] == ["notify"]
    with systemd, running(confined, tmp_path / "log", **variables) as started:
        assert systemd.recv(1024).startswith(b"READY=1")
        assert predict(started.url, "ruim")["prediction"] == "ruim"
        journal = get(f"{started.url}/health/ready")[1]["journal"]
        assert (journal["state"], journal["lost"]) == ("recording", 0)
        status = Path(f"/proc/{started.process.pid}/status").read_text()
        assert "\nUid:\t1\t1\t1\t1\n" in status
        assert "\nCapBnd:\t0000000000000000\n" in status
        kept = Path(f"/proc/{started.process.pid}/root{variables['VAR_DIR']}/journal")
        assert [*kept.iterdir()]
    assert not Path(variables["VAR_DIR"]).exists()
