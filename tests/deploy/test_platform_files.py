"""The files that platforms read: each is valid, and they run what the image runs, in its ways.

app.json is read by the schema of Heroku's own npm package @heroku/mcp-server 1.2.8 (Apache-2.0).
Fly.io publishes none, and Render's is in no package: their keys are compared with those that
https://fly.io/docs/reference/configuration/ and https://render.com/docs/blueprint-spec list.
"""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import ROOT
from flask.testing import FlaskClient
from programs import skip_or_fail
from units import UNITS, read_unit

from serving.settings import Settings

DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVES = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[-1])
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
MONITORS = shlex.split(COMPOSE["monitor"]["command"])
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
HEROKU = json.loads((ROOT / "app.json").read_text())
RENDER = yaml.safe_load((ROOT / "deploy/render.yaml").read_text())
FLY = tomllib.loads((ROOT / "deploy/fly.toml").read_text())
GUIDE = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")

FLY_KEYS = {
    "app": None,
    "primary_region": None,
    "kill_signal": None,
    "kill_timeout": None,
    "build": {"dockerfile": None},
    "env": {},
    "processes": {"app": None},
    "mounts": {"source": None, "destination": None, "initial_size": None},
    "http_service": {
        "internal_port": None,
        "force_https": None,
        "auto_stop_machines": None,
        "auto_start_machines": None,
        "min_machines_running": None,
        "checks": {"path": None, "grace_period": None, "interval": None, "timeout": None},
    },
    "vm": {"size": None, "memory": None},
}
DATABASE = {"name": None, "property": None}
VARIABLE = {
    "key": None,
    "value": None,
    "sync": None,
    "generateValue": None,
    "fromDatabase": DATABASE,
}
RENDER_KEYS = {
    "services": {
        "type": None,
        "name": None,
        "runtime": None,
        "dockerfilePath": None,
        "dockerCommand": None,
        "plan": None,
        "healthCheckPath": None,
        "envVars": VARIABLE,
    },
    "databases": {"name": None, "plan": None},
}


def unknown(read: Any, keys: Any, path: str = "") -> Iterator[str]:
    """The keys of a file that are not among those known; none are, below an empty mapping."""
    for each in read if isinstance(read, list) else [read]:
        for key, value in each.items() if isinstance(each, dict) else ():
            if keys == {}:
                continue
            if key not in (keys or {}):
                yield f"{path}{key}"
            else:
                yield from unknown(value, keys[key], f"{path}{key}.")


def seconds(text: str | int) -> int:
    return int(str(text).removesuffix("s"))


def test_heroku_reads_app_json_by_its_schema():
    schema = json.loads((Path(__file__).parent / "app-json.schema.json").read_text())
    jsonschema.validate(HEROKU, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(HEROKU | {"formation": {"web": {"amount": 1}}}, schema)


def test_fly_and_render_document_every_key_that_is_used():
    assert [*unknown(FLY, FLY_KEYS)] == []
    assert [*unknown(RENDER, RENDER_KEYS)] == []
    for block in re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL):
        assert [*unknown(yaml.safe_load(block), RENDER_KEYS["services"])] == []
    assert [*unknown({"http_service": {"port": 1}}, FLY_KEYS)] == ["http_service.port"]


def test_every_platform_runs_the_commands_of_the_image():
    assert {
        "web": shlex.join(["HOST=0.0.0.0", *SERVES]),
        "worker": shlex.join(["python", "-m", "serving", *MONITORS[1:]]),
    } == PROCFILE
    assert shlex.split(FLY["processes"]["app"]) == [
        *("sh", "-c", f"{shlex.join(MONITORS)} & exec {shlex.join(SERVES)}")
    ]
    assert not any("dockerCommand" in each for each in RENDER["services"])  # the image's own
    assert f"dockerCommand: {shlex.join(MONITORS)}" in GUIDE
    for unit, command in (("adega", SERVES), ("adega-monitor", MONITORS)):
        program, *arguments = shlex.split(read_unit(unit)["Service"]["ExecStart"][0])
        assert [Path(program).name, *arguments] == command
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {MONITORS[0]: "serving.__main__:main"}


def test_the_processes_of_heroku_are_those_of_the_procfile():
    assert HEROKU["formation"].keys() == PROCFILE.keys()


def test_every_platform_builds_the_image_with_the_same_python():
    (version,) = re.findall(r"^echo ([\d.]+) > \.python-version$", GUIDE, re.MULTILINE)
    assert set(re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.MULTILINE)) == {version}
    assert (ROOT / "deploy" / FLY["build"]["dockerfile"]).samefile(ROOT / "Dockerfile")
    for each in RENDER["services"]:
        assert (ROOT / each["dockerfilePath"]).samefile(ROOT / "Dockerfile")


def test_every_platform_asks_where_the_service_answers(client: FlaskClient):
    asked = [each["path"] for each in FLY["http_service"]["checks"]]
    asked += [each["healthCheckPath"] for each in RENDER["services"]]
    assert [client.get(path).status_code for path in asked] == [200, 200]
    assert FLY["http_service"]["internal_port"] == Settings().port
    assert str(Settings().port) in re.findall(r"^EXPOSE (.+)$", DOCKERFILE, re.MULTILINE)[0].split()


def test_every_variable_is_a_setting():
    read = {"HOST"}  # of the Procfile
    read |= HEROKU["env"].keys() | FLY["env"].keys()
    read |= {each["key"] for service in RENDER["services"] for each in service["envVars"]}
    read |= {
        each.split("=")[0] for unit in UNITS for each in read_unit(unit)["Service"]["Environment"]
    }
    commands = r"(?:--(?:set|update)-(?:secrets|env-vars)|secrets set|config:set) (\S+)"
    for given in re.findall(commands, GUIDE):
        read |= {each.split("=")[0] for each in given.split(",")}
    read |= set(re.findall(r"^([A-Z_]+)=", GUIDE, re.MULTILINE))
    known = {each.name.upper() for each in fields(Settings)}
    assert read <= known
    assert {"HOST", "API_KEYS", "DATABASE_URL", "ALLOWED_HOSTS", "VAR_DIR"} <= read


@pytest.mark.parametrize("variable", ["RENDER_EXTERNAL_HOSTNAME", "HEROKU_APP_DEFAULT_DOMAIN_NAME"])
def test_browsers_may_open_the_service_by_the_name_that_a_platform_gives_it(variable: str):
    given = {variable: "adega.example.org"}
    assert Settings.from_environment(given).allowed_hosts == "adega.example.org"
    own = given | {"ALLOWED_HOSTS": "wines.example.org"}
    assert Settings.from_environment(own).allowed_hosts == "wines.example.org"


def test_what_is_kept_is_where_the_service_writes():
    inside = Path("/service") / Settings().var_dir.name
    assert [Path(each["destination"]) for each in FLY["mounts"]] == [inside]
    assert FLY["env"]["ALLOWED_HOSTS"] == f"{FLY['app']}.fly.dev"
    for unit in map(read_unit, UNITS):
        (folder,) = unit["Service"]["StateDirectory"]
        assert unit["Service"]["Environment"] == [f"VAR_DIR=/var/lib/{folder}"]


def test_every_platform_stops_the_service_gracefully_and_waits_for_it():
    configured = (ROOT / "gunicorn.conf.py").read_text()
    graceful = int(re.findall(r"^graceful_timeout = (\d+)", configured, re.MULTILINE)[0])
    assert FLY["kill_signal"] == "SIGTERM"  # SIGINT has gunicorn drop its requests
    waits = [FLY["kill_timeout"], COMPOSE["serving"]["stop_grace_period"]]
    waits.append(read_unit("adega")["Service"]["TimeoutStopSec"][0])
    assert all(seconds(wait) > graceful for wait in waits)
    assert read_unit("adega")["Service"]["KillMode"] == ["mixed"]


def test_both_units_are_confined_alike():
    serving, monitoring = (read_unit(unit)["Service"] for unit in UNITS)
    own = {"Type", "ExecStart", "KillMode", "MemoryMax"}
    assert {name for name in serving.keys() | monitoring.keys() if name not in own} == {
        name for name in serving.keys() & monitoring.keys() if serving[name] == monitoring[name]
    } - own


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_the_units_and_finds_them_confined(unit: str, tmp_path: Path):
    """Their programs and their user are replaced: those are where the service is installed."""
    if not shutil.which("systemd-analyze"):
        skip_or_fail("systemd is not installed")
    text = (ROOT / "deploy/systemd" / f"{unit}.service").read_text()
    text = re.sub(r"/opt/adega/\.venv/bin/\w+", "/bin/true", text).replace("/opt/adega", "/")
    (tmp_path / f"{unit}.service").write_text(text.replace("User=adega", "User=daemon"))
    for check in (["verify", "--man=no"], ["security", "--offline=true", "--threshold=20"]):
        run = subprocess.run(
            ["systemd-analyze", *check, f"./{unit}.service"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, ""), run.stdout
