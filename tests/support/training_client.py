"""A service that trains, by its routes; its worker and what that starts are real processes."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import body
from flask.testing import FlaskClient
from servers import PATIENCE

ROWS = 60
TABLE = "code,area,rooms,age,price\n" + "".join(
    f"{at:03},{30 + at},{1 + at % 4},{-1 if at == 7 else at % 30},{1000 * at + 37 * (at % 5)}\n"
    for at in range(ROWS)
)


class TrainingClient:
    """Calls the routes of trainings."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def send(self, content: bytes | str = TABLE, name: str = "homes.csv") -> str:
        """Send a file; return the training's id."""
        sent = self.client.post(f"/trainings?file={name}", data=content)
        assert sent.status_code == 201, sent.json
        assert sent.headers["Location"] == f"/trainings/{sent.json['id']}"
        return str(sent.json["id"])

    def read(self, content: bytes | str = TABLE, name: str = "homes.csv") -> Any:
        """Send a file, and wait until its columns are read."""
        return self.wait(self.send(content, name), "reading", is_left=True)

    def act(self, training_id: str, action: str, **others: Any) -> Any:
        """Ask something of a training; return it, or the problem."""
        return self.client.post(
            f"/trainings/{training_id}", **body({"action": action, **others})
        ).json

    def start(self, training_id: str, **others: Any) -> Any:
        """Start a training of a fast estimator."""
        wanted = {"target": "price", "name": "homes", "estimator": "linear"} | others
        return self.act(training_id, "start", **wanted)

    def get(self, training_id: str) -> Any:
        """The training."""
        return self.client.get(f"/trainings/{training_id}").json

    def log(self, training_id: str) -> str:
        """What it printed."""
        return self.client.get(f"/trainings/{training_id}/log").text

    def wait(self, training_id: str, *states: str, is_left: bool = False) -> Any:
        """Wait until a training has one of some states, or has left them."""
        return wait_for(
            lambda: self.get(training_id), lambda found: (found["state"] in states) != is_left
        )


def wait_for(get: Callable[[], Any], condition: Callable[[Any], Any]) -> Any:
    """Wait until what is read meets a condition; return it."""
    deadline = time.monotonic() + PATIENCE
    while not condition(found := get()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def processes(command: str, variables: str) -> list[int]:
    """The processes whose command, and whose environment, contains a text."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                is_it = command.encode() in (process / "cmdline").read_bytes()
                if is_it and variables.encode() in (process / "environ").read_bytes():
                    found.append(int(process.name))
            except OSError:  # it has ended
                continue
    return found
