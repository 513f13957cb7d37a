"""Containers of the image, as they run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import committed
from images import ROOT, SERVING, build_serving, run
from servers import free_port, get, wait_until

COMPOSE = {"v2": ["docker", "compose"], "1.29": ["docker-compose"]}


class Container(NamedTuple):
    """A running container: the compose that runs it, its id and where the host finds it."""

    compose: list[str]
    id: str
    url: str

    def inspect(self, what: str) -> str:
        return run("docker", "inspect", "--format", f"{{{{{what}}}}}", self.id).strip()

    def sh(self, command: str) -> str:
        return run("docker", "exec", self.id, "sh", "-c", f"{command} 2>&1; echo exit $?")


@contextmanager
def up(
    compose: list[str], folder: Path, *options: str, owner: int = 0, **settings: str
) -> Iterator[Container]:
    """Start with compose, and take all of it away at the end.

    Parameters
    ----------
    owner : int
        The user to whom the folder with the models belongs.
    """
    port = free_port()
    settings |= {"PORT": str(port)}
    committed.copy(folder / "models")  # to write to, mounted as ours is
    shutil.copytree(ROOT / "deploy/caddy", folder / "deploy/caddy")
    shutil.copytree(ROOT / "examples", folder / "examples")
    for file in ("docker-compose.yml", "bom.json", "ruim.json"):
        shutil.copy(ROOT / file, folder)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner)
    compose = [
        *compose,
        *("--project-name", f"test{port}"),
        *options,
        *("--file", f"{folder}/docker-compose.yml"),
    ]
    try:
        run(*compose, "up", "--detach", "--no-build", **settings)
        id_ = run(*compose, "ps", "--quiet", "serving", **settings).split()[-1]
        started = Container(compose, id_, f"http://127.0.0.1:{port}")
        wait_until(lambda: get(f"{started.url}/health/ready")[0] == 200)
        yield started
    finally:
        run(*compose, "down", "--volumes", "--timeout", "30", check=False, **settings)


@contextmanager
def run_as_a_platform(
    port: int, *arguments: str, options: tuple[str, ...] = (), **variables: str
) -> Iterator[Container]:
    """Run the image as platforms do: by its arguments and variables alone."""
    build_serving()
    published = free_port()
    given = [each for name, value in variables.items() for each in ("--env", f"{name}={value}")]
    ports = ("--publish", f"127.0.0.1:{published}:{port}")
    command = ("docker", "run", "--detach", *ports, *given, *options)
    id_ = run(*command, SERVING, *arguments).split()[-1]
    started = Container([], id_, f"http://127.0.0.1:{published}")
    try:
        wait_until(lambda: get(f"{started.url}/ping")[0] == 200)
        yield started
    finally:
        run("docker", "rm", "--force", id_, check=False)
