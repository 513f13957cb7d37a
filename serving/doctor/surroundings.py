"""Check the machine: permissions of folders, the port, the disk, the clock."""

import json
import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.doctor.finding import Finding
from serving.errors import ArtefactError
from serving.settings import Settings
from serving.versions.decisions import Decisions

FULL, NEARLY_FULL = 100 * 2**20, 2**30  # bytes that are free
PATIENCE = 3  # seconds to wait for a response


def examine(given: Settings) -> Iterator[Finding]:
    """Check the permissions of folders, the port, the disk and the clock."""
    if not given.models_url:
        yield _models_folder(given)
    yield _var_folder(given)
    yield _port(given)
    yield _disk(given)
    yield _clock(given)


def _models_folder(given: Settings) -> Finding:
    folder = given.models_dir
    if os.access(folder, os.W_OK):
        return Finding("permissions", "ok", f"{folder} can be written, by training and promoting")
    kept = f"{folder} is read-only; decisions on versions are kept in {given.decisions_dir}"
    return Finding("permissions", "ok", kept)


def _var_folder(given: Settings) -> Finding:
    folder, there = given.var_dir, _nearest(given.var_dir)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        remedy = f"give it to the user of the service: chown -R {os.getuid()} {there}"
        sentence = f"{folder} cannot be written, so nothing is recorded: {error.strerror}"
        return Finding("permissions", "error" if given.journal else "warning", sentence, remedy)
    created = "" if folder.exists() else " once it is created"
    return Finding("permissions", "ok", f"{folder} can be written{created}")


def _port(given: Settings) -> Finding:
    host = "127.0.0.1" if given.host in {"0.0.0.0", ""} else given.host  # noqa: S104 - compared with
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, given.port))
        except PermissionError:
            remedy = "set PORT to 1024 or more, and let a proxy have the lower one"
            return Finding("port", "error", f"this user may not take port {given.port}", remedy)
        except OSError:
            return _whoever_listens(host, given.port)
    return Finding("port", "ok", f"port {given.port} is free")


def _whoever_listens(host: str, port: int) -> Finding:
    state = _ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/health/ready")
    if "models" not in state:
        remedy = "stop it, or set PORT to another"
        return Finding("port", "error", f"something else listens on port {port}", remedy)
    if state.get("status") != "ready":
        remedy = "see its log and the other findings"
        return Finding("port", "error", f"the service on port {port} is not ready", remedy)
    if broken := state.get("broken"):
        sentence = f"the service on port {port} does not serve {', '.join(broken)} as decided"
        return Finding("port", "error", sentence, "; ".join(broken.values()))
    return Finding("port", "ok", f"the service runs on port {port} and is ready")


def _ready(url: str) -> dict[str, Any]:
    """Return the state that a service reports; empty if it is another program."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # noqa: S310 - http, as above
            state = json.load(response)
    except urllib.error.HTTPError as error:
        try:
            state = json.load(error)
        except ValueError:
            return {}
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _disk(given: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(given.var_dir)).free
    sentence = f"{free / 2**30:.1f} GB are free where {given.var_dir} is"
    if free < max(FULL, given.max_stream_bytes):
        return Finding(
            "disk", "error", sentence, "free some space: with a full disk records are lost"
        )
    if free < NEARLY_FULL:
        return Finding("disk", "warning", sentence, "free some space, or set RETENTION_DAYS")
    return Finding("disk", "ok", sentence)


def _clock(given: Settings) -> Finding:
    """Check that no model is from the future."""
    decisions = Decisions.from_settings(given)
    now, latest, names = datetime.now(UTC), datetime.min.replace(tzinfo=UTC), list[str]()
    with suppress(ArtefactError):  # reported with the models
        names = decisions.models()
    for name in names:
        try:
            number = decisions.live(name)
            manifest = decisions.read_manifest(name, number)
            made = datetime.fromisoformat(manifest.created)
        except (ArtefactError, ValueError):  # reported with the models
            continue
        latest = max(latest, made if made.tzinfo else made.replace(tzinfo=UTC))
    shown = f"the clock is at {now.isoformat(' ', timespec='minutes')}"
    if latest > now:
        sentence = f"{shown}, and a model is from {latest.isoformat(' ', timespec='minutes')}"
        return Finding(
            "clock", "error", sentence, "set the clock: ids and records contain the time"
        )
    return Finding("clock", "ok", shown)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the first of its parents that exists."""
    folder = folder.resolve()
    return next(each for each in (folder, *folder.parents) if each.exists())
