"""The page of a model's versions as it is sent: what differs, in words and in charts."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import rewrite
from flask.testing import FlaskClient

from app import create_app
from serving.models import artefact
from serving.models.manifest import Manifest
from serving.settings import Settings


def opened(models: Path, path: str, language: str = "en") -> str:
    """A page, without its tags and without what scripts read."""
    settings = Settings(models_dir=models, var_dir=models.parent / "var")
    client: FlaskClient = create_app(settings).test_client()
    sent = client.get(path, headers={"Accept": "text/html", "Accept-Language": language})
    assert sent.status_code == 200, sent.text
    shown = re.sub(r"<script.*?</script>|<[^>]+>", " ", sent.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", shown)


def test_fields_that_changed_are_described_in_words(models: Path):
    def changed(manifest: dict[str, Any], _: Any) -> None:
        fields = {field["name"]: field for field in manifest["fields"]}
        fields["citric acid"] |= {"unit": "g/l"}
        fields["residual sugar"] |= {"maximum": 20, "seen": [0.6, 15]}
        fields["free sulfur dioxide"] |= {"type": "integer", "optional": True}
        fields["color"] |= {"categories": ["red", "rosé"]}
        fields["pH"]["name"] = "acidity"
        manifest["example"]["acidity"] = manifest["example"].pop("pH")

    rewrite(models, changed)
    shown = opened(models, "/models/wine/versions")
    for each in (
        "citric acid : unit: g/L → g/l",
        "residual sugar : allowed: 0 to 1000 → 0 to 20; in training: 0.6 to 65.8 → 0.6 to 15",
        "free sulfur dioxide : type: number → whole number; may be missing",
        "color : new labels: rosé; labels removed: white",
        "acidity : added: number, must be sent",
        "pH : removed",
    ):
        assert each in shown
    shown = opened(models, "/models/wine/versions", "pt-BR")
    assert "permitido: 0 a 1000 → 0 a 20; no treino: 0,6 a 65,8 → 0,6 a 15" in shown


def test_versions_for_numbers_are_compared_on_held_out_and_on_live_rows(models: Path):
    first = artefact.read(models, "wine-score", 1)
    manifest = json.loads(artefact.pretty(first.manifest))
    manifest["metrics"]["mae"]["mean"] = 0.4
    times = {"since": 1_790_000_000_000, "until": 1_791_000_000_000}
    paired = {"rows": 500, "live": 0.5, "candidate": 0.41, "low": -0.12, "high": -0.06}
    manifest["compared"] = {"version": 1, "loss": "mean absolute error", "paired": paired, **times}
    manifest["data"]["live"] = {"rows": 512, "replaced": 0, "left_out": 0, **times}
    artefact.write(models, msgspec.convert(manifest, Manifest), first.contents)
    shown = opened(models, "/models/wine-score/versions?versions=2,1")
    assert "0.4 ± 0.024 ▲ better" in shown
    assert "compared with version 1 on 500 live rows" in shown
    assert "mean absolute error 0.41 against 0.5 of version 1" in shown
    assert "It is no worse." in shown
    assert "trained, with 512 live rows" in shown
    assert "Actual against predicted" in shown
    assert "Residuals" in shown


def test_curves_of_many_labels_are_shown_as_their_mean(models: Path):
    def three_curves(_: Any, contents: dict[str, bytes]) -> None:
        card = json.loads(contents["card.json"])
        card["roc"] = {label: [[0, 0], [0.5, height], [1, 1]] for label, height in CURVES.items()}
        contents["card.json"] = json.dumps(card).encode()

    rewrite(models, three_curves)
    shown = opened(models, "/models/wine/versions?versions=2")
    assert "The mean over all labels" in shown
    assert "version 2 0.48 0.768" in shown  # 0.8 at 0.5


CURVES = {"a": 0.7, "b": 0.8, "c": 0.9}


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ("x", 400, "not a list of versions"),
        ("1,2,3,4,5", 400, "at most 4 are compared"),
        ("7", 404, "wine has no version 7; there are 1"),
    ],
)
def test_versions_that_cannot_be_compared_are_named(
    client: FlaskClient, sent: str, status: int, message: str
):
    page = client.get(f"/models/wine/versions?versions={sent}", headers={"Accept": "text/html"})
    assert page.status_code == status
    assert message in page.text
