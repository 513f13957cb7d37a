"""Hosts that report to each other through the store."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient

from app import create_app
from serving.recording import collector
from serving.recording.collector import Collector
from serving.recording.store import Store, hosts
from serving.settings import Settings
from serving.versions import served
from serving.versions.served import ServedFile


class Host(NamedTuple):
    """A host with one worker, whose collector runs when the test wants it to."""

    client: FlaskClient
    collector: Collector
    file: ServedFile

    @property
    def registry(self) -> Any:
        return self.client.application.extensions["registry"]

    def report(self) -> dict[str, Any]:
        """Let the worker and the collector do what they do every second; return its report."""
        self.registry.refresh()
        self.file.write()
        self.collector.attempt()
        return self.reported()[self.collector.name]

    def reported(self) -> dict[str, Any]:
        """What this host shows of all that report, by name."""
        return {each["name"]: each for each in self.client.get("/hosts").json["hosts"]}


Start = Callable[..., Host]


@contextmanager
def starting(store_url: str, folder: Path) -> Iterator[Start]:
    """Have hosts start on one database, each of whose collectors reports whenever it runs."""
    with ExitStack() as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector, "SEEN_INTERVAL", -1)
        patch.setattr("app.Store", lambda *given: opened.enter_context(closing(Store(*given))))

        def started(name: str, **changes: Any) -> Host:
            settings = Settings(
                var_dir=folder / name, database_url=store_url, host_name=name, **changes
            )
            client = create_app(settings).test_client()
            collecting = Collector(
                settings.journal_dir,
                opened.enter_context(closing(Store(store_url))),
                name=settings.host_name,
                describe=lambda: served.describe(settings),
            )
            registry = client.application.extensions["registry"]
            file = opened.enter_context(closing(ServedFile(settings, registry)))
            return Host(client, collecting, file)

        yield started


def age(monkeypatch: pytest.MonkeyPatch, milliseconds: int) -> None:
    """Let the database's clock show a later time."""
    for name in ("POSTGRESQL_NOW", "SQLITE_NOW"):
        monkeypatch.setattr(hosts, name, f"({getattr(hosts, name)} + {milliseconds})")
