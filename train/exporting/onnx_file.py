"""The version's ONNX file, with what the service knows of it in the file's metadata."""

from pathlib import Path

import msgspec
import onnx

from serving.models.artefact import ONNX, Artefact
from train.errors import TrainingError


def write(file: Path, artefact: Artefact) -> None:
    """Write the file, which takes rows in the order of `fields` and returns its outputs.

    Raises
    ------
    TrainingError
        If the version has none.
    """
    if ONNX not in artefact.contents:
        raise TrainingError(
            f"{artefact} has no ONNX file that predicts as its pickle does: export it --to mlflow"
        )
    manifest = artefact.manifest
    model = onnx.load_model_from_string(artefact.contents[ONNX])
    onnx.helper.set_model_props(
        model,
        {
            "name": str(artefact),
            "fields": _text([field.name for field in manifest.fields]),
            "categories": _text({f.name: f.categories for f in manifest.fields if f.categories}),
            "labels": _text(manifest.classes),
            "threshold": _text(manifest.threshold),
        },
    )
    file.write_bytes(model.SerializeToString())


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
