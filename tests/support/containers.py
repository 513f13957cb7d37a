"""Containers of the image, as they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from images import SERVING, build_serving, run
from servers import free_port, get, wait_until


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
