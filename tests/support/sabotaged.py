"""A service whose files may be spoiled, and what must hold of it whatever becomes of them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import body, moved, predict, rewrite, wine

from app import create_app
from serving.settings import Settings

KEY = "a-key-of-this-test"


PAGES = ("/", "/monitor", "/monitor/{}", "/models/{}/card", "/models/{}/predictions", "/docs")


ROUTES = (
    *("/", "/models", "/example", "/predict", "/health/live", "/health/ready", "/metrics"),
    *("/openapi.json", "/feedback/unmatched", "/predictions/{id}"),
    *("/models/{}", "/models/{}/versions", "/models/{}/card", "/models/{}/example"),
    *("/models/{}/versions/1", "/models/{}/versions/1/card", "/models/{}/predictions"),
    *("/models/{}/predict", "/models/{}/monitor"),
)


NAMES = ("wine", "diabetes")  # the default one, and one that is loaded when it is asked for


ARABIC_ONE = "\N{ARABIC-INDIC DIGIT ONE}"


GARBLED = (b"", b"\xff\xfe", b"null", b'{"time": "\xe9"}')


class Service:
    """An app, its folders, and something recorded in them."""

    def __init__(self, models: Path, var: Path) -> None:
        self.models, self.var = models, var
        self.settings = Settings(models_dir=models, var_dir=var, admin_keys=f"ana:{KEY}")
        rewrite(models, lambda *_: None)
        self.app = create_app(self.settings)
        self.client = self.app.test_client()
        self.id = predict(self.client, wine())["id"]
        moved(self.settings).close()
        predict(self.client, wine())

    def refresh(self) -> None:
        self.app.extensions["registry"].refresh()

    def asked(self, pages: tuple[str, ...]) -> list[tuple[str, Any]]:
        """The answer of every route, before and after what is decided is looked at again."""
        answers = []
        for shown in (pages, ()):
            for route in ROUTES:
                for name in NAMES if "{}" in route else ("",):
                    path = route.replace("{}", name).replace("{id}", self.id)
                    answers.append((path, self.client.get(path)))
            for route in shown:
                for name in NAMES if "{}" in route else ("",):
                    path = route.replace("{}", name)
                    page = self.client.get(path, headers={"Accept": "text/html"})
                    answers.append((path, page))
            answers += self.posted()
            self.refresh()
        return answers

    def posted(self) -> list[tuple[str, Any]]:
        headers = {"Authorization": f"Bearer {KEY}"}
        asked = [("/predict", wine(), {}), ("/feedback", {"id": self.id, "actual": "bom"}, {})]
        for name in NAMES:
            asked.append((f"/models/{name}/predict", {}, {}))
            asked.append((f"/models/{name}/versions/1/predict", {}, {}))
            decisions = ({"action": "rollback"}, {"action": "trial", "version": 9})
            asked += [(f"/models/{name}/versions", each, headers) for each in decisions]
        return [
            (f"POST {path}", self.client.post(path, **body(sent), headers=given))
            for path, sent, given in asked
        ]

    def ready(self) -> Any:
        return self.client.get("/health/ready").json


def assert_sound(service: Service, pages: tuple[str, ...] = PAGES) -> None:
    folders = (str(service.models.parent), "/var/", "sqlite")
    for path, answer in service.asked(pages):
        assert answer.status_code != 500, (path, answer.text)
        if answer.status_code >= 400:
            kind = answer.content_type.partition(";")[0]
            assert kind in {"application/problem+json", "text/html"}, path
        assert not [word for word in folders if word in answer.text], (path, answer.text)
    assert service.ready()["status"] == "ready"


def gone(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def emptied(path: Path) -> None:
    """As a disk that is not mounted leaves the folder."""
    gone(path)
    path.mkdir()


def a_file(path: Path) -> None:
    if path.exists():
        gone(path)
    path.write_bytes(b"a file")


def a_folder(path: Path) -> None:
    if path.exists():
        gone(path)
    path.mkdir()


def unreadable(path: Path) -> None:
    """For root too, who may read what others may not."""
    if path.exists():
        gone(path)
    path.symlink_to(path.name)


def holding(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None
